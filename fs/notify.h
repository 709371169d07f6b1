/*
 * notify.h - telling the service manager how far the daemon is: the protocol of sd_notify(3).
 */
#ifndef IPCFS_NOTIFY_H
#define IPCFS_NOTIFY_H

/*
 * Notes the socket that NOTIFY_SOCKET names, if it names one, and takes the variable away.  Before
 * the process enters another network namespace, in which an abstract socket would be another, and
 * before there are threads.
 */
void notify_setup(void);

/*
 * Sends assignments, a line each ("READY=1\nSTATUS=..."), as printf(3) makes them.  Nothing where
 * nobody asked for it; that it can't be sent is no error.
 */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
