/*
 * test_events.c - what differs between two snapshots, the lines of events, and the stream that a
 * reader has of them, also of one that has fallen behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sem.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "events/events.h"
#include "events/events_actors.h"
#include "events/events_line.h"
#include "events/snapshot.h"
#include "kinds.h"
#include "sem/sem.h"

/* ---- what differs ---- */

static char told[1024];

static void note(void *context, enum difference what, const struct snapshot_object *before,
		 const struct snapshot_object *after)
{
	static const char signs[] = {'-', '+', '~'};
	size_t length = strlen(told);

	assert_true((what == OBJECT_REMOVED) == !after);
	assert_true((what == OBJECT_CREATED) == !before);
	snprintf(told + length, sizeof(told) - length, "%c%s ", signs[what],
		 before ? before->name : after->name);
}

/* "a1:5" is the object a with identity 1 and one figure of 5. */
static struct snapshot *snapshot_of(const char *text)
{
	struct snapshot *snapshot = snapshot_new();
	char *copy = strdup(text), *rest = copy, *word;

	while ((word = strsep(&rest, " ")) && *word) {
		char name[2] = {word[0]};
		struct snapshot_object *object =
			snapshot_add(snapshot, name, "sysv", (uint64_t)(word[1] - '0'));

		snapshot_figure(object, "size", atoi(word + 3));
	}
	free(copy);
	snapshot_sort(snapshot);
	return snapshot;
}

static void assert_difference(const char *before, const char *after, const char *expected)
{
	struct snapshot *one = snapshot_of(before), *other = snapshot_of(after);

	*told = '\0';
	snapshot_compare(one, other, note, NULL);
	assert_string_equal(told, expected);
	snapshot_release(one);
	snapshot_release(other);
}

static void differences_are_told(void **state)
{
	assert_difference("", "", "");
	assert_difference("", "b1:0 a2:0", "+a +b ");
	assert_difference("a1:0 b1:0", "", "-a -b ");
	assert_difference("a1:0 b2:0 c3:0", "c3:0 a1:0 b2:0", "");
	assert_difference("a1:0 b2:0 c3:0", "a1:0 c3:7", "-b ~c ");
	assert_difference("a1:0 c1:0", "b1:0 d1:0", "-a +b -c +d ");
	/* Another of the name. */
	assert_difference("a1:0", "a2:0", "-a +a ");
	/* Several of a name are the one that comes first. */
	assert_difference("a1:0", "a2:5 a1:0", "");
}

/* Applied to what was there, whatever differs gives what is there. */
static void differences_are_all(void **state)
{
	unsigned seed = 1;

	for (int round = 0; round < 2000; round++) {
		char texts[2][128] = {"", ""};
		struct snapshot *one, *other;
		int balance = 0;

		for (int i = 0; i < 2; i++)
			for (char name = 'a'; name < 'h'; name++)
				if (rand_r(&seed) % 2)
					sprintf(texts[i] + strlen(texts[i]), "%c%d:%d ", name,
						rand_r(&seed) % 2, rand_r(&seed) % 2);
		one = snapshot_of(texts[0]);
		other = snapshot_of(texts[1]);
		*told = '\0';
		snapshot_compare(one, other, note, NULL);
		for (const char *at = told; *at; at++)
			balance += (*at == '+') - (*at == '-');
		assert_int_equal((long)one->count + balance, (long)other->count);
		assert_true(*told || one->count == other->count);
		snapshot_release(one);
		snapshot_release(other);
	}
}

/* ---- lines ---- */

static json_t *parsed(char *line)
{
	char text[1024];
	json_t *object;

	assert_non_null(line);
	assert_int_equal(line[strlen(line) - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	snprintf(text, sizeof(text), "{%s", line);
	object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	free(line);
	return object;
}

static void lines_are_json(void **state)
{
	const struct timespec when = {1700000000, 5000000};
	const struct events_actor by = {.pid = 7, .uid = 8, .command = "a\xff"};
	struct snapshot *snapshot = snapshot_new();
	struct snapshot_object *object;
	json_t *line;

	object = snapshot_add(snapshot, "a\n\"\xff", "posix", 1);
	snapshot_owner(object, 5, 6, 0640);
	line = parsed(events_line(&when, "remove", "shm", object, NULL, &by));
	assert_string_equal(json_string_value(json_object_get(line, "name")), "a\n\"\\xff");
	assert_string_equal(json_string_value(json_object_get(line, "perms")), "rw-r-----");
	assert_int_equal(json_integer_value(json_object_get(line, "uid")), 5);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(line, "by"), "pid")),
			 7);
	json_decref(line);
	line = parsed(events_line_bare(&when, "lost", "mq", 12));
	assert_int_equal(json_integer_value(json_object_get(line, "count")), 12);
	json_decref(line);
	snapshot_release(snapshot);
}

