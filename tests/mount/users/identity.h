/*
 * identity.h - who asks: the identities that each operation is tried with.
 */
#ifndef IPCFS_TEST_IDENTITY_H
#define IPCFS_TEST_IDENTITY_H

#include "../fixture.h"

enum { OWNER = 1001, OTHER, MEMBER, NEW_OWNER, NEW_MEMBER, CAPABLE };
enum { GROUP = 2000, NEW_GROUP };

struct identity {
	const char *name;
	uid_t uid;
	gid_t gid, supplementary; /* 0: none */
	enum { CAPS_AS_UID, CAPS_WITHOUT_OBJECTS, CAPS_NONE, CAPS_OF_OBJECTS } caps;
};

/* Ended by one without a name; the first is the owner's. */
extern const struct identity identities[];
const struct identity *identity_of(uid_t uid);

/* For children: they do not come back to what they were.  Others of that user may look into them.
 */
void become(const struct identity *who);

/* Returns 0 or an errno, and may say something. */
typedef int deed(const void *argument);

/*
 * Does it as @who and comes back.  The saved user id stays root's and permitted capabilities stay,
 * which no system call asks for when it judges.  What is opened meanwhile stays open.
 */
int do_as(const struct identity *who, deed *act, const void *argument);
/* Closes what deeds have opened. */
void let_go(void);
/* For what is to stay open: the same file under a number that let_go does not close. */
int keep_open(int fd);

/* In a deed: a text that is compared too, put behind what has been said. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* What was said by the last deed. */
const char *said(void);

#endif
