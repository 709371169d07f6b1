/*
 * known.c - what the kernel knows of the tree: nodes that it was told of, files that it has open.
 */
#include "known.h"

#include <errno.h>
#include <fcntl.h>

enum { NODES = 512, FILES = 64, NAME_LONGEST = 1024 };
enum { WAITING = sizeof(((struct known_file *)NULL)->waiting) / sizeof(uint64_t) };

static struct {
	struct known_node nodes[NODES]; /* id 0: forgotten */
	unsigned nodes_count;
	struct known_file files[FILES];
	unsigned files_count;
} known;

/* ---- nodes ---- */

/* A name as the kernel lets it through. */
static bool is_name(const char *name)
{
	return *name && strlen(name) <= NAME_LONGEST && strcmp(name, ".") && strcmp(name, "..");
}

/* What no answer has told of may be anything: the daemon is asked. */
static struct known_node whatever(uint64_t id)
{
	const struct fuse_getattr_in body = {0};
	const struct part part = PART(body);
	struct known_node node = {.id = id};
	struct answer answer;

	if (!id)
		return node;
	answer = client_ask(FUSE_GETATTR, id, &part, 1);
	if (!answer.error)
		node.mode = ((const struct fuse_attr_out *)(void *)answer.bytes)->attr.mode;
	else if (answer.error != -ESTALE)
		node.id = 0; /* one that has gone */
	answer_free(&answer);
	return node;
}

/* Where a path begins; *path is what follows. */
static struct known_node begin_of(char **path)
{
	const char *at = *path;

	if (*at == '@') {
		unsigned long n = strtoul(at + 1, path, 10);

		return known.nodes_count ? known.nodes[n % known.nodes_count]
					 : (struct known_node){0};
	}
	if (*at == '#')
		return whatever(strtoull(at + 1, path, 16));
	return (struct known_node){FUSE_ROOT_ID, S_IFDIR};
}

static bool suits(struct known_node node, mode_t type)
{
	return node.id && (!node.mode || !type || (node.mode & S_IFMT) == type);
}

static int waits_by(const char *name)
{
	if (!strcmp(name, "try"))
		return WAITS_NEVER;
	return !strcmp(name, "wait") || !strcmp(name, "within") ? WAITS : WAITS_UNKNOWN;
}

/* Asks, and notes the node that is told of: id 0 if it is refused. */
static struct known_node ask_entry(uint32_t opcode, struct known_node directory,
				   const struct part *parts, size_t count)
{
	struct known_node node = {0};
	struct answer answer;

	if (!suits(directory, S_IFDIR) || known.nodes_count == NODES)
		return node;
	answer = client_ask(opcode, directory.id, parts, count);
	require(directory.mode || answer.error == -ESTALE, "request %u to no node: %d", opcode,
		answer.error);
	if (!answer.error) {
		const struct fuse_entry_out *entry = (const void *)answer.bytes;

		node = (struct known_node){entry->nodeid, entry->attr.mode, directory.waits};
		if (opcode == FUSE_LOOKUP && !node.waits)
			node.waits = waits_by(parts[0].bytes);
		known.nodes[known.nodes_count++] = node;
	}
	answer_free(&answer);
	return node;
}

void known_ask_entry(uint32_t opcode, struct known_node directory, const struct part *parts,
		     size_t count)
{
	ask_entry(opcode, directory, parts, count);
}

void known_ask(uint32_t opcode, struct known_node node, mode_t type, const struct part *parts,
	       size_t count)
{
	struct answer answer;

	if (!suits(node, type))
		return;
	answer = client_ask(opcode, node.id, parts, count);
	require(node.mode || opcode == FUSE_STATFS || answer.error == -ESTALE,
		"request %u to no node: %d", opcode, answer.error);
	answer_free(&answer);
}

struct known_node known_walk(char *path)
{
	struct known_node node = begin_of(&path);
	char *name;

	while (node.id && (name = strsep(&path, "/"))) {
		const struct part part = PART_NAME(name);

		if (!*name)
			continue;
		node = is_name(name) ? ask_entry(FUSE_LOOKUP, node, &part, 1)
				     : (struct known_node){0};
	}
	return node;
}

struct known_node known_walk_to_parent(char *path, const char **name)
{
	char *slash = strrchr(path, '/');

	*name = slash ? slash + 1 : path;
	if (!is_name(*name))
		return (struct known_node){0};
	if (!slash)
		return (struct known_node){FUSE_ROOT_ID, S_IFDIR};
	*slash = '\0';
	return known_walk(path);
}

static void forget(struct known_node *node)
{
	const struct fuse_forget_in body = {.nlookup = 1};
	const struct part part = PART(body);

	if (node->id)
		client_tell(FUSE_FORGET, node->id, &part, 1);
	node->id = 0;
}

