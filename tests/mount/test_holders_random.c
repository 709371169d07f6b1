/*
 * test_holders_random.c - processes that attach, map, open, fork and let go at random: holders
 * names exactly those that have the object, and how.
 *
 * HOLDERS_SEED repeats a run, HOLDERS_TURNS makes it longer.
 */
#include "holders_help.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKERS = 10, OBJECTS = 10, TURNS = 200 };

enum sort { SEGMENT, MEMORY, TREE_MEMORY, SEMAPHORE, QUEUE, PIPE, SOCKET };

static struct object {
	enum sort sort;
	const char *path; /* below the mount */
	int fd;           /* of a socket: the test's own */
} objects[OBJECTS] = {
	{SEGMENT, "shm/0x00000071", -1},
	{SEGMENT, "shm/0x00000072", -1},
	{MEMORY, "shm/one", -1},
	{MEMORY, "shm/posix:0x7", -1},
	{TREE_MEMORY, "shm/0x00000071", -1},
	{TREE_MEMORY, "shm/one", -1},
	{SEMAPHORE, "sem/lock", -1},
	{QUEUE, "mq/jobs", -1},
	{PIPE, "pipes/p", -1},
	{SOCKET, "sockets/unix/@holders-test", -1},
};

/* What a process has of an object. */
struct having {
	int map, fd; /* 0: nothing, 1: to read, 2: to read and write */
};

static struct worker {
	pid_t pid; /* 0: there is none */
	struct having has[OBJECTS];
} workers[WORKERS];

/* Made before the first of them: every worker's own end is its number's. */
static int commands[WORKERS][2], answers[2];
static pid_t test_pid;

struct command {
	char what; /* 'm'ap, 'u'nmap, 'o'pen, 'c'lose, 'f'ork, 'q'uit */
	int object, mode, worker;
};

/* ---- in a worker ---- */

static void *maps[OBJECTS];
static int fds[OBJECTS];

static int open_object(const struct object *object, int mode)
{
	const char *name = strchr(object->path, '/') + 1;
	int flags = (mode == 2 ? O_RDWR : O_RDONLY) | O_CLOEXEC;
	char path[300];
	int pidfd, fd;

	switch (object->sort) {
	case MEMORY:
		if (strncmp(name, "posix:", 6) == 0)
			name += 6;
		snprintf(path, sizeof(path), "/dev/shm/%s", name);
		return open(path, flags);
	case TREE_MEMORY:
		snprintf(path, sizeof(path), MOUNT "/%s/data", object->path);
		return open(path, flags);
	case SEMAPHORE:
		snprintf(path, sizeof(path), "/dev/shm/sem.%s", name);
		return open(path, flags);
	case QUEUE:
		snprintf(path, sizeof(path), "/%s", name);
		return mq_open(path, flags);
	case PIPE:
		snprintf(path, sizeof(path), "/run/ipcfs/%s", object->path);
		return open(path, flags | O_NONBLOCK);
	case SOCKET:
		pidfd = (int)syscall(SYS_pidfd_open, test_pid, 0);
		fd = (int)syscall(SYS_pidfd_getfd, pidfd, object->fd, 0);
		close(pidfd);
		return fd;
	case SEGMENT:
		break;
	}
	return -1;
}

