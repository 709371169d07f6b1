/*
 * test_node.c - node ids: what is packed comes out again, visits are fresh, names are given back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "intern.h"
#include "node.h"
#include "tree.h"

static int read_number(const char *name, struct place *place)
{
	place->number = name[0];
	return 0;
}

static const struct channel channel;
static const struct row object_rows[] = {
	{.name = "data", .type = ROW_CHANNEL, .channel = &channel},
	{.name = "type", .type = ROW_NUMBERED, .channel = &channel, .number = read_number},
	{.name = "value", .type = ROW_TEXT, .mode = 0644},
	{.type = ROW_END},
};

static int object_stat(const struct place *place, struct stat *st)
{
	st->st_mode = 0640;
	return 0;
}

static const struct dir object_dir = {.rows = object_rows, .stat = object_stat};
static const struct dir *const children[] = {&object_dir, NULL};

/* Of the objects found from now on. */
static uint64_t identity;

static int kind_find(struct call *call, const struct place *at, const char *name,
		     struct place *found)
{
	*found = (struct place){.dir = &object_dir, .name = name, .identity = identity};
	if (name[0] >= '0' && name[0] <= '9') {
		found->name = NULL;
		found->object = (uint32_t)name[0] - '0' + INT32_MAX - 9;
	}
	return 0;
}

static int read_name(struct call *call, const char *name, struct place *place)
{
	static char path[128];
	size_t length = place->name ? strlen(place->name) : 0;

	memmove(path, place->name ? place->name : "", length);
	snprintf(path + length, sizeof(path) - length, "%s%s", length ? "/" : "", name);
	place->name = path;
	return name[0] == '/' ? -ENOENT : name[strlen(name) - 1] == 'd';
}

static const struct row kind_rows[] = {
	{.name = "dial", .type = ROW_NAMED, .channel = &channel, .mode = 0666, .named = read_name},
	{.name = "status", .type = ROW_TEXT, .mode = 0444},
	{.type = ROW_END},
};
static const struct dir kind_dir = {.rows = kind_rows, .children = children, .find = kind_find};
static const struct row root_rows[] = {
	{.name = "README", .type = ROW_TEXT, .mode = 0444},
	{.name = "kind", .type = ROW_DIR, .dir = &kind_dir},
	{.type = ROW_END},
};
static const struct dir root = {.rows = root_rows};

/* Walks a path by lookups of @visitor, as the kernel does, and returns the id it ends in. */
static uint64_t walk_as(uid_t visitor, const char *path)
{
	uint64_t id = NODE_ROOT;
	char copy[128], *name, *rest = copy;

	strcpy(copy, path);
	while ((name = strsep(&rest, "/"))) {
		struct node parent, child;
		struct call call = {0};

		assert_true(node_read(id, &parent));
		if (tree_lookup(&call, &parent, name, &child) < 0) {
			node_forget(id, 1);
			return 0;
		}
		if (id != NODE_ROOT)
			node_forget(id, 1);
		id = node_publish(&child, visitor);
		assert_int_not_equal(id, 0);
		node_release(&child);
	}
	return id;
}

static uint64_t walk(const char *path)
{
	return walk_as(0, path);
}

static void test_paths_come_back(void **state)
{
	static const char *const paths[] = {
		"README",
		"kind",
		"kind/status",
		"kind/name",
		"kind/name/data",
		"kind/name/value",
		"kind/name/wait",
		"kind/name/try",
		"kind/name/within",
		"kind/name/within/0.5",
		"kind/name/wait/data",
		"kind/name/try/type",
		"kind/name/within/2/data",
		"kind/name/within/2/type",
		"kind/wait/dial",
		"kind/wait/dial/far",
		"kind/try/dial/bend/d/far",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		uint64_t id = walk(paths[i]);
		struct node node;
		char path[128];

		assert_int_not_equal(id, 0);
		assert_true(node_read(id, &node));
		tree_path(&node, path, sizeof(path));
		assert_string_equal(path, paths[i]);
		node_forget(id, 1);
	}
	assert_int_equal(name_count(), 0);
	assert_int_equal(node_visits(), 0);
}

