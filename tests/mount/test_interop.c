/*
 * test_interop.c - programs that know nothing of the tree, on the other side of it.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY = 0x41, COUNT = 3000 };

struct message {
	long type;
	char text[256];
};

/* What echo sends, mq_receive and msgrcv read; what mq_send and msgsnd send, cat reads. */
static void test_messages(void **state)
{
	struct message message;
	char text[8192];
	unsigned priority;
	mqd_t queue;
	int id;

	assert_return_code(mkdir(MOUNT "/mq/q", 0600), errno);
	assert_return_code(mkdir(MOUNT "/mq/0x41", 0600), errno);
	queue = mq_open("/q", O_RDWR);
	assert_return_code(queue, errno);
	id = msgget(KEY, 0);
	assert_return_code(id, errno);

	assert_int_equal(put(MOUNT "/mq/q/prio/7", "hello\n"), 0);
	assert_int_equal(mq_receive(queue, text, sizeof(text), &priority), 6);
	assert_memory_equal(text, "hello\n", 6);
	assert_int_equal(priority, 7);
	assert_return_code(mq_send(queue, "there", 5, 3), errno);
	assert_int_equal(get(MOUNT "/mq/q/framed", text, sizeof(text)), 19);
	assert_string_equal(text, "prio=3 size=5\nthere");

	assert_int_equal(put(MOUNT "/mq/0x41/type/9", "hello\n"), 0);
	assert_int_equal(msgrcv(id, &message, sizeof(message.text), 9, 0), 6);
	assert_memory_equal(message.text, "hello\n", 6);
	message.type = 5;
	assert_return_code(msgsnd(id, &message, 5, 0), errno);
	assert_int_equal(get(MOUNT "/mq/0x41/framed", text, sizeof(text)), 19);
	assert_string_equal(text, "type=5 size=5\nhello");

	/* Empty messages are messages. */
	assert_return_code(mq_send(queue, "", 0, 0), errno);
	assert_return_code(msgsnd(id, &message, 0, 0), errno);
	assert_int_equal(get(MOUNT "/mq/q/data", text, sizeof(text)), 0);
	assert_int_equal(get(MOUNT "/mq/0x41/data", text, sizeof(text)), 0);
	assert_int_equal(put(MOUNT "/mq/q/framed", "size=0\n"), 0);
	assert_int_equal(put(MOUNT "/mq/0x41/framed", "type=2 size=0\n"), 0);
	assert_int_equal(mq_receive(queue, text, sizeof(text), NULL), 0);
	assert_int_equal(msgrcv(id, &message, sizeof(message.text), 2, 0), 0);

	mq_close(queue);
	assert_return_code(rmdir(MOUNT "/mq/q"), errno);
	assert_return_code(rmdir(MOUNT "/mq/0x41"), errno);
}

/* A queue of another program, with sizes that nobody here chose. */
static void test_strange_queues(void **state)
{
	static const struct mq_attr sizes[] = {{.mq_maxmsg = 1, .mq_msgsize = 1},
					       {.mq_maxmsg = 10, .mq_msgsize = 8192},
					       {.mq_maxmsg = 3, .mq_msgsize = 7}};
	char text[10000];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = (size_t)sizes[i].mq_msgsize;
		mqd_t queue = mq_open("/strange", O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600,
				      &sizes[i]);

		assert_return_code(queue, errno);
		memset(text, 'x', sizeof(text));
		assert_return_code(mq_send(queue, text, size, 0), errno);
		assert_int_equal(get_number(MOUNT "/mq/strange/msgsize"), size);
		assert_int_equal(get_number(MOUNT "/mq/strange/maxmsg"), sizes[i].mq_maxmsg);
		assert_int_equal(get_number(MOUNT "/mq/strange/bytes"), size);
		assert_int_equal(get(MOUNT "/mq/strange/data", text, sizeof(text)), size);
		memset(text, 'y', sizeof(text));
		assert_int_equal(put_bytes(MOUNT "/mq/strange/data", text, size + 1), -EMSGSIZE);
		assert_int_equal(get_number(MOUNT "/mq/strange/messages"), 0);
		assert_int_equal(put_bytes(MOUNT "/mq/strange/data", text, size), 0);
		assert_int_equal(mq_receive(queue, text, sizeof(text), NULL), size);
		mq_close(queue);
		assert_return_code(mq_unlink("/strange"), errno);
	}
}

