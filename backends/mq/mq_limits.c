/*
 * mq_limits.c - the limits of message queues and how much of them is in use.
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

void mq_print_sysv_limits(FILE *out)
{
	struct msginfo limits = mq_sysv_limits();

	ipcs_title(out, "Messages Limits");
	fprintf(out,
		"max queues system wide = %d\n"
		"max size of message (bytes) = %d\n"
		"default max size of queue (bytes) = %d\n",
		limits.msgmni, limits.msgmax, limits.msgmnb);
}

void mq_print_sysv_summary(FILE *out)
{
	struct msginfo used = {0};

	if (msgctl(0, MSG_INFO, (struct msqid_ds *)&used) < 0)
		return;
	ipcs_title(out, "Messages Status");
	/* These fields have a limit's name and are none: msgctl(2), MSG_INFO. */
	fprintf(out,
		"allocated queues = %d\n"
		"used headers = %d\n"
		"used space = %d bytes\n",
		used.msgpool, used.msgmap, used.msgtql);
}

/* ---- POSIX ---- */

int mq_print_posix_limits(FILE *out)
{
	static const struct limit_line lines[] = {
		{"max queues system wide", "fs/mqueue/queues_max"},
		{"max messages in queue", "fs/mqueue/msg_max"},
		{"max size of message (bytes)", "fs/mqueue/msgsize_max"},
		{"default max messages in queue", "fs/mqueue/msg_default"},
		{"default max size of message (bytes)", "fs/mqueue/msgsize_default"},
		{NULL},
	};
	struct rlimit bytes;
	int error;

	ipcs_title(out, "POSIX Messages Limits");
	error = limits_print(out, lines);
	if (!error && getrlimit(RLIMIT_MSGQUEUE, &bytes) == 0) {
		if (bytes.rlim_cur == RLIM_INFINITY)
			fprintf(out, "max size of queues per user (bytes) = unlimited\n");
		else
			fprintf(out, "max size of queues per user (bytes) = %llu\n",
				(unsigned long long)bytes.rlim_cur);
	}
	return error;
}

struct totals {
	uint64_t queues, messages, bytes;
	unsigned hidden;
};

static int totals_add(void *context, const char *name)
{
	struct totals *totals = context;
	struct mq_posix queue;
	int error = mq_posix_get(name, &queue);

	if (error)
		return error;
	totals->queues++;
	totals->messages += queue.messages < 0 ? 0 : (uint64_t)queue.messages;
	totals->bytes += queue.bytes < 0 ? 0 : (uint64_t)queue.bytes;
	totals->hidden += queue.bytes < 0;
	return 0;
}

int mq_print_posix_summary(const struct page *page)
{
	struct totals totals = {0};
	int error = mq_posix_gather(totals_add, &totals);

	if (error)
		return error;
	ipcs_title(page->out, "POSIX Messages Status");
	fprintf(page->out,
		"allocated queues = %" PRIu64 "\n"
		"used headers = %" PRIu64 "\n"
		"used space = %" PRIu64 " bytes\n",
		totals.queues, totals.messages, totals.bytes);
	mq_print_hidden(page->notes, totals.hidden);
	return 0;
}
