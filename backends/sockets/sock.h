/*
 * sock.h - what the files of the sockets share among themselves.
 *
 * sock.c has the tables; sock_object.c which directory a socket has, finding and listing them;
 * sock_files.c the socket files of the run directory; sock_show.c the files of one socket,
 * sock_peer.c who is at the other end; sock_print.c the tables, sock_json.c the same as JSON.
 * sock_diag.c, sock_answer.c, sock_proc.c and sock_users.c gather, sock_list.c is what they
 * gathered; sock_name.c reads and writes names.
 */
#ifndef IPCFS_SOCK_H
#define IPCFS_SOCK_H

#include "backend.h"
#include "sock_diag.h"
#include "sock_name.h"
#include "sock_users.h"

extern const struct dir sock_dir, sock_tcp_dir, sock_conn_dir, sock_udp_dir, sock_unix_dir,
	sock_anon_dir;
/* Of one object in each of these, made by who may be; those that this tree made are in
   sock_talk.h. */
extern const struct dir sock_tcp_object_dir, sock_conn_object_dir, sock_udp_object_dir,
	sock_unix_object_dir, sock_anon_object_dir;

/* ---- sockets as a list, sock_list.c ---- */

struct sock_list {
	struct sock_info *rows;
	size_t count, room;
	uint32_t untold; /* tables that the kernel does not tell of */
};

/* A sock_each; @context is a list. */
int sock_list_add(void *context, const struct sock_info *sock);
void sock_list_free(struct sock_list *list);
/* Who has them. */
int sock_list_inodes(const struct sock_list *list, uint32_t **inodes, size_t *count);
int sock_list_users(struct call *call, const struct sock_list *list, struct sock_users *users);

/* ---- socket files of the run directory, sock_files.c ---- */

struct sock_file {
	dev_t device;
	ino_t inode;
	char *name;
};

struct sock_files {
	struct sock_file *list;
	size_t count;
};

int sock_files_setup(const struct settings *settings);
/* The directory, which there may not be. */
struct run_dir;
const struct run_dir *sock_files_directory(void);
/* True if a socket file of this name has a directory of the same name. */
bool sock_files_is_plain(const char *name);
/* All whose names can be names of directories as they are. */
int sock_files_gather(struct sock_files *files);
/* One, and what it is.  -ENOENT: there is none of that name, or it is no socket. */
int sock_files_get(const char *name, struct sock_files *files, struct stat *st);
/* The file at which a unix socket is bound; NULL: none of these. */
const struct sock_file *sock_files_of(const struct sock_files *files, const struct sock_info *sock);
/*
 * Removes, as the caller, what is called so if a socket has left it that nobody has any more.
 * -EADDRINUSE: it is something else, or not the caller's to remove.
 */
int sock_files_clear(struct call *call, const char *name);
void sock_files_free(struct sock_files *files);

/* ---- which directory a socket has, sock_object.c ---- */

/*
 * The path of a socket's directory below sockets/; false: it has none, it is only a row.
 * Sockets that share an address share a directory.
 */
#define SOCK_PATH_SIZE (SOCK_NAME_SIZE + 16)
bool sock_object_path(const struct sock_info *sock, const struct sock_files *files,
		      char path[SOCK_PATH_SIZE]);

/*
 * The sockets of an object, first the one whose figures are the object's: a listener before one
 * that is bound before one that is connected, an older before a newer.  Without @all that one is
 * there, but others may not be.  -ENOENT: they have gone, or others have the address by now.
 */
int sock_object_gather(const struct place *place, bool all, struct sock_list *list);

int sock_object_stat(const struct place *place, struct stat *st);
int sock_object_find(struct call *call, const struct place *at, const char *name,
		     struct place *found);
int sock_object_list(struct call *call, const struct place *at, listing *each, void *context);

struct snapshot;
int sock_snapshot(struct snapshot *snapshot);
extern const char *const sock_families[];

/* ---- files of one socket, sock_show.c ---- */