/* ---- who removed it ---- */

static void who_removes_is_told_once(void **state)
{
	struct call call = {.pid = getpid(), .uid = 12};
	struct events_actor by;

	events_actor_note(&call, "mq/a");
	assert_false(events_actor_take("mq", "b", &by));
	assert_false(events_actor_take("shm", "a", &by));
	assert_true(events_actor_take("mq", "a", &by));
	assert_int_equal(by.pid, getpid());
	assert_int_equal(by.uid, 12);
	assert_false(events_actor_take("mq", "a", &by));
	events_actor_note(&call, "mq/wait");
	assert_true(events_actor_take("mq", "posix:wait", &by));
	/* What no snapshot saw is not told of another of the name. */
	events_actor_note(&call, "mq/a");
	events_actors_expire("mq", 100);
	events_actor_done("mq/a", 100);
	events_actors_expire("mq", 100);
	events_actors_expire("shm", 200);
	assert_true(events_actor_take("mq", "a", &by));
	events_actor_note(&call, "mq/a");
	events_actor_done("mq/a", 100);
	events_actors_expire("mq", 101);
	assert_false(events_actor_take("mq", "a", &by));
	/* Nor if it saw neither of two. */
	for (int i = 0; i < 2; i++) {
		events_actor_note(&call, "mq/a");
		events_actor_done("mq/a", 100);
	}
	events_actors_expire("mq", 101);
	assert_false(events_actor_take("mq", "a", &by));
	events_actor_note(&call, "mq/a");
	events_actor_drop("mq/a");
	assert_false(events_actor_take("mq", "a", &by));
}

/* ---- streams ---- */

static struct call call;

struct stream {
	void *state;
	char line[4096];
	size_t used;
	long seq;
	json_t *names; /* what the lines say that there is */
	long lost;
};

static void stream_open(struct stream *stream)
{
	const struct place place = {.dir = &sem_dir};

	memset(stream, 0, sizeof(*stream));
	stream->names = json_object();
	assert_int_equal(events_channel.open(&call, &place, O_RDONLY, &stream->state), 0);
}

static void stream_close(struct stream *stream)
{
	events_channel.close(stream->state);
	json_decref(stream->names);
}

/* Reads one line, a few bytes at a time, waiting for it, and does what it says; its "what". */
static const char *stream_next(struct stream *stream)
{
	static char what[16];
	const char *name;
	json_t *line;
	long seq, count;

	stream->used = 0;
	do {
		ssize_t got =
			events_channel.read(&call, stream->state, stream->line + stream->used, 7);

		if (got == -EAGAIN) {
			short events = POLLIN;
			struct pollfd polled = {
				.fd = events_channel.wait_fd(stream->state, &events),
				.events = POLLIN,
			};

			assert_int_equal(stream->used, 0);
			assert_int_equal(poll(&polled, 1, 20000), 1);
			continue;
		}
		assert_in_range(got, 1, 7);
		stream->used += (size_t)got;
		assert_true(stream->used < sizeof(stream->line) - 8);
	} while (!stream->used || stream->line[stream->used - 1] != '\n');
	stream->line[stream->used] = '\0';
	line = json_loads(stream->line, 0, NULL);
	assert_non_null(line);
	snprintf(what, sizeof(what), "%s", json_string_value(json_object_get(line, "what")));
	seq = json_integer_value(json_object_get(line, "seq"));
	count = json_integer_value(json_object_get(line, "count"));
	assert_int_equal(seq, stream->seq + (strcmp(what, "lost") ? 1 : count));
	stream->seq = seq;
	name = json_string_value(json_object_get(line, "name"));
	if (!strcmp(what, "lost")) {
		stream->lost += count;
		json_object_clear(stream->names);
	} else if (!strcmp(what, "exists") || !strcmp(what, "create")) {
		assert_null(json_object_get(stream->names, name));
		json_object_set_new(stream->names, name, json_true());
	} else if (!strcmp(what, "remove")) {
		assert_int_equal(json_object_del(stream->names, name), 0);
	}
	json_decref(line);
	return what;
}

static void stream_until(struct stream *stream, const char *what)
{
	while (strcmp(stream_next(stream), what))
		;
}

