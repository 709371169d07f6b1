/*
 * test_shm_locks.c - flock and fcntl locks on data exclude processes; on channels there are none.
 */
#include "shm_help.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { KEY = 0x1234, LIMIT = 30 };

static const char *const objects[] = {"0x1234", "locked"};

static int make_objects(void **state)
{
	shm_make("0x1234,size=16K", 0600);
	shm_make("locked,size=16K", 0600);
	return 0;
}

static int remove_objects(void **state)
{
	shm_remove("0x1234");
	shm_remove("locked");
	return 0;
}

static int record_lock(int fd, int command, short type, off_t start)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = 100};

	return fcntl(fd, command, &lock);
}

/* A child with a lock, which says when it has it and goes on when told, or is killed. */
struct holder {
	const char *object;
	bool record;   /* fcntl's lock, not flock */
	bool by_close; /* gives it back by closing some descriptor of the file */
	int says[2], told[2];
};

static int hold(void *argument)
{
	struct holder *holder = argument;
	int fd = open(shm_path(holder->object, "data"), O_RDWR);
	char byte = 'h';

	alarm(LIMIT);
	close(holder->told[1]);
	need(fd >= 0);
	need((holder->record ? record_lock(fd, F_SETLK, F_WRLCK, 0) : flock(fd, LOCK_EX)) == 0);
	need(write(holder->says[1], &byte, 1) == 1);
	need(read(holder->told[0], &byte, 1) == 1);
	if (!holder->by_close)
		need((holder->record ? record_lock(fd, F_SETLK, F_UNLCK, 0) : flock(fd, LOCK_UN)) ==
		     0);
	else if (holder->record)
		close(open(shm_path(holder->object, "data"), O_RDONLY));
	else
		close(fd);
	need(write(holder->says[1], &byte, 1) == 1);
	need(read(holder->told[0], &byte, 1) == 1);
	return 0;
}

static void await(struct holder *holder)
{
	char byte;

	assert_int_equal(read(holder->says[0], &byte, 1), 1);
}

static void tell(struct holder *holder)
{
	assert_int_equal(write(holder->told[1], "t", 1), 1);
}

static pid_t start_holder(struct holder *holder)
{
	pid_t pid;

	assert_return_code(pipe2(holder->says, O_CLOEXEC), errno);
	assert_return_code(pipe2(holder->told, O_CLOEXEC), errno);
	pid = spawn(hold, holder);
	close(holder->says[1]);
	close(holder->told[0]);
	await(holder);
	return pid;
}

static void forget_holder(struct holder *holder)
{
	close(holder->says[0]);
	close(holder->told[1]);
}

static int try_lock(int fd, bool record)
{
	return record ? record_lock(fd, F_SETLK, F_WRLCK, 50) : flock(fd, LOCK_EX | LOCK_NB);
}

static void is_refused(int fd, bool record)
{
	assert_int_equal(try_lock(fd, record), -1);
	assert_true(errno == EAGAIN || errno == EACCES);
}

static void unlock(int fd, bool record)
{
	assert_return_code(record ? record_lock(fd, F_SETLK, F_UNLCK, 50) : flock(fd, LOCK_UN),
			   errno);
}

/* Held, refused to others, given back by unlocking, by closing, and by kill -9. */
static void test_exclusion(void **state)
{
	for (int way = 0; way < 12; way++) {
		struct holder holder = {
			.object = objects[way & 1], .record = way & 2, .by_close = (way >> 2) == 1};
		bool killed = way >> 2 == 2;
		pid_t pid = start_holder(&holder);
		int fd = shm_open_data(holder.object, O_RDWR);

		is_refused(fd, holder.record);
		if (holder.record) {
			struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

			assert_return_code(fcntl(fd, F_GETLK, &lock), errno);
			assert_int_equal(lock.l_type, F_WRLCK);
			assert_int_equal(lock.l_pid, pid);
			assert_int_equal(lock.l_start, 0);
			assert_int_equal(lock.l_len, 100);
			/* Beyond those bytes it is free. */
			assert_return_code(record_lock(fd, F_SETLK, F_WRLCK, 100), errno);
			assert_return_code(record_lock(fd, F_SETLK, F_UNLCK, 100), errno);
		}
		if (killed) {
			kill(pid, SIGKILL);
			assert_int_equal(reap(pid), -SIGKILL);
		} else {
			tell(&holder);
			await(&holder);
		}
		/* Of a close the kernel tells a moment later what flock held: that is waited for.
		 */
		assert_return_code(holder.record ? try_lock(fd, true) : flock(fd, LOCK_EX), errno);
		unlock(fd, holder.record);
		if (!killed) {
			tell(&holder);
			assert_int_equal(reap(pid), 0);
		}
		close(fd);
		forget_holder(&holder);
	}
}

