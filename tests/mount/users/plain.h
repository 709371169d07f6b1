/*
 * plain.h - sockets without the tree, and the files that every socket's directory has.
 */
#ifndef IPCFS_TEST_PLAIN_H
#define IPCFS_TEST_PLAIN_H

#include <stdint.h>

/* A unix socket: 0 or an errno.  What it opens stays open. */
int plain_connect(int type, const char *path);
/* Bound, and listening if it is a stream: a descriptor, or -errno. */
int plain_bound(int type, const char *path);
/* The same of 127.0.0.1. */
int plain_connect_inet(int type, uint16_t port);
int plain_bound_inet(int type, uint16_t port);

#define AS_SS "ss -ane tells everyone"
#define AS_SS_P "there for everyone; whom it names /proc says: shown.c"

/* But peer: who is at the other end. */
#define SOCKET_FIGURES(...)                                                   \
	{"state", READ, .narrow = true, .why = AS_SS},                        \
		{"local", READ, .narrow = true, .why = AS_SS},                \
		{"remote", READ, .narrow = true, .why = AS_SS},               \
		{"recvq", READ, .narrow = true, .why = AS_SS},                \
		{"sendq", READ, .narrow = true, .why = AS_SS},                \
		{"backlog", READ, .narrow = true, .why = AS_SS},              \
		{"inode", READ, .narrow = true, .why = AS_SS},                \
		{"status", READ, .narrow = true, .why = AS_SS_P},             \
		{"status.json", READ, .narrow = true, .why = AS_SS_P},        \
		{"holders", READ, .narrow = true, .why = AS_SS_P},            \
	{                                                                     \
		ITSELF, STAT, .tree = tree_stat, .narrow = true, .why = AS_SS \
	}

#define SOCKET_PEER_NONE                                                                        \
	{                                                                                       \
		"peer", READ, .reads = true, .narrow = true, .why = "it has none, and is empty" \
	}

#endif
