/*
 * test_mq - the objects of mq/: names, making, removing, changing, figures, limits.
 */
#include "mq_fixture.h"

#include <sys/inotify.h>
#include <sys/resource.h>

static void assert_refused(int result, int error, const char *reason)
{
	assert_int_equal(result, -error);
	if (!strstr(call.reason, reason))
		fail_msg("'%s' does not say '%s'", call.reason, reason);
}

static void names_lead_to_objects(void **state)
{
	struct place found, by_key, by_id;
	char name[32];

	assert_int_equal(mq_lookup("0x51", &found), -ENOENT);
	assert_int_equal(mq_lookup("jobs", &found), -ENOENT);
	assert_int_equal(mq_lookup("0", &found), -ENOENT);
	assert_int_equal(mq_lookup("0x0", &found), -EINVAL);
	assert_int_equal(mq_mkdir("0x51", 0), 0); /* no permission is needed to find it */
	become(NOBODY);
	by_key = mq_at("0x00000051");
	assert_int_equal(by_key.object, msgget(0x51, 0));
	snprintf(name, sizeof(name), "%u", by_key.object);
	by_id = mq_at(name);
	assert_int_equal(by_id.object, by_key.object);
	assert_ptr_equal(by_id.dir, by_key.dir);
	assert_null(by_id.name);
	become(0);

	/* An id is not its slot in the kernel's table. */
	assert_int_equal(mq_rmdir("0x51"), 0);
	assert_int_equal(mq_lookup(name, &found), -ENOENT);
	assert_int_equal(mq_mkdir("0x51", 0600), 0);
	assert_int_equal(mq_lookup(name, &found),
			 by_key.object == mq_at("0x51").object ? 0 : -ENOENT);
	snprintf(name, sizeof(name), "%u", mq_at("0x51").object);
	assert_int_equal(mq_lookup(name, &found), 0);

	assert_int_equal(mq_mkdir("jobs", 0), 0);
	become(NOBODY);
	assert_string_equal(mq_at("posix:jobs").name, "jobs");
	assert_ptr_equal(mq_at("jobs").dir, mq_at("posix:jobs").dir);
	assert_true(mq_at("jobs").dir != by_key.dir);
	become(0);
}

static void a_comma_begins_attributes_or_is_part_of_a_name(void **state)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	struct place found;
	mqd_t queue = mq_open("/jobs,a=b", O_CREAT | O_RDWR, 0600, &attr);

	assert_true(queue >= 0);
	mq_close(queue);
	assert_int_equal(mq_lookup("jobs,a=b", &found), -ENOENT);
	assert_string_equal(mq_at("posix:jobs,a=b").name, "jobs,a=b");
	assert_int_equal(mq_mkdir("jobs,maxmsg=2", 0600), 0);
	assert_string_equal(mq_at("jobs,maxmsg=2").name, "jobs");
	assert_string_equal(mq_at("jobs,whatever").name, "jobs");
	assert_string_equal(mq_at("posix:jobs,whatever").name, "jobs");
	assert_string_equal(mq_at("posix:jobs,a=b").name, "jobs,a=b");
	assert_int_equal(mq_mkdir("0x51,qbytes=10", 0600), 0);
	assert_int_equal(mq_at("0x51,qbytes=11").object, mq_at("0x51").object);
}

static void made_with_what_the_name_says(void **state)
{
	struct mq_attr attr;
	mqd_t queue;

	assert_int_equal(mq_mkdir("jobs,msgsize=256,maxmsg=5", 0777), 0);
	queue = mq_open("/jobs", O_RDONLY);
	assert_int_equal(mq_getattr(queue, &attr), 0);
	mq_close(queue);
	assert_int_equal(attr.mq_maxmsg, 5);
	assert_int_equal(attr.mq_msgsize, 256);
	assert_shows("jobs", "maxmsg", "5\n");
	assert_shows("jobs", "msgsize", "256\n");
	/* What is not said is the kernel's default. */
	assert_int_equal(mq_mkdir("posix:0x51,msgsize=99", 0600), 0);
	assert_shows("posix:0x51", "maxmsg", "10\n");
	assert_shows("posix:0x51", "msgsize", "99\n");
	assert_int_equal(mq_mkdir("defaults", 0600), 0);
	assert_shows("defaults", "maxmsg", "10\n");
	assert_shows("defaults", "msgsize", "8192\n");
	assert_int_equal(mq_mkdir("0x52,qbytes=1000", 0777), 0);
	assert_shows("0x52", "qbytes", "1000\n");
	assert_int_equal(mq_mkdir("0x53", 0600), 0);
	assert_shows("0x53", "qbytes", "16384\n");

	/* Execute bits are dropped, nothing else is. */
	struct stat st;
	struct place place = mq_at("jobs");
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0666);
	place = mq_at("0x52");
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0666);
}

