/*
 * shm_unnamed.c - memory that several processes can share and that has no name: where memory has
 * gone that neither ipcs(1) nor /dev/shm shows.
 *
 * memfds, shared anonymous mappings, objects that have been removed and are still mapped or open,
 * and ordinary files that several processes have mapped shared.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory_fs.h"
#include "common/proc_deep.h"
#include "common/proc_status.h"
#include "shm.h"

struct piece_key {
	uint64_t device, inode;
	uint64_t space; /* of a segment its IPC namespace: in each there is one of that id */
};

struct holding {
	pid_t pid;
	bool hidden; /* the caller may not look at it: it is only counted */
	char command[PROC_COMMAND_SIZE];
};

struct piece {
	struct piece_key key;
	char *path;
	bool has_stat;
	struct stat st;
	uint64_t reach;           /* bytes up to the end of what is mapped */
	pid_t pid;                /* a process that has it mapped, and where */
	uint64_t start, end;      /* 0: nobody has been seen to */
	struct holding *holdings; /* in the order in which the processes were looked at */
	size_t holdings_count, holdings_room;
	UT_hash_handle hh;
};

struct looking {
	struct piece *pieces;
	dev_t devshm, tree;
	bool hidden_now;
	pid_t hidden_last;
	size_t hidden;
};

static struct piece *piece_get(struct looking *looking, const struct piece_key *key)
{
	struct piece *piece;

	HASH_FIND(hh, looking->pieces, key, sizeof(*key), piece);
	return piece;
}

static struct piece *piece_add(struct looking *looking, const struct piece_key *key,
			       const char *path)
{
	struct piece *piece = calloc(1, sizeof(*piece));

	if (!piece)
		return NULL;
	piece->key = *key;
	piece->path = strdup(path);
	if (!piece->path) {
		free(piece);
		return NULL;
	}
	HASH_ADD(hh, looking->pieces, key, sizeof(piece->key), piece);
	if (!HASH_HAS(hh, piece)) {
		free(piece->path);
		free(piece);
		return NULL;
	}
	return piece;
}

static void piece_drop(struct looking *looking, struct piece *piece)
{
	HASH_DEL(looking->pieces, piece);
	free(piece->holdings);
	free(piece->path);
	free(piece);
}

static int holding_add(const struct looking *looking, struct piece *piece, pid_t pid)
{
	struct holding *holding =
		piece->holdings_count ? &piece->holdings[piece->holdings_count - 1] : NULL;

	/* What belongs to a process comes together. */
	if (holding && holding->pid == pid)
		return 0;
	if (piece->holdings_count == piece->holdings_room) {
		size_t room = piece->holdings_room ? 2 * piece->holdings_room : 2;

		holding = reallocarray(piece->holdings, room, sizeof(*holding));
		if (!holding)
			return -ENOMEM;
		piece->holdings = holding;
		piece->holdings_room = room;
	}
	holding = &piece->holdings[piece->holdings_count];
	*holding = (struct holding){.pid = pid, .hidden = looking->hidden_now};
	if (!holding->hidden) {
		int error = proc_command(pid, holding->command);

		if (error)
			return error;
	}
	piece->holdings_count++;
	return 0;
}

/* The piece of a process, met for the first time or again; NULL with *error 0: not to be shown. */
static struct piece *meet(struct looking *looking, const struct piece_key *key, const char *path,
			  pid_t pid, bool counts, int *error)
{
	struct piece *piece = piece_get(looking, key);

	*error = 0;
	if (looking->hidden_now && (piece || counts) && looking->hidden_last != pid) {
		looking->hidden_last = pid;
		looking->hidden++;
	}
	if (!piece && !looking->hidden_now) {
		piece = piece_add(looking, key, path);
		*error = piece ? 0 : -ENOMEM;
	}
	if (piece)
		*error = holding_add(looking, piece, pid);
	return *error ? NULL : piece;
}

static struct piece_key key_of(dev_t device, ino_t inode, const char *path, pid_t pid)
{
	struct piece_key key = {.device = device, .inode = inode};

	if (memory_fs_is_segment(device, path))
		key.space = proc_ipc_space(pid);
	return key;
}