/* Reached by key or by id, by another spelling of the name, read-only: it is the same file. */
static void test_same_file_by_any_name(void **state)
{
	char number[16];
	const char *names[][3] = {{"0x1234", "0x00001234", number},
				  {"locked", "posix:locked", NULL}};

	snprintf(number, sizeof(number), "%d", shmget(KEY, 0, 0));
	for (int i = 0; i < 2; i++)
		for (int record = 0; record < 2; record++) {
			struct holder holder = {.object = objects[i], .record = record};
			pid_t pid = start_holder(&holder);

			for (int n = 0; n < 3 && names[i][n]; n++) {
				int fd = shm_open_data(names[i][n], O_RDWR);

				is_refused(fd, record);
				close(fd);
			}
			int fd = shm_open_data(objects[i], O_RDONLY);
			assert_int_equal(record ? record_lock(fd, F_SETLK, F_RDLCK, 0)
						: flock(fd, LOCK_SH | LOCK_NB),
					 -1);
			close(fd);
			kill(pid, SIGKILL);
			assert_int_equal(reap(pid), -SIGKILL);
			forget_holder(&holder);
		}
}

/* The lock is the object's: one of the same name made later is another file. */
static void test_made_anew(void **state)
{
	struct holder holder = {.object = "fleeting"};
	pid_t pid;
	int fd;

	shm_make("fleeting,size=4K", 0600);
	pid = start_holder(&holder);
	shm_remove("fleeting");
	shm_make("fleeting,size=4K", 0600);
	fd = shm_open_data("fleeting", O_RDWR);
	assert_return_code(flock(fd, LOCK_EX | LOCK_NB), errno);
	close(fd);
	shm_remove("fleeting");
	kill(pid, SIGKILL);
	assert_int_equal(reap(pid), -SIGKILL);
	forget_holder(&holder);
}

struct waiter {
	const char *object;
	bool record;
};

static void on_alarm(int signal)
{
}

static int wait_for_lock(struct waiter *waiter)
{
	int fd = open(shm_path(waiter->object, "data"), O_RDWR);

	need(fd >= 0);
	return waiter->record ? record_lock(fd, F_SETLKW, F_WRLCK, 0) : flock(fd, LOCK_EX);
}

static int waits_till_it_has_it(void *waiter)
{
	alarm(LIMIT);
	need(wait_for_lock(waiter) == 0);
	return 0;
}

static int waits_till_a_signal(void *waiter)
{
	const struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART */

	need(sigaction(SIGUSR1, &action, NULL) == 0);
	alarm(LIMIT);
	need(wait_for_lock(waiter) < 0 && errno == EINTR);
	return 0;
}

/* Who waits gets it when it is given back; a signal, handled or not, ends the wait. */
static void test_waiting(void **state)
{
	for (int way = 0; way < 4; way++) {
		struct holder holder = {.object = objects[way & 1], .record = way & 2};
		struct waiter waiter = {objects[way & 1], way & 2};
		pid_t pid = start_holder(&holder), handled, killed, lucky;

		handled = spawn(waits_till_a_signal, &waiter);
		shm_wait_until_lock_waited(handled);
		killed = spawn(waits_till_it_has_it, &waiter);
		shm_wait_until_lock_waited(killed);
		lucky = spawn(waits_till_it_has_it, &waiter);
		shm_wait_until_lock_waited(lucky);
		/* Nobody else is held up by who waits. */
		shm_daemon_answers();
		char byte;
		int fd = shm_open_data(waiter.object, O_RDWR);
		assert_int_equal(pread(fd, &byte, 1, 0), 1);
		assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
		close(fd);
		kill(handled, SIGUSR1);
		assert_int_equal(reap(handled), 0);
		kill(killed, SIGKILL);
		assert_int_equal(reap(killed), -SIGKILL);
		shm_wait_until_lock_waited(lucky);
		tell(&holder);
		assert_int_equal(reap(lucky), 0);
		tell(&holder);
		assert_int_equal(reap(pid), 0);
		forget_holder(&holder);
	}
}

/* Shared locks go together. */
static void test_shared(void **state)
{
	for (int i = 0; i < 2; i++) {
		int one = shm_open_data(objects[i], O_RDONLY);
		int two = shm_open_data(objects[i], O_RDONLY);

		/* Somebody may have closed it a moment ago. */
		assert_return_code(flock(one, LOCK_SH), errno);
		assert_return_code(flock(two, LOCK_SH | LOCK_NB), errno);
		assert_int_equal(flock(two, LOCK_EX | LOCK_NB), -1);
		assert_int_equal(errno, EWOULDBLOCK);
		close(one);
		/* The kernel tells of the close a moment later: that is waited for. */
		assert_return_code(flock(two, LOCK_EX), errno);
		close(two);
	}
}

