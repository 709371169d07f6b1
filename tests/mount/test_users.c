/*
 * test_users.c - whose a new object is, whose refusals are shown to whom, and that the tree is
 * closed to who is in another namespace.  What each user may do with what is in users/.
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <semaphore.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "users/identity.h"

enum { KEY = 0x51 };

#define QUEUE MOUNT "/mq/0x51"
#define SET MOUNT "/sem/0x51"
#define SEGMENT MOUNT "/shm/0x51"
#define POSIX_QUEUE MOUNT "/mq/u"
#define POSIX_SEM MOUNT "/sem/u"

/* ---- the objects ---- */

static int owner_makes(const void *argument)
{
	mode_t mode = *(const mode_t *)argument;

	return mkdir(QUEUE, mode) < 0 || mkdir(SET ",nsems=2,value=1:0", mode) < 0 ||
			       mkdir(SEGMENT, mode) < 0 || mkdir(POSIX_QUEUE, mode) < 0 ||
			       mkdir(POSIX_SEM ",value=1", mode) < 0
		       ? errno
		       : 0;
}

static void remove_objects(void)
{
	msgctl(msgget(KEY, 0), IPC_RMID, NULL);
	semctl(semget(KEY, 0, 0), 0, IPC_RMID);
	shmctl(shmget(KEY, 0, 0), IPC_RMID, NULL);
	mq_unlink("/u");
	sem_unlink("/u");
}

static void prepare(mode_t mode)
{
	remove_objects();
	assert_int_equal(do_as(identities, owner_makes, &mode), 0);
	assert_int_equal(put(QUEUE "/data", "m"), 0);
	assert_int_equal(put(POSIX_QUEUE "/data", "m"), 0);
}

