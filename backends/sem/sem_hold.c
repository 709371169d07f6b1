/*
 * sem_hold.c - the list of those who hold a semaphore through this tree.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/holders.h"
#include "common/print.h"
#include "common/proc_fds.h"
#include "common/proc_status.h"
#include "common/quota.h"
#include "sem_hold.h"

struct sem_holder {
	struct sem_holder *prev, *next;
	bool listed;
	struct sem_held held;
	struct quota_share share;
	pid_t pid;
	uid_t uid;
	uint64_t started;                /* see proc_start_ticks */
	char command[PROC_COMMAND_SIZE]; /* at that time; a shell becomes its command afterwards */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sem_holder *holders;

/* Command and start of a process; "-" and 0 if it has gone.  The start, which is read last, is that
   of the process whose command was read, or of a later one. */
static uint64_t process_read(pid_t pid, char command[PROC_COMMAND_SIZE])
{
	uint64_t started = 0;

	if (proc_command(pid, command) < 0 || proc_start_ticks(pid, &started) < 0)
		strcpy(command, "-");
	return started;
}

int sem_holder_new(struct call *call, const struct sem_held *held, struct sem_holder **result)
{
	struct sem_holder *holder = calloc(1, sizeof(*holder));
	int error;

	if (!holder)
		return -ENOMEM;
	holder->share = quota_share(QUOTA_HOLDS, call->uid);
	error = quota_take(call, &holder->share, 1);
	if (error) {
		free(holder);
		return error;
	}
	holder->pid = call->pid;
	holder->uid = call->uid;
	holder->held = *held;
	holder->started = process_read(call->pid, holder->command);
	*result = holder;
	return 0;
}

void sem_holder_list(struct sem_holder *holder)
{
	pthread_mutex_lock(&lock);
	holder->listed = true;
	DL_APPEND(holders, holder);
	pthread_mutex_unlock(&lock);
}

void sem_holder_drop(struct sem_holder *holder)
{
	pthread_mutex_lock(&lock);
	if (holder->listed)
		DL_DELETE(holders, holder);
	pthread_mutex_unlock(&lock);
	quota_drop(&holder->share);
	free(holder);
}

static void holder_show(const struct sem_holder *holder, FILE *out)
{
	char user[ID_NAME_SIZE], now[sizeof(holder->command)];
	const char *command = holder->command;

	if (process_read(holder->pid, now) == holder->started && holder->started)
		command = now;
	user_name(holder->uid, user);
	fprintf(out, "%d %s hold ", (int)holder->pid, user);
	for (const char *c = command; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '\\')
			fprintf(out, "\\%03o", (unsigned char)*c);
		else
			fputc(*c, out);
	fputc('\n', out);
}

/* The matching holders, copied: no lock is held while users' names are looked up. */
static size_t holders_copy(const struct sem_held *held, struct sem_holder **copies)
{
	struct sem_holder *holder;
	size_t count = 0, room = 0;

	*copies = NULL;
	pthread_mutex_lock(&lock);
	DL_FOREACH(holders, holder) {
		if (holder->held.posix != held->posix || holder->held.object != held->object ||
		    holder->held.part != held->part)
			continue;
		if (count == room) {
			struct sem_holder *more;

			room = room ? 2 * room : 4;
			more = reallocarray(*copies, room, sizeof(*more));
			if (!more) {
				free(*copies);
				*copies = NULL;
				count = SIZE_MAX;
				break;
			}
			*copies = more;
		}
		(*copies)[count++] = *holder;
	}
	pthread_mutex_unlock(&lock);
	return count;
}

static int stop(void *context, const struct proc_fd *fd)
{
	return 1;
}

/* May the caller look into who holds it?  One that has ended has left it to others of its user. */
static bool is_visible(const struct call *call, const struct sem_holder *holder)
{
	uint64_t started;
	int error;

	if (proc_start_ticks(holder->pid, &started) < 0)
		started = 0;
	if (started != holder->started)
		return !call || call->uid == 0 || call->uid == holder->uid;
	error = proc_fds_of(holder->pid, 0, stop, NULL);
	return error >= 0;
}

int sem_holders_show(const struct call *call, const struct sem_held *held, FILE *out)
{
	struct sem_holder *copies;
	size_t count = holders_copy(held, &copies), hidden = 0;

	if (count == SIZE_MAX)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (is_visible(call, &copies[i]))
			holder_show(&copies[i], out);
		else
			hidden++;
	holders_print_hidden(out, hidden);
	free(copies);
	return 0;
}
