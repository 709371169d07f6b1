/*
 * inject.c - makes one of the process's requests for memory, or for a thread, fail.
 */
#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Those of a sanitizer if there is one, else those of the C library. */
void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t count, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *memory, size_t size) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

enum { FRAMES = 48 };

/* Some are called before a sanitizer has set itself up. */
#define EARLY __attribute__((no_sanitize("address", "undefined")))

static struct {
	atomic_int what;
	atomic_long left; /* until the one that fails */
	atomic_bool by_place;
	unsigned occurrences;
	atomic_uint run;
	atomic_bool failed;
	volatile char *told;
	void *frames[FRAMES];
	int frames_count;
	int (*pthread_create)(pthread_t *thread, const pthread_attr_t *attributes,
			      void *(*start)(void *), void *argument);
} inject;

static _Thread_local unsigned paused;

/* Where requests were made: by the addresses that the call would return to. */

enum { PLACES = 1 << 14, CALLERS_DEEP = 16 };

static struct place_of_call {
	uint64_t callers;  /* a hash; 0: free */
	unsigned run, met; /* so often in this run */
	unsigned failed;
} places[PLACES];
static pthread_mutex_t places_lock = PTHREAD_MUTEX_INITIALIZER;

/* With the lock held. */
static struct place_of_call *place_of(void *const *frames, int count)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	size_t at;

	for (int i = 0; i < count; i++)
		hash = (hash ^ (uintptr_t)frames[i]) * UINT64_C(0x100000001b3);
	for (at = hash % PLACES; places[at].callers && places[at].callers != hash;)
		at = (at + 1) % PLACES;
	places[at].callers = hash;
	return &places[at];
}

static bool is_new(void *const *frames, int count)
{
	struct place_of_call *place;
	bool new;

	pthread_mutex_lock(&places_lock);
	place = place_of(frames, count < CALLERS_DEEP ? count : CALLERS_DEEP);
	if (place->run != inject.run)
		place->met = 0;
	place->run = inject.run;
	new = !inject.failed && place->met++ == place->failed && place->failed < inject.occurrences;
	place->failed += new;
	inject.failed = inject.failed || new;
	pthread_mutex_unlock(&places_lock);
	return new;
}

static bool is_wanted(void)
{
	void *frames[FRAMES];
	int count;
	bool wanted;

	if (!inject.by_place)
		wanted = atomic_fetch_sub(&inject.left, 1) == 1;
	else
		wanted = !inject.failed;
	if (!wanted)
		return false;
	count = backtrace(frames, FRAMES);
	if (inject.by_place && !is_new(frames, count))
		return false;
	memcpy(inject.frames, frames, sizeof(frames));
	inject.frames_count = count;
	inject.failed = true;
	if (inject.told)
		*inject.told = 'f';
	return true;
}

EARLY static bool fails(enum inject what)
{
	bool wanted;

	if (inject.what != (int)what || paused)
		return false;
	paused++;
	wanted = is_wanted();
	paused--;
	return wanted;
}

EARLY static bool no_memory(void)
{
	if (!fails(INJECT_MEMORY))
		return false;
	errno = ENOMEM;
	return true;
}

/* ---- what stands before the real ones ---- */

EARLY void *malloc(size_t size)
{
	if (no_memory())
		return NULL;
	return __interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size);
}

EARLY void *calloc(size_t count, size_t size)
{
	if (no_memory())
		return NULL;
	return __interceptor_calloc ? __interceptor_calloc(count, size)
				    : __libc_calloc(count, size);
}

EARLY void *realloc(void *memory, size_t size)
{
	if (no_memory())
		return NULL;
	return __interceptor_realloc ? __interceptor_realloc(memory, size)
				     : __libc_realloc(memory, size);
}

/* A sanitizer's own versions of these would take memory without asking any of those above. */

EARLY void *reallocarray(void *memory, size_t count, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(count, size, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(memory, all);
}

EARLY char *strndup(const char *text, size_t most)
{
	size_t length = strnlen(text, most);
	char *copy = malloc(length + 1);

	if (!copy)
		return NULL;
	copy[length] = '\0';
	return memcpy(copy, text, length);
}

EARLY char *strdup(const char *text)
{
	return strndup(text, strlen(text));
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
		   void *argument)
{
	if (!inject.pthread_create)
		inject.pthread_create =
			(typeof(inject.pthread_create))dlsym(RTLD_NEXT, "pthread_create");
	return fails(INJECT_THREAD) ? EAGAIN
				    : inject.pthread_create(thread, attributes, start, argument);
}

/*
 * A name that cannot be looked up now is shown as the number, as ipcs(1) does: no error, and not
 * what is shown without the fault.
 */

int getpwuid_r(uid_t uid, struct passwd *entry, char *room, size_t size, struct passwd **found)
{
	typeof(&getpwuid_r) real = (typeof(&getpwuid_r))dlsym(RTLD_NEXT, "getpwuid_r");
	int error;

	paused++;
	error = real(uid, entry, room, size, found);
	paused--;
	return error;
}

int getgrgid_r(gid_t gid, struct group *entry, char *room, size_t size, struct group **found)
{
	typeof(&getgrgid_r) real = (typeof(&getgrgid_r))dlsym(RTLD_NEXT, "getgrgid_r");
	int error;

	paused++;
	error = real(gid, entry, room, size, found);
	paused--;
	return error;
}

static long step(void)
{
	enum { DAY = 24 * 60 * 60 };
	static atomic_uint asked;

	return inject.what != INJECT_CLOCK || paused ? 0
	       : atomic_fetch_add(&asked, 1) % 2     ? DAY
						     : -DAY;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, id, now);

	if (!result && id == CLOCK_REALTIME)
		now->tv_sec += step();
	return result;
}

time_t time(time_t *now)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	if (now)
		*now = time.tv_sec;
	return time.tv_sec;
}

/* Asked by a sanitizer when a thread begins. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes)
{
	typeof(&pthread_getattr_np) real =
		(typeof(&pthread_getattr_np))dlsym(RTLD_NEXT, "pthread_getattr_np");
	int error;

	paused++;
	error = real(thread, attributes);
	paused--;
	return error;
}

/* ---- */

void inject_setup(void)
{
	paused = 1;
	/* The first takes memory and opens a library. */
	inject.frames_count = backtrace(inject.frames, FRAMES);
}

void inject_begin(enum inject what, unsigned long nth)
{
	inject.failed = false;
	inject.left = (long)nth;
	inject.by_place = !nth;
	inject.run++;
	inject.what = (int)what;
}

void inject_forget(unsigned occurrences)
{
	pthread_mutex_lock(&places_lock);
	inject.occurrences = occurrences;
	memset(places, 0, sizeof(places));
	pthread_mutex_unlock(&places_lock);
}

void inject_end(void)
{
	inject.what = INJECT_NOTHING;
}

bool inject_has_failed(void)
{
	return inject.failed;
}

void inject_tell(volatile char *told)
{
	inject.told = told;
}

void inject_pause(void)
{
	paused++;
}

void inject_resume(void)
{
	paused--;
}

void inject_show(void)
{
	if (inject.failed)
		backtrace_symbols_fd(inject.frames, inject.frames_count, STDERR_FILENO);
}