typedef int sock_show(struct call *call, const struct place *place, FILE *out);
sock_show sock_show_state, sock_show_local, sock_show_remote, sock_show_recvq, sock_show_sendq,
	sock_show_backlog, sock_show_peer, sock_show_inode, sock_show_status, sock_show_json,
	sock_show_holders;

/* The rows of whatever is one socket. */
/* What names the processes that have the socket. */
#define SOCK_USERS_ROW(name, function)                                              \
	{                                                                           \
		name, ROW_TEXT, 0444, .show = function, .namespaces = NAMESPACE_PID \
	}

#define SOCK_OBJECT_ROWS                                                \
	{"state", ROW_TEXT, 0444, .show = sock_show_state},             \
		{"local", ROW_TEXT, 0444, .show = sock_show_local},     \
		{"remote", ROW_TEXT, 0444, .show = sock_show_remote},   \
		{"recvq", ROW_TEXT, 0444, .show = sock_show_recvq},     \
		{"sendq", ROW_TEXT, 0444, .show = sock_show_sendq},     \
		{"backlog", ROW_TEXT, 0444, .show = sock_show_backlog}, \
		{"peer", ROW_TEXT, 0444, .show = sock_show_peer},       \
		{"inode", ROW_TEXT, 0444, .show = sock_show_inode},     \
		SOCK_USERS_ROW("status", sock_show_status),             \
		SOCK_USERS_ROW("status.json", sock_show_json),          \
		SOCK_USERS_ROW("holders", sock_show_holders),           \
	{                                                               \
		NULL, ROW_END                                           \
	}

/* What is made of a list; @context says where it goes. */
typedef int sock_table(void *context, const struct sock_list *list, const struct sock_users *users,
		       const struct sock_files *files);
/* Finds who has the sockets of @list, has them printed, and frees the list. */
int sock_show_list(struct call *call, struct sock_list *list, sock_table *print, void *context);

/*
 * Who is at the other end of a unix socket, as SO_PEERCRED has it.  -EACCES: the caller may look
 * into nobody who has the socket; -ENODATA: the kernel does not know.  sock_peer.c
 */
struct ucred;
int sock_peer(struct call *call, const struct sock_info *sock, struct ucred *peer);

/* ---- tables, sock_print.c ---- */

/* "tcp", "u_str" ..., "ESTAB" ... */
const char *sock_netid(const struct sock_info *sock);
const char *sock_state_name(const struct sock_info *sock);
/*
 * The ends as files and JSON have them, empty if there is none.  Of a unix socket its address, of
 * one without an address anon/INODE; @peer is its other end, NULL where that is not known.
 */
#define SOCK_TEXT_SIZE (SOCK_UNIX_TEXT_SIZE + SOCK_END_SIZE)
void sock_local_text(const struct sock_info *sock, char text[SOCK_TEXT_SIZE]);
void sock_remote_text(const struct sock_info *sock, const struct sock_info *peer,
		      char text[SOCK_TEXT_SIZE]);

/* Title, header and a row for each socket, as ss(8) -anp has them. */
void sock_print_table(FILE *out, const struct sock_list *list, const struct sock_users *users);
/* The last lines, about what is not shown. */
void sock_print_hidden(FILE *out, const struct sock_list *list, const struct sock_users *users);
/* A line for each process; with @files those of all objects, the path of each in front. */
int sock_print_holders(FILE *out, const struct sock_list *list, const struct sock_users *users,
		       const struct sock_files *files);
/* Calls @each with every process that has the socket and is shown; *hidden counts the others. */
struct holder;
extern const struct kind_holders sock_holders;
int sock_each_holder(const struct sock_info *sock, const struct sock_users *users,
		     int (*each)(void *context, const struct holder *holder), void *context,
		     size_t *hidden);
int sock_print_limits(FILE *out);

/* ---- JSON, sock_json.c ---- */

/* A sock_table; @context is a json_list. */
int sock_json_list(void *context, const struct sock_list *list, const struct sock_users *users,
		   const struct sock_files *files);

#endif
