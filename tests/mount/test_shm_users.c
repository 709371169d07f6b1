/*
 * test_shm_users.c - shm/ judges nobody otherwise than shmat, shmctl and the files of /dev/shm do.
 */
#include "matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY = 0x51, SIZE = 8192 };

#define SEGMENT MOUNT "/shm/0x51"
#define OBJECT MOUNT "/shm/u"
#define FILE_OF_OBJECT "/dev/shm/u"

/* What everyone may know of the segment, so that IPC_SET can be tried without read permission. */
static struct shmid_ds known;

static int id(void)
{
	return shmget(KEY, 0, 0);
}

/* ---- System V ---- */

static int tree_attach_to_read(void)
{
	return errno_of(open(SEGMENT "/data", O_RDONLY));
}

static int direct_attach_to_read(void)
{
	return shmat(id(), NULL, SHM_RDONLY) == (void *)-1 ? errno : 0;
}

static int tree_attach(void)
{
	return errno_of(open(SEGMENT "/data", O_RDWR));
}

static int direct_attach(void)
{
	return shmat(id(), NULL, 0) == (void *)-1 ? errno : 0;
}

static int tree_chmod(void)
{
	return errno_of(chmod(SEGMENT, 0606));
}

static int tree_chmod_data(void)
{
	return errno_of(chmod(SEGMENT "/data", 0606));
}

static int direct_chmod(void)
{
	known.shm_perm.mode = 0606;
	return errno_of(shmctl(id(), IPC_SET, &known));
}

static int tree_chown(void)
{
	return errno_of(chown(SEGMENT "/data", OTHER, (gid_t)-1));
}

static int direct_chown(void)
{
	known.shm_perm.uid = OTHER;
	return errno_of(shmctl(id(), IPC_SET, &known));
}

static int tree_remove(void)
{
	return errno_of(rmdir(SEGMENT));
}

static int direct_remove(void)
{
	return errno_of(shmctl(id(), IPC_RMID, NULL));
}

static int tree_lock(void)
{
	return tree(put(SEGMENT "/locked", "1"));
}

static int direct_lock(void)
{
	return errno_of(shmctl(id(), SHM_LOCK, NULL));
}

static int tree_unlock(void)
{
	return tree(put(SEGMENT "/locked", "0"));
}

static int direct_unlock(void)
{
	return errno_of(shmctl(id(), SHM_UNLOCK, NULL));
}

/* ---- POSIX ---- */

static int tree_open_to_read(void)
{
	return errno_of(open(OBJECT "/data", O_RDONLY));
}

static int direct_open_to_read(void)
{
	return errno_of(shm_open("/u", O_RDONLY, 0));
}

static int tree_open_to_write(void)
{
	return errno_of(open(OBJECT "/data", O_WRONLY));
}

static int direct_open_to_write(void)
{
	return errno_of(open(FILE_OF_OBJECT, O_WRONLY));
}

static int tree_open(void)
{
	return errno_of(open(OBJECT "/data", O_RDWR));
}

static int direct_open(void)
{
	return errno_of(shm_open("/u", O_RDWR, 0));
}

static int tree_empty(void)
{
	return errno_of(open(OBJECT "/data", O_WRONLY | O_TRUNC));
}

static int direct_empty(void)
{
	return errno_of(open(FILE_OF_OBJECT, O_WRONLY | O_TRUNC));
}

static int tree_truncate(void)
{
	return errno_of(truncate(OBJECT "/data", 10));
}

static int tree_size(void)
{
	return tree(put(OBJECT "/size", "10"));
}

static int direct_truncate(void)
{
	return errno_of(truncate(FILE_OF_OBJECT, 10));
}

static int tree_posix_chmod(void)
{
	return errno_of(chmod(OBJECT, 0606));
}

static int direct_posix_chmod(void)
{
	return errno_of(chmod(FILE_OF_OBJECT, 0606));
}