void known_forget(uint64_t n)
{
	struct known_node *node = &known.nodes[known.nodes_count ? n % known.nodes_count : 0];

	for (unsigned i = 0; i < known.files_count; i++)
		if (known.files[i].node.id == node->id &&
		    (known.files[i].is_open || known.files[i].opening))
			return;
	forget(node);
}

/* ---- open files ---- */

/* Takes the answers that have come; with @wait all of them. */
static void settle(struct known_file *file, bool wait)
{
	struct answer answer;

	for (int i = 0; i < WAITING; i++) {
		if (!file->waiting[i])
			continue;
		answer = client_answer(file->waiting[i], wait);
		if (answer.here)
			file->waiting[i] = 0;
		answer_free(&answer);
	}
	if (!file->opening)
		return;
	answer = client_answer(file->opening, wait);
	if (answer.here) {
		file->opening = 0;
		file->is_open = !answer.error;
		require(file->node.mode || answer.error == -ESTALE, "open of no node: %d",
			answer.error);
		if (file->is_open)
			file->number = ((const struct fuse_open_out *)(void *)answer.bytes)->fh;
	}
	answer_free(&answer);
}

static bool never_waits(const struct known_file *file)
{
	return file->flags & O_NONBLOCK || file->node.waits == WAITS_NEVER;
}

static void interrupt(const struct known_file *file)
{
	for (int i = 0; i < WAITING; i++)
		if (file->waiting[i])
			client_interrupt(file->waiting[i]);
	if (file->opening)
		client_interrupt(file->opening);
}

static struct known_file nobodys;

struct known_file *known_file(const char *text, bool is_directory)
{
	struct known_file *file;

	if (*text == '#') {
		nobodys = (struct known_file){.node = {FUSE_ROOT_ID, S_IFDIR},
					      .number = strtoull(text + 1, NULL, 16)};
		for (unsigned i = 0; i < known.files_count; i++)
			if (known.files[i].number == nobodys.number)
				return NULL;
		return &nobodys;
	}
	if (!known.files_count)
		return NULL;
	file = &known.files[strtoul(text, NULL, 0) % known.files_count];
	settle(file, false);
	return file->is_open && file->is_directory == is_directory ? file : NULL;
}

void known_open(struct known_node node, uint32_t flags, bool is_directory)
{
	/* What the kernel keeps to itself; O_TRUNC is a request of its own. */
	const uint32_t kept = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC;
	const struct fuse_open_in body = {.flags = flags & ~kept};
	const struct part part = PART(body);
	struct known_file *file;

	if (!suits(node, is_directory ? S_IFDIR : S_IFREG) || known.files_count == FILES)
		return;
	file = &known.files[known.files_count++];
	*file = (struct known_file){
		.node = node, .flags = body.flags, .is_directory = is_directory};
	file->opening = client_begin(is_directory ? FUSE_OPENDIR : FUSE_OPEN, node.id, &part, 1,
				     is_directory || never_waits(file));
	settle(file, false);
}

void known_release(struct known_file *file)
{
	struct fuse_release_in body = {.flags = file->flags};
	const struct part part = PART(body);
	struct answer answer;

	interrupt(file);
	settle(file, true);
	if (!file->is_open && file != &nobodys)
		return;
	body.fh = file->number;
	answer = client_ask(file->is_directory ? FUSE_RELEASEDIR : FUSE_RELEASE, file->node.id,
			    &part, 1);
	answer_free(&answer);
	file->is_open = false;
}

void known_begin(struct known_file *file, uint32_t opcode, const struct part *parts, size_t count,
		 bool at_once)
{
	int slot = 0;

	while (slot < WAITING && file->waiting[slot])
		slot++;
	if (slot == WAITING)
		return;
	/* Locks are of memory, which is in no such directory. */
	file->waiting[slot] = client_begin(opcode, file->node.id, parts, count,
					   at_once || (opcode != FUSE_SETLKW && never_waits(file)));
	settle(file, false);
	require(file != &nobodys || !file->waiting[slot], "request %u waits", opcode);
}

bool known_waits(const char *text)
{
	struct known_file *file;
	bool waits;

	if (!known.files_count)
		return false;
	file = &known.files[strtoul(text, NULL, 0) % known.files_count];
	settle(file, false);
	waits = file->opening;
	for (int i = 0; i < WAITING; i++)
		waits = waits || file->waiting[i];
	return waits;
}

void known_interrupt(void)
{
	for (unsigned i = 0; i < known.files_count; i++)
		interrupt(&known.files[i]);
}

void known_give_back(void)
{
	known_interrupt();
	for (unsigned i = 0; i < known.files_count; i++)
		known_release(&known.files[i]);
	for (unsigned i = 0; i < known.nodes_count; i++)
		forget(&known.nodes[i]);
	memset(&known, 0, sizeof(known));
}