static int wait_and_post(void *unused)
{
	sem_t *request = sem_open("/request", 0), *answer = sem_open("/answer", 0);

	if (request == SEM_FAILED || answer == SEM_FAILED)
		return errno;
	for (int i = 0; i < COUNT; i++)
		if (sem_wait(request) < 0 || sem_post(answer) < 0)
			return errno;
	return 0;
}

/* Hand-overs between the C library's semaphores and the tree's, both ways. */
static void test_posix_semaphores(void **state)
{
	pid_t pid;
	sem_t *made;
	int value, request, answer;

	assert_return_code(mkdir(MOUNT "/sem/request,value=0", 0600), errno);
	made = sem_open("/answer", O_CREAT | O_EXCL, 0600, 0);
	assert_ptr_not_equal(made, SEM_FAILED);
	pid = spawn(wait_and_post, NULL);
	request = open(MOUNT "/sem/request/op", O_WRONLY);
	answer = open(MOUNT "/sem/answer/op", O_WRONLY);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(write(request, "V", 1), 1);
		assert_int_equal(write(answer, "P\n", 2), 2);
	}
	assert_int_equal(reap(pid), 0);
	close(request);
	close(answer);
	assert_return_code(sem_post(made), errno);
	assert_int_equal(get_number(MOUNT "/sem/answer/value"), 1);
	assert_int_equal(put(MOUNT "/sem/answer/op", "+5"), 0);
	assert_return_code(sem_getvalue(made, &value), errno);
	assert_int_equal(value, 6);
	sem_close(made);
	assert_return_code(rmdir(MOUNT "/sem/request"), errno);
	assert_return_code(rename(MOUNT "/sem/answer", MOUNT "/sem/reply"), errno);
	made = sem_open("/reply", 0);
	assert_ptr_not_equal(made, SEM_FAILED);
	sem_close(made);
	assert_return_code(rmdir(MOUNT "/sem/reply"), errno);
}

static int set_and_take(void *unused)
{
	struct sembuf take[] = {{0, -1, 0}, {1, -1, 0}}, give = {2, 1, 0};
	int id = semget(KEY, 0, 0);

	for (int i = 0; i < COUNT; i++)
		if (semop(id, take, 2) < 0 || semop(id, &give, 1) < 0)
			return errno;
	return 0;
}

static void test_system_v_semaphores(void **state)
{
	pid_t pid;
	int fd, id;

	assert_return_code(mkdir(MOUNT "/sem/0x41,nsems=3,value=0", 0600), errno);
	id = semget(KEY, 0, 0);
	assert_return_code(id, errno);
	pid = spawn(set_and_take, NULL);
	fd = open(MOUNT "/sem/0x41/op", O_WRONLY);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(write(fd, "0:+1 1:+1", 9), 9);
		assert_int_equal(write(fd, "2:-1", 4), 4);
	}
	assert_int_equal(reap(pid), 0);
	close(fd);
	assert_int_equal(semctl(id, 0, SETVAL, 5), 0);
	assert_int_equal(get_number(MOUNT "/sem/0x41/0/value"), 5);
	assert_int_equal(put(MOUNT "/sem/0x41/value", "7 8 9\n"), 0);
	assert_int_equal(semctl(id, 1, GETVAL), 8);
	assert_return_code(semctl(id, 0, IPC_RMID), errno);
	assert_int_equal(rmdir(MOUNT "/sem/0x41"), -1);
	assert_int_equal(errno, ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_strange_queues),
		cmocka_unit_test(test_posix_semaphores),
		cmocka_unit_test(test_system_v_semaphores),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("interop", tests, fixture_mount, fixture_unmount);
}