static void a_stream_tells_what_happens(void **state)
{
	int first = semget(0x11, 1, IPC_CREAT | 0600), second;
	struct stream stream;

	stream_open(&stream);
	assert_string_equal(stream_next(&stream), "exists");
	assert_string_equal(stream_next(&stream), "ready");
	assert_int_equal(events_channel.ready(stream.state), 0);
	second = semget(0x12, 2, IPC_CREAT | 0600);
	assert_string_equal(stream_next(&stream), "create");
	assert_non_null(json_object_get(stream.names, "0x00000012"));
	semctl(first, 0, IPC_RMID);
	assert_string_equal(stream_next(&stream), "remove");
	semctl(second, 0, IPC_RMID);
	assert_string_equal(stream_next(&stream), "remove");
	assert_int_equal(json_object_size(stream.names), 0);
	stream_close(&stream);
}

/* More than the log holds, between two snapshots: how many is said, and what there is. */
static void who_falls_behind_is_told(void **state)
{
	enum { SETS = 6000 };
	static int ids[SETS];
	struct stream quick, slow, idle;

	stream_open(&idle);
	stream_open(&slow);
	stream_until(&slow, "ready");
	stream_open(&quick);
	stream_until(&quick, "ready");
	for (int i = 0; i < SETS; i++)
		assert_return_code(ids[i] = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600), errno);
	while (json_object_size(quick.names) < SETS)
		stream_next(&quick);
	/* It has not read, and need not have read, a line of all that. */
	while (json_object_size(slow.names) < SETS)
		stream_next(&slow);
	assert_in_range(slow.lost, 1, SETS);
	for (int i = 0; i < SETS; i++)
		semctl(ids[i], 0, IPC_RMID);
	while (json_object_size(quick.names))
		stream_next(&quick);
	while (json_object_size(slow.names))
		stream_next(&slow);
	stream_close(&idle);
	stream_close(&quick);
	stream_close(&slow);
}

static void a_user_has_so_many(void **state)
{
	enum { MANY = 64 };
	const struct place place = {.dir = &sem_dir};
	void *open[MANY], *more;

	call.uid = 1001;
	for (int i = 0; i < MANY; i++)
		assert_int_equal(events_channel.open(&call, &place, O_RDONLY, &open[i]), 0);
	assert_int_equal(events_channel.open(&call, &place, O_RDONLY, &more), -EDQUOT);
	assert_non_null(strstr(call.reason, "64"));
	call.uid = 1002;
	assert_int_equal(events_channel.open(&call, &place, O_RDONLY, &more), 0);
	events_channel.close(more);
	for (int i = 0; i < MANY; i++)
		events_channel.close(open[i]);
	call.uid = 0;
}

/* ---- objects change while the first reader of all comes ---- */

/* Relaxed, so that nothing is ordered by them. */
static atomic_bool has_begun, has_come;

static void *stir(void *unused)
{
	while (!atomic_load_explicit(&has_come, memory_order_relaxed)) {
		events_stir(NULL);
		atomic_store_explicit(&has_begun, true, memory_order_relaxed);
	}
	return unused;
}

/* A sanitizer of threads says whether they meet. */
static void the_first_comes_at_any_time(void **state)
{
	const struct place place = {.dir = &sem_dir};
	pthread_t thread;
	void *reader;

	assert_int_equal(pthread_create(&thread, NULL, stir, NULL), 0);
	while (!atomic_load_explicit(&has_begun, memory_order_relaxed))
		sched_yield();
	assert_int_equal(events_channel.open(&call, &place, O_RDONLY, &reader), 0);
	atomic_store_explicit(&has_come, true, memory_order_relaxed);
	pthread_join(thread, NULL);
	events_channel.close(reader);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_comes_at_any_time),
		cmocka_unit_test(differences_are_told),
		cmocka_unit_test(differences_are_all),
		cmocka_unit_test(lines_are_json),
		cmocka_unit_test(who_removes_is_told_once),
		cmocka_unit_test(a_stream_tells_what_happens),
		cmocka_unit_test(who_falls_behind_is_told),
		cmocka_unit_test(a_user_has_so_many),
	};

	if (unshare(CLONE_NEWIPC | CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, NULL) < 0) {
		printf("skipped: no namespaces of its own (%s)\n", strerror(errno));
		return 77;
	}
	if (sem_kind.setup(&(struct settings){0}) < 0)
		return 1;
	return cmocka_run_group_tests_name("events", tests, NULL, NULL);
}
