/*
 * sem_futex.c - post, wait and look at POSIX semaphores with every access to their memory checked.
 *
 * The two layouts, four words of 32 bits each (sem_t is longer, the rest is unused):
 *
 *   glibc, 64-bit   one 64-bit number: the value in its lower half, how many wait in its upper
 * half; word 2 is 128 for a semaphore shared between processes.  Waiters sleep on the half that is
 * the value; a post wakes one if any wait. musl            word 0 the value, its top bit set while
 * someone may sleep; word 1 how many wait; word 2 is 0 for a shared one.  Waiters sleep while word
 * 0 is the top bit alone; a post that finds it set wakes, and clears it when it wakes all who are
 * left.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "sem_futex.h"

_Static_assert(sizeof(uint64_t) == sizeof(long) && sizeof(void *) == sizeof(long),
	       "the layout of sem_t on targets that are not 64-bit is another one");
_Static_assert(sizeof(sem_t) >= 4 * sizeof(uint32_t), "sem_t holds four words");

/* The half of glibc's 64-bit number that is its value, as memory has it. */
#define GLIBC_VALUE_WORD (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 1 : 0)
#define GLIBC_VALUE UINT64_C(0xffffffff)
#define GLIBC_WAITER (UINT64_C(1) << 32)
#define GLIBC_SHARED 128

#define MUSL_VALUE_WORD 0
#define MUSL_WAITERS_WORD 1
#define MUSL_SLEEPERS UINT32_C(0x80000000)
#define MUSL_VALUE UINT32_C(0x7fffffff)
#define MUSL_SHARED 0

#define SHARED_WORD 2

struct sem_futex {
	uint32_t *words; /* a page of the file; any access may fault */
	enum { LAYOUT_GLIBC, LAYOUT_MUSL } layout;
};

/* ---- access that a fault does not kill ---- */

struct guard {
	const uint32_t *words;
	sigjmp_buf back;
};

/* The access that this thread is making, if any. */
static _Thread_local struct guard *volatile guarded;

