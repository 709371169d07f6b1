/*
 * test_users.c - the tree judges nobody otherwise than the kernel does.
 *
 * Each operation of each kind is done twice on objects that are alike: through the tree, and by the
 * system call itself, by a process of the same identity.  Both must end with the same errno.
 */
#include "matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
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

enum { KEY = 0x51 };

#define QUEUE MOUNT "/mq/0x51"
#define SET MOUNT "/sem/0x51"
#define POSIX_QUEUE MOUNT "/mq/u"
#define POSIX_SEM MOUNT "/sem/u"

/* ---- the operations ---- */

static int msg_id(void)
{
	return msgget(KEY, 0);
}

static int sem_id(void)
{
	return semget(KEY, 0, 0);
}

struct message {
	long type;
	char text[64];
};

static int tree_msg_send(void)
{
	return tree(put(QUEUE "/try/data", "x"));
}

static int direct_msg_send(void)
{
	struct message message = {1, "x"};

	return errno_of(msgsnd(msg_id(), &message, 1, IPC_NOWAIT));
}

static int tree_msg_receive(void)
{
	return tree_read(QUEUE "/try/data");
}

static int direct_msg_receive(void)
{
	struct message message;

	return errno_of(msgrcv(msg_id(), &message, sizeof(message.text), 0, IPC_NOWAIT));
}

static int tree_msg_remove(void)
{
	return errno_of(rmdir(QUEUE));
}

static int direct_msg_remove(void)
{
	return errno_of(msgctl(msg_id(), IPC_RMID, NULL));
}

static int tree_msg_chmod(void)
{
	return errno_of(chmod(QUEUE, 0606));
}

/* What everyone may know of a queue, so that IPC_SET can be tried without read permission. */
static struct msqid_ds known_queue;
static struct semid_ds known_set;

static int direct_msg_chmod(void)
{
	known_queue.msg_perm.mode = 0606;
	return errno_of(msgctl(msg_id(), IPC_SET, &known_queue));
}

static int tree_msg_chown(void)
{
	return errno_of(chown(QUEUE, OTHER, (gid_t)-1));
}

static int direct_msg_chown(void)
{
	known_queue.msg_perm.uid = OTHER;
	return errno_of(msgctl(msg_id(), IPC_SET, &known_queue));
}

static int tree_msg_limit(void)
{
	return tree(put(QUEUE "/qbytes", "100"));
}

static int direct_msg_limit(void)
{
	known_queue.msg_qbytes = 100;
	return errno_of(msgctl(msg_id(), IPC_SET, &known_queue));
}

static int tree_msg_raise_limit(void)
{
	return tree(put(QUEUE "/qbytes", "100000"));
}

static int direct_msg_raise_limit(void)
{
	known_queue.msg_qbytes = 100000;
	return errno_of(msgctl(msg_id(), IPC_SET, &known_queue));
}

static int tree_msg_peek(void)
{
	return tree_read(QUEUE "/peek/0.1");
}

static int direct_msg_peek(void)
{
	struct message message;

	return errno_of(msgrcv(msg_id(), &message, sizeof(message.text), 0,
			       MSG_COPY | IPC_NOWAIT | MSG_NOERROR));
}

static int tree_sem_take(void)
{
	return tree(put(SET "/try/op", "P"));
}

static int direct_sem_take(void)
{
	struct sembuf take = {0, -1, IPC_NOWAIT};

	return errno_of(semop(sem_id(), &take, 1));
}

static int tree_sem_hold(void)
{
	int fd = open(SET "/try/hold", O_WRONLY);

	return errno_of(fd);
}

static int direct_sem_hold(void)
{
	struct sembuf take = {0, -1, IPC_NOWAIT | SEM_UNDO};

	return errno_of(semop(sem_id(), &take, 1));
}

static int tree_sem_zero(void)
{
	return tree(put(SET "/try/op", "1:0"));
}

