/*
 * test_sem_channel.c - op and hold against the kernel: waiting, undoing, removal, holders.
 */
#include <limits.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/inotify.h>
#include <sys/prctl.h>

#include "sem_fixture.h"
#include "sem/sem_futex.h"

union semun {
	int val;
};

static int set_id(const char *name)
{
	return (int)sem_at(name).object;
}

static void set_value(const char *name, int value)
{
	assert_int_equal(semctl(set_id(name), 0, SETVAL, (union semun){.val = value}), 0);
}

static void test_sysv_op(void **state)
{
	struct channel_handle op;
	size_t long_size = 2 * 501;
	char *long_list = malloc(long_size + 1);

	assert_int_equal(sem_mkdir("0x1,value=1:0:5", 0600), 0);
	op = handle_opened("0x1", "op");
	assert_int_equal(op.channel->ready(op.state), POLLIN | POLLOUT);
	assert_int_equal(handle_write(&op, "P\n", false), 0);
	assert_shows("0x1", "value", "0 0 5\n");
	assert_int_equal(op.channel->ready(op.state), POLLIN);
	assert_int_equal(handle_write(&op, "P", false), -EAGAIN);
	/* All or nothing. */
	assert_int_equal(handle_write(&op, "2:-5 1:+3 0:P", false), -EAGAIN);
	assert_shows("0x1", "value", "0 0 5\n");
	assert_int_equal(handle_write(&op, "2:-5, 1:+3 0:V,0:P", false), 0);
	assert_shows("0x1", "value", "0 3 0\n");
	assert_int_equal(handle_write(&op, "0 2:0", false), 0);
	assert_int_equal(handle_write(&op, "1:0", false), -EAGAIN);
	/* A call that may wait: n is final. */
	assert_int_equal(handle_write(&op, "Pn", true), -EAGAIN);
	assert_int_equal(handle_write(&op, "1:P 0:Pn", true), -EAGAIN);
	assert_shows("0x1", "value", "0 3 0\n");
	/* Errors, each with its reason. */
	assert_int_equal(handle_write(&op, "3:V", false), -EFBIG);
	assert_non_null(strstr(call.reason, "0 to 2"));
	assert_int_equal(handle_write(&op, "1:+32767", false), -ERANGE);
	assert_int_equal(handle_write(&op, "x", false), -EINVAL);
	for (size_t i = 0; i < long_size; i++)
		long_list[i] = i % 2 ? ' ' : 'V';
	long_list[long_size] = '\0';
	assert_int_equal(handle_write(&op, long_list, false), -E2BIG);
	assert_non_null(strstr(call.reason, "SEMOPM is 500"));
	long_list[long_size - 2] = '\0';
	assert_int_equal(handle_write(&op, long_list, false), 0);
	assert_shows("0x1", "value", "500 3 0\n");
	free(long_list);
	assert_int_equal(op.channel->read(&call, op.state, &long_size, 1), 0);
	assert_int_equal(sem_rmdir("0x1"), 0);
	assert_int_equal(handle_write(&op, "V", false), -EIDRM);
	assert_int_equal(handle_write(&op, "Pu", true), -EIDRM);
	assert_int_equal(op.channel->ready(op.state), POLLIN | POLLOUT);
	handle_close(&op);
}

static void test_sysv_part(void **state)
{
	struct place set, part;
	struct channel_handle op;

	assert_int_equal(sem_mkdir("0x1,value=1:2", 0600), 0);
	set = sem_at("0x1");
	assert_int_equal(set.dir->find(&call, &set, "1", &part), 0);
	op.channel = sem_row(part.dir, "op")->channel;
	assert_int_equal(op.channel->open(&call, &part, O_WRONLY, &op.state), 0);
	assert_int_equal(handle_write(&op, "-2", false), 0);
	assert_int_equal(op.channel->ready(op.state), POLLIN);
	assert_int_equal(handle_write(&op, "1:V", false), 0);
	assert_int_equal(handle_write(&op, "0:V", false), -EINVAL);
	assert_shows("0x1", "value", "1 1\n");
	handle_close(&op);
	assert_int_equal(sem_rmdir("0x1"), 0);
}