static int descriptor(void *context, const struct proc_fd *fd)
{
	struct looking *looking = context;
	bool removed = fd->st.st_dev == looking->devshm && fd->st.st_nlink == 0;
	struct piece_key key;
	struct piece *piece;
	char path[PATH_MAX];
	int error;

	if (!removed && !memory_fs_is(fd->st.st_dev))
		return 0;
	error = proc_fd_path(fd, path, sizeof(path));
	if (error < 0)
		return error;
	key = key_of(fd->st.st_dev, fd->st.st_ino, path, fd->pid);
	piece = meet(looking, &key, path, fd->pid, true, &error);
	if (piece) {
		piece->has_stat = true;
		piece->st = fd->st;
	}
	return error;
}

static int mapping(void *context, const struct proc_map *map)
{
	struct looking *looking = context;
	bool memory = memory_fs_is(map->dev);
	struct piece_key key;
	struct piece *piece;
	uint64_t reach;
	int error;

	/* Devices and the like have no path, or one that is no regular file's. */
	if ((!map->shared && !memory) || *map->path != '/')
		return 0;
	key = key_of(map->dev, map->ino, map->path, map->pid);
	piece = meet(looking, &key, map->path, map->pid, memory, &error);
	if (!piece)
		return error;
	reach = map->offset + (map->end - map->start);
	if (reach > piece->reach)
		piece->reach = reach;
	if (!piece->pid) {
		piece->pid = map->pid;
		piece->start = map->start;
		piece->end = map->end;
	}
	return 0;
}

static int hide(void *context)
{
	struct looking *looking = context;

	looking->hidden_now = true;
	return 0;
}

/* ---- what is left of it ---- */

/* Asks of what is mapped and nowhere open what file it is, which takes privileges; as the daemon.
 */
static int stat_step(void *context)
{
	struct looking *looking = context;
	struct proc_mapped *list = calloc(HASH_COUNT(looking->pieces) + 1, sizeof(*list));
	struct piece *piece, *next;
	size_t count = 0, at = 0;
	int error;

	if (!list)
		return -ENOMEM;
	HASH_ITER(hh, looking->pieces, piece, next)
		if (!piece->has_stat)
			list[count++] = (struct proc_mapped){
				.pid = piece->pid,
				.start = piece->start,
				.end = piece->end,
				.dev = piece->key.device,
				.ino = piece->key.inode,
			};
	error = proc_mapped_look(list, count);
	HASH_ITER(hh, looking->pieces, piece, next) {
		if (piece->has_stat)
			continue;
		piece->has_stat = list[at].known;
		piece->st = list[at++].st;
	}
	free(list);
	return error;
}

static bool is_removed(const struct piece *piece)
{
	static const char end[] = " (deleted)";
	size_t length = strlen(piece->path);

	if (piece->has_stat)
		return piece->st.st_nlink == 0;
	return length >= sizeof(end) - 1 &&
	       strcmp(piece->path + length - (sizeof(end) - 1), end) == 0;
}

static bool is_unnamed(const struct looking *looking, const struct piece *piece)
{
	if (memory_fs_is(piece->key.device) || piece->key.device == looking->tree)
		return true; /* but for objects, see below */
	if (piece->key.device == looking->devshm)
		return is_removed(piece);
	return piece->holdings_count > 1 && piece->has_stat && S_ISREG(piece->st.st_mode);
}

static int drop_sysv(void *context, const struct shm_sysv *segment)
{
	struct looking *looking = context;
	uint64_t space = proc_ipc_space(getpid());
	struct piece *piece, *next;

	if (segment->dest)
		return 0;
	HASH_ITER(hh, looking->pieces, piece, next)
		if (piece->key.inode == (uint64_t)segment->object.id && piece->key.space &&
		    piece->key.space == space)
			piece_drop(looking, piece);
	return 0;
}

/* Memory that has been mapped through the tree is a file of the tree. */
struct dropping {
	struct looking *looking;
	const struct tree *tree;
};

