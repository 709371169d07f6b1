/*
 * test_shm - the directory shm/ against the kernel: names, mkdir, rmdir, chmod, rename, figures,
 * and which object a place is.
 */
#include "shm_fixture.h"
#include "under_valgrind.h"

#define INDICES 32768 /* an id is an index and, times this, a count of its uses */

static bool is_found(const char *name)
{
	struct place found;

	return shm_lookup(name, &found) == 0;
}

struct names {
	char text[8192];
};

static int name_add(void *context, const char *name, const struct place *place)
{
	struct names *names = context;
	struct place found;

	strcat(strcat(names->text, name), "\n");
	/* A listing leads where looking up leads. */
	assert_int_equal(shm_lookup(name, &found), 0);
	assert_ptr_equal(found.dir, place->dir);
	assert_int_equal(found.object, place->object);
	assert_int_equal(found.identity, place->identity);
	assert_true(!place->name || place->identity != 0);
	return 0;
}

static bool is_listed(const char *name)
{
	struct names names = {"\n"};
	char wanted[300];

	assert_int_equal(shm_kind.dir->list(&call, &shm_root, name_add, &names), 0);
	snprintf(wanted, sizeof(wanted), "\n%s\n", name);
	return strstr(names.text, wanted);
}

static void segments_are_made(void **state)
{
	struct shmid_ds ds;

	assert_int_equal(shm_mkdir("0x51,size=10K", 0750), 0);
	ds = segment(shm_id());
	assert_int_equal(ds.shm_segsz, 10240);
	assert_int_equal(ds.shm_perm.mode & 0777, 0640);
	assert_int_equal(ds.shm_nattch, 0);
	assert_true(is_listed(SYSV));
	assert_int_equal(shm_at("0X51").object, shm_id());
	assert_int_equal(shm_at("0x00051,any=thing").object, shm_id());
	assert_refused(shm_mkdir("0x51", 0600), EEXIST, "0x00000051");
	assert_int_equal(shm_rmdir(SYSV), 0);
	assert_int_equal(shmget(KEY, 0, 0), -1);
	assert_false(is_found(SYSV));

	assert_int_equal(shm_mkdir("0x51", 0600), 0);
	assert_int_equal(segment(shm_id()).shm_segsz, 65536);
	assert_shows(SYSV, "size", "65536\n");
	assert_int_equal(shm_mkdir("0xffffffff,size=3", 0600), 0);
	assert_int_equal(segment(shmget(-1, 0, 0)).shm_segsz, 3);
	assert_true(is_listed("0xffffffff"));
}

