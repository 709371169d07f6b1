/*
 * page_files.c - what the files in an object's directory say.
 */
#include "page.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text.h"
#include "tree.h"

enum {
	FIGURE_MOST = 4096, /* bytes of a figure */
	ELEMENTS_MOST = 1000,
	MESSAGES_MOST = 20,
	MESSAGE_MOST = 160, /* bytes of one that are shown */
};

/* What is shown otherwise, or is no figure. */
static bool is_other(const char *name)
{
	static const char *const others[] = {"status", "status.json", "holders", "data"};

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (strcmp(name, others[i]) == 0)
			return true;
	return name[0] == '.';
}

static int add_figure(struct page *page, int directory, const char *name)
{
	size_t length;
	char *text, *line, *escaped;
	int error = tree_read(directory, name, FIGURE_MOST, &text, &length);

	/* A channel, or gone meanwhile. */
	if (error == -EINVAL || error == -ENOENT)
		return 0;
	if (error)
		return page_add(page, false, "  %-10s (%s)", name, strerror(-error));
	line = text;
	line[strcspn(line, "\n")] = '\0';
	escaped = text_escaped(line);
	free(text);
	if (!escaped)
		return -ENOMEM;
	error = page_add(page, false, "  %-10s %s", name, *escaped ? escaped : "-");
	free(escaped);
	return error;
}

static int not_dots(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int add_figures(struct page *page, int directory)
{
	struct dirent **entries;
	int count = scandirat(directory, ".", &entries, not_dots, alphasort), error;

	if (count < 0)
		return page_add(page, false, "  (%s)", strerror(errno));
	error = page_add(page, true, "Its files");
	for (int i = 0; i < count; i++) {
		/* The type is known from the listing; no file is opened that is not plain. */
		if (!error && entries[i]->d_type == DT_REG && !is_other(entries[i]->d_name))
			error = add_figure(page, directory, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return error;
}

/* The semaphores of a set. */
static int add_elements(struct page *page, int directory)
{
	static const char *const keys[] = {"semnum", "value", "ncount", "zcount", "pid"};
	size_t length, i, key;
	char *text;
	json_t *all, *elements, *element;
	int error = tree_read(directory, "status.json", SIZE_MAX, &text, &length);

	if (error)
		return 0;
	all = json_loadb(text, length, 0, NULL);
	free(text);
	elements = json_object_get(json_array_get(all, 0), "elements");
	if (json_array_size(elements) > 1) {
		error = page_add(page, true, "Its semaphores: %zu", json_array_size(elements));
		if (!error)
			error = page_add(page, false, "  %8s %8s %8s %8s %8s", "SEMNUM", "VALUE",
					 "NCOUNT", "ZCOUNT", "PID");
	}
	for (i = 0; i < json_array_size(elements) && json_array_size(elements) > 1 && !error; i++) {
		char row[80] = " ", *end = row + 1;

		if (i == ELEMENTS_MOST) {
			error = page_add(page, false, "  ...");
			break;
		}
		element = json_array_get(elements, i);
		for (key = 0; key < sizeof(keys) / sizeof(*keys); key++)
			end += sprintf(
				end, " %8d",
				(int)json_integer_value(json_object_get(element, keys[key])));
		error = page_add(page, false, "%s", row);
	}
	json_decref(all);
	return error;
}

static int by_index(const struct dirent **one, const struct dirent **other)
{
	long a = atol((*one)->d_name), b = atol((*other)->d_name);

	return (a > b) - (a < b);
}

/* The first bytes of a message; looking takes none. */
static int add_message(struct page *page, int peek, const char *name)
{
	char bytes[MESSAGE_MOST + 1], *escaped;
	int fd = openat(peek, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), error;
	ssize_t size;

	if (fd < 0)
		return 0; /* taken meanwhile */
	size = read(fd, bytes, MESSAGE_MOST);
	close(fd);
	if (size < 0)
		return 0;
	/* A NUL would end it. */
	for (ssize_t i = 0; i < size; i++)
		if (!bytes[i])
			bytes[i] = '\n';
	bytes[size] = '\0';
	escaped = text_escaped(bytes);
	if (!escaped)
		return -ENOMEM;
	error = page_add(page, false, "  %-10s %s", name, escaped);
	free(escaped);
	return error;
}

static int add_messages(struct page *page, int directory)
{
	int peek = openat(directory, "peek", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = 0;
	struct dirent **entries;
	int count = peek < 0 ? -1 : scandirat(peek, ".", &entries, not_dots, by_index);

	if (count > 0)
		error = page_add(page, true, "The first of its messages: INDEX.TYPE");
	for (int i = 0; i < count; i++) {
		if (!error && i < MESSAGES_MOST)
			error = add_message(page, peek, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (peek >= 0)
		close(peek);
	return error;
}

int page_of_files(struct page *page, const char *root, enum kind kind, const char *name)
{
	int tree, directory, error = tree_open(root, &tree);
	char *path;

	if (error)
		return page_add(page, false, "  %s: %s", root, strerror(-error));
	if (asprintf(&path, "%s/%s", kind_names[kind], name) < 0) {
		close(tree);
		return -ENOMEM;
	}
	directory = openat(tree, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0) {
		error = page_add(page, false, "  It has no directory any more: %s",
				 strerror(errno));
	} else {
		error = add_figures(page, directory);
		if (!error && kind == KIND_SEM)
			error = add_elements(page, directory);
		if (!error && kind == KIND_MQ)
			error = add_messages(page, directory);
		close(directory);
	}
	free(path);
	close(tree);
	return error;
}
