/*
 * test_pipe_run_dir.c - the run directory: made as it must be, and not used where another user has
 * been first.
 */
#include "pipe_fixture.h"

#include "common/run_dir.h"

static struct run_dir dir;

static int open_it(const char *path, bool read_only)
{
	struct settings settings = {.run_dir = path, .read_only = read_only};

	if (dir.fd > 0)
		close(dir.fd);
	return run_dir_open(&settings, "pipes", &dir);
}

static void assert_mode(const char *path, mode_t mode)
{
	struct stat st;

	assert_return_code(lstat(path, &st), errno);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, mode);
	assert_int_equal(st.st_uid, geteuid());
}

static int start_afresh(void **state)
{
	become(0);
	return system("rm -rf /run/* && mkdir -m 755 /run/x") != 0;
}

static void test_made(void **state)
{
	struct stat st, opened;

	umask(077);
	assert_int_equal(open_it(NULL, false), 0);
	umask(022);
	assert_string_equal(dir.path, "/run/ipcfs/pipes");
	assert_mode("/run/ipcfs", 0755);
	assert_mode("/run/ipcfs/pipes", 01777);
	assert_return_code(stat("/run/ipcfs/pipes", &st), errno);
	assert_return_code(fstat(dir.fd, &opened), errno);
	assert_int_equal(st.st_ino, opened.st_ino);
}

static void test_found(void **state)
{
	assert_int_equal(system("mkdir -m 700 /run/x/run && mkdir -m 1770 /run/x/run/pipes"), 0);
	assert_int_equal(open_it("/run/x/run", false), 0);
	assert_mode("/run/x/run", 0700);
	assert_mode("/run/x/run/pipes", 01770);
}

static void test_own_path(void **state)
{
	assert_int_equal(open_it("/run/x/own//", false), 0);
	assert_string_equal(dir.path, "/run/x/own/pipes");
	assert_return_code(chdir("/run"), errno);
	assert_int_equal(open_it("x/there", false), 0);
	assert_string_equal(dir.path, "/run/x/there/pipes");
	assert_int_equal(open_it("here", false), 0);
	assert_string_equal(dir.path, "/run/here/pipes");
	assert_return_code(chdir("/"), errno);
}

/* Where the way there leads through a link of the administrator's, the path has none. */
static void test_link_above(void **state)
{
	assert_return_code(symlink("x", "/run/y"), errno);
	assert_int_equal(open_it("/run/y/run", false), 0);
	assert_string_equal(dir.path, "/run/x/run/pipes");
}

static void assert_refused(const char *path, int error, const char *words)
{
	assert_int_equal(open_it(path, false), -error);
	assert_int_equal(dir.fd, -1);
	assert_int_equal(dir.error, error);
	assert_contains(dir.reason, words);
	assert_int_equal(run_dir_refuse(&call, &dir), -error);
	assert_contains(call.reason, words);
}

static void test_links(void **state)
{
	assert_int_equal(system("mkdir -m 755 /run/x/real && ln -s real /run/x/run"), 0);
	assert_refused("/run/x/run", ENOTDIR, "/run/x/run is a link");
	assert_int_equal(access("/run/x/real/pipes", F_OK), -1);
	assert_int_equal(system("ln -s /tmp /run/x/real/pipes"), 0);
	assert_refused("/run/x/real", ENOTDIR, "/run/x/real/pipes is a link");
	assert_int_equal(system("rm /run/x/run && ln -s nowhere /run/x/run"), 0);
	assert_refused("/run/x/run", ENOTDIR, "/run/x/run is a link");
	assert_int_equal(access("/run/x/nowhere", F_OK), -1);
}

static void test_no_directory(void **state)
{
	assert_int_equal(system("touch /run/x/file && mkfifo /run/x/fifo"), 0);
	assert_refused("/run/x/file", ENOTDIR, "/run/x/file is a link or no directory");
	assert_refused("/run/x/fifo", ENOTDIR, "no directory");
}

static void test_others(void **state)
{
	assert_int_equal(system("mkdir -m 755 /run/x/run && chown 65534 /run/x/run"), 0);
	assert_refused("/run/x/run", EPERM, "/run/x/run belongs to uid 65534");
	assert_int_equal(system("chown 0 /run/x/run && mkdir -m 1777 /run/x/run/pipes && "
				"chown 65534 /run/x/run/pipes"),
			 0);
	assert_refused("/run/x/run", EPERM, "/run/x/run/pipes belongs to uid 65534");
}

