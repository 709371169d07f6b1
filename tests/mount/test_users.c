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
#include <sys/stat.h>
#include <unistd.h>

#include "users/identity.h"

enum { KEY = 0x51 };

#define QUEUE MOUNT "/mq/0x51"
#define SET MOUNT "/sem/0x51"
#define POSIX_QUEUE MOUNT "/mq/u"
#define POSIX_SEM MOUNT "/sem/u"

/* ---- the objects ---- */

static int owner_makes(const void *argument)
{
	mode_t mode = *(const mode_t *)argument;

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
		cmocka_unit_test(test_other_ipc_namespace),
		cmocka_unit_test(test_other_user_namespace),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("users", tests, fixture_mount, fixture_unmount);
}
