/*
 * limits.h - the limits of a kind and how much of each is used, for who prints them.
 */
#ifndef IPCFS_LIMITS_H
#define IPCFS_LIMITS_H

#include <stdint.h>

enum { LIMIT_NO_USE = -1 };   /* it is of one object, or how much is used cannot be known */
#define LIMIT_NONE UINT64_MAX /* there is no limit */

/*
 * Takes one: @name is that of sysctl(8), the constant of a manual page, or a path; @unit "bytes",
 * "pages", "queues" ...
 */
typedef void limit_told(void *context, const char *name, const char *unit, uint64_t limit,
			int64_t used);

#endif
