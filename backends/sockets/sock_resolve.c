/*
 * sock_resolve.c - asking for the addresses of a name, which may take long, in a thread.
 *
 * getaddrinfo(3) can neither be interrupted nor polled.  So each question has a thread, made by who
 * asks and therefore with the asker's ids, and a pipe that closes when the answer is there.  Who
 * gives up drops the question; the thread ends when the name server has answered or has not.
 */
#include "sock_resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/quota.h"
#include "sock_stream.h"

enum {
	/* Resolver libraries and the modules that nsswitch.conf names use much of it. */
	STACK_SIZE = 512 << 10,
};

struct sock_lookup {
	atomic_uint references;
	struct quota_share
		asked; /* until there is an answer, whether anybody waits for it or not */
	struct sock_name name;
	int type;
	int answered; /* the thread's end of the pipe */
	int fd;
	/* Written by the thread before it closes its end. */
	atomic_bool done;
	int status, error; /* EAI_, and errno for EAI_SYSTEM */
	struct addrinfo *list;
};

static void release(struct sock_lookup *lookup)
{
	if (atomic_fetch_sub(&lookup->references, 1) != 1)
		return;
	if (lookup->list)
		freeaddrinfo(lookup->list);
	close(lookup->fd);
	free(lookup);
}

static void *ask(void *context)
{
	struct sock_lookup *lookup = context;
	struct addrinfo hints = {.ai_socktype = lookup->type};

	lookup->status =
		getaddrinfo(lookup->name.host, lookup->name.service, &hints, &lookup->list);
	lookup->error = errno;
	if (lookup->status)
		lookup->list = NULL;
	quota_drop(&lookup->asked);
	lookup->done = true;
	close(lookup->answered);
	release(lookup);
	return NULL;
}

/* Signals are for the threads that know them. */
static int thread_start(struct sock_lookup *lookup)
{
	sigset_t all, before;
	pthread_attr_t attributes;
	pthread_t thread;
	int error = pthread_attr_init(&attributes);

	if (error)
		return -error;
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, &attributes, ask, lookup);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -error;
}

int sock_lookup_start(struct call *call, const struct sock_name *name, int type,
		      struct sock_lookup **result)
{
	struct sock_lookup *lookup = calloc(1, sizeof(*lookup));
	int ends[2], error;

	if (!lookup)
		return -ENOMEM;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		error = sock_refuse_open(call, -errno);
		free(lookup);
		return error;
	}
	lookup->fd = ends[0];
	lookup->answered = ends[1];
	lookup->name = *name;
	lookup->type = type;
	lookup->asked = quota_share(QUOTA_LOOKUPS, call->uid);
	atomic_init(&lookup->references, 1);
	error = quota_take(call, &lookup->asked, 1);
	if (!error) {
		atomic_fetch_add(&lookup->references, 1);
		error = thread_start(lookup);
		if (!error) {
			*result = lookup;
			return 0;
		}
		quota_drop(&lookup->asked);
		atomic_fetch_sub(&lookup->references, 1);
		error = refuse(call, EDQUOT, "there can be no more threads to look names up in");
	}
	close(ends[1]);
	release(lookup);
	return error;
}

int sock_lookup_fd(const struct sock_lookup *lookup)
{
	return lookup->fd;
}

static int refuse_lookup(struct call *call, const struct sock_lookup *lookup)
{
	const struct sock_name *name = &lookup->name;

	switch (lookup->status) {
	case EAI_SYSTEM:
		return refuse(call, lookup->error ? lookup->error : EIO, "looking up '%.100s': %s",
			      name->host, strerror(lookup->error));
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SERVICE:
		return refuse(call, ENXIO, "there is no service '%.30s' for this kind of socket",
			      name->service);
	case EAI_AGAIN:
	case EAI_FAIL:
		return refuse(call, EHOSTUNREACH, "no name server answers for '%.100s': %s",
			      name->host, gai_strerror(lookup->status));
	default:
		return refuse(call, ENXIO, "there is no host '%.100s': %s", name->host,
			      gai_strerror(lookup->status));
	}
}

ssize_t sock_lookup_answer(struct call *call, struct sock_lookup *lookup,
			   struct sock_addr **addresses)
{
	const struct addrinfo *found;
	ssize_t count = 0;

	if (!lookup->done)
		return -EAGAIN;
	for (found = lookup->list; found; found = found->ai_next)
		count++;
	if (!count)
		return refuse_lookup(call, lookup);
	*addresses = calloc((size_t)count, sizeof(**addresses));
	if (!*addresses)
		return -ENOMEM;
	count = 0;
	for (found = lookup->list; found; found = found->ai_next) {
		struct sock_addr *address = &(*addresses)[count];

		if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
			continue;
		memcpy(&address->room, found->ai_addr, found->ai_addrlen);
		address->length = found->ai_addrlen;
		count++;
	}
	return count;
}

void sock_lookup_drop(struct sock_lookup *lookup)
{
	if (lookup)
		release(lookup);
}
