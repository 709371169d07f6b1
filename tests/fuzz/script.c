/*
 * script.c - requests written down, a line each.
 */
#include "script.h"

#include <fcntl.h>

#include "known.h"

enum { WORDS = 8, FILL_MAX = 1 << 20 };

/* ---- words ---- */

struct words {
	char *word[WORDS];
	size_t size[WORDS];
	unsigned count;
};

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place. */
static size_t unescape(char *word)
{
	char *to = word;

	for (const char *at = word; *at; at++) {
		int high = *at == '\\' ? digit(at[1]) : -1, low = high < 0 ? -1 : digit(at[2]);

		if (low >= 0)
			at += 2;
		*to++ = low >= 0 ? (char)(high << 4 | low) : *at;
	}
	*to = '\0';
	return (size_t)(to - word);
}

static void split(char *line, struct words *words)
{
	char *word;

	memset(words, 0, sizeof(*words));
	while (words->count < WORDS && (word = strsep(&line, " "))) {
		words->size[words->count] = unescape(word);
		words->word[words->count++] = word;
	}
}

static const char *word(const struct words *words, unsigned i)
{
	return i < words->count ? words->word[i] : "";
}

static uint64_t number(const struct words *words, unsigned i)
{
	return strtoull(word(words, i), NULL, 0);
}

/* ---- requests ---- */

static struct known_node node_of(const struct words *words, unsigned i)
{
	return i < words->count ? known_walk(words->word[i]) : (struct known_node){0};
}

static struct known_node parent_of(const struct words *words, unsigned i, const char **name)
{
	static char none[1];

	return known_walk_to_parent(i < words->count ? words->word[i] : none, name);
}

static struct known_file *file_of(const struct words *words, unsigned i)
{
	return known_file(word(words, i), false);
}

static void do_as(struct words *words)
{
	client_ask_as((unsigned)number(words, 1));
}

static void do_lookup(struct words *words)
{
	node_of(words, 1);
}

static void do_getattr(struct words *words)
{
	struct known_file *file = file_of(words, 2);
	const struct fuse_getattr_in body = {.getattr_flags = file ? FUSE_GETATTR_FH : 0,
					     .fh = file ? file->number : 0};
	const struct part part = PART(body);

	known_ask(FUSE_GETATTR, node_of(words, 1), 0, &part, 1);
}

static void do_setattr(struct words *words)
{
	const uint32_t valid = FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_SIZE | FATTR_ATIME |
			       FATTR_MTIME | FATTR_ATIME_NOW | FATTR_MTIME_NOW | FATTR_CTIME;
	struct known_file *file = words->count > 7 ? file_of(words, 7) : NULL;
	const struct fuse_setattr_in body = {
		.valid = ((uint32_t)number(words, 2) & valid) | (file ? FATTR_FH : 0),
		.fh = file ? file->number : 0,
		.mode = (uint32_t)number(words, 3) & 07777,
		.uid = (uint32_t)number(words, 4),
		.gid = (uint32_t)number(words, 5),
		.size = number(words, 6) & INT64_MAX,
	};
	const struct part part = PART(body);

	known_ask(FUSE_SETATTR, file ? file->node : node_of(words, 1), 0, &part, 1);
}

static void do_readlink(struct words *words)
{
	known_ask(FUSE_READLINK, node_of(words, 1), S_IFLNK, NULL, 0);
}

static void do_statfs(struct words *words)
{
	known_ask(FUSE_STATFS, node_of(words, 1), 0, NULL, 0);
}

static void do_access(struct words *words)
{
	const struct fuse_access_in body = {.mask = (uint32_t)number(words, 2) & 7};
	const struct part part = PART(body);

	known_ask(FUSE_ACCESS, node_of(words, 1), 0, &part, 1);
}

static void do_mkdir(struct words *words)
{
	const struct fuse_mkdir_in body = {.mode = (uint32_t)number(words, 2) & 07777};
	const char *name;
	struct known_node parent = parent_of(words, 1, &name);
	const struct part parts[] = {PART(body), PART_NAME(name)};

	known_ask_entry(FUSE_MKDIR, parent, parts, 2);
}

static void do_mknod(struct words *words)
{
	const struct fuse_mknod_in body = {.mode = (uint32_t)number(words, 2)};
	const char *name;
	struct known_node parent = parent_of(words, 1, &name);
	const struct part parts[] = {PART(body), PART_NAME(name)};

	known_ask_entry(FUSE_MKNOD, parent, parts, 2);
}