/* Waits in the kernel's own queue; ended by the operation, a signal, or the object's removal. */
static void test_sysv_wait(void **state)
{
	struct waiter waiter = {.text = "P"};
	struct channel_handle op;

	assert_int_equal(sem_mkdir("0x1,value=0", 0600), 0);
	waiter.handle = op = handle_opened("0x1", "op");
	waiter_start(&waiter);
	await_waiters("0x1", 1);
	assert_int_equal(handle_write(&op, "V", false), 0);
	assert_int_equal(waiter_end(&waiter), 0);
	assert_shows("0x1", "value", "0\n");

	waiter_start(&waiter);
	await_waiters("0x1", 1);
	assert_int_equal(waiter_cancel(&waiter), -EINTR);
	assert_shows("0x1", "value", "0\n");
	assert_shows("0x1", "ncount", "0\n");

	/* An n that cannot be done later, when what was waited for has come. */
	waiter.text = "P 0:0n";
	waiter_start(&waiter);
	await_waiters("0x1", 1);
	assert_int_equal(handle_write(&op, "+2", false), 0);
	assert_int_equal(waiter_end(&waiter), -EAGAIN);
	assert_shows("0x1", "value", "2\n");

	waiter.text = "-3u";
	waiter_start(&waiter);
	await_waiters("0x1", 1);
	assert_int_equal(sem_rmdir("0x1"), 0);
	assert_int_equal(waiter_end(&waiter), -EIDRM);
	handle_close(&op);
}

static void test_undo(void **state)
{
	struct channel_handle op, other;

	assert_int_equal(sem_mkdir("0x1,value=5:5", 0600), 0);
	op = handle_opened("0x1", "op");
	other = handle_opened("0x1", "op");
	assert_int_equal(handle_write(&op, "-2u 1:+3u 0:-1", false), 0);
	assert_int_equal(handle_write(&op, "Pu", false), 0);
	assert_int_equal(handle_write(&other, "Pu", false), 0);
	assert_shows("0x1", "value", "0 8\n");
	assert_int_equal(handle_write(&op, "Pu", false), -EAGAIN);
	handle_close(&op);
	assert_shows("0x1", "value", "3 5\n");
	handle_close(&other);
	assert_shows("0x1", "value", "4 5\n");

	/* The clamps: not below 0, not over SEMVMX. */
	op = handle_opened("0x1", "op");
	other = handle_opened("0x1", "op");
	assert_int_equal(handle_write(&op, "+10u 1:-5u", false), 0);
	assert_int_equal(handle_write(&other, "-12 1:+32766", false), 0);
	assert_shows("0x1", "value", "2 32766\n");
	handle_close(&op);
	assert_shows("0x1", "value", "0 32767\n");
	handle_close(&other);

	/* More than one short, there and back; SEMAEM bounds what is to be undone. */
	assert_int_equal(semctl(set_id("0x1"), 1, SETVAL, (union semun){.val = 0}), 0);
	op = handle_opened("0x1", "op");
	assert_int_equal(handle_write(&op, "+32767u", false), 0);
	assert_int_equal(handle_write(&op, "-32767", false), 0);
	assert_int_equal(handle_write(&op, "+2u", false), -ERANGE);
	assert_int_equal(handle_write(&op, "V", false), 0);
	handle_close(&op);
	assert_shows("0x1", "value", "0 0\n");

	/* Removed meanwhile: nothing to undo. */
	op = handle_opened("0x1", "op");
	assert_int_equal(handle_write(&op, "Vu", false), 0);
	assert_int_equal(sem_rmdir("0x1"), 0);
	handle_close(&op);
}