/* Locks of open file descriptions, which no process's close gives back but the last. */
static void test_descriptions(void **state)
{
	for (size_t i = 0; i < sizeof(objects) / sizeof(*objects); i++) {
		const char *path = shm_path(objects[i], "data");
		int one = open(path, O_RDWR | O_CLOEXEC), two = open(path, O_RDWR | O_CLOEXEC),
		    copy;

		assert_return_code(one, errno);
		assert_return_code(two, errno);
		assert_return_code(record_lock(one, F_OFD_SETLK, F_WRLCK, 0), errno);
		assert_int_equal(record_lock(two, F_OFD_SETLK, F_WRLCK, 50), -1);
		assert_int_equal(errno, EAGAIN);
		copy = dup(one);
		close(one);
		assert_int_equal(record_lock(two, F_OFD_SETLK, F_WRLCK, 50), -1);
		close(copy);
		alarm(LIMIT);
		assert_return_code(record_lock(two, F_OFD_SETLKW, F_WRLCK, 50), errno);
		alarm(0);
		close(two);
	}
}

/* ---- a file with many locks ---- */

enum { FILE_LOCKS = 8000, OWNERS = 400, LOOKS = 10, MOST = 100 };

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

/* What asking who keeps the first byte from being locked takes at the least. */
static int64_t shortest_look(int fd, int command, pid_t *pid)
{
	int64_t shortest = INT64_MAX;

	for (int i = 0; i < LOOKS; i++) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
		int64_t start = now(), took;

		assert_return_code(fcntl(fd, command, &lock), errno);
		took = now() - start;
		assert_int_equal(lock.l_type, F_RDLCK);
		if (pid)
			*pid = lock.l_pid;
		if (took < shortest)
			shortest = took;
	}
	return shortest;
}

static void lock_byte(int fd, off_t at)
{
	struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	assert_return_code(fcntl(fd, F_OFD_SETLK, &lock), errno);
}

/*
 * The kernel walks all locks of a file for each question, and there may be many: of who has locked
 * it here only a few are asked, one after the other, whether the lock is theirs.
 */
static void test_many_locks(void **state)
{
	int plain = open("/dev/shm/locked", O_RDWR | O_CLOEXEC), fds[OWNERS], fd;
	struct rlimit files;
	int64_t native;
	pid_t pid = -1;

	assert_return_code(plain, errno);
	assert_return_code(getrlimit(RLIMIT_NOFILE, &files), errno);
	files.rlim_cur = files.rlim_max;
	assert_return_code(setrlimit(RLIMIT_NOFILE, &files), errno);
	/* With a gap in between, or they would be one. */
	for (off_t i = 1; i <= FILE_LOCKS; i++)
		lock_byte(plain, 2 * i);
	for (int i = 0; i < OWNERS; i++) {
		fds[i] = shm_open_data("locked", O_RDWR);
		lock_byte(fds[i], 0);
	}
	fd = open("/dev/shm/locked", O_RDWR | O_CLOEXEC);
	assert_return_code(fd, errno);
	native = shortest_look(fd, F_OFD_GETLK, NULL);
	close(fd);
	fd = shm_open_data("locked", O_RDWR);
	assert_in_range(shortest_look(fd, F_GETLK, &pid), 1, MOST * native);
	/* That it cannot be known whose it is. */
	assert_int_equal(pid, 0);
	close(fd);
	for (int i = 0; i < OWNERS; i++)
		close(fds[i]);
	close(plain);
}

static void test_channels_have_none(void **state)
{
	int fd;

	assert_return_code(mkdir(MOUNT "/mq/q", 0600), errno);
	fd = open(MOUNT "/mq/q/each", O_RDWR);
	assert_return_code(fd, errno);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, ENOLCK);
	assert_int_equal(record_lock(fd, F_SETLK, F_WRLCK, 0), -1);
	assert_int_equal(errno, ENOLCK);
	assert_int_equal(flock(fd, LOCK_EX), -1);
	assert_int_equal(errno, ENOLCK);
	close(fd);
	assert_return_code(rmdir(MOUNT "/mq/q"), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_exclusion, make_objects, remove_objects),
		cmocka_unit_test_setup_teardown(test_same_file_by_any_name, make_objects,
						remove_objects),
		cmocka_unit_test(test_made_anew),
		cmocka_unit_test_setup_teardown(test_waiting, make_objects, remove_objects),
		cmocka_unit_test_setup_teardown(test_shared, make_objects, remove_objects),
		cmocka_unit_test_setup_teardown(test_descriptions, make_objects, remove_objects),
		cmocka_unit_test_setup_teardown(test_many_locks, make_objects, remove_objects),
		cmocka_unit_test(test_channels_have_none),
	};

	fixture_isolate();
	return shm_run_both_ways("shm locks", tests);
}
