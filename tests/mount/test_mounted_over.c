/*
 * test_mounted_over.c - a user mounts a file system over a file of that user's, where objects are,
 * and does not serve it as others do.  It is no object; who asks for it is told so at once, and who
 * asks for something else notices nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hostile_help.h"
#include "shm_help.h"

enum { OTHER = HOSTILE_OWNER + 1, SIZE = 16384 };

/* ---- everything else goes on ---- */

static int make(void **state)
{
	shm_make("good,size=16K", 0666);
	assert_return_code(mkdir(MOUNT "/sem/good", 0666), errno);
	assert_return_code(mkdir(MOUNT "/pipes/good,keep=1", 0666), errno);
	assert_return_code(mkdir(MOUNT "/sockets/unix/good", 0666), errno);
	return 0;
}

static int remove_made(void **state)
{
	assert_return_code(rmdir(MOUNT "/shm/good"), errno);
	assert_return_code(rmdir(MOUNT "/sem/good"), errno);
	assert_return_code(rmdir(MOUNT "/pipes/good"), errno);
	assert_return_code(rmdir(MOUNT "/sockets/unix/good"), errno);
	return 0;
}

static int others_go_on(void *unused)
{
	static const char *const shown[] = {"status",
					    "status.json",
					    "shm/status",
					    "sem/status",
					    "pipes/status",
					    "sockets/status",
					    "shm/status.json",
					    "sem/status.json",
					    "pipes/status.json",
					    "sockets/status.json"};
	static const char *const read[] = {"holders", "summary", "limits", "metrics.prom",
					   "holders.dot"};
	static const char *const directories[] = {"shm", "sem", "pipes", "sockets/unix"};
	static char text[1 << 20];
	char path[64], byte = 'x';
	int fd;

	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s", shown[i]);
		need(get(path, text, sizeof(text)) > 0 && strstr(text, "good"));
	}
	for (size_t i = 0; i < sizeof(read) / sizeof(*read); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s", read[i]);
		need(get(path, text, sizeof(text)) >= 0);
	}
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s/new", directories[i]);
		need(mkdir(path, 0600) == 0 && rmdir(path) == 0);
	}
	fd = open(MOUNT "/shm/good/data", O_RDWR);
	need(fd >= 0 && pwrite(fd, &byte, 1, SIZE - 1) == 1 && pread(fd, &byte, 1, 0) == 1);
	close(fd);
	need(put(MOUNT "/sem/good/op", "V") == 0 && put(MOUNT "/sem/good/op", "P") == 0);
	need(get(MOUNT "/pipes/good/keep", text, sizeof(text)) > 0);
	return 0;
}

static void assert_others_go_on(void)
{
	assert_int_equal(shm_try_as(0, others_go_on, NULL), 0);
	assert_int_equal(shm_try_as(OTHER, others_go_on, NULL), 0);
}

/* ---- what is mounted ---- */

/* Each way to come to the object: it is not there. */
static int is_not_there(void *argument)
{
	static const char *const files[] = {
		"",       "data",    "size",  "rss",    "status",  "status.json", "holders",
		"op",     "hold",    "value", "ncount", "keep",    "bytes",       "capacity",
		"accept", "wait/op", "peer",  "try/op", "backlog", "readers"};
	const char *object = argument;
	char path[128], text[256];
	struct stat st;

	snprintf(path, sizeof(path), MOUNT "/%s", object);
	need(stat(path, &st) < 0 && errno == ENOENT);
	need(chmod(path, 0666) < 0 && errno == ENOENT);
	need(chown(path, getuid(), getgid()) < 0 && errno == ENOENT);
	need(rmdir(path) < 0 && errno == ENOENT);
	snprintf(text, sizeof(text), "%s.moved", path);
	need(rename(path, text) < 0 && errno == ENOENT);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), MOUNT "/%s/%s", object, files[i]);
		need(stat(path, &st) < 0 && errno == ENOENT);
		need(get(path, text, sizeof(text)) == -ENOENT);
		need(put(path, "P") < 0);
		need(truncate(path, 1) < 0 && errno == ENOENT);
	}
	/* Its name is taken all the same. */
	snprintf(path, sizeof(path), MOUNT "/%s", object);
	need(mkdir(path, 0600) < 0 && (errno == EEXIST || errno == EADDRINUSE));
	/* Nor can another be put in its place. */
	snprintf(path, sizeof(path), MOUNT "/%.*s/good", (int)(strrchr(object, '/') - object),
		 object);
	snprintf(text, sizeof(text), MOUNT "/%s", object);
	need(rename(path, text) < 0);
	return 0;
}

