/*
 * tree.c - walking the tables: lookup, stat, list and path, once for all kinds.
 */
#include "tree.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "intern.h"

enum {
	/* Less than this and writes take the inode's lock; bash and awk split messages at blksize.
	 */
	CHANNEL_SIZE = 1 << 20,
	BLOCK_SIZE = 64 << 10,
	SECONDS_MAX = 1000000000,
};

static const struct {
	const char *name;
	enum view view;
} views[] = {
	{"wait", VIEW_WAIT},
	{"try", VIEW_TRY},
	{"within", VIEW_WITHIN},
};

#define ROW_FOREACH(row, dir) for (const struct row *row = (dir)->rows; row->type != ROW_END; row++)

static bool row_is_channel(const struct row *row)
{
	return row->type == ROW_CHANNEL || row->type == ROW_NUMBERED || row->type == ROW_NAMED;
}

static bool dir_has_channels(const struct dir *dir)
{
	ROW_FOREACH(row, dir)
		if (row_is_channel(row))
			return true;
	return false;
}

/* A directory that shows the channels of its object: wait, try, or within/SECONDS. */
static bool shows_channels(const struct node *node)
{
	return !node->place.row && (node->view == VIEW_WAIT || node->view == VIEW_TRY ||
				    (node->view == VIEW_WITHIN && node->within != NO_LIMIT));
}

/* A directory of channels to choose from by number or name. */
static bool is_choice(const struct node *node)
{
	const struct row *row = node->place.row;

	return row && (row->type == ROW_NUMBERED || row->type == ROW_NAMED) &&
	       node->view != VIEW_ITSELF && (!node->chosen || node->on_the_way);
}

static bool is_directory(const struct node *node)
{
	return !node->place.row || node->place.row->type == ROW_DIR || is_choice(node);
}

/* Where the tree only looks, nothing leads to what can be changed. */
static bool links_hidden;

void tree_hide_links(void)
{
	links_hidden = true;
}

static bool row_is_hidden(const struct row *row)
{
	return row->type == ROW_LINK && row->name && links_hidden;
}

bool tree_is_link(const struct node *node)
{
	const struct row *row = node->place.row;

	return row && (row->type == ROW_LINK || (row_is_channel(row) && node->view == VIEW_ITSELF));
}

int tree_link_target(const struct node *node, char *target, size_t size)
{
	const struct row *row = node->place.row;
	int length;

	if (row->type == ROW_LINK)
		return row->target(&node->place, target, size);
	length = snprintf(target, size, "wait/%s", row->name);
	return length < (int)size ? 0 : -ENAMETOOLONG;
}

bool tree_needs_caller(const struct node *node)
{
	const struct row *row = node->place.row;

	return node->place.dir->as_caller || (row && row->as_caller);
}

bool tree_may_take_long(const struct node *node)
{
	return node->place.dir->searches || tree_needs_caller(node) ||
	       (node_namespaces(node) &
		(NAMESPACE_NETWORK | NAMESPACE_PID | NAMESPACE_RUN_DIR | NAMESPACE_NONE));
}

int tree_adopt(struct place *place)
{
	if (!place->name)
		return 0;
	place->object = name_intern(place->name, place->identity);
	if (!place->object)
		return -ENOMEM;
	place->name = name_text(place->object);
	return 0;
}

/* A node beside or below @node that belongs to the same object. */
static struct node same_object(const struct node *node)
{
	node_hold(node);
	return *node;
}

/* Reads "10" or "0.5" into nanoseconds. */
static int seconds_read(struct call *call, const char *text, int64_t *nanoseconds)
{
	const char *at = text;
	int64_t value = 0, unit = 1000000000;

	while (isdigit((unsigned char)*at) && value <= SECONDS_MAX)
		value = value * 10 + (*at++ - '0');
	if ((at == text && *at != '.') || value > SECONDS_MAX)
		goto invalid;
	value *= unit;
	if (*at == '.') {
		at++;
		while (isdigit((unsigned char)*at)) {
			unit /= 10;
			value += (*at++ - '0') * unit;
		}
		if (at[-1] == '.')
			goto invalid;
	}
	if (*at)
		goto invalid;
	*nanoseconds = value;
	return 0;
invalid:
	return refuse(call, EINVAL, "within/SECONDS takes seconds such as 10 or 0.5, up to %d",
		      SECONDS_MAX);
}

