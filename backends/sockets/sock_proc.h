/*
 * sock_proc.h - raw sockets as /proc/net has them.
 */
#ifndef IPCFS_SOCK_PROC_H
#define IPCFS_SOCK_PROC_H

#include "sock_info.h"

/* Those that @query asks for, as sock_gather has it.  *absent: there are no such tables. */
int sock_proc_gather_raw(const struct sock_query *query, sock_each *each, void *context,
			 bool *absent);

#endif