static void test_largest_identifier(void **state)
{
	uint64_t id = walk("kind/9");
	struct node node;

	assert_true(node_read(id, &node));
	assert_int_equal(node.place.object, INT32_MAX);
	assert_null(node.place.name);
	node_forget(id, 1);
}

static void test_channels_are_visits(void **state)
{
	uint64_t first = walk("kind/name/wait/data"), second = walk("kind/name/wait/data");
	uint64_t figure = walk("kind/name/value");
	struct node a, b;

	assert_int_not_equal(first, second);
	assert_int_equal(figure, walk("kind/name/value"));
	assert_true(node_read(first, &a));
	assert_true(node_read(second, &b));
	assert_int_equal(node_inode_number(&a), node_inode_number(&b));
	assert_true(node_is_channel(&a));
	node_forget(first, 1);
	assert_false(node_read(first, &a));
	assert_true(node_read(second, &b));
	assert_string_equal(b.place.name, "name");
	node_forget(second, 1);
	node_forget(figure, 2);
	assert_int_equal(name_count(), 0);
	assert_int_equal(node_visits(), 0);
	/* A slot used again has another id. */
	second = walk("kind/name/wait/data");
	assert_int_not_equal(first, second);
	node_forget(second, 1);
}

/* Nobody ever shares an inode with who has it open, or is about to, or is somebody else. */
static void test_only_a_visit_that_is_over_is_taken_up(void **state)
{
	enum { USER = 1234 };
	const char *path = "kind/name/wait/data";
	uint64_t first = walk(path), second, other;
	struct node node;

	/* It may be about to be opened. */
	second = walk(path);
	assert_int_not_equal(second, first);
	node_enter(first);
	other = walk(path);
	assert_int_not_equal(other, first);
	node_forget(other, 1);
	/* Twice open, once closed. */
	node_enter(first);
	node_leave(first);
	other = walk(path);
	assert_int_not_equal(other, first);
	node_forget(other, 1);
	node_leave(first);
	/* Over; but not for somebody else, nor for another file. */
	other = walk_as(USER, path);
	assert_int_not_equal(other, first);
	node_forget(other, 1);
	other = walk("kind/name/try/data");
	assert_int_not_equal(other, first);
	node_forget(other, 1);
	assert_int_equal(walk(path), first);
	/* By one alone. */
	other = walk(path);
	assert_int_not_equal(other, first);
	node_forget(other, 1);
	/* It has been told of twice, so it lives until it has been forgotten twice. */
	node_forget(first, 1);
	assert_true(node_read(first, &node));
	node_enter(first);
	node_leave(first);
	assert_int_equal(walk(path), first);
	node_forget(first, 2);
	assert_false(node_read(first, &node));
	/* What was noted as over and has gone is not found again. */
	node_enter(second);
	node_leave(second);
	node_forget(second, 1);
	other = walk(path);
	assert_int_not_equal(other, second);
	node_forget(other, 1);
	assert_int_equal(name_count(), 0);
	assert_int_equal(node_visits(), 0);
}

static void test_visits_remember_what_was_seen(void **state)
{
	uint64_t first = walk("kind/name/wait/data"), second = walk("kind/name/wait/data"), again;
	uint64_t figure = walk("kind/name/value");
	const struct stat seen = {.st_mode = S_IFREG | 0640, .st_uid = 1, .st_gid = 2};
	struct stat st = {0};

	assert_false(node_recall(first, &st));
	node_remember(first, &seen);
	node_remember(figure, &seen);
	assert_true(node_recall(first, &st));
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_uid, 1);
	assert_int_equal(st.st_gid, 2);
	assert_false(node_recall(second, &st));
	assert_false(node_recall(figure, &st));
	node_forget(first, 1);
	assert_false(node_recall(first, &st));
	/* Nor has one that gets its slot seen anything. */
	again = walk("kind/name/wait/data");
	assert_false(node_recall(again, &st));
	node_forget(again, 1);
	node_forget(second, 1);
	node_forget(figure, 1);
	assert_int_equal(node_visits(), 0);
}