static void what_exists_stays_as_it_is(void **state)
{
	assert_int_equal(mq_mkdir("jobs,maxmsg=5", 0600), 0);
	assert_int_equal(mq_mkdir("jobs,maxmsg=6", 0644), -EEXIST);
	assert_shows("jobs", "maxmsg", "5\n");
	assert_int_equal(mq_mkdir("0x51,qbytes=5", 0600), 0);
	assert_int_equal(mq_mkdir("0x51,qbytes=6", 0644), -EEXIST);
	assert_shows("0x51", "qbytes", "5\n");
}

static void what_cannot_be_made_is_not(void **state)
{
	struct place found;

	assert_refused(mq_mkdir("12", 0600), EINVAL, "12 is an id");
	assert_refused(mq_mkdir("jobs,qbytes=5", 0600), EINVAL, "maxmsg");
	assert_refused(mq_mkdir("jobs,maxmsg=0", 0600), EINVAL, "maxmsg");
	assert_refused(mq_mkdir("jobs,maxmsg=2,maxmsg=2", 0600), EINVAL, "twice");
	assert_refused(mq_mkdir("jobs,maxmsg=65537", 0600), EINVAL, "65536");
	assert_refused(mq_mkdir("jobs,msgsize=x", 0600), EINVAL, "msgsize");
	assert_refused(mq_mkdir("0x51,qbytes=-1", 0600), EINVAL, "qbytes");
	assert_refused(mq_mkdir("0x51,maxmsg=1", 0600), EINVAL, "qbytes");
	become(NOBODY); /* whom no capability lifts over the limits */
	assert_refused(mq_mkdir("jobs,maxmsg=11", 0600), EINVAL, "fs.mqueue.msg_max, which is 10");
	assert_refused(mq_mkdir("jobs,msgsize=8193", 0600), EINVAL,
		       "fs.mqueue.msgsize_max, which is 8192");
	assert_refused(mq_mkdir("0x51,qbytes=16385", 0600), EPERM, "kernel.msgmnb, which is 16384");
	become(0);
	assert_int_equal(mq_lookup("jobs", &found), -ENOENT);
	assert_int_equal(mq_lookup("0x51", &found), -ENOENT);
}

static void limits_are_named(void **state)
{
	struct rlimit limit, low;
	char name[32], used[64];
	int made = 0, result;

	/* Ten messages of 8192 bytes are charged 82,880 each. */
	getrlimit(RLIMIT_MSGQUEUE, &limit);
	low = limit;
	low.rlim_cur = 3 * 82880 + 1;
	assert_int_equal(setrlimit(RLIMIT_MSGQUEUE, &low), 0);
	become(NOBODY);
	do {
		snprintf(name, sizeof(name), "queue%d", made);
		result = mq_mkdir(name, 0600);
	} while (result == 0 && ++made < 10);
	become(0);
	setrlimit(RLIMIT_MSGQUEUE, &limit);
	assert_int_equal(made, 3);
	snprintf(used, sizeof(used), "%d in use, this queue", 3 * 82880);
	assert_refused(result, EMFILE, used);
	assert_non_null(strstr(call.reason, "RLIMIT_MSGQUEUE is 248641 bytes"));
	assert_non_null(strstr(call.reason, "needs 82880"));

	set_sysctl("/proc/sys/fs/mqueue/queues_max", "3");
	set_sysctl("/proc/sys/kernel/msgmni", "1");
	become(NOBODY);
	assert_refused(mq_mkdir("more,maxmsg=1,msgsize=1", 0600), ENOSPC,
		       "fs.mqueue.queues_max is 3");
	assert_int_equal(mq_mkdir("0x51", 0600), 0);
	assert_refused(mq_mkdir("0x52", 0600), ENOSPC, "kernel.msgmni is 1");
	become(0);
	set_sysctl("/proc/sys/fs/mqueue/queues_max", "256");
	set_sysctl("/proc/sys/kernel/msgmni", "32000");
}