static void test_writable(void **state)
{
	assert_int_equal(system("mkdir /run/x/run && chmod 757 /run/x/run"), 0);
	assert_refused("/run/x/run", EPERM, "not sticky");
	assert_int_equal(system("chmod 775 /run/x/run"), 0);
	assert_refused("/run/x/run", EPERM, "not sticky");
	assert_int_equal(system("chmod 755 /run/x/run && mkdir /run/x/run/pipes && "
				"chmod 777 /run/x/run/pipes"),
			 0);
	assert_refused("/run/x/run", EPERM, "not sticky");
	assert_int_equal(system("chmod 1777 /run/x/run /run/x/run/pipes"), 0);
	assert_int_equal(open_it("/run/x/run", false), 0);
}

/* Who owns the directory above could put another in its place. */
static void test_above(void **state)
{
	assert_int_equal(system("chown 65534 /run/x"), 0);
	assert_refused("/run/x/run", EPERM, "/run/x belongs to uid 65534");
	assert_int_equal(system("chown 0 /run/x && chmod 777 /run/x"), 0);
	assert_refused("/run/x/run", EPERM, "not sticky");
	assert_int_equal(access("/run/x/run", F_OK), -1);
	assert_int_equal(system("chmod 1777 /run/x"), 0);
	assert_int_equal(open_it("/run/x/run", false), 0);
}

static void test_no_place(void **state)
{
	assert_refused("/run/none/run", ENOENT, "No such file");
	assert_refused("/", EINVAL, "cannot be the run directory");
	assert_refused("/run/x/..", EINVAL, "cannot be the run directory");
}

static void test_read_only(void **state)
{
	assert_int_equal(open_it(NULL, true), -ENOENT);
	assert_int_equal(access("/run/ipcfs", F_OK), -1);
	assert_int_equal(open_it(NULL, false), 0);
	assert_int_equal(open_it(NULL, true), 0);
}

static void test_plain_user(void **state)
{
	int status;
	pid_t pid;

	assert_int_equal(system("mkdir -m 700 /run/x/user && chown 65534 /run/x/user"), 0);
	pid = fork();
	assert_return_code(pid, errno);
	if (pid == 0) {
		if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
			_exit(1);
		unsetenv("XDG_RUNTIME_DIR");
		if (open_it(NULL, false) != -ENOENT || !strstr(dir.reason, "XDG_RUNTIME_DIR"))
			_exit(2);
		setenv("XDG_RUNTIME_DIR", "/run/x/user", 1);
		if (open_it(NULL, false) != 0 || strcmp(dir.path, "/run/x/user/ipcfs/pipes") != 0)
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	struct stat st;
	assert_return_code(stat("/run/x/user/ipcfs/pipes", &st), errno);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(st.st_uid, USER);
	assert_return_code(stat("/run/x/user/ipcfs", &st), errno);
	assert_int_equal(st.st_mode & 07777, 0700);
}

/* The kind is there all the same, and says why when something is made. */
static void test_kind_without(void **state)
{
	assert_return_code(symlink("/tmp", "/run/ipcfs"), errno);
	kind_setup();

	struct names names;
	struct place found;

	tree_list(pipe_kind.dir, &names);
	assert_string_equal(names.text, "");
	assert_int_equal(tree_find("x", &found), -ENOENT);
	assert_int_equal(tree_make("x", 0600), -ENOTDIR);
	assert_contains(call.reason, "/run/ipcfs is a link");

	char *status = text_of(NULL, "status");

	assert_contains(status, "\n# no named pipes: /run/ipcfs is a link");
	free(status);

	struct ends ends = ends_make();
	struct child child = child_hold(0, ends.read);

	assert_figure(ends.name, "readers", 1);
	child_end(&child);
	ends_close(&ends);
	assert_return_code(unlink("/run/ipcfs"), errno);
	kind_setup();
	assert_int_equal(tree_make("x", 0600), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_made, start_afresh),
		cmocka_unit_test_setup(test_found, start_afresh),
		cmocka_unit_test_setup(test_own_path, start_afresh),
		cmocka_unit_test_setup(test_link_above, start_afresh),
		cmocka_unit_test_setup(test_links, start_afresh),
		cmocka_unit_test_setup(test_no_directory, start_afresh),
		cmocka_unit_test_setup(test_others, start_afresh),
		cmocka_unit_test_setup(test_writable, start_afresh),
		cmocka_unit_test_setup(test_above, start_afresh),
		cmocka_unit_test_setup(test_no_place, start_afresh),
		cmocka_unit_test_setup(test_read_only, start_afresh),
		cmocka_unit_test_setup(test_plain_user, start_afresh),
		cmocka_unit_test_setup(test_kind_without, start_afresh),
	};

	machine_enter();
	return cmocka_run_group_tests_name("pipe_run_dir", tests, NULL, NULL);
}
