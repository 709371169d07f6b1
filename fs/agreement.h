/*
 * agreement.h - what is agreed on with the kernel when it is mounted, and libfuse 3.14 has no words
 * for.
 */
#ifndef IPCFS_AGREEMENT_H
#define IPCFS_AGREEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

/* @passthrough: files are to be passed through to others (passthrough.h). */
void agreement_setup(bool passthrough);
/* Looks at a request of @size bytes, whether it is the one by which the kernel says what it has. */
void agreement_look(const void *request, size_t size);
/* @answer, of @count pieces; or what is to be sent in place of it, of as many, with the wishes. */
const struct iovec *agreement_wish(const struct iovec *answer, int count);
/* The kernel has it and has been asked for it. */
bool agreement_has_passthrough(void);

#endif