static void objects_are_made(void **state)
{
	struct stat st;
	int fd;

	assert_int_equal(shm_mkdir("board,size=1M", 0750), 0);
	assert_int_equal(stat("/dev/shm/board", &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
	assert_int_equal(st.st_blocks, 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(shm_at("board").identity, st.st_ino);
	assert_refused(shm_mkdir("board", 0600), EEXIST, "/dev/shm/board");
	assert_true(is_listed("board"));
	/* The one that any program opens. */
	fd = shm_open("/board", O_RDWR, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(shm_rmdir("board,size=7"), 0);
	assert_int_equal(stat("/dev/shm/board", &st), -1);
	assert_false(is_found("board"));

	assert_int_equal(shm_mkdir("board", 0600), 0);
	assert_shows("board", "size", "0\n");
	fd = shm_open("/others", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_true(is_listed("others"));

	assert_int_equal(shm_mkdir("posix:0x51,size=5", 0600), 0);
	assert_int_equal(stat("/dev/shm/0x51", &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_true(is_listed("posix:0x51"));
	/* A comma in a name is for others to make. */
	fd = shm_open("/a,b", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_true(is_listed("posix:a,b"));
	assert_string_equal(shm_at("posix:a,b").name, "a,b");
	fd = shm_open("/status", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_true(is_listed("posix:status"));
}

static void wrong_attributes_make_nothing(void **state)
{
	static const struct {
		const char *name, *words;
	} cases[] = {
		{"0x51,size=0", "kernel.shmmax"},
		{"0x51,size=-1", "'-1'"},
		{"0x51,size=", "from 1 to"},
		{"0x51,size=K", "'K'"},
		{"0x51,size=1k", "'1k'"},
		{"0x51,size=1KK", "'1KK'"},
		{"0x51,size=1K1", "'1K1'"},
		{"0x51,size=1T", "K, M or G"},
		{"0x51,size=0K", "'0K'"},
		{"0x51,size= 1", "' 1'"},
		{"0x51,size=0x10", "'0x10'"},
		{"0x51,size=9223372036854775808", "9223372036854775807"},
		{"0x51,size=9007199254740992K", "'9007199254740992K'"},
		{"0x51,size=8589934592G", "'8589934592G'"},
		{"0x51,size=99999999999999999999G", "to"},
		{"0x51,size=1,size=2", "twice"},
		{"0x51,nsems=1", "unknown"},
		{"0x51,", "no attribute"},
		{"board,size=-1", "from 0 to 9223372036854775807"},
		{"board,size=1g", "'1g'"},
		{"board,size=8589934592G", "'8589934592G'"},
		{"board,mode=600", "unknown"},
		{"0x0", "IPC_PRIVATE"},
		{"81", "id"},
		{"0x123456789", "8"},
		{"", "empty"},
		{",size=1", "empty"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_refused(shm_mkdir(cases[i].name, 0600), EINVAL, cases[i].words);
	assert_int_equal(shmget(KEY, 0, 0), -1);
	assert_false(is_found("board") || is_found(SYSV));
	assert_int_equal(shm_mkdir("0x51,size=1", 0600), 0);
	assert_int_equal(shm_mkdir("board,size=8589934591G", 0600), 0);
	assert_shows("board", "size", "9223372035781033984\n");
	assert_shows("board", "rss", "0\n");
}

static void limits_are_named(void **state)
{
	const unsigned long long most = read_number("/proc/sys/kernel/shmmax"),
				 pages = read_number("/proc/sys/kernel/shmall");
	char text[64];

	/* All three are of this IPC namespace. */
	write_text("/proc/sys/kernel/shmmax", "10000");
	assert_refused(shm_mkdir("0x51,size=10001", 0600), EINVAL, "from 1 to 10000");
	assert_refused(shm_mkdir("0x51", 0600), EINVAL, "65536 bytes: kernel.shmmax is 10000");
	assert_int_equal(shm_mkdir("0x51,size=10000", 0600), 0);
	snprintf(text, sizeof(text), "%llu", most);
	write_text("/proc/sys/kernel/shmmax", text);

	write_text("/proc/sys/kernel/shmmni", "2");
	assert_int_equal(shm_mkdir("0x52", 0600), 0);
	assert_refused(shm_mkdir("0x53", 0600), ENOSPC, "kernel.shmmni is 2 segments, 2 in use");
	write_text("/proc/sys/kernel/shmmni", "4096");

	snprintf(text, sizeof(text), "%ld", 3 + 65536 / sysconf(_SC_PAGESIZE));
	write_text("/proc/sys/kernel/shmall", text);
	snprintf(text, sizeof(text), "this segment needs %ld",
		 (3000000 + sysconf(_SC_PAGESIZE) - 1) / sysconf(_SC_PAGESIZE));
	assert_refused(shm_mkdir("0x53,size=3000000", 0600), ENOSPC, text);
	assert_non_null(strstr(call.reason, "kernel.shmall is 19 pages, 19 in use"));
	snprintf(text, sizeof(text), "%llu", pages);
	write_text("/proc/sys/kernel/shmall", text);

	/* Nobody has a pebibyte, unless the kernel is told to believe it. */
	if (read_number("/proc/sys/vm/overcommit_memory") != 1)
		assert_refused(shm_mkdir("0x53,size=1048576G", 0600), ENOMEM, "overcommit_memory");
	assert_false(is_found("0x53"));
}

/* Only regular files of other names than those of semaphores. */
static void what_is_no_object(void **state)
{
	char longest[NAME_MAX + 2];
	struct place place;
	struct stat st;
	int fd;

	assert_int_equal(symlink("/etc/passwd", "/dev/shm/link"), 0);
	assert_int_equal(mkfifo("/dev/shm/fifo", 0666), 0);
	assert_int_equal(mkdir("/dev/shm/dir", 0777), 0);
	close(open("/dev/shm/sem.x", O_CREAT | O_WRONLY, 0666));
	assert_false(is_found("link") || is_found("fifo") || is_found("dir"));
	assert_false(is_listed("link") || is_listed("fifo") || is_listed("dir"));
	assert_false(is_found("sem.x") || is_found("posix:sem.x") || is_listed("sem.x"));
	assert_refused(shm_mkdir("link", 0600), EEXIST, "/dev/shm/link");
	assert_refused(shm_mkdir("sem.y", 0600), EINVAL, "semaphores");
	assert_refused(shm_mkdir("sem.", 0600), EINVAL, "semaphores");
	assert_int_equal(stat("/dev/shm/sem.y", &st), -1);
	assert_int_equal(shm_mkdir("sem", 0600), 0);
	place = shm_at("sem");
	assert_refused(place.dir->rename(&call, &place, "sem.z", 0), EINVAL, "semaphores");
	assert_refused(place.dir->rename(&call, &place, "posix:sem.z", 0), EINVAL, "semaphores");
	assert_true(is_found("sem"));

	/* A place that something else has been put into. */
	assert_int_equal(rename("/dev/shm/fifo", "/dev/shm/sem"), 0);
	place.identity = 0;
	place.row = dir_row(place.dir, "data");
	void *handle;
	assert_int_equal(place.row->memory->open(&call, &place, O_RDONLY, &handle), -ENOENT);
	assert_int_equal(place.dir->remove(&call, &place), -ENOENT);
	assert_int_equal(
		place.dir->change(&call, &place, &(struct change){.has_mode = true, .mode = 0666}),
		-ENOENT);
	assert_int_equal(lstat("/dev/shm/sem", &st), 0);

	memset(longest, 'n', sizeof(longest));
	longest[NAME_MAX + 1] = '\0';
	assert_refused(shm_mkdir(longest, 0600), ENAMETOOLONG, "256");
	longest[NAME_MAX] = '\0';
	assert_int_equal(shm_mkdir(longest, 0600), 0);
	assert_true(is_listed(longest));
	fd = shm_open("/odd \n\xff name", O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_true(is_listed("odd \n\xff name"));

	unlink("/dev/shm/sem.x");
	unlink("/dev/shm/link");
	unlink("/dev/shm/sem");
	rmdir("/dev/shm/dir");
}

static const char *const posix_files[] = {"size", "rss", "status", "status.json"};

/* What goes by a place reaches the object that was found there, and no later one. */
static void a_place_is_one_object(void **state)
{
	struct change change = {.has_mode = true, .mode = 0666};
	struct place old;
	struct stat st = {0}, before, after;
	struct handle handle;
	char byte = 'x';
	void *opened;
	int error, fd;

	assert_int_equal(shm_mkdir("board,size=10", 0600), 0);
	old = shm_at(POSIX);
	handle = handle_open(POSIX, O_RDWR);
	fd = shm_open("/new", O_RDWR | O_CREAT, 0600);
	assert_int_equal(pwrite(fd, "precious", 8, 0), 8);
	close(fd);
	assert_int_equal(rename("/dev/shm/new", "/dev/shm/board"), 0);
	assert_int_equal(stat("/dev/shm/board", &before), 0);

	assert_int_equal(old.dir->stat(&old, &st), -ENOENT);
	assert_int_equal(old.dir->change(&call, &old, &change), -ENOENT);
	assert_int_equal(old.dir->rename(&call, &old, "elsewhere", 0), -ENOENT);
	assert_int_equal(old.dir->remove(&call, &old), -ENOENT);
	for (int i = 0; i < 4; i++) {
		assert_null(place_show(old, posix_files[i], &error));
		assert_int_equal(error, -ENOENT);
	}
	assert_int_equal(dir_row(old.dir, "size")->store(&call, &old, "0"), -ENOENT);
	assert_int_equal(handle.memory->truncate(&call, &old, 0), -ENOENT);
	assert_int_equal(handle.memory->open(&call, &old, O_RDONLY, &opened), -ENOENT);
	assert_int_equal(handle.memory->stat(&old, NULL, &st), -ENOENT);
	assert_int_equal(stat("/dev/shm/board", &after), 0);
	assert_memory_equal(&before, &after, sizeof(before));

	/* What is open stays what it was. */
	assert_int_equal(handle.memory->stat(&old, handle.state, &st), 0);
	assert_int_equal(st.st_size, 10);
	assert_int_equal(handle_write(&handle, &byte, 1, 9), 1);
	handle_close(&handle);
	assert_shows(POSIX, "size", "8\n");
	assert_int_not_equal(shm_at(POSIX).identity, old.identity);

	/* A segment's id has a later one of its index told from it by the kernel. */
	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	old = shm_at(SYSV);
	/* The kernel takes its indices in turn. */
	do {
		assert_int_equal(shm_rmdir(SYSV), 0);
		assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	} while (shm_at(SYSV).object % INDICES != old.object % INDICES);
	assert_int_not_equal(shm_at(SYSV).object, old.object);
	assert_int_equal(old.dir->stat(&old, &st), -ENOENT);
	assert_int_equal(old.dir->remove(&call, &old), -ENOENT);
	assert_int_equal(old.dir->change(&call, &old, &change), -ENOENT);
	old.row = dir_row(old.dir, "data");
	assert_int_equal(old.row->memory->open(&call, &old, O_RDONLY, &opened), -ENOENT);
	assert_int_equal(old.row->memory->truncate(&call, &old, 0), -ENOENT);
	assert_int_equal(old.row->memory->stat(&old, NULL, &st), -ENOENT);
	assert_int_equal(dir_row(old.dir, "locked")->store(&call, &old, "1"), -ENOENT);
	for (const struct row *row = old.dir->rows; row->type != ROW_END; row++) {
		if (row->type != ROW_TEXT)
			continue;
		assert_null(place_show(old, row->name, &error));
		assert_int_equal(error, -ENOENT);
	}
}

static void renaming(void **state)
{
	struct place place, two;

	assert_int_equal(shm_mkdir("one,size=1", 0600), 0);
	assert_int_equal(shm_mkdir("two,size=2", 0600), 0);
	place = shm_at("one");
	two = shm_at("two");
	assert_int_equal(place.dir->rename(&call, &place, "two", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(place.dir->rename(&call, &place, "two", RENAME_WHITEOUT), -EINVAL);
	assert_refused(place.dir->rename(&call, &place, "0x11", 0), EPERM, "posix:0x11");
	assert_refused(place.dir->rename(&call, &place, "11", 0), EPERM, "shared memory object");
	assert_int_equal(place.dir->rename(&call, &place, "two,size=1", 0), -EINVAL);
	assert_int_equal(place.dir->rename(&call, &place, "two", RENAME_EXCHANGE), 0);
	assert_shows("one", "size", "2\n");
	assert_shows("two", "size", "1\n");
	assert_int_equal(shm_at("one").identity, two.identity);
	place = shm_at("one");
	assert_int_equal(place.dir->rename(&call, &place, "two", 0), 0);
	assert_false(is_found("one"));
	assert_shows("two", "size", "2\n");
	place = shm_at("two");
	assert_int_equal(place.dir->rename(&call, &place, "posix:0x11,a", 0), 0);
	assert_true(is_listed("posix:0x11,a"));
	become(NOBODY);
	place = shm_at("posix:0x11,a");
	assert_int_equal(place.dir->rename(&call, &place, "mine", 0), -EPERM);
	become(0);
	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	place = shm_at(SYSV);
	assert_int_equal(place.dir->rename(&call, &place, "0x12", 0), -EPERM);
}

static void modes_and_owners(void **state)
{
	static const char *const names[] = {SYSV, POSIX};
	struct place place;
	struct stat st = {0};

	for (int i = 0; i < 2; i++) {
		struct change change = {.has_mode = true, .mode = 0751};

		/* A new object is its maker's. */
		become(NOBODY);
		assert_int_equal(shm_mkdir(names[i], 0600), 0);
		place = shm_at(names[i]);
		assert_int_equal(place.dir->change(&call, &place, &change), 0);
		assert_int_equal(place.dir->stat(&place, &st), 0);
		assert_int_equal(st.st_uid, NOBODY);
		assert_int_equal(st.st_gid, NOBODY);
		assert_int_equal(st.st_mode, 0640);
		become(0);
		change = (struct change){.has_uid = true, .uid = 1, .has_gid = true, .gid = 2};
		assert_int_equal(place.dir->change(&call, &place, &change), 0);
		assert_int_equal(place.dir->stat(&place, &st), 0);
		assert_int_equal(st.st_uid, 1);
		assert_int_equal(st.st_gid, 2);
		assert_int_equal(st.st_mode, 0640);
		change =
			(struct change){.has_mode = true, .mode = 0666, .has_uid = true, .uid = -1};
		assert_refused(place.dir->change(&call, &place, &change), EINVAL, "4294967295");
		become(2);
		change = (struct change){.has_mode = true, .mode = 0666};
		assert_refused(place.dir->change(&call, &place, &change), EPERM, "only the owner");
		/* shm_unlink(3) has EACCES for what the sticky directory refuses. */
		assert_refused(place.dir->remove(&call, &place), place.name ? EACCES : EPERM,
			       "only the owner");
		become(0);
		assert_int_equal(place.dir->stat(&place, &st), 0);
		assert_int_equal(st.st_mode, 0640);
		become(1);
		assert_int_equal(place.dir->remove(&call, &place), 0);
		assert_int_equal(place.dir->remove(&call, &place), -ENOENT);
		assert_int_equal(place.dir->change(&call, &place, &change), -ENOENT);
		assert_int_equal(place.dir->stat(&place, &st), -ENOENT);
		become(0);
	}
}

static void opening_needs_permission(void **state)
{
	struct handle handle;

	skip_under_valgrind("answers EINVAL to shmat where IPC_STAT is not allowed");
	for (int i = 0; i < 2; i++) {
		const char *name = i ? POSIX : SYSV;
		struct place place;

		assert_int_equal(shm_mkdir(name, 0604), 0);
		place = shm_at(name);
		become(NOBODY);
		assert_refused(handle_try(name, O_RDWR, &handle), EACCES, "read and write");
		assert_refused(handle_try(name, O_WRONLY, &handle), EACCES, "write");
		assert_int_equal(handle_try(name, O_RDONLY, &handle), 0);
		handle_close(&handle);
		become(0);
		assert_int_equal(
			place.dir->change(&call, &place,
					  &(struct change){.has_mode = true, .mode = 0602}),
			0);
		become(NOBODY);
		assert_refused(handle_try(name, O_RDONLY, &handle), EACCES, "read permission");
		/* The kernel attaches a segment for writing to who may read it. */
		assert_int_equal(handle_try(name, O_WRONLY, &handle), i ? 0 : -EACCES);
		if (i)
			handle_close(&handle);
		become(0);
	}
	become(NOBODY);
	assert_int_equal(handle.memory->truncate(&call, &handle.place, 10), 0);
	assert_int_equal(store(POSIX, "size", "11"), 0);
	become(0);
	assert_shows(POSIX, "size", "11\n");
	assert_int_equal(chmod("/dev/shm/board", 0604), 0);
	become(NOBODY);
	assert_refused(store(POSIX, "size", "1"), EACCES, "write permission");
	assert_refused(handle.memory->truncate(&call, &handle.place, 0), EACCES, "write");
	become(0);
	assert_shows(POSIX, "size", "11\n");
}

/* Its key is free at once; it is there until the last detaches. */
static void removed_while_attached(void **state)
{
	struct handle handle;
	char name[16], byte;
	char *at;

	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	snprintf(name, sizeof(name), "%d", shm_id());
	at = shmat(shm_id(), NULL, 0);
	assert_ptr_not_equal(at, (void *)-1);
	assert_shows(SYSV, "dest", "0\n");
	assert_shows(SYSV, "nattch", "1\n");
	assert_int_equal(shm_rmdir(SYSV), 0);
	assert_false(is_found(SYSV));
	assert_true(is_listed(name));
	assert_shows(name, "dest", "1\n");
	assert_shows(name, "nattch", "1\n");
	assert_int_equal(shm_mkdir(SYSV, 0600), 0); /* another */
	assert_true(is_listed(SYSV) && is_listed(name));
	at[3] = '3';
	handle = handle_open(name, O_RDONLY);
	assert_int_equal(handle_read(&handle, &byte, 1, 3), 1);
	assert_int_equal(byte, '3');
	handle_close(&handle);
	assert_true(is_found(name));
	shmdt(at);
	assert_false(is_found(name));
}

static void labels_and_refusals(void **state)
{
	struct place place, root = {.dir = shm_kind.dir};
	char name[64];
	int id = shmget(IPC_PRIVATE, 1, 0600);

	assert_true(id >= 0);
	snprintf(name, sizeof(name), "%d", id);
	assert_true(is_listed(name));
	place = shm_at(name);
	assert_int_equal(place.dir->label(&place, name, sizeof(name)), 0);
	assert_int_equal(atoi(name), id);
	assert_int_equal(shm_mkdir(SYSV, 0600), 0);
	place = shm_at(SYSV);
	assert_int_equal(place.dir->label(&place, name, sizeof(name)), 0);
	assert_string_equal(name, SYSV);
	assert_int_equal(root.dir->remove(&call, &root), -EPERM);
	assert_int_equal(place.dir->make(&call, &place, "x", 0600, &root), -EPERM);
	assert_null(shm_kind.removals);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, NULL, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(segments_are_made),
		TEST(objects_are_made),
		TEST(wrong_attributes_make_nothing),
		TEST(limits_are_named),
		TEST(what_is_no_object),
		TEST(a_place_is_one_object),
		TEST(renaming),
		TEST(modes_and_owners),
		TEST(opening_needs_permission),
		TEST(removed_while_attached),
		TEST(labels_and_refusals),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