static int tree_posix_chown(void)
{
	return errno_of(chown(OBJECT "/data", OTHER, (gid_t)-1));
}

static int direct_posix_chown(void)
{
	return errno_of(chown(FILE_OF_OBJECT, OTHER, (gid_t)-1));
}

static int tree_posix_chgrp(void)
{
	return errno_of(chown(OBJECT, (uid_t)-1, GROUP));
}

static int direct_posix_chgrp(void)
{
	return errno_of(chown(FILE_OF_OBJECT, (uid_t)-1, GROUP));
}

static int tree_posix_remove(void)
{
	return errno_of(rmdir(OBJECT));
}

static int direct_posix_remove(void)
{
	return errno_of(shm_unlink("/u"));
}

static int tree_rename(void)
{
	return errno_of(rename(OBJECT, MOUNT "/shm/v"));
}

static int direct_rename(void)
{
	return errno_of(rename(FILE_OF_OBJECT, "/dev/shm/v"));
}

static const struct operation operations[] = {
	{"shmat SHM_RDONLY", tree_attach_to_read, direct_attach_to_read},
	{"shmat", tree_attach, direct_attach},
	{"shmctl IPC_SET mode", tree_chmod, direct_chmod},
	{"shmctl IPC_SET mode, by data", tree_chmod_data, direct_chmod},
	{"shmctl IPC_SET uid", tree_chown, direct_chown},
	{"shmctl IPC_RMID", tree_remove, direct_remove},
	{"shmctl SHM_LOCK", tree_lock, direct_lock},
	{"shmctl SHM_UNLOCK", tree_unlock, direct_unlock},
	{"shm_open O_RDONLY", tree_open_to_read, direct_open_to_read},
	{"open O_WRONLY", tree_open_to_write, direct_open_to_write},
	{"shm_open O_RDWR", tree_open, direct_open},
	{"open O_TRUNC", tree_empty, direct_empty},
	{"truncate", tree_truncate, direct_truncate},
	{"truncate, by size", tree_size, direct_truncate},
	{"chmod", tree_posix_chmod, direct_posix_chmod},
	{"chown", tree_posix_chown, direct_posix_chown},
	{"chgrp", tree_posix_chgrp, direct_posix_chgrp},
	{"shm_unlink", tree_posix_remove, direct_posix_remove},
	{"rename", tree_rename, direct_rename},
};

static void remove_objects(void)
{
	shmctl(id(), IPC_RMID, NULL);
	shm_unlink("/u");
	shm_unlink("/v");
}

static int make_objects(void *argument)
{
	const struct identity owner = {"", OWNER, GROUP, 0, false};
	mode_t mode = (mode_t)(uintptr_t)argument;

	become(&owner);
	return mkdir(SEGMENT ",size=8K", mode) < 0 || mkdir(OBJECT ",size=8K", mode) < 0 ? errno
											 : 0;
}

static void prepare(mode_t mode, bool given_away)
{
	remove_objects();
	assert_int_equal(reap(spawn(make_objects, (void *)(uintptr_t)mode)), 0);
	if (given_away) {
		assert_return_code(chown(SEGMENT, NEW_OWNER, (gid_t)-1), errno);
		assert_return_code(chown(OBJECT, NEW_OWNER, (gid_t)-1), errno);
	}
	assert_return_code(shmctl(id(), IPC_STAT, &known), errno);
}

static void test_same_errno(void **state)
{
	matrix_compare(operations, COUNT(operations), prepare);
	remove_objects();
}