static void test_objects_of_one_name_are_told_apart(void **state)
{
	struct node first_node, second_node;
	uint64_t first, second;

	identity = 7;
	first = walk("kind/name/value");
	identity = 8;
	second = walk("kind/name/value");
	assert_int_not_equal(first, second);
	assert_true(node_read(first, &first_node));
	assert_true(node_read(second, &second_node));
	assert_int_equal(first_node.place.identity, 7);
	assert_int_equal(second_node.place.identity, 8);
	assert_string_equal(first_node.place.name, "name");
	assert_int_not_equal(node_inode_number(&first_node), node_inode_number(&second_node));
	identity = 7;
	assert_int_equal(walk("kind/name/value"), first);
	node_forget(first, 2);
	node_forget(second, 1);
	identity = 0;
	assert_int_equal(name_count(), 0);
}

static void test_names_lead_to_channels(void **state)
{
	static const char *const paths[] = {"kind/wait/dial/d/far", "kind/wait/dial/d"};

	for (int i = 0; i < 2; i++) {
		uint64_t id = walk(paths[i]);
		struct stat st;
		struct node node;

		assert_true(node_read(id, &node));
		assert_string_equal(node.place.name, i ? "d" : "d/far");
		assert_true(node_is_channel(&node) == !i);
		assert_int_equal(tree_stat(&node, &st), 0);
		assert_int_equal(st.st_mode, i ? S_IFDIR | 0555 : S_IFREG | 0666);
		node_forget(id, 1);
	}
	assert_int_equal(walk("kind/wait/dial/far/further"), 0);
	assert_int_equal(node_visits(), 0);
	assert_int_equal(name_count(), 0);
}

static void test_many_visits(void **state)
{
	enum { MANY = 2000 };
	static uint64_t ids[MANY];

	for (int i = 0; i < MANY; i++)
		ids[i] = walk("kind/3/within/7/type/x");
	assert_int_equal(node_visits(), MANY);
	for (int i = 0; i < MANY; i++) {
		struct node node;

		assert_true(node_read(ids[i], &node));
		assert_int_equal(node.within, INT64_C(7000000000));
		assert_int_equal(node.place.number, 'x');
		node_forget(ids[i], 1);
	}
	assert_int_equal(node_visits(), 0);
}

static void test_what_is_no_node(void **state)
{
	static const uint64_t ids[] = {0, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(100) << 56};
	struct node node;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		assert_false(node_read(ids[i], &node));
		node_forget(ids[i], 1);
	}
}

/* Ids that differ from a node's in what no node has. */
static void test_what_was_never_told_is_no_node(void **state)
{
	const uint64_t named = UINT64_C(1) << 47, number = UINT64_C(1) << 16;
	uint64_t status = walk("kind/status"), value = walk("kind/a/value");
	struct node node;

	assert_true(node_read(status, &node));
	assert_false(node_read(status | UINT64_C(60) << 50, &node)); /* a row */
	assert_false(node_read(status | named, &node));
	assert_true(node_read(value, &node));
	assert_false(node_read(value + 1000 * number, &node)); /* a name */
	assert_false(node_read(value & ~((uint64_t)INT32_MAX << 16), &node));
	node_forget(value, 1);
	assert_false(node_read(value, &node));
}

static void test_bad_limits(void **state)
{
	static const char *const paths[] = {"kind/a/within/",    "kind/a/within/x",
					    "kind/a/within/1.",  "kind/a/within/-1",
					    "kind/a/within/1e3", "kind/a/within/9999999999",
					    "kind/a/within/."};

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
		assert_int_equal(walk(paths[i]), 0);
}

static int setup(void **state)
{
	node_number_directories(&root);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_come_back),
		cmocka_unit_test(test_largest_identifier),
		cmocka_unit_test(test_channels_are_visits),
		cmocka_unit_test(test_only_a_visit_that_is_over_is_taken_up),
		cmocka_unit_test(test_visits_remember_what_was_seen),
		cmocka_unit_test(test_objects_of_one_name_are_told_apart),
		cmocka_unit_test(test_names_lead_to_channels),
		cmocka_unit_test(test_many_visits),
		cmocka_unit_test(test_what_is_no_node),
		cmocka_unit_test(test_what_was_never_told_is_no_node),
		cmocka_unit_test(test_bad_limits),
	};

	return cmocka_run_group_tests_name("node", tests, setup, NULL);
}
