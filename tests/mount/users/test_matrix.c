/*
 * test_matrix.c - the tree judges nobody otherwise than the kernel does: every operation of every
 * kind, by everyone, in several modes; and nothing in the tables of the tree is left out.
 *
 * An argument is a kind, or part of an object's name, to which it is limited then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "coverage.h"
#include "kinds_tried.h"
#include "root.h"
#include "shown.h"

static const struct object *const *const kinds_tried[] = {
	sem_objects, mq_objects, shm_objects, pipe_objects, socket_objects, own_socket_objects,
};

enum { OBJECTS = 64 };
static const struct object *objects[OBJECTS];
static const char *only;
static const struct dir *root;

static bool is_wanted(const struct object *object)
{
	return !only || strstr(object->path, only) || strstr(object->name, only);
}

static void test_everything_has_a_case(void **state)
{
	coverage_check(root, objects);
}

static void test_same_as_directly(void **state)
{
	for (const struct object **object = objects; *object; object++)
		if (is_wanted(*object))
			matrix_run(*object);
}

static void test_refused_to_all(void **state)
{
	for (const struct object **object = objects; *object; object++)
		if (is_wanted(*object))
			coverage_try_refusals(*object);
}

static void skip_unless_asked(const char *name)
{
	if (!only || strcmp(only, name) == 0)
		return;
	print_message("skipped: '%s' alone was asked for\n", only);
	skip();
}

static void test_nobody_is_shown_more_than_by_the_kernel(void **state)
{
	skip_unless_asked("shown");
	shown_check_ipcs();
	shown_check_own();
	shown_check_holders(root);
}

static void test_access_goes_by_the_real_ids(void **state)
{
	skip_unless_asked("access");
	access_check();
}

static int begin(void **state)
{
	size_t count = 0;

	for (size_t i = 0; i < COUNT(kinds_tried); i++)
		for (const struct object *const *object = kinds_tried[i]; *object; object++) {
			assert_true(count < OBJECTS - 2);
			objects[count++] = *object;
		}
	objects[count++] = top_object(root);
	mq_begin();
	pipes_begin();
	sockets_own_begin();
	sockets_begin();
	return fixture_mount(state);
}

static int end(void **state)
{
	print_message("%u cases, %u of them refusals\n", matrix_cases, matrix_refused);
	return fixture_unmount(state);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_has_a_case),
		cmocka_unit_test(test_same_as_directly),
		cmocka_unit_test(test_refused_to_all),
		cmocka_unit_test(test_access_goes_by_the_real_ids),
		cmocka_unit_test(test_nobody_is_shown_more_than_by_the_kernel),
	};
	const struct settings settings = {.orphan_age = 0};

	only = argc > 1 ? argv[1] : NULL;
	fixture_isolate();
	fixture_isolate_network();
	fixture_isolate_processes();
	fixture_options = "orphan_age=0";
	/* Only its tables are wanted: the tree that is tried is the daemon's. */
	root = root_setup(&settings);
	if (!root)
		return 1;
	return cmocka_run_group_tests_name("matrix", tests, begin, end);
}
