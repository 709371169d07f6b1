/*
 * stress_load.c - a mixed load for a while: shells and programs at the same objects, stress-ng at
 * others, somebody who looks at everything, and one who kills clients at random.
 *
 * At the end every message is accounted for, each semaphore has the value that it began with,
 * nobody was in a section that was another's, and the daemon has the threads, descriptors and
 * memory that it had when the load had gone on for a fifth of the time.
 *
 * In the environment: LOAD_SECONDS (1800 by hand), LOAD_SEED, LOAD_SHELLS.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../mount/fixture.h"
#include "books.h"
#include "clients.h"
#include "load.h"
#include "memory_use.h"
#include "watchdog.h"

enum {
	SECONDS = 5,
	LONG = 60, /* seconds from which on time is taken for all threads to end in between */
	SHELLS = 50,
	KILL_EVERY = 40,       /* milliseconds */
	MEMORY_MORE = 4 << 20, /* bytes: what fragments and caches may differ by */
};

static unsigned number(const char *variable, unsigned otherwise)
{
	const char *value = getenv(variable);

	return value ? (unsigned)atol(value) : otherwise;
}

/* With nobody at work: threads that have nothing to do end after some seconds. */
static struct memory_use rest_of(const struct memory_use *before)
{
	const struct timespec pause = {0, 10000000};
	struct memory_use use;

	/* The watchdog bounds this. */
	while (use = memory_use(fixture_daemon()),
	       use.threads > before->threads || use.descriptors > before->descriptors)
		nanosleep(&pause, NULL);
	return use;
}

static void print_use(const char *when, const struct memory_use *use)
{
	printf("%-6s %6.1f MiB Pss, %zu threads, %zu descriptors\n", when,
	       (double)use->pss / (1 << 20), use->threads, use->descriptors);
}

static void test_load(void **state)
{
	unsigned seconds = number("LOAD_SECONDS", SECONDS);
	struct load_setting setting = {
		.seed = number("LOAD_SEED", (unsigned)time(NULL)),
		.shells = number("LOAD_SHELLS", SHELLS),
		.beside = true,
		.seconds = seconds + 60,
	};
	struct memory_use idle, warm, end;

	printf("LOAD_SEED=%u LOAD_SECONDS=%u\n", setting.seed, seconds);
	watchdog_expect(20, "making objects");
	clients_make_objects();
	clients_make_sockets();
	idle = memory_use(fixture_daemon());
	watchdog_expect(60 + seconds, "the first fifth");
	load_start(&setting);
	load_go_on(seconds * 200, KILL_EVERY);
	watchdog_expect(60, "all are made to rest");
	load_pause();
	warm = seconds < LONG ? memory_use(fixture_daemon()) : rest_of(&idle);
	watchdog_expect(60 + seconds, "the rest of it");
	load_resume();
	load_go_on(seconds * 800, KILL_EVERY);
	watchdog_expect(60, "all are made to rest again");
	load_pause();
	load_print();
	watchdog_expect(60, "what is left");
	load_end();
	clients_drain();
	clients_check_semaphores(false);
	end = rest_of(&idle);
	print_use("idle", &idle);
	print_use("warm", &warm);
	print_use("end", &end);
	load_check_books();
	if (!memory_has_sanitizer(fixture_daemon()))
		assert_in_range(end.pss, 0, warm.pss + MEMORY_MORE);
	watchdog_expect(0, "");
}

int main(void)
{
	return load_run("load", test_load);
}
