/*
 * sock_proc.c - raw sockets as /proc/net has them: many kernels have no sock_diag(7) for these
 * (CONFIG_INET_RAW_DIAG).
 */
#include "sock_proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/sysvipc.h"

#define ADDRESS "%32[0-9A-F]:%" SCNx16

struct reading {
	sa_family_t family;
	const struct sock_query *query;
	sock_each *each;
	void *context;
};

/* An address of one or four words, each as a number of this machine.  False: it is neither. */
static bool address_read(sa_family_t family, const char *text, unsigned char address[16])
{
	size_t words = family == AF_INET ? 1 : 4;

	if (strlen(text) != 8 * words)
		return false;
	memset(address, 0, 16);
	for (size_t i = 0; i < words; i++) {
		uint32_t word;

		if (sscanf(text + 8 * i, "%8" SCNx32, &word) != 1)
			return false;
		memcpy(address + 4 * i, &word, sizeof(word));
	}
	return true;
}

static int take_line(const char *line, void *context)
{
	const struct reading *reading = context;
	struct sock_info sock = {
		.table = TABLE_RAW,
		.family = (uint8_t)reading->family,
		.type = SOCK_RAW,
		.has_uid = true,
	};
	char local[33], remote[33];

	if (sscanf(line,
		   "%*u: " ADDRESS " " ADDRESS " %" SCNx8 " %" SCNx32 ":%" SCNx32
		   " %*x:%*x %*x %" SCNu32 " %*u %" SCNu32,
		   local, &sock.inet.local.port, remote, &sock.inet.remote.port, &sock.state,
		   &sock.sendq, &sock.recvq, &sock.uid, &sock.inode) != 9 ||
	    !address_read(reading->family, local, sock.inet.local.address) ||
	    !address_read(reading->family, remote, sock.inet.remote.address) ||
	    (reading->query->states && !(reading->query->states & STATE_BIT(sock.state))) ||
	    !sock_is_asked(reading->query, &sock))
		return 0;
	return reading->each(reading->context, &sock);
}

int sock_proc_gather_raw(const struct sock_query *query, sock_each *each, void *context,
			 bool *absent)
{
	static const struct {
		sa_family_t family;
		const char *file;
	} files[] = {
		{AF_INET, "/proc/thread-self/net/raw"},
		{AF_INET6, "/proc/thread-self/net/raw6"},
	};

	*absent = true;
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct reading reading = {files[i].family, query, each, context};
		int error;

		if (access(files[i].file, F_OK) < 0)
			continue;
		*absent = false;
		error = sysvipc_read(files[i].file, take_line, &reading);
		if (error)
			return error;
	}
	return 0;
}