static void *map_object(const struct object *object, int mode)
{
	void *memory;
	int fd;

	if (object->sort == SEGMENT) {
		int id = shmget((key_t)strtol(strrchr(object->path, '/') + 1, NULL, 16), 0, 0);

		memory = shmat(id, NULL, mode == 2 ? 0 : SHM_RDONLY);
		return memory == (void *)-1 ? NULL : memory;
	}
	fd = open_object(object, mode);
	memory =
		mmap(NULL, 4096, mode == 2 ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	return memory == MAP_FAILED ? NULL : memory;
}

static int unmap_object(const struct object *object, void *memory)
{
	return object->sort == SEGMENT ? shmdt(memory) : munmap(memory, 4096);
}

static void work(int number);

static int carry_out(const struct command *command)
{
	int at = command->object;
	pid_t pid;

	switch (command->what) {
	case 'm':
		maps[at] = map_object(&objects[at], command->mode);
		return maps[at] ? 0 : -errno;
	case 'u':
		return unmap_object(&objects[at], maps[at]);
	case 'o':
		fds[at] = open_object(&objects[at], command->mode);
		return fds[at] < 0 ? -errno : 0;
	case 'c':
		return close(fds[at]);
	case 'f':
		/* The test is the subreaper of them all; sockets come from it. */
		pid = fork();
		if (pid == 0) {
			prctl(PR_SET_PDEATHSIG, 0);
			work(command->worker);
		}
		return pid;
	}
	return -EINVAL;
}

static void work(int number)
{
	struct command command;

	while (read(commands[number][0], &command, sizeof(command)) == sizeof(command) &&
	       command.what != 'q') {
		int result = carry_out(&command);

		if (write(answers[1], &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

/* ---- in the test ---- */

static int order(int worker, struct command command)
{
	int result;

	assert_int_equal(write(commands[worker][1], &command, sizeof(command)), sizeof(command));
	assert_int_equal(read(answers[0], &result, sizeof(result)), sizeof(result));
	return result;
}

static bool can_map(enum sort sort)
{
	return sort == SEGMENT || sort == MEMORY || sort == TREE_MEMORY || sort == SEMAPHORE;
}

static bool can_open(enum sort sort)
{
	return sort != SEGMENT && sort != SEMAPHORE;
}

/* One worker does one thing more, or the contrary of what it has done. */
static void turn(void)
{
	int number = rand() % WORKERS, at = rand() % OBJECTS, mode = 1 + rand() % 2;
	struct worker *worker = &workers[number];
	struct having *having = &worker->has[at];

	if (!worker->pid)
		return;
	if (rand() % 8 == 0) {
		int other = rand() % WORKERS, result;

		if (workers[other].pid)
			return;
		result = order(number, (struct command){'f', 0, 0, other});
		assert_true(result > 0);
		workers[other] = *worker;
		workers[other].pid = result;
	} else if (rand() % 16 == 0 && number != 0) {
		struct command quit = {'q', 0, 0, 0};

		/* Its parent may be a worker: the zombie has let go of everything all the same. */
		if (rand() % 2)
			kill(worker->pid, SIGKILL);
		else
			assert_int_equal(write(commands[number][1], &quit, sizeof(quit)),
					 sizeof(quit));
		*worker = (struct worker){0};
	} else if (can_map(objects[at].sort) && (rand() % 2 || !can_open(objects[at].sort))) {
		assert_int_equal(
			order(number, (struct command){having->map ? 'u' : 'm', at, mode, 0}), 0);
		having->map = having->map ? 0 : mode;
	} else if (can_open(objects[at].sort)) {
		assert_int_equal(
			order(number, (struct command){having->fd ? 'c' : 'o', at, mode, 0}), 0);
		having->fd = having->fd ? 0 : mode;
	}
}

/* What holders is to say of a worker and the object at @path; empty: nothing. */
static void expected_how(const struct worker *worker, const char *path, char how[80])
{
	int map = 0, read = 0, write = 0;

	for (int i = 0; i < OBJECTS; i++) {
		const struct having *having = &worker->has[i];

		if (strcmp(objects[i].path, path) != 0)
			continue;
		if (having->map > map)
			map = having->map;
		read |= having->fd > 0;
		write |= having->fd == 2;
	}
	snprintf(how, 80, "%s%s%s",
		 map == 2 ? "mem-rw"
		 : map    ? "mem-r"
			  : "",
		 map && read ? "," : "",
		 read && write ? "read-write"
		 : read        ? "read"
			       : "");
}

/* Workers that were told to end have let go when nothing but their zombies is left. */
static void reap_ended(void)
{
	bool left = true;

	while (left) {
		siginfo_t ended = {.si_pid = 0};

		if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG) < 0 || ended.si_pid == 0)
			left = false;
	}
}

static bool is_as_expected(const char *path)
{
	static struct holder_list list;
	bool is_socket = strncmp(path, "sockets/", 8) == 0, right = true;
	size_t expected = is_socket; /* the test has it too */
	char file[300];

	snprintf(file, sizeof(file), "%s/holders", path);
	holders_read(file, false, &list);
	for (int i = 0; i < WORKERS && right; i++) {
		const struct holder_line *line = holder_find(&list, NULL, workers[i].pid);
		char how[80];

		expected_how(&workers[i], path, how);
		if (!workers[i].pid || !*how)
			continue;
		expected++;
		if (is_socket)
			right = line && strncmp(line->how, "fd=", 3) == 0;
		else
			right = line && strcmp(line->how, how) == 0;
	}
	return right && list.count == expected && list.hidden == 0;
}

static bool is_expected(void *context)
{
	reap_ended();
	return is_as_expected(context);
}

/* In the file of a kind, or of all kinds, every object has the lines that its own file has. */
static void check_together(const char *file, const char *prefix)
{
	static struct holder_list all, one;

	holders_read(file, true, &all);
	for (int i = 0; i < OBJECTS; i++) {
		const char *object = objects[i].path + strlen(prefix);
		char path[300];
		size_t count = 0;

		if (strncmp(objects[i].path, prefix, strlen(prefix)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/holders", objects[i].path);
		holders_read(path, false, &one);
		for (size_t j = 0; j < all.count; j++)
			count += strcmp(all.lines[j].object, object) == 0;
		assert_int_equal(count, one.count);
		for (size_t j = 0; j < one.count; j++) {
			const struct holder_line *line =
				holder_find(&all, object, one.lines[j].pid);

			assert_non_null(line);
			assert_string_equal(line->how, one.lines[j].how);
		}
	}
}

static void make_objects(void)
{
	static const char *const made[] = {"shm/0x71,size=8192",
					   "shm/0x72,size=8192",
					   "shm/one,size=8192",
					   "shm/posix:0x7,size=8192",
					   "sem/lock",
					   "mq/jobs",
					   "pipes/p"};
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "\0holders-test"};
	int fd;

	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++) {
		char path[300];

		snprintf(path, sizeof(path), MOUNT "/%s", made[i]);
		if (mkdir(path, 0600) < 0)
			fail_msg("%s: %s", path, strerror(errno));
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&address,
				(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 13)),
			   errno);
	assert_return_code(listen(fd, 1), errno);
	objects[OBJECTS - 1].fd = fd;
}

static int first_worker(void *argument)
{
	/* What the test has is not the worker's. */
	close(objects[OBJECTS - 1].fd);
	prctl(PR_SET_PDEATHSIG, 0);
	work(0);
	return 0;
}

static void test_random(void **state)
{
	const char *seed_text = getenv("HOLDERS_SEED"), *turns_text = getenv("HOLDERS_TURNS");
	unsigned seed = seed_text ? (unsigned)atoi(seed_text) : (unsigned)getpid();
	int turns = turns_text ? atoi(turns_text) : TURNS;

	print_message("HOLDERS_SEED=%u\n", seed);
	srand(seed);
	test_pid = getpid();
	make_objects();
	assert_return_code(pipe(answers), errno);
	for (int i = 0; i < WORKERS; i++)
		assert_return_code(pipe(commands[i]), errno);
	workers[0].pid = spawn(first_worker, NULL);
	for (int i = 0; i < turns; i++) {
		char *path = (char *)objects[rand() % OBJECTS].path;

		turn();
		/* A process that is told to end takes its time. */
		if (!is_as_expected(path))
			wait_until(is_expected, path, path);
		if (i % 20 == 19) {
			for (int j = 0; j < OBJECTS; j++)
				wait_until(is_expected, (char *)objects[j].path, objects[j].path);
			check_together("shm/holders", "shm/");
			check_together("mq/holders", "mq/");
			check_together("sem/holders", "sem/");
			check_together("holders", "");
		}
	}
	for (int i = 0; i < WORKERS; i++)
		if (workers[i].pid)
			kill(workers[i].pid, SIGKILL);
	close(objects[OBJECTS - 1].fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests(tests, fixture_mount, fixture_unmount);
}
