/*
 * test_shm_ring.c - the producer and the consumer of every textbook: a ring of shared memory, with
 * places `in` and `out`, in shm/ring/data.
 *
 * First two semaphores of the tree count the free and the full places: each turn is a P and a V by
 * write(2), as echo does it.  Then both spin instead.  RING_ITEMS and RING_SPIN_ITEMS in the
 * environment say how many items go through.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PLACES = 64, LIMIT = 100 };

struct ring {
	_Atomic uint64_t in;  /* items put in so far; the next goes to place in % PLACES */
	_Atomic uint64_t out; /* items taken out so far */
	uint64_t items[PLACES];
};

static uint64_t items_from_environment(const char *name, uint64_t otherwise)
{
	const char *said = getenv(name);

	return said ? strtoull(said, NULL, 10) : otherwise;
}

/* Both programs begin so, whichever comes first. */
static struct ring *attach_ring(void)
{
	int fd = open(MOUNT "/shm/ring/data", O_RDWR);
	struct ring *ring;

	alarm(getenv("RING_ITEMS") || getenv("RING_SPIN_ITEMS") ? 0 : LIMIT);
	need(fd >= 0);
	need(ftruncate(fd, sizeof(struct ring)) == 0);
	ring = mmap(NULL, sizeof(*ring), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(ring != MAP_FAILED);
	close(fd);
	return ring;
}

/* An item that cannot be right by chance. */
static uint64_t item_of(uint64_t number)
{
	return number * 0x9e3779b97f4a7c15u + 1;
}

static void operate(int semaphore, const char *operation)
{
	need(write(semaphore, operation, 1) == 1);
}

/* ---- with semaphores ---- */

static int produce(void *count)
{
	struct ring *ring = attach_ring();
	int empty = open(MOUNT "/sem/empty/op", O_WRONLY);
	int full = open(MOUNT "/sem/full/op", O_WRONLY);

	need(empty >= 0 && full >= 0);
	for (uint64_t n = 0; n < *(uint64_t *)count; n++) {
		uint64_t in = atomic_load_explicit(&ring->in, memory_order_relaxed);

		operate(empty, "P");
		ring->items[in % PLACES] = item_of(n);
		atomic_store_explicit(&ring->in, in + 1, memory_order_release);
		operate(full, "V");
	}
	return 0;
}

static int consume(void *count)
{
	struct ring *ring = attach_ring();
	int empty = open(MOUNT "/sem/empty/op", O_WRONLY);
	int full = open(MOUNT "/sem/full/op", O_WRONLY);

	need(empty >= 0 && full >= 0);
	for (uint64_t n = 0; n < *(uint64_t *)count; n++) {
		uint64_t out = atomic_load_explicit(&ring->out, memory_order_relaxed);

		operate(full, "P");
		need(ring->items[out % PLACES] == item_of(n));
		ring->items[out % PLACES] = 0;
		atomic_store_explicit(&ring->out, out + 1, memory_order_release);
		operate(empty, "V");
	}
	return 0;
}

/* ---- spinning ---- */

static void spin(unsigned *spins)
{
	if (++*spins % 64 == 0)
		sched_yield();
}

static int produce_spinning(void *count)
{
	struct ring *ring = attach_ring();
	unsigned spins = 0;

	for (uint64_t n = 0; n < *(uint64_t *)count; n++) {
		while (n - atomic_load_explicit(&ring->out, memory_order_acquire) == PLACES)
			spin(&spins);
		ring->items[n % PLACES] = item_of(n);
		atomic_store_explicit(&ring->in, n + 1, memory_order_release);
	}
	return 0;
}

static int consume_spinning(void *count)
{
	struct ring *ring = attach_ring();
	unsigned spins = 0;

	for (uint64_t n = 0; n < *(uint64_t *)count; n++) {
		while (n == atomic_load_explicit(&ring->in, memory_order_acquire))
			spin(&spins);
		need(ring->items[n % PLACES] == item_of(n));
		ring->items[n % PLACES] = 0;
		atomic_store_explicit(&ring->out, n + 1, memory_order_release);
	}
	return 0;
}

/* ---- both ---- */

static void run(int (*producer)(void *), int (*consumer)(void *), uint64_t count)
{
	pid_t produces, consumes;
	struct ring *ring;

	shm_make("ring", 0600);
	produces = spawn(producer, &count);
	consumes = spawn(consumer, &count);
	assert_int_equal(reap(produces), 0);
	assert_int_equal(reap(consumes), 0);
	/* None lost, none doubled, none left. */
	ring = shm_map("ring", sizeof(*ring));
	assert_int_equal(ring->in, count);
	assert_int_equal(ring->out, count);
	for (int i = 0; i < PLACES; i++)
		assert_int_equal(ring->items[i], 0);
	munmap(ring, sizeof(*ring));
	shm_remove("ring");
}

static void test_semaphores(void **state)
{
	char name[64];

	shm_needs_mapping();
	snprintf(name, sizeof(name), MOUNT "/sem/empty,value=%d", PLACES);
	assert_return_code(mkdir(name, 0600), errno);
	assert_return_code(mkdir(MOUNT "/sem/full,value=0", 0600), errno);
	run(produce, consume, items_from_environment("RING_ITEMS", 20000));
	assert_int_equal(get_number(MOUNT "/sem/empty/value"), PLACES);
	assert_int_equal(get_number(MOUNT "/sem/full/value"), 0);
	assert_return_code(rmdir(MOUNT "/sem/empty"), errno);
	assert_return_code(rmdir(MOUNT "/sem/full"), errno);
}

static void test_spinning(void **state)
{
	shm_needs_mapping();
	run(produce_spinning, consume_spinning, items_from_environment("RING_SPIN_ITEMS", 1000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_semaphores),
		cmocka_unit_test(test_spinning),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("shm ring", tests, fixture_mount, fixture_unmount);
}