static void a_limit_of_open_files_is_not_one_of_queues(void **state)
{
	struct rlimit limit, low;
	int result, probe, highest = dup(0);

	close(highest);
	probe = fsopen("mqueue", FSOPEN_CLOEXEC);
	if (probe < 0 && errno == ENOSYS)
		skip(); /* valgrind, which only pretends to set the limit */
	close(probe);
	getrlimit(RLIMIT_NOFILE, &limit);
	low = limit;
	low.rlim_cur = (rlim_t)highest;
	setrlimit(RLIMIT_NOFILE, &low);
	result = mq_mkdir("jobs,maxmsg=1", 0600);
	setrlimit(RLIMIT_NOFILE, &limit);
	assert_refused(result, EMFILE, "RLIMIT_NOFILE");
}

static void objects_belong_to_their_maker(void **state)
{
	const char *const names[] = {"0x51", "jobs"};
	struct change change = {.has_mode = true, .mode = 0640};
	struct place place;
	struct stat st;

	for (int i = 0; i < 2; i++) {
		become(NOBODY);
		assert_int_equal(mq_mkdir(names[i], 0600), 0);
		place = mq_at(names[i]);
		memset(&change, 0, sizeof(change));
		change.has_mode = true;
		change.mode = 0640;
		assert_int_equal(place.dir->change(&call, &place, &change), 0);
		become(0);
		assert_int_equal(place.dir->stat(&place, &st), 0);
		assert_int_equal(st.st_uid, NOBODY);
		assert_int_equal(st.st_mode, 0640);
		change = (struct change){.has_uid = true, .uid = 1, .has_gid = true, .gid = 2};
		assert_int_equal(place.dir->change(&call, &place, &change), 0);
		assert_int_equal(place.dir->stat(&place, &st), 0);
		assert_int_equal(st.st_uid, 1);
		assert_int_equal(st.st_gid, 2);
		assert_int_equal(st.st_mode, 0640);
		become(2);
		change = (struct change){.has_mode = true, .mode = 0666};
		assert_int_equal(place.dir->change(&call, &place, &change), -EPERM);
		/* mq_unlink(3) has EACCES for what the sticky directory refuses. */
		assert_int_equal(place.dir->remove(&call, &place), place.name ? -EACCES : -EPERM);
		become(1);
		assert_int_equal(place.dir->remove(&call, &place), 0);
		assert_int_equal(place.dir->remove(&call, &place), -ENOENT);
		assert_int_equal(place.dir->change(&call, &place, &change), -ENOENT);
		assert_int_equal(place.dir->stat(&place, &st), -ENOENT);
		become(0);
	}
}

static void times_are_of_the_last_use(void **state)
{
	struct place place;
	struct msqid_ds ds;
	struct stat st;
	char taken[16];

	assert_int_equal(mq_mkdir("0x51", 0600), 0);
	place = mq_at("0x51");
	assert_int_equal(place.dir->stat(&place, &st), 0);
	msgctl((int)place.object, IPC_STAT, &ds);
	assert_int_equal(ds.msg_stime, 0);
	assert_int_equal(st.st_mtime, ds.msg_ctime);
	assert_int_equal(st.st_ctime, ds.msg_ctime);
	assert_int_equal(msgsnd((int)place.object, (long[]){1, 1}, 8, 0), 0);
	assert_int_equal(msgrcv((int)place.object, taken, 8, 0, 0), 8);
	msgctl((int)place.object, IPC_STAT, &ds);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mtime, ds.msg_rtime);
	assert_int_equal(st.st_atime, ds.msg_rtime);
	assert_true(st.st_atime > 0);
}

