/*
 * errors.h - the last refusals of each user, for /errors.
 */
#ifndef IPCFS_ERRORS_H
#define IPCFS_ERRORS_H

#include <stdio.h>
#include <sys/types.h>

/*
 * Notes a refusal: @operation on @path by thread @pid of @uid failed with @error (positive).
 * @reason may be empty.  Never fails; without memory the line is lost.
 */
void errors_record(uid_t uid, pid_t pid, const char *operation, const char *path, int error,
		   const char *reason);

/*
 * Prints the last 100 refusals of @uid, of root those of all, oldest first:
 * TIME PID COMMAND PATH OPERATION ERRNO: reason.  Blanks and odd bytes in names are \ooo.
 */
int errors_print(uid_t uid, FILE *out);

#endif