static void do_symlink(struct words *words)
{
	const char *name;
	struct known_node parent = parent_of(words, 1, &name);
	const struct part parts[] = {PART_NAME(name), PART_NAME(word(words, 2))};

	known_ask_entry(FUSE_SYMLINK, parent, parts, 2);
}

static void do_rmdir(struct words *words)
{
	const char *name;
	struct known_node parent = parent_of(words, 1, &name);
	const struct part part = PART_NAME(name);

	known_ask(FUSE_RMDIR, parent, S_IFDIR, &part, 1);
}

static void do_unlink(struct words *words)
{
	const char *name;
	struct known_node parent = parent_of(words, 1, &name);
	const struct part part = PART_NAME(name);

	known_ask(FUSE_UNLINK, parent, S_IFDIR, &part, 1);
}

static void do_link(struct words *words)
{
	const char *name;
	const struct fuse_link_in body = {.oldnodeid = node_of(words, 1).id};
	struct known_node parent = parent_of(words, 2, &name);
	const struct part parts[] = {PART(body), PART_NAME(name)};

	if (body.oldnodeid)
		known_ask_entry(FUSE_LINK, parent, parts, 2);
}

static void do_rename(struct words *words)
{
	const char *name, *new_name;
	struct known_node parent = parent_of(words, 1, &name);
	const struct fuse_rename2_in body = {
		.newdir = parent_of(words, 2, &new_name).id,
		.flags = (uint32_t)number(words, 3) & 3,
	};
	const struct part parts[] = {PART(body), PART_NAME(name), PART_NAME(new_name)};

	if (body.newdir)
		known_ask(FUSE_RENAME2, parent, S_IFDIR, parts, 3);
}

static void do_forget(struct words *words)
{
	known_forget(number(words, 1));
}

static void do_open(struct words *words)
{
	known_open(node_of(words, 1), (uint32_t)number(words, 2), false);
}

static void do_opendir(struct words *words)
{
	known_open(node_of(words, 1), 0, true);
}

static void do_read(struct words *words)
{
	struct known_file *file = file_of(words, 1);
	uint64_t owner = words->count > 4 ? number(words, 4) : 1;
	struct fuse_read_in body = {
		.size = (uint32_t)(number(words, 2) & (FILL_MAX - 1)),
		.offset = number(words, 3) & INT64_MAX,
		.lock_owner = owner,
		.read_flags = owner ? FUSE_READ_LOCKOWNER : 0,
	};
	struct part part = PART(body);

	if (!file)
		return;
	body.fh = file->number;
	body.flags = file->flags;
	known_begin(file, FUSE_READ, &part, 1, false);
}

static void write_bytes(struct known_file *file, const char *bytes, size_t size, uint64_t offset)
{
	const struct fuse_write_in body = {
		.fh = file->number,
		.offset = offset & INT64_MAX,
		.size = (uint32_t)size,
		.write_flags = FUSE_WRITE_LOCKOWNER,
		.lock_owner = 1,
		.flags = file->flags,
	};
	const struct part parts[] = {PART(body), {bytes, size}};

	known_begin(file, FUSE_WRITE, parts, 2, false);
}

static void do_write(struct words *words)
{
	struct known_file *file = file_of(words, 1);

	if (file && words->count > 2)
		write_bytes(file, words->word[2], words->size[2], number(words, 3));
}

static void do_fill(struct words *words)
{
	struct known_file *file = file_of(words, 1);
	size_t size = number(words, 2) & (FILL_MAX - 1);
	char *bytes = malloc(size + 1);

	require(bytes, "no memory");
	memset(bytes, 'x', size);
	if (file)
		write_bytes(file, bytes, size, number(words, 3));
	free(bytes);
}

static void do_readdir(struct words *words)
{
	struct known_file *file = known_file(word(words, 1), true);
	struct fuse_read_in body = {
		.size = (uint32_t)(number(words, 2) & (FILL_MAX - 1)),
		.offset = number(words, 3) & INT64_MAX,
	};
	struct part part = PART(body);

	if (!file)
		return;
	body.fh = file->number;
	known_ask(FUSE_READDIR, file->node, 0, &part, 1);
}

