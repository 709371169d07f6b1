/*
 * test_confined - what the kernel says of each thread of the daemon, of those too that are somebody
 * else at the moment, is what the documentation says.
 */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../confinement_md.h"

enum { USER = 1234 };

/* The figures of one thread, from proc_pid_status(5). */
struct thread {
	unsigned long long permitted, effective, inheritable, ambient, bounding;
	unsigned euid, no_new_privs, seccomp;
};

static void thread_read(pid_t pid, const char *thread, struct thread *found)
{
	char path[300], line[512];
	unsigned seen = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, thread);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		seen += sscanf(line, "CapPrm: %llx", &found->permitted) == 1;
		seen += sscanf(line, "CapEff: %llx", &found->effective) == 1;
		seen += sscanf(line, "CapInh: %llx", &found->inheritable) == 1;
		seen += sscanf(line, "CapAmb: %llx", &found->ambient) == 1;
		seen += sscanf(line, "CapBnd: %llx", &found->bounding) == 1;
		seen += sscanf(line, "NoNewPrivs: %u", &found->no_new_privs) == 1;
		seen += sscanf(line, "Seccomp: %u", &found->seccomp) == 1;
		seen += sscanf(line, "Uid: %*u %u", &found->euid) == 1;
	}
	fclose(file);
	assert_int_equal(seen, 8);
}

/* What this program itself has: the daemon can't have more than its parent. */
static struct thread parent;

/* Looks at all threads; how many there are, and how many of them are @euid with @effective. */
static unsigned look_at_all(unsigned euid, uint64_t effective, unsigned *those)
{
	const uint64_t kept = confinement_capabilities();
	const struct dirent *entry;
	unsigned all = 0;
	char path[40];
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)fixture_daemon());
	tasks = opendir(path);
	assert_non_null(tasks);
	*those = 0;
	while ((entry = readdir(tasks))) {
		struct thread thread;

		if (entry->d_name[0] == '.')
			continue;
		thread_read(fixture_daemon(), entry->d_name, &thread);
		assert_int_equal(thread.permitted, kept & parent.permitted);
		assert_int_equal(thread.bounding, kept & parent.bounding);
		assert_int_equal(thread.effective & ~thread.permitted, 0);
		assert_int_equal(thread.inheritable, 0);
		assert_int_equal(thread.ambient, 0);
		assert_int_equal(thread.no_new_privs, 1);
		assert_int_equal(thread.seccomp, CONFINED_CALLS ? 2 : 0);
		all++;
		*those += thread.euid == euid && thread.effective == effective;
	}
	closedir(tasks);
	return all;
}

static int take_as_user(void *unused)
{
	if (setgid(USER) < 0 || setuid(USER) < 0)
		return errno;
	return -put(MOUNT "/sem/0x4d2/op", "P");
}

static void test_every_thread(void **state)
{
	const uint64_t all = confinement_capabilities() & parent.permitted;
	unsigned before, daemons, users;
	pid_t waiting;

	before = look_at_all(0, all, &daemons);
	assert_true(before >= 3);
	assert_int_equal(daemons, before);
	/* A thread that waits as a user, with what that user has. */
	assert_return_code(mkdir(MOUNT "/sem/0x4d2,value=0", 0666), errno);
	waiting = spawn(take_as_user, NULL);
	wait_until_parked(waiting);
	/* The daemon makes the thread a moment after the client has begun to wait. */
	for (int tries = 0; look_at_all(USER, 0, &users) <= before || users < 1; tries++) {
		assert_true(tries < 10000);
		usleep(1000);
	}
	assert_int_equal(put(MOUNT "/sem/0x4d2/op", "V"), 0);
	assert_int_equal(reap(waiting), 0);
	assert_return_code(rmdir(MOUNT "/sem/0x4d2"), errno);
}

/* Names of users, of hosts, and the time zone are read by libraries, when they are first needed. */
static void test_libraries(void **state)
{
	static char text[65536];
	int fd;

	assert_return_code(mkdir(MOUNT "/mq/confined", 0600), errno);
	assert_true(get(MOUNT "/status", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "root"));
	assert_true(get(MOUNT "/mq/status.times", text, sizeof(text)) > 0);
	assert_true(get(MOUNT "/holders", text, sizeof(text)) >= 0);
	fd = open(MOUNT "/sockets/tcp/connect/localhost:1", O_RDWR | O_CLOEXEC);
	assert_int_equal(fd, -1);
	assert_int_equal(errno, ECONNREFUSED);
	assert_true(get(MOUNT "/errors", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "localhost:1"));
	assert_return_code(rmdir(MOUNT "/mq/confined"), errno);
}

/* A process of its own, by which a user is charged, begins with the same. */
static void test_no_core(void **state)
{
	struct rlimit own, cores;

	assert_return_code(getrlimit(RLIMIT_CORE, &own), errno);
	assert_return_code(prlimit(fixture_daemon(), RLIMIT_CORE, NULL, &cores), errno);
	assert_int_equal(cores.rlim_cur, cores.rlim_max);
	assert_true(cores.rlim_max == 1 || (!own.rlim_max && !cores.rlim_max));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_thread),
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_no_core),
	};
	char own[16];

	fixture_isolate();
	fixture_isolate_network();
	snprintf(own, sizeof(own), "%d", (int)getpid());
	thread_read(getpid(), own, &parent);
	return cmocka_run_group_tests_name("confined", tests, fixture_mount, fixture_unmount);
}