static int direct_sem_zero(void)
{
	struct sembuf zero = {1, 0, IPC_NOWAIT};

	return errno_of(semop(sem_id(), &zero, 1));
}

static int tree_sem_value(void)
{
	return tree_read(SET "/value");
}

static int direct_sem_value(void)
{
	return errno_of(semctl(sem_id(), 0, GETVAL));
}

static int tree_sem_pid(void)
{
	return tree_read(SET "/0/pid");
}

static int direct_sem_pid(void)
{
	return errno_of(semctl(sem_id(), 0, GETPID));
}

static int tree_sem_set(void)
{
	return tree(put(SET "/0/value", "3"));
}

static int direct_sem_set(void)
{
	return errno_of(semctl(sem_id(), 0, SETVAL, 3));
}

static int tree_sem_set_all(void)
{
	return tree(put(SET "/value", "3 4"));
}

static int direct_sem_set_all(void)
{
	unsigned short values[] = {3, 4};

	return errno_of(semctl(sem_id(), 0, SETALL, values));
}

static int tree_sem_remove(void)
{
	return errno_of(rmdir(SET));
}

static int direct_sem_remove(void)
{
	return errno_of(semctl(sem_id(), 0, IPC_RMID));
}

static int tree_sem_chmod(void)
{
	return errno_of(chmod(SET "/op", 0606));
}

static int direct_sem_chmod(void)
{
	known_set.sem_perm.mode = 0606;
	return errno_of(semctl(sem_id(), 0, IPC_SET, &known_set));
}

static int tree_mq_send(void)
{
	return tree(put(POSIX_QUEUE "/try/data", "x"));
}

static int direct_mq_send(void)
{
	mqd_t queue = mq_open("/u", O_WRONLY | O_NONBLOCK);

	return queue < 0 ? errno : errno_of(mq_send(queue, "x", 1, 0));
}

static int tree_mq_receive(void)
{
	return tree_read(POSIX_QUEUE "/try/data");
}

static int direct_mq_receive(void)
{
	char text[8192];
	mqd_t queue = mq_open("/u", O_RDONLY | O_NONBLOCK);

	return queue < 0 ? errno : errno_of(mq_receive(queue, text, sizeof(text), NULL));
}

static int tree_mq_both(void)
{
	return errno_of(open(POSIX_QUEUE "/each", O_RDWR));
}

static int direct_mq_both(void)
{
	return errno_of(mq_open("/u", O_RDWR));
}

static int tree_mq_figure(void)
{
	return tree_read(POSIX_QUEUE "/maxmsg");
}

static int direct_mq_figure(void)
{
	return errno_of(mq_open("/u", O_RDONLY));
}

static int tree_mq_remove(void)
{
	return errno_of(rmdir(POSIX_QUEUE));
}

static int direct_mq_remove(void)
{
	return errno_of(mq_unlink("/u"));
}

static int tree_posix_take(void)
{
	return tree(put(POSIX_SEM "/try/op", "P"));
}

static int direct_posix_take(void)
{
	sem_t *sem = sem_open("/u", 0);

	return sem == SEM_FAILED ? errno : errno_of(sem_trywait(sem));
}

static int tree_posix_value(void)
{
	return tree_read(POSIX_SEM "/value");
}

static int direct_posix_value(void)
{
	return errno_of(open("/dev/shm/sem.u", O_RDONLY));
}

static int tree_posix_chmod(void)
{
	return errno_of(chmod(POSIX_SEM, 0606));
}

static int direct_posix_chmod(void)
{
	return errno_of(chmod("/dev/shm/sem.u", 0606));
}

static int tree_posix_chown(void)
{
	return errno_of(chown(POSIX_SEM, OTHER, (gid_t)-1));
}

static int direct_posix_chown(void)
{
	return errno_of(chown("/dev/shm/sem.u", OTHER, (gid_t)-1));
}

static int tree_posix_remove(void)
{
	return errno_of(rmdir(POSIX_SEM));
}

