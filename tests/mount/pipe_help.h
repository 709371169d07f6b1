/*
 * pipe_help.h - what the tests of pipes/ share: pipes made and opened, processes that have an end,
 * rows of status.json.
 */
#ifndef IPCFS_TEST_PIPE_HELP_H
#define IPCFS_TEST_PIPE_HELP_H

#include <jansson.h>

#include "fixture.h"

#define PIPES MOUNT "/pipes"
/* Where the FIFOs themselves are. */
#define RUN_PIPES "/run/ipcfs/pipes"

enum { OWNER = 1001, OTHER = 1002 };

/* mkdir of pipes/@name, whatever the umask. */
void make(const char *name, mode_t mode);
/* open(2) of pipes/@name/data; the descriptor or -errno. */
int open_data(const char *name, int flags);
/* The path of pipes/@name/@file, or with "" of the pipe; the fourth call after it overwrites it. */
const char *in_pipe(const char *name, const char *file);
/* One figure, read afresh. */
long figure(const char *name, const char *file);
/* One write to a file of the pipe; 0 or -errno. */
int set(const char *name, const char *file, const char *text);

/* Becomes @uid and nothing else for good; in a child. */
void become(uid_t uid);
/* The inode number of an open file. */
uint64_t inode_of(int fd);
/* What an unnamed pipe is called below pipes/: anon/NUMBER. */
const char *anon_name(int fd);

/* An array from a status.json; to be given back with json_decref. */
json_t *status_of(const char *path);
/* The row of pipe @name in it; NULL: none. */
json_t *row_of(json_t *status, const char *name);
long row_number(json_t *row, const char *key);
/* How the process has it open, "read" and so on; NULL: not among the holders. */
const char *holder_how(json_t *row, pid_t pid);
/* Its command as the holders have it; NULL: not among them. */
const char *holder_command(json_t *row, pid_t pid);

/* For spawn: a process that only holds what it has open. */
int pause_until_killed(void *unused);
/* Kills a process that was spawned, and reaps it. */
void end(pid_t pid);
/* Returns when the process has become a command whose name begins so. */
void wait_for_command(pid_t pid, const char *command);

/* True if the directory has an entry @name. */
bool is_listed(const char *directory, const char *name);
/* Descriptors that the daemon has open for good: the least of many looks, between which it works.
 */
size_t descriptors_for_good(pid_t pid);
/* Returns when it has no more than these.  What it keeps no more it closes in its own time; what it
 * forgets to close is a test that does not end. */
void wait_for_descriptors(pid_t pid, size_t count);

#endif