/* SETVAL makes the kernel forget what a process had to undo; handles are as processes there. */
static void test_undo_forgotten(void **state)
{
	struct channel_handle first, second, third;
	struct waiter waiter = {.text = "Pu"};

	assert_int_equal(sem_mkdir("0x1", 0600), 0);
	first = handle_opened("0x1", "hold");
	set_value("0x1", 1);
	handle_close(&first);
	assert_shows("0x1", "value", "1\n");

	/* The second took after the reset: its own is undone, whichever closes first. */
	first = handle_opened("0x1", "hold");
	set_value("0x1", 1);
	second = handle_opened("0x1", "hold");
	handle_close(&first);
	assert_shows("0x1", "value", "0\n");
	handle_close(&second);
	assert_shows("0x1", "value", "1\n");

	first = handle_opened("0x1", "hold");
	set_value("0x1", 1);
	second = handle_opened("0x1", "hold");
	handle_close(&second);
	assert_shows("0x1", "value", "1\n");
	handle_close(&first);
	assert_shows("0x1", "value", "1\n");

	/* With a waiter in the queue, whom the reset let through, and one still there. */
	first = handle_opened("0x1", "hold");
	waiter.handle = second = handle_opened("0x1", "op");
	waiter_start(&waiter);
	await_waiters("0x1", 1);
	set_value("0x1", 1);
	assert_int_equal(waiter_end(&waiter), 0);
	waiter.handle = third = handle_opened("0x1", "op");
	waiter_start(&waiter);
	await_waiters("0x1", 1);
	handle_close(&first);
	assert_shows("0x1", "value", "0\n");
	assert_shows("0x1", "ncount", "1\n");
	handle_close(&second);
	assert_int_equal(waiter_end(&waiter), 0);
	handle_close(&third);
	assert_shows("0x1", "value", "1\n");

	/* Of posts too, and of both signs. */
	first = handle_opened("0x1", "op");
	assert_int_equal(handle_write(&first, "+5u", false), 0);
	set_value("0x1", 10);
	handle_close(&first);
	assert_shows("0x1", "value", "10\n");
	first = handle_opened("0x1", "op");
	second = handle_opened("0x1", "op");
	assert_int_equal(handle_write(&first, "+5u", false), 0);
	assert_int_equal(handle_write(&second, "-3u", false), 0);
	handle_close(&second);
	assert_shows("0x1", "value", "15\n");
	handle_close(&first);
	assert_shows("0x1", "value", "10\n");
	assert_int_equal(sem_rmdir("0x1"), 0);
}

static void *take_and_leave(void *context)
{
	struct channel_handle *handle = context;

	handle->channel = NULL;
	if (handle_open("0x1", "hold", true, handle) < 0)
		abort();
	return NULL;
}

/*
 * A daemon that is killed: the kernel undoes what is open, and only that; threads that came and
 * went before make no difference.
 */
static void test_undo_of_a_killed(void **state)
{
	int id, status, pipes[2];
	pid_t child;

	assert_int_equal(sem_mkdir("0x1,value=100", 0600), 0);
	id = set_id("0x1");
	assert_int_equal(pipe(pipes), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct channel_handle handles[20];
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 20; i++) {
			if (pthread_create(&thread, NULL, take_and_leave, &handles[i]) != 0)
				abort();
			pthread_join(thread, NULL);
		}
		for (int i = 0; i < 13; i++)
			handle_close(&handles[i]);
		if (write(pipes[1], "", 1) != 1)
			abort();
		for (;;)
			pause();
	}
	assert_int_equal(read(pipes[0], &status, 1), 1);
	assert_int_equal(semctl(id, 0, GETVAL), 93);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(semctl(id, 0, GETVAL), 100);
	close(pipes[0]);
	close(pipes[1]);
	assert_int_equal(sem_rmdir("0x1"), 0);
}

static char *holders(const char *name)
{
	int error;
	char *text = place_show(sem_at(name), "hold", &error);

	assert_int_equal(error, 0);
	return text;
}

static void hold_any(const char *name)
{
	struct channel_handle first, second;
	struct waiter waiter = {.name = name, .file = "hold"};
	char *text, expected[128], comm[32] = "";

	first = handle_opened(name, "hold");
	assert_int_equal(handle_open(name, "hold", false, &second), -EAGAIN);
	assert_int_equal(handle_write(&first, "P", false), -EOPNOTSUPP);
	assert_int_equal(first.channel->read(&call, first.state, comm, 1), 0);
	assert_int_equal(first.channel->ready(first.state), POLLIN | POLLOUT);
	text = holders(name);
	/* A space inside is no odd byte: the command comes last. */
	snprintf(expected, sizeof(expected), "%d root hold odd name\\134\\377\n", getpid());
	assert_string_equal(text, expected);
	free(text);

	waiter_start(&waiter);
	await_waiters(name, 1);
	assert_int_equal(waiter_cancel(&waiter), -EINTR);
	waiter_start(&waiter);
	await_waiters(name, 1);
	handle_close(&first);
	assert_int_equal(waiter_end(&waiter), 0);
	assert_shows(name, "value", "0\n");
	handle_close(&waiter.handle);
	assert_shows(name, "value", "1\n");
	text = holders(name);
	assert_string_equal(text, "");
	free(text);
}