static int direct_posix_remove(void)
{
	return errno_of(sem_unlink("/u"));
}

static const struct operation operations[] = {
	{"msgsnd", tree_msg_send, direct_msg_send},
	{"msgrcv", tree_msg_receive, direct_msg_receive},
	{"msgrcv MSG_COPY", tree_msg_peek, direct_msg_peek},
	{"msgctl IPC_RMID", tree_msg_remove, direct_msg_remove},
	{"msgctl IPC_SET mode", tree_msg_chmod, direct_msg_chmod},
	{"msgctl IPC_SET uid", tree_msg_chown, direct_msg_chown},
	{"msgctl IPC_SET qbytes", tree_msg_limit, direct_msg_limit},
	{"msgctl IPC_SET qbytes over msgmnb", tree_msg_raise_limit, direct_msg_raise_limit},
	{"semop", tree_sem_take, direct_sem_take},
	{"semop SEM_UNDO", tree_sem_hold, direct_sem_hold},
	{"semop zero", tree_sem_zero, direct_sem_zero},
	{"semctl GETVAL", tree_sem_value, direct_sem_value},
	{"semctl GETPID", tree_sem_pid, direct_sem_pid},
	{"semctl SETVAL", tree_sem_set, direct_sem_set},
	{"semctl SETALL", tree_sem_set_all, direct_sem_set_all},
	{"semctl IPC_RMID", tree_sem_remove, direct_sem_remove},
	{"semctl IPC_SET", tree_sem_chmod, direct_sem_chmod},
	{"mq_send", tree_mq_send, direct_mq_send},
	{"mq_receive", tree_mq_receive, direct_mq_receive},
	{"mq_open O_RDWR", tree_mq_both, direct_mq_both},
	{"mq_getattr", tree_mq_figure, direct_mq_figure},
	{"mq_unlink", tree_mq_remove, direct_mq_remove},
	{"sem_trywait", tree_posix_take, direct_posix_take},
	{"value of a POSIX semaphore", tree_posix_value, direct_posix_value},
	{"chmod of a POSIX semaphore", tree_posix_chmod, direct_posix_chmod},
	{"chown of a POSIX semaphore", tree_posix_chown, direct_posix_chown},
	{"sem_unlink", tree_posix_remove, direct_posix_remove},
};

/* ---- the objects ---- */

static int make_objects(void *argument)
{
	const struct identity owner = {"", OWNER, GROUP, 0, false};
	mode_t mode = (mode_t)(uintptr_t)argument;

	become(&owner);
	return mkdir(QUEUE, mode) < 0 || mkdir(SET ",nsems=2,value=1:0", mode) < 0 ||
			       mkdir(POSIX_QUEUE, mode) < 0 || mkdir(POSIX_SEM ",value=1", mode) < 0
		       ? errno
		       : 0;
}

static void remove_objects(void)
{
	msgctl(msgget(KEY, 0), IPC_RMID, NULL);
	semctl(semget(KEY, 0, 0), 0, IPC_RMID);
	mq_unlink("/u");
	sem_unlink("/u");
}

static void prepare(mode_t mode, bool given_away)
{
	struct message message = {1, "m"};
	mqd_t queue;

	remove_objects();
	assert_int_equal(reap(spawn(make_objects, (void *)(uintptr_t)mode)), 0);
	assert_return_code(msgsnd(msg_id(), &message, 1, IPC_NOWAIT), errno);
	queue = mq_open("/u", O_WRONLY | O_NONBLOCK);
	assert_return_code(queue, errno);
	assert_return_code(mq_send(queue, "m", 1, 0), errno);
	mq_close(queue);
	if (given_away) {
		assert_return_code(chown(QUEUE, NEW_OWNER, (gid_t)-1), errno);
		assert_return_code(chown(SET, NEW_OWNER, (gid_t)-1), errno);
		assert_return_code(chown(POSIX_QUEUE, NEW_OWNER, (gid_t)-1), errno);
		assert_return_code(chown(POSIX_SEM, NEW_OWNER, (gid_t)-1), errno);
	}
	assert_return_code(msgctl(msg_id(), IPC_STAT, &known_queue), errno);
	assert_return_code(semctl(sem_id(), 0, IPC_STAT, &known_set), errno);
}