static void figures(void **state)
{
	char pid[16];
	struct handle handle;

	assert_int_equal(mq_mkdir("0x51", 0600), 0);
	assert_int_equal(mq_mkdir("jobs", 0600), 0);
	for (int i = 0; i < 2; i++) {
		handle = handle_open(i ? "jobs" : "0x51", "data");
		assert_int_equal(handle_puts(&handle, "hello"), 5);
		assert_int_equal(handle_puts(&handle, "you"), 3);
		handle_close(&handle);
		assert_shows(i ? "jobs" : "0x51", "messages", "2\n");
		assert_shows(i ? "jobs" : "0x51", "bytes", "8\n");
	}
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	assert_shows("0x51", "lspid", pid);
	assert_shows("0x51", "lrpid", "0\n");
	assert_int_equal(store("0x51", "qbytes", "4000"), 0);
	assert_shows("0x51", "qbytes", "4000\n");
	assert_refused(store("0x51", "qbytes", "4k"), EINVAL, "'4k'");
	assert_refused(store("0x51", "qbytes", ""), EINVAL, "qbytes");
	assert_shows("0x51", "qbytes", "4000\n");
	become(NOBODY);
	assert_int_equal(store("0x51", "qbytes", "1"), -EPERM);
	become(0);
}

static void posix_opens_as_the_caller(void **state)
{
	struct handle handle;
	char byte;

	assert_int_equal(mq_mkdir("inbox", 0622), 0);
	become(NOBODY);
	assert_int_equal(handle_try("inbox", "data", O_RDONLY, &handle), -EACCES);
	assert_int_equal(handle_try("inbox", "data", O_RDWR, &handle), -EACCES);
	assert_int_equal(handle_try("inbox", "data", O_WRONLY | O_TRUNC, &handle), 0);
	assert_int_equal(handle_puts(&handle, "x"), 1);
	become(0);
	assert_int_equal(handle_read(&handle, &byte, 1), -EBADF);
	assert_true(handle.channel->wait_fd(handle.state, &(short){POLLIN}) >= 0);
	handle_close(&handle);
	assert_int_equal(handle_try("inbox", "data", O_RDONLY, &handle), 0);
	assert_int_equal(handle_puts(&handle, "x"), -EBADF);
	assert_reads(&handle, "x");
	handle_close(&handle);
}

