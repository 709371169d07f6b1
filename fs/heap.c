/*
 * heap.c - the daemon's memory goes back to the system after a load.
 *
 * What has been freed malloc keeps, unless it is at the end of what it has: one small piece that
 * stays is enough to keep all before it.
 */
#include "heap.h"

#include <malloc.h>
#include <stdbool.h>

#include "common/clock.h"
#include "operation.h"

/*
 * Fewer leave too little for it to be looked for; and the threads that waited for them end within
 * so many nanoseconds after all but a quarter of them have gone.
 */
enum { MANY = 200 };
static const int64_t LINGER = INT64_C(8000000000);

/* The reactor's alone. */
static struct {
	unsigned most; /* that waited at one time, since it was last done */
	int64_t due;   /* clock_now; 0: it is not */
} heap;

/*
 * Threads that wait come and go, and glibc would spread them over eight arenas for each processor,
 * of which each keeps what it once had; and after the first large piece of memory that is freed it
 * would put the others into them, among small ones that stay.
 */
void heap_setup(void)
{
#ifdef M_ARENA_MAX
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
#endif
}

static void give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

int64_t heap_tick(void)
{
	unsigned most, count = operations_count(&most);
	int64_t now;

	if (most > heap.most)
		heap.most = most;
	if (heap.most < MANY || count > heap.most / 4) {
		heap.due = 0;
		return -1;
	}
	now = clock_now();
	if (!heap.due)
		heap.due = now + LINGER;
	if (now < heap.due)
		return heap.due - now;
	give_back();
	heap.most = count;
	heap.due = 0;
	return -1;
}