static void test_same_errno(void **state)
{
	matrix_compare(operations, COUNT(operations), prepare);
	remove_objects();
}

static void test_new_objects_belong_to_the_caller(void **state)
{
	struct stat st;

	prepare(0600, false);
	assert_int_equal(known_queue.msg_perm.cuid, OWNER);
	assert_int_equal(known_queue.msg_perm.uid, OWNER);
	assert_int_equal(known_queue.msg_perm.cgid, GROUP);
	assert_int_equal(known_queue.msg_perm.mode & 0777, 0600);
	assert_int_equal(known_set.sem_perm.cuid, OWNER);
	assert_int_equal(known_set.sem_perm.uid, OWNER);
	assert_int_equal(known_set.sem_perm.mode & 0777, 0600);
	assert_return_code(stat("/dev/shm/sem.u", &st), errno);
	assert_int_equal(st.st_uid, OWNER);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_return_code(stat(POSIX_QUEUE "/wait/data", &st), errno);
	assert_int_equal(st.st_uid, OWNER);
	assert_int_equal(st.st_gid, GROUP);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_return_code(stat(QUEUE, &st), errno);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	remove_objects();
}

/* Everybody sees the refusals of his own only, root those of all. */
static int read_errors(void *argument)
{
	const struct identity other = {"", (uid_t)(uintptr_t)argument, OTHER, 0, false};
	char text[65536];

	become(&other);
	if (get(MOUNT "/errors", text, sizeof(text)) < 0)
		return 2;
	return strstr(text, "mq/only_by_root") != NULL;
}

static void test_errors_are_private(void **state)
{
	assert_int_equal(mkdir(MOUNT "/mq/only_by_root,wrong=1", 0600), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(reap(spawn(read_errors, (void *)(uintptr_t)OTHER)), 0);
	assert_int_equal(reap(spawn(read_errors, (void *)0)), 1);
}

enum { NO_NAMESPACE = 100 };

/* Where a uid or a key means something else, the tree is closed. */
static int from_another_namespace(void *argument)
{
	static const struct identity somebody = {"", OTHER, OTHER, 0, false};
	int namespace = (int)(uintptr_t)argument;

	if (namespace == CLONE_NEWUSER)
		become(&somebody);
	if (unshare(namespace) < 0)
		return NO_NAMESPACE;
	for (size_t i = 0; i < COUNT(operations); i++)
		/* A uid that the namespace does not know can't even be asked for. */
		if (operations[i].tree() != EACCES && operations[i].tree() != EINVAL)
			return (int)i + 1;
	return 0;
}

static void refused_in(int namespace)
{
	int result;

	prepare(0666, false);
	result = reap(spawn(from_another_namespace, (void *)(uintptr_t) namespace));
	if (result == NO_NAMESPACE) {
		print_message("skipped: no such namespace can be made here (in a chroot, say)\n");
		remove_objects();
		skip();
	}
	assert_int_equal(result, 0);
	/* All is still there. */
	assert_int_equal(tree_msg_receive(), 0);
	assert_int_equal(tree_mq_receive(), 0);
	assert_int_equal(tree_sem_take(), 0);
	remove_objects();
}

static void test_other_ipc_namespace(void **state)
{
	refused_in(CLONE_NEWIPC);
}

static void test_other_user_namespace(void **state)
{
	refused_in(CLONE_NEWUSER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_objects_belong_to_the_caller),
		cmocka_unit_test(test_errors_are_private),
		cmocka_unit_test(test_other_ipc_namespace),
		cmocka_unit_test(test_other_user_namespace),
		cmocka_unit_test(test_same_errno),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("users", tests, fixture_mount, fixture_unmount);
}