static void bus_handler(int signal, siginfo_t *info, void *context)
{
	struct guard *guard = guarded;
	uintptr_t at = (uintptr_t)info->si_addr;

	/* Only the kernel's own report of a fault in the very words, not a signal from someone. */
	if (guard && info->si_code > 0 && at >= (uintptr_t)guard->words &&
	    at < (uintptr_t)guard->words + sizeof(sem_t)) {
		/* The jump does not restore the mask, and who wraps handlers may have filled it. */
		pthread_sigmask(SIG_SETMASK, &((const ucontext_t *)context)->uc_sigmask, NULL);
		siglongjmp(guard->back, 1);
	}
	sigaction(SIGBUS, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	if (info->si_code <= 0)
		raise(SIGBUS);
	/* A fault happens again on return, and the core shows where. */
}

int sem_futex_setup(void)
{
	struct sigaction action = {.sa_sigaction = bus_handler,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};

	return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : -errno;
}

/* A blocked SIGBUS would end the process at a fault, handler or not. */
static void bus_unblock(void)
{
	static _Thread_local bool unblocked;
	sigset_t bus;

	if (unblocked)
		return;
	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	pthread_sigmask(SIG_UNBLOCK, &bus, NULL);
	unblocked = true;
}

/* One access: what it expects or finds, what it puts there, whether it did. */
struct access {
	unsigned word;
	uint64_t found, desired;
	bool swapped;
};

typedef void accessor(uint32_t *words, struct access *access);

/* A thread sanitizer makes accesses under a lock of its own, which a fault would leave locked. */
#if defined(__has_attribute) && __has_attribute(disable_sanitizer_instrumentation)
#define UNINSTRUMENTED __attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define UNINSTRUMENTED __attribute__((noinline, no_sanitize("thread")))
#endif

UNINSTRUMENTED static void load_word(uint32_t *words, struct access *access)
{
	access->found = __atomic_load_n(&words[access->word], __ATOMIC_ACQUIRE);
}

UNINSTRUMENTED static void load_both(uint32_t *words, struct access *access)
{
	access->found = __atomic_load_n((uint64_t *)words, __ATOMIC_ACQUIRE);
}

UNINSTRUMENTED static void swap_word(uint32_t *words, struct access *access)
{
	uint32_t found = (uint32_t)access->found;

	access->swapped =
		__atomic_compare_exchange_n(&words[access->word], &found, (uint32_t)access->desired,
					    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	access->found = found;
}

UNINSTRUMENTED static void swap_both(uint32_t *words, struct access *access)
{
	access->swapped =
		__atomic_compare_exchange_n((uint64_t *)words, &access->found, access->desired,
					    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The one place where the words are touched: 0, or -EIO if they are not there any more. */
static int words_access(const struct sem_futex *semaphore, accessor *access_words,
			struct access *access)
{
	struct guard guard = {.words = semaphore->words};

	if (sigsetjmp(guard.back, 0) == 0) {
		guarded = &guard;
		atomic_signal_fence(memory_order_seq_cst);
		access_words(semaphore->words, access);
		atomic_signal_fence(memory_order_seq_cst);
		guarded = NULL;
		return 0;
	}
	guarded = NULL;
	return -EIO;
}

/* 0: woken, or the word was not @expected any more, or for no reason; -EINTR; -EIO. */
static int futex_wait(const struct sem_futex *semaphore, unsigned word, uint32_t expected)
{
	if (syscall(SYS_futex, &semaphore->words[word], FUTEX_WAIT, expected, NULL) == 0 ||
	    errno == EAGAIN)
		return 0;
	return errno == EINTR ? -EINTR : -EIO;
}

static int futex_wake(const struct sem_futex *semaphore, unsigned word, unsigned count)
{
	if (syscall(SYS_futex, &semaphore->words[word], FUTEX_WAKE,
		    count > INT_MAX ? INT_MAX : (int)count) >= 0)
		return 0;
	return -EIO;
}

/* ---- glibc ---- */

static int glibc_post(const struct sem_futex *semaphore, unsigned count)
{
	struct access access = {0};
	int result = words_access(semaphore, load_both, &access);

	while (result == 0) {
		if ((access.found & GLIBC_VALUE) + count > SEM_VALUE_MAX)
			return -EOVERFLOW;
		access.desired = access.found + count;
		result = words_access(semaphore, swap_both, &access);
		if (result < 0 || !access.swapped)
			continue;
		/* The post is done whatever waking says: who is left to wake has lost the words. */
		if (access.desired >= GLIBC_WAITER)
			futex_wake(semaphore, GLIBC_VALUE_WORD, count);
		return 0;
	}
	return result;
}

static int glibc_take(const struct sem_futex *semaphore, unsigned most)
{
	struct access access = {0};
	int result = words_access(semaphore, load_both, &access);

	while (result == 0) {
		unsigned value = (unsigned)(access.found & GLIBC_VALUE);
		unsigned count = value < most ? value : most;

		if (count == 0)
			return -EAGAIN;
		access.desired = access.found - count;
		result = words_access(semaphore, swap_both, &access);
		if (result == 0 && access.swapped)
			return (int)count;
	}
	return result;
}

/* Counts this thread among those who wait, or no longer; @access then has the new number. */
static int glibc_waiter(const struct sem_futex *semaphore, bool waits, struct access *access)
{
	int result = words_access(semaphore, load_both, access);

	while (result == 0) {
		/* An owner who cut the file and made it long again has lost the count. */
		if (!waits && access->found < GLIBC_WAITER)
			return 0;
		access->desired =
			waits ? access->found + GLIBC_WAITER : access->found - GLIBC_WAITER;
		result = words_access(semaphore, swap_both, access);
		if (result == 0 && access->swapped) {
			access->found = access->desired;
			return 0;
		}
	}
	return result;
}

static int glibc_wait(const struct sem_futex *semaphore)
{
	struct access access = {0};
	int result = glibc_waiter(semaphore, true, &access);

	while (result == 0) {
		if ((access.found & GLIBC_VALUE) == 0) {
			result = futex_wait(semaphore, GLIBC_VALUE_WORD, 0);
			if (result == 0)
				result = words_access(semaphore, load_both, &access);
			continue;
		}
		/* Taking and leaving the queue are one step: no post wakes in vain between them. */
		access.desired = access.found - 1;
		if (access.found >= GLIBC_WAITER)
			access.desired -= GLIBC_WAITER;
		result = words_access(semaphore, swap_both, &access);
		if (result == 0 && access.swapped)
			return 0;
	}
	glibc_waiter(semaphore, false, &access);
	return result;
}

/* ---- musl ---- */

/* How many wait; counted apart from the value, so only a hint to who posts. */
static int musl_waiters(const struct sem_futex *semaphore, uint32_t *waiters)
{
	struct access access = {.word = MUSL_WAITERS_WORD};
	int result = words_access(semaphore, load_word, &access);

	*waiters = (uint32_t)access.found;
	return result;
}

static int musl_post(const struct sem_futex *semaphore, unsigned count)
{
	struct access access = {.word = MUSL_VALUE_WORD};
	int result = words_access(semaphore, load_word, &access);

	while (result == 0) {
		bool all;
		uint32_t waiters;

		if ((access.found & MUSL_VALUE) + count > SEM_VALUE_MAX)
			return -EOVERFLOW;
		result = musl_waiters(semaphore, &waiters);
		if (result < 0)
			return result;
		/* Who is woken and finds nothing sets the bit again: waking all is right. */
		all = count > 1 || waiters <= 1;
		access.desired = access.found + count;
		if (all)
			access.desired &= ~(uint64_t)MUSL_SLEEPERS;
		result = words_access(semaphore, swap_word, &access);
		if (result < 0 || !access.swapped)
			continue;
		if (access.found & MUSL_SLEEPERS)
			futex_wake(semaphore, MUSL_VALUE_WORD, all ? INT_MAX : 1);
		return 0;
	}
	return result;
}

static int musl_take(const struct sem_futex *semaphore, unsigned most)
{
	struct access access = {.word = MUSL_VALUE_WORD};
	int result = words_access(semaphore, load_word, &access);

	while (result == 0) {
		unsigned value = (unsigned)access.found & MUSL_VALUE;
		unsigned count = value < most ? value : most;

		if (count == 0)
			return -EAGAIN;
		access.desired = access.found - count;
		result = words_access(semaphore, swap_word, &access);
		if (result == 0 && access.swapped)
			return (int)count;
	}
	return result;
}

static int musl_waiter(const struct sem_futex *semaphore, bool waits)
{
	struct access access = {.word = MUSL_WAITERS_WORD};
	int result = words_access(semaphore, load_word, &access);

	while (result == 0) {
		if (!waits && access.found == 0)
			return 0;
		access.desired = waits ? access.found + 1 : access.found - 1;
		result = words_access(semaphore, swap_word, &access);
		if (result == 0 && access.swapped)
			return 0;
	}
	return result;
}

/* Sets the top bit of a value of 0 and sleeps; -EINTR; -EIO. */
static int musl_sleep(const struct sem_futex *semaphore)
{
	struct access access = {.word = MUSL_VALUE_WORD, .found = 0, .desired = MUSL_SLEEPERS};
	int result = words_access(semaphore, swap_word, &access);

	return result < 0 ? result : futex_wait(semaphore, MUSL_VALUE_WORD, MUSL_SLEEPERS);
}

static int musl_wait(const struct sem_futex *semaphore)
{
	for (;;) {
		int result = musl_take(semaphore, 1);

		if (result != -EAGAIN)
			return result < 0 ? result : 0;
		result = musl_waiter(semaphore, true);
		if (result < 0)
			return result;
		result = musl_sleep(semaphore);
		musl_waiter(semaphore, false);
		if (result < 0)
			return result;
	}
}

/* ---- either ---- */

int sem_futex_open(int fd, bool writable, struct sem_futex **opened)
{
	struct sem_futex semaphore, *copy;
	struct access shared = {.word = SHARED_WORD};
	struct stat st;
	int result;

	bus_unblock();
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(sem_t))
		return -EINVAL;
	semaphore.words = mmap(NULL, sizeof(sem_t), PROT_READ | (writable ? PROT_WRITE : 0),
			       MAP_SHARED, fd, 0);
	if (semaphore.words == MAP_FAILED)
		return -errno;
	result = words_access(&semaphore, load_word, &shared);
	if (result < 0)
		goto fail;
	result = -EINVAL;
	if (shared.found == GLIBC_SHARED)
		semaphore.layout = LAYOUT_GLIBC;
	else if (shared.found == MUSL_SHARED)
		semaphore.layout = LAYOUT_MUSL;
	else
		goto fail;
	result = -ENOMEM;
	copy = malloc(sizeof(*copy));
	if (!copy)
		goto fail;
	*copy = semaphore;
	*opened = copy;
	return 0;
fail:
	munmap(semaphore.words, sizeof(sem_t));
	return result;
}

void sem_futex_close(struct sem_futex *semaphore)
{
	munmap(semaphore->words, sizeof(sem_t));
	free(semaphore);
}

int sem_futex_post(struct sem_futex *semaphore, unsigned count)
{
	bus_unblock();
	return semaphore->layout == LAYOUT_GLIBC ? glibc_post(semaphore, count)
						 : musl_post(semaphore, count);
}

int sem_futex_take(struct sem_futex *semaphore, unsigned most)
{
	bus_unblock();
	return semaphore->layout == LAYOUT_GLIBC ? glibc_take(semaphore, most)
						 : musl_take(semaphore, most);
}

int sem_futex_try(struct sem_futex *semaphore)
{
	int taken = sem_futex_take(semaphore, 1);

	return taken < 0 ? taken : 0;
}

int sem_futex_wait(struct sem_futex *semaphore)
{
	bus_unblock();
	return semaphore->layout == LAYOUT_GLIBC ? glibc_wait(semaphore) : musl_wait(semaphore);
}

int sem_futex_value(const struct sem_futex *semaphore, unsigned *value, unsigned *waiters)
{
	struct access access = {.word = MUSL_VALUE_WORD};
	uint32_t waiting = 0;
	int result;

	bus_unblock();
	if (semaphore->layout == LAYOUT_GLIBC) {
		result = words_access(semaphore, load_both, &access);
		*value = (unsigned)(access.found & GLIBC_VALUE);
		*waiters = (unsigned)(access.found >> 32);
		return result;
	}
	result = words_access(semaphore, load_word, &access);
	if (result == 0)
		result = musl_waiters(semaphore, &waiting);
	if (result < 0)
		return result;
	*value = (unsigned)access.found & MUSL_VALUE;
	*waiters = waiting;
	return 0;
}
