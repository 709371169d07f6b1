/*
 * ids.h - the names of users and groups.
 */
#ifndef IPCFS_IDS_H
#define IPCFS_IDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A name has at most LOGIN_NAME_MAX bytes, NUL included. */
#define ID_NAME_SIZE 256

/* User or group name of an id, its decimal number where it has none; false: it has none. */
bool user_name(uid_t uid, char name[ID_NAME_SIZE]);
bool group_name(gid_t gid, char name[ID_NAME_SIZE]);

/*
 * Users and groups by name, looked up once each while a table is written: a look-up reads a file,
 * or asks a server.  Begin as zeros, need no end, and are of fixed size however many ids there are:
 * where there are very many some are looked up again.
 */
#define ID_NAMES 128

struct id_slot {
	enum { ID_EMPTY, ID_NAMED, ID_NAMELESS } state;
	uint32_t id;
	char name[ID_NAME_SIZE];
};

struct user_names {
	struct id_slot slots[ID_NAMES];
};

struct group_names {
	struct id_slot slots[ID_NAMES];
};

struct id_names {
	struct user_names users;
	struct group_names groups;
};

/* As user_name and group_name; until the next one. */
const char *user_names_get(struct user_names *names, uid_t uid);
const char *group_names_get(struct group_names *names, gid_t gid);
/* The same; NULL for an id without a name. */
const char *user_names_find(struct user_names *names, uid_t uid);
const char *group_names_find(struct group_names *names, gid_t gid);

#endif
