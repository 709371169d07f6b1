/*
 * mq.h - what the files of the message queues share.
 */
#ifndef IPCFS_MQ_H
#define IPCFS_MQ_H

#include <limits.h>
#include <sys/msg.h>

#include "backend.h"
#include "common/frame.h"
#include "common/names.h"
#include "common/print.h"

extern const struct dir mq_dir;       /* mq/ */
extern const struct dir mq_sysv_dir;  /* of one System V queue */
extern const struct dir mq_peek_dir;  /* its messages */
extern const struct dir mq_posix_dir; /* of one POSIX queue */

/* A System V queue, as the kernel tells everyone. */
struct mq_sysv {
	struct sysv_object object;
	uint64_t bytes, messages;
	uint64_t qbytes; /* of mq_sysv_get only */
	pid_t lspid, lrpid;
	time_t stime, rtime, ctime;
};

/* -ENOENT. */
int mq_sysv_get(uint32_t id, struct mq_sysv *queue);
/* All queues, in the order of ipcs; @each returns 0 or a negative errno that ends it. */
int mq_sysv_gather(int (*each)(void *context, const struct mq_sysv *queue), void *context);
int mq_sysv_find(const struct object_name *name, struct place *found);
int mq_sysv_make(struct call *call, const struct object_name *name, mode_t mode,
		 struct place *made);
int mq_sysv_remove(struct call *call, const struct place *place);
int mq_sysv_change(struct call *call, const struct place *place, const struct change *wanted);
int mq_sysv_store_qbytes(struct call *call, const struct place *place, const char *text);
/* How many queues there are; -1: it cannot be known. */
int mq_sysv_used(void);

/* What msgrcv fills; a priority is put there too. */
struct mq_message {
	long number;
	char text[];
};

/* Room for a copy of any message that the kernel copies, kernel.msgmax bytes; NULL: no memory. */
struct mq_message *mq_sysv_copy_room(size_t *room);
/* The message at @index without taking it: its size, -ENOMSG past the end, -EACCES, -EIDRM; -E2BIG:
   it is larger than kernel.msgmax is now, and the kernel copies none of it. */
ssize_t mq_sysv_copy(uint32_t id, int64_t index, struct mq_message *message, size_t room);

/* A POSIX queue; what the caller may not see is -1. */
struct mq_posix {
	const char *name;
	struct stat st;
	int64_t messages, bytes, maxmsg, msgsize;
};

/* Once, as the daemon. */
int mq_posix_setup(void);
/* True if the queues can be listed; those whose name is known can be used anyway. */
bool mq_posix_can_list(void);
int mq_posix_removals(void);
/* A descriptor of the queue, O_NONBLOCK; @access is the access mode. */
int mq_posix_open(const char *name, int access);
int mq_posix_stat(const char *name, struct stat *st);
int mq_posix_remove(const char *name);
int mq_posix_change(const char *name, const struct change *change);
/* The name with its slash, as the C library takes it. */
void mq_posix_slashed(const char *name, char path[NAME_MAX + 2]);
/* Fills the figures that the caller may see, and no more.  -EACCES: there are none; -ENOENT. */
int mq_posix_figures(const char *name, struct mq_posix *queue);
/* As the caller.  -ENOENT. */
int mq_posix_get(const char *name, struct mq_posix *queue);
/* All names; -ENOENT from @each, for a queue that has gone meanwhile, is passed over. */
int mq_posix_gather(int (*each)(void *context, const char *name), void *context);
int mq_posix_find(const struct object_name *name, struct place *found);
int mq_posix_make(struct call *call, const struct object_name *name, mode_t mode,
		  struct place *made);
/*
 * How many queues there are here, and how much those of one user take, as RLIMIT_MSGQUEUE counts:
 * of the one whose take most.
 */
struct mq_posix_use {
	unsigned queues;
	uint64_t bytes;
};
struct mq_posix_use mq_posix_used_most(struct call *call);
/* fs.mqueue.@name, -1 if it cannot be read. */
int64_t mq_posix_limit(const char *name);