static void priorities(void **state)
{
	static const char *const wrong[] = {"", "-1", "32768", "x", "1x", "+1"};
	struct handle handle;
	struct place place = {NULL};

	assert_int_equal(mq_mkdir("jobs", 0600), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_int_equal(dir_row(mq_at("jobs").dir, "prio")->number(wrong[i], &place),
				 -ENOENT);
	handle = handle_open("jobs", "prio/0");
	assert_null(handle.channel->read);
	assert_int_equal(handle_puts(&handle, "low"), 3);
	handle_close(&handle);
	handle = handle_open("jobs", "prio/32767");
	assert_int_equal(handle_puts(&handle, "high"), 4);
	handle_close(&handle);
	handle = handle_open("jobs", "framed");
	assert_reads(&handle, "prio=32767 size=4\nhigh");
	handle_close(&handle);
	handle = handle_open("jobs", "framed");
	assert_reads(&handle, "prio=0 size=3\nlow");
	handle_close(&handle);
}

static int count_listed(void *context, const char *name, const struct place *place)
{
	struct place found;

	(*(int *)context)++;
	assert_int_equal(mq_lookup(name, &found), 0);
	assert_ptr_equal(found.dir, place->dir);
	if (place->name)
		assert_string_equal(found.name, place->name);
	else
		assert_int_equal(found.object, place->object);
	return 0;
}

static int fail_listed(void *context, const char *name, const struct place *place)
{
	(*(int *)context)++;
	return -E2BIG;
}

static void what_is_listed_is_found(void **state)
{
	struct place at = {.dir = mq_kind.dir};
	int count = 0;

	assert_true(msgget(IPC_PRIVATE, 0) >= 0);
	assert_int_equal(mq_mkdir("0xffffffff", 0), 0);
	assert_int_equal(mq_mkdir("jobs", 0), 0);
	assert_int_equal(mq_mkdir("posix:status", 0), 0);
	assert_int_equal(mq_mkdir("posix:0x51", 0), 0);
	become(NOBODY);
	assert_int_equal(at.dir->list(&call, &at, count_listed, &count), 0);
	assert_int_equal(count, 5);
	count = 0;
	assert_int_equal(at.dir->list(&call, &at, fail_listed, &count), -E2BIG);
	assert_int_equal(count, 1);
	become(0);
}

static void removals_of_posix_queues_are_told(void **state)
{
	int fd = mq_kind.removals();
	char event[512];

	assert_true(fd >= 0);
	assert_int_equal(mq_mkdir("jobs", 0600), 0);
	assert_true(read(fd, event, sizeof(event)) < 0);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(mq_unlink("/jobs"), 0); /* whoever does it */
	assert_true(read(fd, event, sizeof(event)) > 0);
	assert_true(((struct inotify_event *)(void *)event)->mask & IN_DELETE);
	close(fd);
}

/* A plain user gets no mount of its own. */
static void the_usual_mount_does_as_well(void **state)
{
	struct place at = {.dir = mq_kind.dir};
	struct handle handle;
	int count = 0;

	become(NOBODY);
	assert_int_equal(mq_kind.setup(&(struct settings){0}), 0);
	assert_int_equal(mq_mkdir("jobs", 0600), 0);
	assert_int_equal(at.dir->list(&call, &at, count_listed, &count), 0);
	assert_int_equal(count, 1);
	handle = handle_open("jobs", "data");
	assert_int_equal(handle_puts(&handle, "x"), 1);
	assert_int_equal(mq_rmdir("jobs"), 0);
	assert_int_equal(handle.channel->gone(handle.state), -EIDRM);
	handle_close(&handle);
	become(0);
	assert_int_equal(mq_kind.setup(&(struct settings){0}), 0);
}

/* Where /dev/mqueue is not mounted either, names still work. */
static void without_the_file_system_names_work(void **state)
{
	struct place at = {.dir = mq_kind.dir}, place, found;
	struct change change = {.has_mode = true, .mode = 0640};
	struct handle handle;
	struct stat st;
	int count = 0, error;
	char *text;

	assert_int_equal(umount2("/dev/mqueue", MNT_DETACH), 0);
	become(NOBODY);
	assert_int_equal(mq_kind.setup(&(struct settings){0}), 0);
	assert_int_equal(mq_kind.removals(), -1);
	assert_int_equal(mq_lookup("jobs", &found), -ENOENT);
	assert_int_equal(mq_mkdir("jobs", 0600), 0);
	place = mq_at("jobs");
	assert_int_equal(at.dir->list(&call, &at, count_listed, &count), 0);
	assert_int_equal(count, 0);
	text = show(NULL, "status", &error);
	assert_non_null(strstr(text, "# POSIX queues cannot be listed"));
	free(text);
	handle = handle_open("jobs", "data");
	assert_int_equal(handle_puts(&handle, "x"), 1);
	assert_reads(&handle, "x");
	assert_int_equal(place.dir->change(&call, &place, &change), 0);
	assert_int_equal(place.dir->stat(&place, &st), 0);
	assert_int_equal(st.st_mode, 0640);
	assert_int_equal(st.st_uid, NOBODY);
	assert_shows("jobs", "messages", "0\n");
	assert_int_equal(place.dir->remove(&call, &place), 0);
	assert_int_equal(handle_puts(&handle, "x"), -EIDRM);
	handle_close(&handle);
	become(0);
	assert_int_equal(mount("mqueue", "/dev/mqueue", "mqueue", 0, NULL), 0);
	assert_int_equal(mq_kind.setup(&(struct settings){0}), 0);
}

#define TEST(test) cmocka_unit_test_teardown(test, remove_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_lead_to_objects),
		TEST(a_comma_begins_attributes_or_is_part_of_a_name),
		TEST(made_with_what_the_name_says),
		TEST(what_exists_stays_as_it_is),
		TEST(what_cannot_be_made_is_not),
		TEST(limits_are_named),
		TEST(a_limit_of_open_files_is_not_one_of_queues),
		TEST(objects_belong_to_their_maker),
		TEST(times_are_of_the_last_use),
		TEST(figures),
		TEST(posix_opens_as_the_caller),
		TEST(priorities),
		TEST(what_is_listed_is_found),
		TEST(removals_of_posix_queues_are_told),
		TEST(the_usual_mount_does_as_well),
		TEST(without_the_file_system_names_work),
	};

	fixture_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
