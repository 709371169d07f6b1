/*
 * mq_limits.c - the limits of message queues, read and printed.
 */
#include <inttypes.h>
#include <sys/msg.h>
#include <sys/resource.h>

#include "mq.h"

struct msginfo mq_sysv_limits(void)
{
	struct msginfo limits = {0};

	if (msgctl(0, IPC_INFO, (struct msqid_ds *)&limits) < 0)
		return (struct msginfo){0};
	return limits;
}

static void print_limit(FILE *out, const char *what, const char *name)
{
	int64_t limit = mq_posix_limit(name);

	/* A kernel without POSIX queues has none. */
	if (limit >= 0)
		fprintf(out, "%s = %" PRId64 "\n", what, limit);
}

void mq_print_limits(FILE *out)
{
	struct msginfo limits = mq_sysv_limits();
	struct rlimit bytes;

	ipcs_title(out, "Messages Limits");
	fprintf(out,
		"max queues system wide = %d\n"
		"max size of message (bytes) = %d\n"
		"default max size of queue (bytes) = %d\n",
		limits.msgmni, limits.msgmax, limits.msgmnb);
	ipcs_title(out, "POSIX Messages Limits");
	print_limit(out, "max queues system wide", "queues_max");
	print_limit(out, "max messages in queue", "msg_max");
	print_limit(out, "max size of message (bytes)", "msgsize_max");
	print_limit(out, "default max messages in queue", "msg_default");
	print_limit(out, "default max size of message (bytes)", "msgsize_default");
	if (getrlimit(RLIMIT_MSGQUEUE, &bytes) == 0) {
		if (bytes.rlim_cur == RLIM_INFINITY)
			fprintf(out, "max size of queues per user (bytes) = unlimited\n");
		else
			fprintf(out, "max size of queues per user (bytes) = %llu\n",
				(unsigned long long)bytes.rlim_cur);
	}
	fputc('\n', out);
}