/* ---- limits and totals, mq_limits.c ---- */

/* All zero where the kernel has no System V queues. */
struct msginfo mq_sysv_limits(void);
/* Blocks of lines as ipcs -l and -u have them. */
void mq_print_sysv_limits(FILE *out);
int mq_print_posix_limits(FILE *out);
void mq_print_sysv_summary(FILE *out);
int mq_print_posix_summary(const struct page *page);

/* ---- tables as ipcs has them, and JSON with the keys of lsipc, mq_print.c ---- */

void mq_print_sysv_header(FILE *out, enum report report);
void mq_print_sysv(FILE *out, enum report report, const struct mq_sysv *queue,
		   struct id_names *names);
void mq_print_posix_header(FILE *out);
void mq_print_posix(FILE *out, const struct mq_posix *queue, struct user_names *users);
/* The line about @count queues that were not shown in full, if any were not. */
void mq_print_hidden(FILE *notes, unsigned count);
/* NULL: no memory. */
json_t *mq_json_sysv(const struct mq_sysv *queue, struct id_names *names);
json_t *mq_json_posix(const struct mq_posix *queue, struct id_names *names);

/* ---- all queues together, as struct kind has them, mq_report.c ---- */

int mq_print_ipcs(struct call *call, enum report report, const struct page *page);
int mq_print_more(struct call *call, enum report report, const struct page *page);
int mq_list_json(struct call *call, struct json_list *list);

/* Who has a queue open, or waits at it: mq_holders.c. */
extern const struct kind_holders mq_holders;
int mq_show_holders(struct call *call, const struct place *place, FILE *out);
int mq_show_all_holders(struct call *call, const struct place *place, FILE *out);

struct snapshot;
int mq_snapshot(struct snapshot *snapshot);
extern const char *const mq_families[];
void mq_limits(limit_told *tell, void *context);

/*
 * The channels are written once, over what the two families have in common: an open end of a queue.
 */
struct mq_end {
	uint32_t id;    /* System V */
	int fd;         /* POSIX, not blocking; -1: none */
	size_t room;    /* a message that needs more is rare (System V) or cannot be (POSIX) */
	int64_t number; /* of type/N and prio/N; else 0 to take, the family's default to send */
	bool inverted;
	bool numbered;
};

struct mq_port {
	struct frame_header header;
	/* The kernel goes on serving a queue that has been removed: .gone is asked before a request
	   uses it, once for all its messages. */
	bool lingers;
	/* Fills all of *end but what place->number says. */
	int (*open)(struct call *call, const struct place *place, int flags, struct mq_end *end);
	/* One message of at most @room bytes: its size.  -EAGAIN, -EINTR, -EIDRM; -E2BIG: the next
	   has or may have more and is still there. */
	ssize_t (*receive)(const struct mq_end *end, bool may_wait, struct mq_message *message,
			   size_t room);
	/* Sends one message or nothing.  -EAGAIN, -EINTR, -EIDRM, -EMSGSIZE with a reason. */
	int (*send)(struct call *call, const struct mq_end *end, int64_t number, const char *text,
		    size_t size);
	/* -EMSGSIZE with a reason if the queue takes no message of @size, -EIDRM. */
	int (*fits)(struct call *call, const struct mq_end *end, size_t size);
	short (*ready)(const struct mq_end *end);
	/* -EIDRM if the queue has been removed. */
	int (*gone)(const struct mq_end *end);
	/* As that of struct channel. */
	uint64_t (*object)(const struct mq_end *end);
	void (*close)(struct mq_end *end);
};

extern const struct mq_port mq_sysv_port, mq_posix_port;

extern const struct channel mq_channel_data, mq_channel_each, mq_channel_lines, mq_channel_bulk,
	mq_channel_framed, mq_channel_prio, mq_channel_type;
/* The names of prio/N and type/N. */
int mq_prio_number(const char *name, struct place *place);
int mq_type_number(const char *name, struct place *place);

#endif