static int lookup_channel(const struct node *parent, const char *name, struct node *child)
{
	ROW_FOREACH(row, parent->place.dir)
		if (row_is_channel(row) && !strcmp(row->name, name)) {
			*child = same_object(parent);
			child->place.row = row;
			return 0;
		}
	return -ENOENT;
}

static int lookup_choice(struct call *call, const struct node *parent, const char *name,
			 struct node *child)
{
	const struct row *row = parent->place.row;
	int result;

	if (row->type == ROW_NUMBERED) {
		*child = same_object(parent);
		child->chosen = true;
		result = row->number(name, &child->place);
		if (result)
			node_release(child);
		return result;
	}
	*child = *parent;
	child->chosen = true;
	result = row->named(call, name, &child->place);
	child->on_the_way = result > 0;
	return result < 0 ? result : tree_adopt(&child->place);
}

static int lookup_in_directory(struct call *call, const struct node *parent, const char *name,
			       struct node *child)
{
	const struct dir *dir = parent->place.dir;
	int error;

	ROW_FOREACH(row, dir) {
		if (!row->name || strcmp(row->name, name) || row_is_hidden(row))
			continue;
		*child = same_object(parent);
		if (row->type == ROW_DIR)
			child->place.dir = row->dir;
		else
			child->place.row = row;
		return 0;
	}
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++)
		if (!strcmp(name, views[i].name) && dir_has_channels(dir)) {
			*child = same_object(parent);
			child->view = views[i].view;
			return 0;
		}
	if (!dir->find)
		return -ENOENT;
	memset(child, 0, sizeof(*child));
	child->within = NO_LIMIT;
	error = dir->find(call, &parent->place, name, &child->place);
	return error ? error : tree_adopt(&child->place);
}

int tree_lookup(struct call *call, const struct node *parent, const char *name, struct node *child)
{
	if (is_choice(parent))
		return lookup_choice(call, parent, name, child);
	if (parent->place.row)
		return -ENOTDIR;
	if (shows_channels(parent))
		return lookup_channel(parent, name, child);
	if (parent->view == VIEW_WITHIN) {
		int64_t within = 0;
		int error = seconds_read(call, name, &within);

		if (error)
			return error;
		*child = same_object(parent);
		child->within = within;
		return 0;
	}
	return lookup_in_directory(call, parent, name, child);
}

mode_t tree_type(const struct node *node)
{
	if (tree_is_link(node))
		return S_IFLNK;
	return is_directory(node) ? S_IFDIR : S_IFREG;
}

static struct timespec first_stat;

static void note_time(void)
{
	clock_gettime(CLOCK_REALTIME, &first_stat);
}

/* The times of what no object has made. */
static struct timespec mounted_at(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, note_time);
	return first_stat;
}

void tree_stat_channel(const struct node *node, struct stat *st)
{
	mode_t mode = node->place.row->mode;

	st->st_ino = node_inode_number(node);
	st->st_nlink = 1;
	st->st_mode = S_IFREG | (mode ? mode : st->st_mode & 0777);
	st->st_size = CHANNEL_SIZE;
	st->st_blocks = CHANNEL_SIZE / 512;
	st->st_blksize = BLOCK_SIZE;
}

int tree_stat(const struct node *node, struct stat *st)
{
	const struct row *row = node->place.row;
	char target[PATH_MAX];

	memset(st, 0, sizeof(*st));
	st->st_mode = 0555;
	st->st_atim = st->st_mtim = st->st_ctim = mounted_at();
	if (node->place.dir->stat) {
		int error = node->place.dir->stat(&node->place, st);

		if (error)
			return error;
	}
	st->st_ino = node_inode_number(node);
	st->st_nlink = 1;
	st->st_blksize = BLOCK_SIZE;
	if (tree_is_link(node)) {
		int error = tree_link_target(node, target, sizeof(target));

		if (error)
			return error;
		st->st_mode = S_IFLNK | 0777;
		st->st_size = (off_t)strlen(target);
	} else if (is_directory(node)) {
		bool makes = !row && node->view == VIEW_ITSELF && node->place.dir->make &&
			     node->place.dir->make != refuse_make;

		/* Whoever may make objects of a kind may make them here; each remains its owner's.
		 */
		st->st_mode = S_IFDIR | (makes ? 01777 : (st->st_mode & 0777) | 0555);
	} else if (node_is_channel(node)) {
		tree_stat_channel(node, st);
	} else if (row->type == ROW_MEMORY) {
		st->st_mode = S_IFREG | (st->st_mode & 0777);
		return row->memory->stat(&node->place, NULL, st);
	} else {
		st->st_mode = S_IFREG | row->mode;
	}
	return 0;
}

