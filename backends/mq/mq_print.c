/*
 * mq_print.c - message queues, as ipcs and lsipc print them.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "mq.h"

void mq_print_sysv_header(FILE *out, enum report report)
{
	switch (report) {
	case REPORT_PIDS:
		ipcs_title(out, "Message Queues PIDs");
		fprintf(out, "%-10s %-10s %-10s %-10s\n", "msqid", "owner", "lspid", "lrpid");
		break;
	case REPORT_TIMES:
		ipcs_title(out, "Message Queues Send/Recv/Change Times");
		fprintf(out, "%-8s %-10s %-20s %-20s %-20s\n", "msqid", "owner", "send", "recv",
			"change");
		break;
	case REPORT_CREATORS:
		ipcs_creators_header(out, "Message Queues Creators/Owners", "msqid");
		break;
	default:
		ipcs_title(out, "Message Queues");
		fprintf(out, "%-10s %-10s %-10s %-10s %-12s %-12s\n", "key", "msqid", "owner",
			"perms", "used-bytes", "messages");
	}
}

void mq_print_sysv(FILE *out, enum report report, const struct mq_sysv *queue,
		   struct id_names *names)
{
	const struct sysv_object *object = &queue->object;

	switch (report) {
	case REPORT_PIDS:
		ipcs_owner(out, object, 8, &names->users);
		fprintf(out, "  %5d     %5d\n", (int)queue->lspid, (int)queue->lrpid);
		break;
	case REPORT_TIMES:
		ipcs_owner(out, object, 8, &names->users);
		ipcs_time(out, queue->stime);
		ipcs_time(out, queue->rtime);
		ipcs_time(out, queue->ctime);
		fputc('\n', out);
		break;
	case REPORT_CREATORS:
		ipcs_creators(out, object, names);
		break;
	default:
		ipcs_columns(out, object, &names->users);
		fprintf(out, "%-12" PRIu64 " %-12" PRIu64 "\n", queue->bytes, queue->messages);
	}
}

void mq_print_posix_header(FILE *out)
{
	ipcs_title(out, "POSIX Message Queues");
	fprintf(out, "%-21s %-10s %-10s %-12s %-12s %-10s %-10s\n", "name", "owner", "perms",
		"used-bytes", "messages", "maxmsg", "msgsize");
}

static void print_number(FILE *out, int64_t number, int width)
{
	char text[24] = "-";

	if (number >= 0)
		snprintf(text, sizeof(text), "%" PRId64, number);
	fprintf(out, "%-*s", width, text);
}

void mq_print_posix(FILE *out, const struct mq_posix *queue, struct user_names *users)
{
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&mq_dir, queue->name, listed);
	ipcs_name(out, listed, 21);
	fprintf(out, "%-10.10s %-10o ", user_names_get(users, queue->st.st_uid),
		queue->st.st_mode & 0777);
	print_number(out, queue->bytes, 13);
	print_number(out, queue->messages, 13);
	print_number(out, queue->maxmsg, 11);
	print_number(out, queue->msgsize, 10);
	fputc('\n', out);
}

void mq_print_hidden(FILE *notes, unsigned count)
{
	if (count)
		fprintf(notes, "# %u not shown in full: you may not read %s\n", count,
			count == 1 ? "it" : "them");
}

/* ---- as lsipc ---- */

json_t *mq_json_sysv(const struct mq_sysv *queue, struct id_names *names)
{
	return json_joined(json_sysv_object(&queue->object, names),
			   json_pack("{so sn sI sI so so sI sI sn sn sI}", "ctime",
				     json_time(queue->ctime), "mtime", "usedbytes",
				     (json_int_t)queue->bytes, "msgs", (json_int_t)queue->messages,
				     "send", json_time(queue->stime), "recv",
				     json_time(queue->rtime), "lspid", (json_int_t)queue->lspid,
				     "lrpid", (json_int_t)queue->lrpid, "maxmsg", "msgsize",
				     "qbytes", (json_int_t)queue->qbytes));
}

/* A figure, or null where the caller may not see it. */
static json_t *json_figure(int64_t figure)
{
	return figure < 0 ? json_null() : json_integer(figure);
}

json_t *mq_json_posix(const struct mq_posix *queue, struct id_names *names)
{
	char listed[LISTED_NAME_SIZE];

	object_name_list_posix(&mq_dir, queue->name, listed);
	return json_joined(json_posix_object(listed, &queue->st, names),
			   json_pack("{so so so so sn sn sn sn so so sn}", "ctime",
				     json_time(queue->st.st_ctime), "mtime",
				     json_time(queue->st.st_mtime), "usedbytes",
				     json_figure(queue->bytes), "msgs",
				     json_figure(queue->messages), "send", "recv", "lspid", "lrpid",
				     "maxmsg", json_figure(queue->maxmsg), "msgsize",
				     json_figure(queue->msgsize), "qbytes"));
}
