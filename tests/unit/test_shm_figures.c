/*
 * test_shm_figures - what shm/ says of segments and objects, and what of it can be set, against
 * what the kernel says.
 */
#include "shm_fixture.h"
#include "under_valgrind.h"

#include <sys/resource.h>

static void figures_of_segments(void **state)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *at;
	pid_t child;
	int status;

	assert_int_equal(shm_mkdir("0x51,size=100000", 0600), 0);
	assert_shows(SYSV, "size", "100000\n");
	assert_shows(SYSV, "nattch", "0\n");
	assert_shows_number(SYSV, "cpid", (unsigned long long)getpid());
	assert_shows(SYSV, "lpid", "0\n");
	assert_shows(SYSV, "rss", "0\n");
	assert_shows(SYSV, "swap", "0\n");
	at = shmat(shm_id(), NULL, 0);
	assert_ptr_not_equal(at, (void *)-1);
	at[0] = at[5 * page] = 'x';
	assert_shows(SYSV, "nattch", "1\n");
	assert_shows_number(SYSV, "rss", 2 * (unsigned long long)page);
	child = fork();
	if (child == 0) {
		shmdt(at);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_shows_number(SYSV, "lpid", (unsigned long long)child);
	assert_shows(SYSV, "nattch", "1\n");
	shmdt(at);
	assert_shows(SYSV, "nattch", "0\n");
}

static void figures_of_objects(void **state)
{
	const long page = sysconf(_SC_PAGESIZE);
	int fd;

	assert_int_equal(shm_mkdir("board,size=100000", 0600), 0);
	assert_shows(POSIX, "rss", "0\n");
	fd = shm_open("/board", O_RDWR, 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	assert_int_equal(pwrite(fd, "x", 1, 5 * page), 1);
	assert_shows_number(POSIX, "rss", 2 * (unsigned long long)page);
	assert_int_equal(store(POSIX, "size", "3K"), 0);
	assert_shows(POSIX, "size", "3072\n");
	assert_shows_number(POSIX, "rss", (unsigned long long)page);
	assert_int_equal(store(POSIX, "size", "0"), 0);
	assert_shows(POSIX, "size", "0\n");
	assert_int_equal(store(POSIX, "size", "1G"), 0);
	assert_shows(POSIX, "size", "1073741824\n");
	assert_refused(store(POSIX, "size", "1g"), EINVAL, "'1g'");
	assert_refused(store(POSIX, "size", "-1"), EINVAL, "from 0");
	assert_refused(store(POSIX, "size", ""), EINVAL, "''");
	assert_shows(POSIX, "size", "1073741824\n");
	close(fd);
}

static void locking(void **state)
{
	struct rlimit before, low;

	skip_under_valgrind("has no clone with CLONE_FILES, which locking for a user is done by");
	assert_int_equal(shm_mkdir(SYSV, 0666), 0);
	assert_shows(SYSV, "locked", "0\n");
	assert_int_equal(store(SYSV, "locked", "1"), 0);
	assert_shows(SYSV, "locked", "1\n");
	assert_true(segment(shm_id()).shm_perm.mode & SHM_LOCKED);
	assert_refused(store(SYSV, "locked", "2"), EINVAL, "from 0 to 1");
	assert_refused(store(SYSV, "locked", ""), EINVAL, "locked");
	assert_refused(store(SYSV, "locked", "yes"), EINVAL, "'yes'");
	assert_shows(SYSV, "locked", "1\n");
	/* The mode is not what it is locked by. */
	become(NOBODY);
	assert_refused(store(SYSV, "locked", "0"), EPERM, "RLIMIT_MEMLOCK");
	become(0);
	assert_int_equal(store(SYSV, "locked", "0"), 0);
	assert_shows(SYSV, "locked", "0\n");
	assert_int_equal(shm_rmdir(SYSV), 0);

	become(NOBODY);
	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	low = (struct rlimit){.rlim_cur = 4096, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	assert_refused(store(SYSV, "locked", "1"), ENOMEM, "RLIMIT_MEMLOCK is 4096");
	assert_non_null(strstr(call.reason, "65536"));
	low.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	assert_refused(store(SYSV, "locked", "1"), EPERM, "it is 0 bytes");
	assert_shows(SYSV, "locked", "0\n");
	assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
	become(0);
}

static void times(void **state)
{
	struct stat st = {0}, file;
	struct place place;
	struct shmid_ds ds;
	int id;

	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	place = shm_at(SYSV);
	id = shm_id();
	ds = segment(id);
	assert_int_equal(ds.shm_atime, 0);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mtime, ds.shm_ctime);
	assert_int_equal(st.st_atime, ds.shm_ctime);
	assert_int_equal(st.st_ctime, ds.shm_ctime);
	shmdt(shmat(id, NULL, SHM_RDONLY));
	ds = segment(id);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mtime, ds.shm_dtime);
	assert_int_equal(st.st_atime, ds.shm_atime);
	assert_true(ds.shm_atime > 0);

	assert_int_equal(shm_mkdir(POSIX, 0600), 0);
	place = shm_at(POSIX);
	assert_int_equal(stat("/dev/shm/board", &file), 0);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_memory_equal(&st.st_mtim, &file.st_mtim, sizeof(st.st_mtim));
	assert_memory_equal(&st.st_atim, &file.st_atim, sizeof(st.st_atim));
	assert_memory_equal(&st.st_ctim, &file.st_ctim, sizeof(st.st_ctim));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, NULL, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(figures_of_segments),
		TEST(figures_of_objects),
		TEST(locking),
		TEST(times),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