static const struct {
	const char *file, *object;
} places[] = {
	{"/dev/shm/served", "shm/served"},
	{"/dev/shm/sem.served", "sem/served"},
	{"/run/ipcfs/pipes/served", "pipes/served"},
	{"/run/ipcfs/unix/served", "sockets/unix/served"},
};
enum { PLACES = sizeof(places) / sizeof(*places) };

static void make_files(void)
{
	for (int i = 0; i < PLACES; i++) {
		int fd = open(places[i].file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

		assert_return_code(fd, errno);
		assert_return_code(fchown(fd, HOSTILE_OWNER, HOSTILE_OWNER), errno);
		assert_return_code(ftruncate(fd, SIZE), errno);
		close(fd);
	}
}

static void assert_nothing_there(void)
{
	assert_others_go_on();
	for (int i = 0; i < PLACES; i++) {
		assert_int_equal(shm_try_as(0, is_not_there, (void *)places[i].object), 0);
		assert_int_equal(shm_try_as(HOSTILE_OWNER, is_not_there, (void *)places[i].object),
				 0);
		assert_int_equal(shm_try_as(OTHER, is_not_there, (void *)places[i].object), 0);
	}
	assert_others_go_on();
}

static void remove_files(void)
{
	/* What they were mounted over is there again. */
	assert_int_equal(get_number(MOUNT "/shm/served/size"), SIZE);
	assert_int_equal(get_number(MOUNT "/sem/served/value"), 0);
	for (int i = 0; i < PLACES; i++)
		assert_return_code(unlink(places[i].file), errno);
}

static void served(enum hostile_way way)
{
	struct hostile hostile[PLACES];
	int fd;

	make_files();
	/* One that has been found before, and is open, too. */
	fd = shm_open_data("served", O_RDWR);
	for (int i = 0; i < PLACES; i++)
		hostile[i] = hostile_mount(places[i].file, way);
	assert_nothing_there();
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	close(fd);
	for (int i = 0; i < PLACES; i++)
		hostile_unmount(&hostile[i]);
	remove_files();
}

static void test_never_answers(void **state)
{
	served(HOSTILE_SILENT);
}

static void test_is_for_its_owner_alone(void **state)
{
	served(HOSTILE_PRIVATE);
}

static void test_answers_errors(void **state)
{
	served(HOSTILE_BROKEN);
}

/* Neither is what root binds there: a file of the kernel's, or one beside it. */
static void test_bound(void **state)
{
	static const char *const sources[] = {"/proc/version", "/dev/shm/beside"};

	close(shm_posix_create("/beside", SIZE));
	for (int turn = 0; turn < 2; turn++) {
		make_files();
		for (int i = 0; i < PLACES; i++)
			assert_return_code(
				mount(sources[turn], places[i].file, NULL, MS_BIND, NULL), errno);
		assert_nothing_there();
		for (int i = 0; i < PLACES; i++)
			assert_return_code(umount2(places[i].file, MNT_DETACH), errno);
		remove_files();
	}
	shm_remove("beside");
}

/* No object has seals, by which its owner would keep the tree from what it lets others do. */
static void test_cannot_be_sealed(void **state)
{
	int fd = shm_posix_create("/sealed", SIZE);
	int made = memfd_create("made", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	char path[32];

	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
	assert_int_equal(errno, EPERM);
	/* Nor does what has them come there. */
	assert_return_code(made, errno);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", made);
	assert_int_equal(linkat(AT_FDCWD, path, AT_FDCWD, "/dev/shm/made", AT_SYMLINK_FOLLOW), -1);
	assert_int_equal(errno, EXDEV);
	assert_int_equal(mount(path, "/dev/shm/sealed", NULL, MS_BIND, NULL), -1);
	assert_int_equal(errno, EINVAL);
	close(made);
	close(fd);
	shm_remove("sealed");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_never_answers, make, remove_made),
		cmocka_unit_test_setup_teardown(test_is_for_its_owner_alone, make, remove_made),
		cmocka_unit_test_setup_teardown(test_answers_errors, make, remove_made),
		cmocka_unit_test_setup_teardown(test_bound, make, remove_made),
		cmocka_unit_test(test_cannot_be_sealed),
	};

	fixture_isolate();
	fixture_isolate_processes();
	return cmocka_run_group_tests_name("mounted over", tests, fixture_mount, fixture_unmount);
}