double tree_name_timeout(const struct node *node)
{
	/* Links and the directories of an object come and go with it, and the kernel asks for it.
	 */
	bool named = !node->place.row || node->place.row->name;
	bool fixed = (tree_is_link(node) && named) || node->view != VIEW_ITSELF ||
		     (named && !node->place.dir->stat);

	return fixed && !node_is_channel(node) ? 3600 : 0;
}

struct adapter {
	tree_listing *each;
	void *context;
};

static int list_found(void *context, const char *name, const struct place *place)
{
	struct adapter *adapter = context;
	struct node child = {.place = *place, .within = NO_LIMIT};

	return adapter->each(adapter->context, name, &child);
}

int tree_list(struct call *call, const struct node *node, tree_listing *each, void *context)
{
	const struct dir *dir = node->place.dir;
	struct adapter adapter = {each, context};

	if (!is_directory(node))
		return -ENOTDIR;
	/* What walkers must not find opens by name only. */
	if (node->place.row || node->view != VIEW_ITSELF)
		return 0;
	ROW_FOREACH(row, dir) {
		struct node child = *node;
		int error;

		if (!row->name || row_is_hidden(row))
			continue;
		if (row->type == ROW_DIR)
			child.place.dir = row->dir;
		else
			child.place.row = row;
		error = each(context, row->name, &child);
		if (error)
			return error;
	}
	/* Beside objects they would look like some: there they open by name only. */
	for (size_t i = 0; dir->stat && dir_has_channels(dir) && i < sizeof(views) / sizeof(*views);
	     i++) {
		struct node child = *node;
		int error;

		child.view = views[i].view;
		error = each(context, views[i].name, &child);
		if (error)
			return error;
	}
	return dir->list ? dir->list(call, &node->place, list_found, &adapter) : 0;
}

static void path_append(char *path, size_t size, const char *name)
{
	size_t length = strlen(path);

	snprintf(path + length, size - length, "%s%s", length ? "/" : "", name);
}

static void path_of_directory(const struct place *place, const struct dir *dir, char *path,
			      size_t size)
{
	const struct row *row;
	const struct dir *parent = node_parent_directory(dir, &row);
	char number[24];

	if (!parent)
		return;
	path_of_directory(place, parent, path, size);
	if (row) {
		path_append(path, size, row->name);
	} else if (!parent->stat) { /* what is not of an object lists objects */
		char label[NAME_MAX + 1];

		if (!dir->label || dir->label(place, label, sizeof(label)) < 0)
			snprintf(label, sizeof(label), "%u", place->object);
		path_append(path, size, place->name ? place->name : label);
	} else {
		snprintf(number, sizeof(number), "%u", place->part);
		path_append(path, size, number);
	}
}

void tree_path(const struct node *node, char *path, size_t size)
{
	const struct place *place = &node->place;
	char number[48];

	*path = '\0';
	path_of_directory(place, place->dir, path, size);
	if (node->view != VIEW_ITSELF) {
		path_append(path, size, views[node->view - VIEW_WAIT].name);
		if (node->within != NO_LIMIT) {
			snprintf(number, sizeof(number), "%g", (double)node->within / 1e9);
			path_append(path, size, number);
		}
	}
	if (place->row)
		path_append(path, size, place->row->name ? place->row->name : "");
	if (node->chosen && place->row->type == ROW_NAMED) {
		path_append(path, size, place->name);
	} else if (node->chosen) {
		snprintf(number, sizeof(number), "%s%lld", place->inverted ? "not-" : "",
			 (long long)place->number);
		path_append(path, size, number);
	} else if (place->row && !place->row->name) {
		snprintf(number, sizeof(number), "%u.%lld", place->part, (long long)place->number);
		path_append(path, size, number);
	}
}
