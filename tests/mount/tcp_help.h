/*
 * tcp_help.h - what the tests of sockets/tcp share: plain sockets for the other end, listeners of
 * the tree, what `errors` says.
 */
#ifndef IPCFS_TEST_TCP_HELP_H
#define IPCFS_TEST_TCP_HELP_H

#include <netinet/in.h>

#include "fixture.h"

#define TCP MOUNT "/sockets/tcp"

/* Milliseconds until a test that hangs fails. */
enum { PATIENCE = 30000 };

/* A plain listener at 127.0.0.1:@port, 0 for any. */
int plain_listener(uint16_t port, int backlog);
/* One that answers nobody: its queue is full. */
int deaf_listener(uint16_t port);
int plain_accept(int listener);
/* A plain connection to 127.0.0.1:@port, whoever listens there. */
int plain_connect(uint16_t port);
uint16_t port_of(int fd);
/* Closes so that the peer gets a reset, whoever has a copy of the descriptor. */
void close_hard(int fd);

/* TCP/@before connect/127.0.0.1:@port, or tcp/127.0.0.1:@port/@file; the fourth call after it
 * overwrites it. */
const char *connect_path(const char *before, uint16_t port);
const char *listener_path(uint16_t port, const char *file);
/* mkdir of tcp/127.0.0.1:@port. */
void make_listener(uint16_t port);
/* Opens a connection through the tree and accepts it by the plain listener. */
int tree_connect(int listener, int flags, int *peer);

/* A descriptor, or -errno. */
int try_open(const char *path, int flags);
/* 0 or -errno. */
int try_mkdir(const char *path);

/* Until there is something to read, or @events. */
void await_input(int fd);
/* Writes all of it, reads all of it. */
void send_all(int fd, const void *data, size_t size);
void recv_all(int fd, void *data, size_t size);
/* Byte @at of a stream that is nowhere like itself a little further on. */
unsigned char pattern(size_t at);
void pattern_fill(unsigned char *buffer, size_t at, size_t size);
void pattern_check(const unsigned char *buffer, size_t at, size_t size);
/* Writes @size bytes of it, from its begin; 0 or an errno. */
int pattern_write(int fd, size_t size);

/* For spawn, @argument points to a descriptor.  Exits with the number of bytes that one read takes,
   or 100 and the errno. */
int read_some(void *argument);
/* Writes until an error and exits with its errno. */
int write_for_ever(void *argument);

/* Fails unless the last line of `errors` has " ERRNO: " and, after it, @words. */
void assert_last_refusal(int error, const char *words);

#endif
