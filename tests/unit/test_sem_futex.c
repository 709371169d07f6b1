/*
 * test_sem_futex.c - POSIX semaphore words: with the real C library on the other side, with musl's
 * layout, and while their owner takes the memory away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sem/sem_futex.h"

#define HAND_OVERS 20000
#define FLIPS 10000

static void wake_nothing(int signal)
{
}

/* A file with the words of a semaphore in it: glibc's own if @musl is false. */
static int file_with(bool musl, unsigned value)
{
	int fd = memfd_create("semaphore", MFD_CLOEXEC);
	union {
		sem_t glibc;
		uint32_t words[sizeof(sem_t) / 4];
	} initial = {.words = {0}};

	if (musl)
		initial.words[0] = value;
	else
		assert_int_equal(sem_init(&initial.glibc, 1, value), 0);
	assert_int_equal(write(fd, &initial, sizeof(initial)), sizeof(initial));
	return fd;
}

static struct sem_futex *opened(int fd)
{
	struct sem_futex *semaphore;

	assert_int_equal(sem_futex_open(fd, true, &semaphore), 0);
	return semaphore;
}

static sem_t *mapped(int fd)
{
	sem_t *semaphore = mmap(NULL, sizeof(sem_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(semaphore, MAP_FAILED);
	return semaphore;
}

static void assert_value(const struct sem_futex *semaphore, unsigned expected)
{
	unsigned value, waiters;

	assert_int_equal(sem_futex_value(semaphore, &value, &waiters), 0);
	assert_int_equal(value, expected);
	assert_int_equal(waiters, 0);
}

static void basics(bool musl)
{
	int fd = file_with(musl, 2);
	struct sem_futex *semaphore = opened(fd);

	assert_value(semaphore, 2);
	assert_int_equal(sem_futex_try(semaphore), 0);
	assert_int_equal(sem_futex_wait(semaphore), 0);
	assert_value(semaphore, 0);
	assert_int_equal(sem_futex_try(semaphore), -EAGAIN);
	assert_int_equal(sem_futex_post(semaphore, 5), 0);
	assert_value(semaphore, 5);
	assert_int_equal(sem_futex_post(semaphore, SEM_VALUE_MAX - 5), 0);
	assert_int_equal(sem_futex_post(semaphore, 1), -EOVERFLOW);
	assert_int_equal(sem_futex_post(semaphore, UINT32_MAX), -EOVERFLOW);
	assert_value(semaphore, SEM_VALUE_MAX);
	assert_int_equal(sem_futex_try(semaphore), 0);
	assert_value(semaphore, SEM_VALUE_MAX - 1);
	sem_futex_close(semaphore);
	close(fd);
}

static void test_basics(void **state)
{
	basics(false);
	basics(true);
}

static void test_sees_glibc(void **state)
{
	int fd = file_with(false, 3), value;
	struct sem_futex *semaphore = opened(fd);
	sem_t *glibc = mapped(fd);

	assert_int_equal(sem_post(glibc), 0);
	assert_value(semaphore, 4);
	assert_int_equal(sem_futex_post(semaphore, 3), 0);
	assert_int_equal(sem_getvalue(glibc, &value), 0);
	assert_int_equal(value, 7);
	munmap(glibc, sizeof(*glibc));
	sem_futex_close(semaphore);
	close(fd);
}

static void test_refuses_others(void **state)
{
	uint32_t words[8] = {1, 0, 77};
	struct sem_futex *semaphore;
	int fd = memfd_create("other", MFD_CLOEXEC), pipes[2];

	assert_int_equal(sem_futex_open(fd, true, &semaphore), -EINVAL);
	assert_int_equal(ftruncate(fd, sizeof(sem_t) - 1), 0);
	assert_int_equal(sem_futex_open(fd, true, &semaphore), -EINVAL);
	assert_int_equal(pwrite(fd, words, sizeof(words), 0), sizeof(words));
	assert_int_equal(sem_futex_open(fd, true, &semaphore), -EINVAL);
	close(fd);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(sem_futex_open(pipes[0], true, &semaphore), -EINVAL);
	close(pipes[0]);
	close(pipes[1]);
}

/* Thousands of hand-overs between this code and the C library of another process, each waiting. */
static void test_hand_over(void **state)
{
	static struct sem_futex *to, *from; /* static: the child leaves them, but has lost none */
	int ping = file_with(false, 0), pong = file_with(false, 0), status;
	sem_t *theirs_from = mapped(ping), *theirs_to = mapped(pong);
	pid_t child;

	to = opened(ping);
	from = opened(pong);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < HAND_OVERS; i++)
			if (sem_wait(theirs_from) < 0 || sem_post(theirs_to) < 0)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < HAND_OVERS; i++) {
		assert_int_equal(sem_futex_post(to, 1), 0);
		assert_int_equal(sem_futex_wait(from), 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_value(to, 0);
	assert_value(from, 0);
	munmap(theirs_from, sizeof(sem_t));
	munmap(theirs_to, sizeof(sem_t));
	sem_futex_close(to);
	sem_futex_close(from);
	close(ping);
	close(pong);
}

struct contender {
	pthread_t thread;
	struct sem_futex *semaphore;
	int result;
	unsigned turns;
	int done; /* atomic */
};

static void *contender_run(void *context)
{
	struct contender *contender = context;

	for (unsigned i = 0; i < contender->turns && contender->result == 0; i++) {
		contender->result = sem_futex_wait(contender->semaphore);
		if (contender->result == 0 && contender->turns > 1)
			contender->result = sem_futex_post(contender->semaphore, 1);
	}
	__atomic_store_n(&contender->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void *contender_glibc(void *context)
{
	sem_t *semaphore = context;

	for (int i = 0; i < HAND_OVERS; i++)
		if (sem_wait(semaphore) < 0 || sem_post(semaphore) < 0)
			return semaphore;
	return NULL;
}

/* A lock fought for by several; one wake-up lost and it never ends. */
static void contend(bool musl)
{
	int fd = file_with(musl, 1);
	struct sem_futex *semaphore = opened(fd);
	struct contender contenders[3];
	pthread_t glibc[2];
	sem_t *theirs = mapped(fd);
	void *failed;

	for (int i = 0; i < 3; i++) {
		contenders[i] = (struct contender){.semaphore = semaphore, .turns = HAND_OVERS};
		assert_int_equal(
			pthread_create(&contenders[i].thread, NULL, contender_run, &contenders[i]),
			0);
	}
	for (int i = 0; i < 2 && !musl; i++)
		assert_int_equal(pthread_create(&glibc[i], NULL, contender_glibc, theirs), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(contenders[i].thread, NULL);
		assert_int_equal(contenders[i].result, 0);
	}
	for (int i = 0; i < 2 && !musl; i++) {
		pthread_join(glibc[i], &failed);
		assert_null(failed);
	}
	assert_value(semaphore, 1);
	munmap(theirs, sizeof(*theirs));
	sem_futex_close(semaphore);
	close(fd);
}

static void test_contention(void **state)
{
	contend(false);
	contend(true);
}

/* A post of several lets as many waiters go as it added. */
static void post_many(bool musl)
{
	int fd = file_with(musl, 0);
	struct sem_futex *semaphore = opened(fd);
	struct contender contenders[4];
	unsigned value, waiters = 0;

	for (int i = 0; i < 4; i++) {
		contenders[i] = (struct contender){.semaphore = semaphore, .turns = 1};
		assert_int_equal(
			pthread_create(&contenders[i].thread, NULL, contender_run, &contenders[i]),
			0);
	}
	while (waiters != 4)
		assert_int_equal(sem_futex_value(semaphore, &value, &waiters), 0);
	assert_int_equal(sem_futex_post(semaphore, 3), 0);
	assert_int_equal(sem_futex_post(semaphore, 1), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(contenders[i].thread, NULL);
		assert_int_equal(contenders[i].result, 0);
	}
	assert_value(semaphore, 0);
	sem_futex_close(semaphore);
	close(fd);
}

static void test_post_many(void **state)
{
	post_many(false);
	post_many(true);
}

/* A signal ends a wait; nothing is taken and nobody stays counted as waiting. */
static void interrupt(bool musl)
{
	int fd = file_with(musl, 0);
	struct sem_futex *semaphore = opened(fd);
	struct contender contender = {.semaphore = semaphore, .turns = 1};

	assert_int_equal(pthread_create(&contender.thread, NULL, contender_run, &contender), 0);
	while (!__atomic_load_n(&contender.done, __ATOMIC_ACQUIRE)) {
		pthread_kill(contender.thread, SIGUSR1);
		sched_yield();
	}
	pthread_join(contender.thread, NULL);
	assert_int_equal(contender.result, -EINTR);
	assert_value(semaphore, 0);
	assert_int_equal(sem_futex_post(semaphore, 1), 0);
	assert_int_equal(sem_futex_wait(semaphore), 0);
	sem_futex_close(semaphore);
	close(fd);
}

static void test_interrupt(void **state)
{
	for (int i = 0; i < 50; i++) {
		interrupt(false);
		interrupt(true);
	}
}

/* The test library puts a handler of its own in place before each test. */
static void handler_install(void)
{
	assert_int_equal(sem_futex_setup(), 0);
}

static void cut(bool musl)
{
	int fd = file_with(musl, 1);
	struct sem_futex *semaphore = opened(fd);
	unsigned value, waiters;

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(sem_futex_value(semaphore, &value, &waiters), -EIO);
	assert_int_equal(sem_futex_post(semaphore, 1), -EIO);
	assert_int_equal(sem_futex_try(semaphore), -EIO);
	assert_int_equal(sem_futex_wait(semaphore), -EIO);
	assert_int_equal(ftruncate(fd, sizeof(sem_t)), 0);
	assert_int_equal(sem_futex_post(semaphore, 1), 0);
	assert_value(semaphore, 1);
	sem_futex_close(semaphore);
	close(fd);
}

static void test_cut(void **state)
{
	handler_install();
	cut(false);
	cut(true);
}

struct flipped {
	struct sem_futex *semaphore;
	int stop; /* atomic */
	unsigned long done;
	unsigned long failed; /* atomic */
	int other;            /* an errno that none of the operations has */
};

static void flipped_note(struct flipped *flipped, int result)
{
	if (result == 0)
		flipped->done++;
	else if (result == -EIO)
		__atomic_fetch_add(&flipped->failed, 1, __ATOMIC_RELAXED);
	else if (result != -EAGAIN && result != -EINTR && result != -EOVERFLOW)
		flipped->other = result;
}

static void *flipped_operate(void *context)
{
	struct flipped *flipped = context;
	unsigned value, waiters;

	while (!__atomic_load_n(&flipped->stop, __ATOMIC_ACQUIRE)) {
		flipped_note(flipped, sem_futex_post(flipped->semaphore, 1));
		flipped_note(flipped, sem_futex_try(flipped->semaphore));
		flipped_note(flipped, sem_futex_value(flipped->semaphore, &value, &waiters));
	}
	__atomic_store_n(&flipped->stop, 2, __ATOMIC_RELEASE);
	return NULL;
}

static void *flipped_wait(void *context)
{
	struct flipped *flipped = context;

	while (!__atomic_load_n(&flipped->stop, __ATOMIC_ACQUIRE))
		flipped_note(flipped, sem_futex_wait(flipped->semaphore));
	__atomic_store_n(&flipped->stop, 2, __ATOMIC_RELEASE);
	return NULL;
}

/* The owner cuts the file and makes it long again all the time: errors, and no more than errors. */
static void flip(bool musl)
{
	static void *(*const runs[])(void *) = {flipped_operate, flipped_wait, flipped_wait};
	int fd = file_with(musl, 0);
	struct flipped flipped[3];
	pthread_t threads[3];

	for (int i = 0; i < 3; i++) {
		flipped[i] = (struct flipped){.semaphore = opened(fd)};
		assert_int_equal(pthread_create(&threads[i], NULL, runs[i], &flipped[i]), 0);
	}
	for (int i = 0; i < FLIPS; i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(ftruncate(fd, sizeof(sem_t)), 0);
	}
	/* All of that may have come while nobody looked: leave it cut until someone has. */
	assert_int_equal(ftruncate(fd, 0), 0);
	while (__atomic_load_n(&flipped[0].failed, __ATOMIC_RELAXED) == 0)
		sched_yield();
	for (int i = 0; i < 3; i++) {
		__atomic_store_n(&flipped[i].stop, 1, __ATOMIC_RELEASE);
		while (__atomic_load_n(&flipped[i].stop, __ATOMIC_ACQUIRE) != 2) {
			pthread_kill(threads[i], SIGUSR1);
			sched_yield();
		}
		pthread_join(threads[i], NULL);
		assert_int_equal(flipped[i].other, 0);
	}
	assert_int_equal(sem_futex_try(flipped[0].semaphore), -EIO);
	for (int i = 0; i < 3; i++)
		sem_futex_close(flipped[i].semaphore);
	close(fd);
}

static void test_flip(void **state)
{
	handler_install();
	flip(false);
	flip(true);
}

static void *blocked_bus(void *context)
{
	sigset_t all;
	int fd = file_with(false, 1), *result = context;
	struct sem_futex *semaphore;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	semaphore = opened(fd);
	if (ftruncate(fd, 0) == 0)
		*result = sem_futex_try(semaphore);
	sem_futex_close(semaphore);
	close(fd);
	return NULL;
}

/* A thread of a daemon blocks all signals; a fault must not be fatal for that. */
static void test_blocked_signals(void **state)
{
	pthread_t thread;
	int result = 0;

	handler_install();
	assert_int_equal(pthread_create(&thread, NULL, blocked_bus, &result), 0);
	pthread_join(thread, NULL);
	assert_int_equal(result, -EIO);
}

/* Elsewhere a bad access, and a SIGBUS that somebody sends, end the process as they always did. */
static void test_other_faults(void **state)
{
	handler_install();
	for (int sent = 0; sent < 2; sent++) {
		int status;
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			int fd = memfd_create("empty", MFD_CLOEXEC);
			volatile char *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);

			prctl(PR_SET_DUMPABLE, 0);
			if (sent)
				kill(getpid(), SIGBUS);
			else
				_exit(memory[0]);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGBUS);
	}
}

int main(void)
{
	struct sigaction action = {.sa_handler = wake_nothing}; /* no SA_RESTART */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics),         cmocka_unit_test(test_sees_glibc),
		cmocka_unit_test(test_refuses_others), cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_contention),     cmocka_unit_test(test_post_many),
		cmocka_unit_test(test_interrupt),      cmocka_unit_test(test_cut),
		cmocka_unit_test(test_flip),           cmocka_unit_test(test_blocked_signals),
		cmocka_unit_test(test_other_faults),
	};

	sigaction(SIGUSR1, &action, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