static void do_lseek(struct words *words)
{
	struct known_file *file = file_of(words, 1);
	struct fuse_lseek_in body = {
		.offset = number(words, 2),
		.whence = number(words, 3) & 1 ? SEEK_HOLE : SEEK_DATA,
	};
	struct part part = PART(body);

	if (!file)
		return;
	body.fh = file->number;
	known_ask(FUSE_LSEEK, file->node, 0, &part, 1);
}

static void do_fallocate(struct words *words)
{
	struct known_file *file = file_of(words, 1);
	struct fuse_fallocate_in body = {
		.mode = (uint32_t)number(words, 2),
		.offset = number(words, 3) & INT64_MAX,
		.length = number(words, 4) & INT64_MAX,
	};
	struct part part = PART(body);

	if (!file || !body.length)
		return;
	body.fh = file->number;
	known_ask(FUSE_FALLOCATE, file->node, 0, &part, 1);
}

static void do_lock(struct words *words)
{
	static const uint32_t opcodes[] = {FUSE_GETLK, FUSE_SETLK, FUSE_SETLKW};
	static const uint32_t types[] = {F_RDLCK, F_WRLCK, F_UNLCK};
	struct known_file *file = file_of(words, 1);
	uint32_t opcode = opcodes[number(words, 2) % 3];
	struct fuse_lk_in body = {
		.owner = number(words, 6),
		.lk = {.type = types[number(words, 3) % 3],
		       .start = number(words, 4) & INT64_MAX,
		       .end = number(words, 5) & INT64_MAX,
		       .pid = (uint32_t)number(words, 6)},
		.lk_flags = (uint32_t)number(words, 7) & FUSE_LK_FLOCK,
	};
	struct part part = PART(body);

	if (!file || body.lk.end < body.lk.start || (body.lk_flags && opcode == FUSE_GETLK))
		return;
	body.fh = file->number;
	known_begin(file, opcode, &part, 1, opcode != FUSE_SETLKW);
}

static void do_poll(struct words *words)
{
	struct known_file *file = file_of(words, 1);
	struct fuse_poll_in body = {
		.flags = FUSE_POLL_SCHEDULE_NOTIFY,
		.events = (uint32_t)number(words, 2),
		.kh = 1,
	};
	struct part part = PART(body);

	if (!file)
		return;
	body.fh = file->number;
	known_ask(FUSE_POLL, file->node, 0, &part, 1);
}

static void do_flush(struct words *words)
{
	struct known_file *file = file_of(words, 1);
	struct fuse_flush_in body = {.lock_owner = number(words, 2)};
	struct part part = PART(body);

	if (!file)
		return;
	body.fh = file->number;
	known_ask(FUSE_FLUSH, file->node, 0, &part, 1);
}

static void do_fsync(struct words *words)
{
	struct known_file *file = file_of(words, 1);
	struct fuse_fsync_in body = {0};
	struct part part = PART(body);

	if (!file)
		return;
	body.fh = file->number;
	known_ask(FUSE_FSYNC, file->node, 0, &part, 1);
}

static void do_release(struct words *words)
{
	struct known_file *file = file_of(words, 1);

	if (!file)
		file = known_file(word(words, 1), true);
	if (file)
		known_release(file);
}

static void do_interrupt(struct words *words)
{
	known_interrupt();
}

static const struct verb {
	const char *name;
	void (*run)(struct words *words);
} verbs[] = {
	{"as", do_as},           {"lookup", do_lookup},       {"getattr", do_getattr},
	{"setattr", do_setattr}, {"readlink", do_readlink},   {"statfs", do_statfs},
	{"access", do_access},   {"mkdir", do_mkdir},         {"mknod", do_mknod},
	{"symlink", do_symlink}, {"rmdir", do_rmdir},         {"unlink", do_unlink},
	{"link", do_link},       {"rename", do_rename},       {"forget", do_forget},
	{"open", do_open},       {"opendir", do_opendir},     {"read", do_read},
	{"write", do_write},     {"fill", do_fill},           {"readdir", do_readdir},
	{"lseek", do_lseek},     {"fallocate", do_fallocate}, {"lock", do_lock},
	{"poll", do_poll},       {"flush", do_flush},         {"fsync", do_fsync},
	{"release", do_release}, {"interrupt", do_interrupt},
};

void script_line(char *line)
{
	struct words words;

	split(line, &words);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(word(&words, 0), verbs[i].name))
			verbs[i].run(&words);
}