static void drop_of_tree(const struct dropping *dropping, const struct place *object)
{
	struct piece_key key = {.device = dropping->looking->tree};
	struct place memory = *object;
	struct piece *piece;

	for (memory.row = object->dir->rows; memory.row->type != ROW_MEMORY; memory.row++)
		;
	key.inode = dropping->tree->inode(&memory);
	piece = piece_get(dropping->looking, &key);
	if (piece)
		piece_drop(dropping->looking, piece);
}

static int drop_of_tree_sysv(void *context, const struct shm_sysv *segment)
{
	struct place place = {.dir = &shm_sysv_dir, .object = (uint32_t)segment->object.id};

	if (!segment->dest)
		drop_of_tree(context, &place);
	return 0;
}

static int drop_of_tree_posix(void *context, const char *name, uint64_t identity)
{
	struct place place = {.dir = &shm_posix_dir, .name = name, .identity = identity};

	drop_of_tree(context, &place);
	return 0;
}

/* Leaves what has no name. */
static int prune(struct call *call, struct looking *looking)
{
	struct dropping dropping = {looking, call ? call->tree : NULL};
	struct piece *piece, *next;
	int error = as_daemon(call, stat_step, looking);

	HASH_ITER(hh, looking->pieces, piece, next)
		if (piece->holdings_count == 0 || !is_unnamed(looking, piece))
			piece_drop(looking, piece);
	if (!error)
		error = shm_sysv_gather(drop_sysv, looking);
	if (!error && dropping.tree)
		error = shm_sysv_gather(drop_of_tree_sysv, &dropping);
	if (!error && dropping.tree)
		error = shm_posix_walk(drop_of_tree_posix, &dropping);
	return error;
}

/* ---- the table ---- */

static uint64_t bytes_of(const struct piece *piece)
{
	return piece->has_stat ? (uint64_t)piece->st.st_size : piece->reach;
}

/* The largest first. */
static int by_size(struct piece *one, struct piece *other)
{
	uint64_t a = bytes_of(one), b = bytes_of(other);

	if (a != b)
		return a < b ? 1 : -1;
	return (one->key.inode > other->key.inode) - (one->key.inode < other->key.inode);
}

static void print_row(FILE *out, const struct piece *piece)
{
	const char *between = "";
	size_t hidden = 0;

	fprintf(out, "%-10" PRIu64 " %-12" PRIu64 " ", piece->key.inode, bytes_of(piece));
	for (size_t i = 0; i < piece->holdings_count; i++) {
		const struct holding *holding = &piece->holdings[i];

		hidden += holding->hidden;
		if (holding->hidden)
			continue;
		fprintf(out, "%s%d/", between, (int)holding->pid);
		text_print(out, holding->command, " ,");
		between = ",";
	}
	if (hidden > 0)
		fprintf(out, "%s+%zu", between, hidden);
	fputc(' ', out);
	text_print(out, piece->path, "");
	fputc('\n', out);
}

int shm_show_unnamed(struct call *call, const struct place *place, FILE *out)
{
	struct looking looking = {.devshm = devshm_device()};
	const struct proc_viewer viewer = {
		.type = S_IFREG,
		.descriptor = descriptor,
		.mapping = mapping,
		.hide = hide,
		.context = &looking,
	};
	struct proc_scan scan = {.call = call, .viewers = &viewer, .count = 1};
	struct piece *piece, *next;
	int error;

	if (call && call->tree)
		looking.tree = call->tree->device();
	error = proc_scan_visible(&scan);
	if (!error)
		error = proc_scan_hidden(&scan);
	if (!error)
		error = prune(call, &looking);
	if (!error) {
		HASH_SORT(looking.pieces, by_size);
		ipcs_title(out, "Unnamed Shared Memory");
		fprintf(out, "%-10s %-12s %-24s %s\n", "inode", "bytes", "holders", "path");
		for (piece = looking.pieces; piece; piece = piece->hh.next)
			print_row(out, piece);
		fputc('\n', out);
		holders_print_hidden(out, looking.hidden + scan.unknown);
	}
	HASH_ITER(hh, looking.pieces, piece, next)
		piece_drop(&looking, piece);
	proc_scan_free(&scan);
	return error;
}