static void test_new_objects_belong_to_the_caller(void **state)
{
	struct stat st;

	prepare(0640, false);
	assert_int_equal(known.shm_perm.cuid, OWNER);
	assert_int_equal(known.shm_perm.uid, OWNER);
	assert_int_equal(known.shm_perm.cgid, GROUP);
	assert_int_equal(known.shm_perm.mode & 0777, 0640);
	assert_int_equal(known.shm_segsz, SIZE);
	assert_return_code(stat(FILE_OF_OBJECT, &st), errno);
	assert_int_equal(st.st_uid, OWNER);
	assert_int_equal(st.st_gid, GROUP);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_size, SIZE);
	assert_return_code(stat(SEGMENT "/data", &st), errno);
	assert_int_equal(st.st_uid, OWNER);
	assert_int_equal(st.st_gid, GROUP);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_size, SIZE);
	assert_return_code(stat(SEGMENT, &st), errno);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	/* Changed by one of them, changed for both. */
	assert_return_code(chmod(OBJECT "/data", 0604), errno);
	assert_return_code(stat(FILE_OF_OBJECT, &st), errno);
	assert_int_equal(st.st_mode, S_IFREG | 0604);
	assert_return_code(chown(SEGMENT, NEW_OWNER, MEMBER), errno);
	assert_return_code(shmctl(id(), IPC_STAT, &known), errno);
	assert_int_equal(known.shm_perm.uid, NEW_OWNER);
	assert_int_equal(known.shm_perm.gid, MEMBER);
	assert_int_equal(known.shm_perm.cuid, OWNER);
	remove_objects();
}

/* A handle keeps what its open was allowed, as any file's does. */
static void test_open_handle_is_not_judged_again(void **state)
{
	const struct identity nobody = {"", OTHER, OTHER, 0, false};
	int fd, other;
	pid_t pid;
	char byte = 'x';

	prepare(0600, false);
	fd = open(SEGMENT "/data", O_RDWR);
	other = open(OBJECT "/data", O_RDWR);
	assert_return_code(fd, errno);
	assert_return_code(other, errno);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		become(&nobody);
		_exit(pwrite(fd, &byte, 1, 0) != 1 || pread(fd, &byte, 1, 0) != 1 ||
		      pwrite(other, &byte, 1, 0) != 1 || pread(other, &byte, 1, 0) != 1 ||
		      ftruncate(other, 5) != 0);
	}
	assert_int_equal(reap(pid), 0);
	close(fd);
	close(other);
	remove_objects();
}

/* What others put into /dev/shm is no way to reach what they name. */
static void test_what_is_no_object(void **state)
{
	static const char *const names[] = {"link", "dangling", "directory", "fifo", "tree"};
	char path[64], text[64];
	struct stat st;

	assert_return_code(symlink("/etc/passwd", "/dev/shm/link"), errno);
	assert_return_code(symlink("nothing", "/dev/shm/dangling"), errno);
	assert_return_code(symlink(MOUNT "/README", "/dev/shm/tree"), errno);
	assert_return_code(mkdir("/dev/shm/directory", 0777), errno);
	assert_return_code(mkfifo("/dev/shm/fifo", 0666), errno);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(path, sizeof(path), MOUNT "/shm/%s", names[i]);
		assert_int_equal(stat(path, &st), -1);
		assert_int_equal(errno, ENOENT);
		snprintf(path, sizeof(path), MOUNT "/shm/%s/data", names[i]);
		assert_int_equal(get(path, text, sizeof(text)), -ENOENT);
		snprintf(path, sizeof(path), MOUNT "/shm/%s", names[i]);
		assert_int_equal(rmdir(path), -1);
		assert_int_equal(chmod(path, 0777), -1);
		snprintf(path, sizeof(path), MOUNT "/shm/%s,size=4K", names[i]);
		assert_int_equal(mkdir(path, 0600), -1);
		snprintf(path, sizeof(path), "/dev/shm/%s", names[i]);
		assert_return_code(lstat(path, &st), errno);
		assert_return_code(remove(path), errno);
	}
	assert_return_code(stat("/etc/passwd", &st), errno);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_objects_belong_to_the_caller),
		cmocka_unit_test(test_open_handle_is_not_judged_again),
		cmocka_unit_test(test_what_is_no_object),
		cmocka_unit_test(test_same_errno),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("shm users", tests, fixture_mount, fixture_unmount);
}