static void test_hold(void **state)
{
	assert_int_equal(prctl(PR_SET_NAME, "odd name\\\xff"), 0);
	assert_int_equal(sem_mkdir("0x1", 0600), 0);
	assert_int_equal(sem_mkdir("lock", 0600), 0);
	hold_any("0x1");
	hold_any("lock");
	assert_int_equal(sem_rmdir("0x1"), 0);
	assert_int_equal(sem_rmdir("lock"), 0);
}

static void test_posix_op(void **state)
{
	struct channel_handle op, other;
	struct waiter waiter = {.text = "P"};

	assert_int_equal(sem_mkdir("lock", 0600), 0);
	waiter.handle = op = handle_opened("lock", "op");
	assert_int_equal(op.channel->ready(op.state), POLLIN | POLLOUT);
	assert_int_equal(handle_write(&op, "P\n", false), 0);
	assert_int_equal(op.channel->ready(op.state), POLLIN);
	assert_int_equal(handle_write(&op, "-1", false), -EAGAIN);
	assert_int_equal(handle_write(&op, "Pn", true), -EAGAIN);
	assert_int_equal(handle_write(&op, "+3", false), 0);
	assert_shows("lock", "value", "3\n");
	assert_int_equal(handle_write(&op, "-2", false), -EOPNOTSUPP);
	assert_int_equal(handle_write(&op, "0", false), -EOPNOTSUPP);
	assert_int_equal(handle_write(&op, "P V", false), -EOPNOTSUPP);
	assert_int_equal(handle_write(&op, "1:P", false), -EINVAL);
	assert_shows("lock", "value", "3\n");

	/* u, there and back. */
	other = handle_opened("lock", "op");
	assert_int_equal(handle_write(&other, "Pu", false), 0);
	assert_int_equal(handle_write(&other, "Pu", false), 0);
	assert_int_equal(handle_write(&other, "P", false), 0);
	handle_close(&other);
	assert_shows("lock", "value", "2\n");
	other = handle_opened("lock", "op");
	assert_int_equal(handle_write(&other, "+5u", false), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(handle_write(&op, "P", false), 0);
	handle_close(&other);
	assert_shows("lock", "value", "0\n");

	waiter_start(&waiter);
	await_waiters("lock", 1);
	assert_int_equal(waiter_cancel(&waiter), -EINTR);
	assert_shows("lock", "ncount", "0\n");
	waiter_start(&waiter);
	await_waiters("lock", 1);
	assert_int_equal(handle_write(&op, "V", false), 0);
	assert_int_equal(waiter_end(&waiter), 0);
	handle_close(&op);
	assert_int_equal(sem_rmdir("lock"), 0);

	assert_int_equal(sem_mkdir("full,value=2147483640", 0600), 0);
	op = handle_opened("full", "op");
	assert_int_equal(handle_write(&op, "+8", false), -EOVERFLOW);
	assert_non_null(strstr(call.reason, "2147483647"));
	assert_int_equal(handle_write(&op, "Pu", false), 0);
	assert_int_equal(handle_write(&op, "+8", false), 0);
	handle_close(&op); /* no room left to undo in: the value stays what it may be at most */
	assert_shows("full", "value", "2147483647\n");
	assert_int_equal(sem_rmdir("full"), 0);
}

static int removals_read(void)
{
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t size = read(sem_kind.removals(), buffer, sizeof(buffer));

	return size < 0 ? -errno : size > 0;
}

static void test_posix_removal(void **state)
{
	struct waiter waiter = {.text = "P"}, holder = {.name = "lock", .file = "hold"};
	struct channel_handle op;
	struct place place;

	while (removals_read() > 0)
		;
	assert_int_equal(sem_mkdir("lock,value=0", 0600), 0);
	assert_int_equal(removals_read(), -EAGAIN);
	waiter.handle = op = handle_opened("lock", "op");
	assert_int_equal(op.channel->gone(op.state), 0);
	waiter_start(&waiter);
	waiter_start(&holder);
	await_waiters("lock", 2);
	assert_int_equal(sem_rmdir("lock"), 0);
	assert_true(removals_read() > 0);
	assert_int_equal(op.channel->gone(op.state), -EIDRM);
	/* Nobody wakes them but who hears of the removal. */
	assert_int_equal(waiter_cancel(&waiter), -EIDRM);
	assert_int_equal(waiter_cancel(&holder), -EIDRM);
	assert_int_equal(handle_write(&op, "V", false), -EIDRM);
	assert_int_equal(handle_write(&op, "P", true), -EIDRM);
	assert_int_equal(op.channel->ready(op.state), POLLIN | POLLOUT);
	handle_close(&op);

	/* Another renamed over it removes it too. */
	assert_int_equal(sem_mkdir("lock", 0600), 0);
	assert_int_equal(sem_mkdir("other", 0600), 0);
	op = handle_opened("lock", "op");
	while (removals_read() > 0)
		;
	place = sem_at("other");
	assert_int_equal(place.dir->rename(&call, &place, "lock", 0), 0);
	assert_true(removals_read() > 0);
	assert_int_equal(op.channel->gone(op.state), -EIDRM);
	handle_close(&op);
	assert_int_equal(sem_rmdir("lock"), 0);
}

static void test_posix_cut(void **state)
{
	struct channel_handle op, hold;
	int error;

	assert_int_equal(sem_futex_setup(), 0); /* the test library took SIGBUS */
	assert_int_equal(sem_mkdir("lock,value=3", 0600), 0);
	op = handle_opened("lock", "op");
	hold = handle_opened("lock", "hold");
	assert_int_equal(handle_write(&op, "Pu", false), 0);
	assert_int_equal(truncate("/dev/shm/sem.lock", 0), 0);
	assert_int_equal(handle_write(&op, "P", false), -EIO);
	assert_non_null(strstr(call.reason, "cut short"));
	assert_int_equal(handle_write(&op, "V", true), -EIO);
	assert_int_equal(op.channel->ready(op.state), POLLIN | POLLOUT);
	assert_null(place_show(sem_at("lock"), "value", &error));
	assert_int_equal(error, -EINVAL);
	handle_close(&hold);
	handle_close(&op);
	assert_int_equal(sem_rmdir("lock"), 0);
}

#define HAND_OVERS 3000

/* A process with the C library's own calls: takes what op gives and gives what op takes. */
static void test_posix_with_glibc(void **state)
{
	struct channel_handle to, from;
	int status;
	pid_t child;

	assert_int_equal(sem_mkdir("to,value=0", 0600), 0);
	assert_int_equal(sem_mkdir("from,value=0", 0600), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		sem_t *one = sem_open("/to", 0), *other = sem_open("/from", 0);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < HAND_OVERS; i++)
			if (sem_wait(one) < 0 || sem_post(other) < 0)
				_exit(1);
		_exit(0);
	}
	to = handle_opened("to", "op");
	from = handle_opened("from", "op");
	for (int i = 0; i < HAND_OVERS; i++) {
		assert_int_equal(handle_write(&to, "V", false), 0);
		assert_int_equal(handle_write(&from, "P", true), 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	handle_close(&to);
	handle_close(&from);
	assert_int_equal(sem_rmdir("to"), 0);
	assert_int_equal(sem_rmdir("from"), 0);
}

static void *hold_often(void *context)
{
	struct channel_handle handle;
	int *inside = context;

	for (int i = 0; i < 500; i++) {
		if (handle_open("0x1", i % 2 ? "hold" : "op", true, &handle) < 0 ||
		    (i % 2 == 0 && handle_write(&handle, "Pu", true) < 0))
			return handle.state;
		if (__atomic_fetch_add(inside, 1, __ATOMIC_SEQ_CST) != 0)
			abort();
		__atomic_fetch_sub(inside, 1, __ATOMIC_SEQ_CST);
		handle_close(&handle);
	}
	return NULL;
}

/* A lock that several threads hold in turn, by opening or by Pu: never two at once, never none. */
static void test_contention(void **state)
{
	pthread_t threads[4];
	int inside = 0;
	void *failed;

	assert_int_equal(sem_mkdir("0x1", 0600), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hold_often, &inside), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	assert_shows("0x1", "value", "1\n");
	assert_int_equal(sem_rmdir("0x1"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysv_op),
		cmocka_unit_test(test_sysv_part),
		cmocka_unit_test(test_sysv_wait),
		cmocka_unit_test(test_undo),
		cmocka_unit_test(test_undo_forgotten),
		cmocka_unit_test(test_undo_of_a_killed),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_posix_op),
		cmocka_unit_test(test_posix_removal),
		cmocka_unit_test(test_posix_cut),
		cmocka_unit_test(test_posix_with_glibc),
		cmocka_unit_test(test_contention),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
