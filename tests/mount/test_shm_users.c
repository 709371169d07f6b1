/*
 * test_shm_users.c - whose new memory is, that an open handle is not judged again, and what is no
 * memory at all, and what a file loses when it changes.  What each user may do with it is in
 * users/.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "users/identity.h"

enum { KEY = 0x51, SIZE = 8192 };

#define SEGMENT MOUNT "/shm/0x51"
#define OBJECT MOUNT "/shm/u"
#define FILE_OF_OBJECT "/dev/shm/u"

static struct shmid_ds known;

static int id(void)
{
	return shmget(KEY, 0, 0);
}

static void remove_objects(void)
{
	shmctl(id(), IPC_RMID, NULL);
	shm_unlink("/u");
}

static int owner_makes(const void *argument)
{
	mode_t mode = *(const mode_t *)argument;

	return mkdir(SEGMENT ",size=8K", mode) < 0 || mkdir(OBJECT ",size=8K", mode) < 0 ? errno
											 : 0;
}

static void prepare(mode_t mode)
{
	remove_objects();
	assert_int_equal(do_as(identities, owner_makes, &mode), 0);
	assert_return_code(shmctl(id(), IPC_STAT, &known), errno);
}

static void test_new_objects_belong_to_the_caller(void **state)
{
	struct stat st;

	prepare(0640);
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
	int fd, other;
	pid_t pid;
	char byte = 'x';

	prepare(0600);
	fd = open(SEGMENT "/data", O_RDWR);
	other = open(OBJECT "/data", O_RDWR);
	assert_return_code(fd, errno);
	assert_return_code(other, errno);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		become(identity_of(OTHER));
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
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
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

#define CAPABILITY "security.capability"

/* Another's program with all that may be taken from it: set-id bits and a file's capability. */
static void make_privileged(void)
{
	/* struct vfs_cap_data, revision 2, of no capability. */
	static const unsigned char capability[20] = {0, 0, 0, 2};

	assert_return_code(chmod(FILE_OF_OBJECT, 06777), errno);
	assert_return_code(setxattr(FILE_OF_OBJECT, CAPABILITY, capability, sizeof(capability), 0),
			   errno);
}

static void assert_plain(void)
{
	struct stat st;

	assert_return_code(stat(FILE_OF_OBJECT, &st), errno);
	assert_int_equal(st.st_mode, S_IFREG | 0777);
	assert_int_equal(getxattr(FILE_OF_OBJECT, CAPABILITY, NULL, 0), -1);
	assert_int_equal(errno, ENODATA);
}

static int other_writes(const void *argument)
{
	const int *fd = argument;

	return pwrite(*fd, "x", 1, 0) == 1 ? 0 : errno;
}

static int other_cuts(const void *argument)
{
	const int *fd = argument;

	return ftruncate(*fd, SIZE / 2) < 0 ? errno : 0;
}

static int other_truncates(const void *argument)
{
	return truncate(OBJECT "/data", SIZE / 2) < 0 ? errno : 0;
}

static int other_empties(const void *argument)
{
	int fd = open(OBJECT "/data", O_WRONLY | O_TRUNC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* Whoever changes the file, by whichever way: also where a write before found nothing to take. */
static void test_a_changed_file_has_no_privileges(void **state)
{
	const struct identity *other = identity_of(OTHER);
	int fd;

	prepare(0666);
	assert_return_code(chmod(FILE_OF_OBJECT, 0777), errno);
	fd = open(OBJECT "/data", O_RDWR);
	assert_return_code(fd, errno);
	assert_int_equal(do_as(other, other_writes, &fd), 0);
	make_privileged();
	assert_int_equal(do_as(other, other_writes, &fd), 0);
	assert_plain();
	make_privileged();
	assert_int_equal(pwrite(fd, "y", 1, 0), 1);
	assert_plain();
	make_privileged();
	assert_int_equal(do_as(other, other_cuts, &fd), 0);
	assert_plain();
	make_privileged();
	assert_int_equal(do_as(other, other_truncates, NULL), 0);
	assert_plain();
	make_privileged();
	assert_int_equal(do_as(other, other_empties, NULL), 0);
	assert_plain();
	make_privileged();
	assert_return_code(chown(OBJECT "/data", NEW_OWNER, MEMBER), errno);
	assert_plain();
	close(fd);
	remove_objects();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_objects_belong_to_the_caller),
		cmocka_unit_test(test_open_handle_is_not_judged_again),
		cmocka_unit_test(test_what_is_no_object),
		cmocka_unit_test(test_a_changed_file_has_no_privileges),
	};

	fixture_isolate();
	return cmocka_run_group_tests_name("shm users", tests, fixture_mount, fixture_unmount);
}