static void test_new_objects_belong_to_the_caller(void **state)
{
	struct msqid_ds queue;
	struct semid_ds set;
	struct stat st;

	prepare(0600);
	assert_return_code(msgctl(msgget(KEY, 0), IPC_STAT, &queue), errno);
	assert_int_equal(queue.msg_perm.cuid, OWNER);
	assert_int_equal(queue.msg_perm.uid, OWNER);
	assert_int_equal(queue.msg_perm.cgid, GROUP);
	assert_int_equal(queue.msg_perm.mode & 0777, 0600);
	assert_return_code(semctl(semget(KEY, 0, 0), 0, IPC_STAT, &set), errno);
	assert_int_equal(set.sem_perm.cuid, OWNER);
	assert_int_equal(set.sem_perm.uid, OWNER);
	assert_int_equal(set.sem_perm.mode & 0777, 0600);
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
	char text[65536];

	become(identity_of((uid_t)(uintptr_t)argument));
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

/* ---- a handle that another uses than who opened it ---- */

#define FRAME "type=1 size=1\n"

/* Each asks the kernel for permission when it is written or read, and is opened by all. */
static const struct {
	const char *path, *write; /* NULL: it is read */
} handed[] = {
	{QUEUE "/try/data", "x"},
	{QUEUE "/try/each", "x"},
	{QUEUE "/try/lines", "x\n"},
	{QUEUE "/try/bulk", "x\n"},
	{QUEUE "/try/framed", FRAME "x"},
	{QUEUE "/try/type/7", "x"},
	{QUEUE "/try/data", NULL},
	{QUEUE "/try/each", NULL},
	{QUEUE "/try/lines", NULL},
	{QUEUE "/try/bulk", NULL},
	{QUEUE "/try/framed", NULL},
	{QUEUE "/try/type/1", NULL},
	{QUEUE "/qbytes", "100"},
	{SET "/try/op", "P"},
	{SET "/value", "5 5"},
	{SET "/0/value", "5"},
	{SET "/0/try/op", "P"},
	{SEGMENT "/locked", "1"},
};
enum { HANDED = sizeof(handed) / sizeof(*handed) };

/* What there is by the kernel: messages, bytes, values, who locked. */
static void assert_untouched(void)
{
	struct msqid_ds queue;
	struct shmid_ds segment;
	int set = semget(KEY, 0, 0);

	assert_return_code(msgctl(msgget(KEY, 0), IPC_STAT, &queue), errno);
	assert_int_equal(queue.msg_qnum, 1);
	assert_int_not_equal(queue.msg_qbytes, 100);
	assert_int_equal(semctl(set, 0, GETVAL), 1);
	assert_int_equal(semctl(set, 1, GETVAL), 0);
	assert_return_code(shmctl(shmget(KEY, 0, 0), IPC_STAT, &segment), errno);
	assert_int_equal(segment.shm_perm.mode & SHM_LOCKED, 0);
}

static int open_as(uid_t uid, size_t i)
{
	int fd;

	assert_return_code(seteuid(uid), errno);
	fd = open(handed[i].path, handed[i].write ? O_WRONLY : O_RDONLY);
	assert_return_code(fd, errno);
	assert_return_code(seteuid(0), errno);
	return fd;
}

/* 0 or the errno, as what a set-user-ID program is handed. */
static int use_as(uid_t uid, size_t i, int fd)
{
	size_t size = handed[i].write ? strlen(handed[i].write) : 0;
	char byte;
	int error = 0;

	assert_return_code(seteuid(uid), errno);
	if (handed[i].write ? write(fd, handed[i].write, size) < 0 : read(fd, &byte, 1) < 0)
		error = errno;
	assert_return_code(seteuid(0), errno);
	return error;
}

static void test_handle_acts_as_its_opener(void **state)
{
	int fd, error;

	for (size_t i = 0; i < HANDED; i++) {
		prepare(0600);
		fd = open_as(OTHER, i);
		error = use_as(0, i, fd);
		if (error != EACCES && error != EPERM)
			fail_msg("%s: root has done it for who opened it: %s", handed[i].path,
				 strerror(error));
		close(fd);
		assert_untouched();
		/* And the other way round, as with any file. */
		fd = open_as(0, i);
		error = use_as(OTHER, i, fd);
		if (error)
			fail_msg("%s: opened by root, refused: %s", handed[i].path,
				 strerror(error));
		close(fd);
	}
	remove_objects();
}

/* What has been kept of an unfinished line or frame is who opened it's to send. */
static void test_rest_is_its_openers(void **state)
{
	static const struct {
		const char *path, *begin, *end;
	} rests[] = {
		{QUEUE "/try/lines", "mine", " theirs\n"},
		{QUEUE "/try/framed", "type=1 size=4\nmi", "ne"},
	};

	for (size_t i = 0; i < sizeof(rests) / sizeof(*rests); i++) {
		int fd;

		prepare(0600);
		assert_return_code(seteuid(OTHER), errno);
		fd = open(rests[i].path, O_WRONLY);
		assert_return_code(fd, errno);
		/* Nothing is sent yet, so nobody has been asked. */
		assert_int_equal(write(fd, rests[i].begin, strlen(rests[i].begin)),
				 strlen(rests[i].begin));
		assert_return_code(seteuid(0), errno);
		assert_int_equal(write(fd, rests[i].end, strlen(rests[i].end)), -1);
		assert_int_equal(errno, EACCES);
		close(fd);
		assert_untouched();
	}
	remove_objects();
}

enum { NO_NAMESPACE = 100 };

/* Where a uid or a key means something else, the tree is closed. */
static const struct {
	const char *path, *write;
} attempts[] = {
	{QUEUE "/try/data", "x"},       {QUEUE "/try/data", NULL},
	{QUEUE "/qbytes", "100"},       {QUEUE "/messages", NULL},
	{QUEUE "/peek/0.1", NULL},      {SET "/try/op", "P"},
	{SET "/try/op", "1:0"},         {SET "/value", NULL},
	{SET "/0/value", "3"},          {SET "/nsems", NULL},
	{POSIX_QUEUE "/try/data", "x"}, {POSIX_QUEUE "/try/data", NULL},
	{POSIX_QUEUE "/maxmsg", NULL},  {POSIX_SEM "/try/op", "P"},
	{POSIX_SEM "/value", NULL},     {POSIX_SEM "/status", NULL},
};
enum { ATTEMPTS = sizeof(attempts) / sizeof(*attempts) };

static int attempt(size_t i)
{
	char text[4096];

	if (attempts[i].write)
		return -put(attempts[i].path, attempts[i].write);
	return (int)-get(attempts[i].path, text, sizeof(text));
}

/* A uid that the namespace does not know can't even be asked for: EINVAL. */
static bool is_refused(long result)
{
	return result < 0 && (errno == EACCES || errno == EINVAL);
}

/* Of which no IPC namespace decides. */
static bool is_in_memory_fs(size_t i)
{
	return !strncmp(attempts[i].path, POSIX_SEM, strlen(POSIX_SEM));
}

static int from_another_namespace(void *argument)
{
	int namespace = (int)(uintptr_t)argument;

	if (namespace == CLONE_NEWUSER)
		become(identity_of(OTHER));
	if (unshare(namespace) < 0)
		return NO_NAMESPACE;
	for (size_t i = 0; i < ATTEMPTS; i++)
		if ((namespace == CLONE_NEWUSER || !is_in_memory_fs(i)) && attempt(i) != EACCES)
			return (int)i + 1;
	if (!is_refused(chmod(QUEUE, 0606)) || !is_refused(chown(QUEUE, OTHER, (gid_t)-1)) ||
	    !is_refused(chmod(SET "/op", 0606)))
		return ATTEMPTS + 1;
	if (namespace == CLONE_NEWUSER ? !is_refused(chown(POSIX_SEM, OTHER, (gid_t)-1))
				       : get_number(POSIX_SEM "/value") != 1)
		return ATTEMPTS + 4;
	if (!is_refused(rmdir(QUEUE)) || !is_refused(rmdir(SET)) ||
	    !is_refused(rmdir(POSIX_QUEUE)) || !is_refused(rmdir(POSIX_SEM)))
		return ATTEMPTS + 2;
	return is_refused(open(SET "/try/hold", O_WRONLY)) ? 0 : ATTEMPTS + 3;
}

static void refused_in(int namespace)
{
	int result;

	prepare(0666);
	result = reap(spawn(from_another_namespace, (void *)(uintptr_t) namespace));
	if (result == NO_NAMESPACE) {
		print_message("skipped: no such namespace can be made here (in a chroot, say)\n");
		remove_objects();
		skip();
	}
	assert_int_equal(result, 0);
	/* All is still there, as it was. */
	assert_int_equal(get_number(QUEUE "/messages"), 1);
	assert_int_equal(get_number(POSIX_QUEUE "/messages"), 1);
	assert_int_equal(get_number(SET "/0/value"), 1);
	assert_int_equal(get_number(POSIX_SEM "/value"), 1);
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
		cmocka_unit_test(test_handle_acts_as_its_opener),
		cmocka_unit_test(test_rest_is_its_openers),
		cmocka_unit_test(test_other_ipc_namespace),
		cmocka_unit_test(test_other_user_namespace),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("users", tests, fixture_mount, fixture_unmount);
}
