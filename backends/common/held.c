/*
 * held.c - who holds the objects of shm/, sem/ and mq/.
 */
#include "held.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory_fs.h"
#include "names.h"

/* A file of the tree that means an object. */
struct held_file {
	ino_t inode;
	struct held_object *object;
	struct place place; /* of a channel, whose name is not kept; else .row is NULL */
	UT_hash_handle hh;
};

/* A descriptor, or the addresses of a mapping, of the process that is being looked at. */
struct held_local {
	bool is_mapping;
	uint64_t start, end; /* of a descriptor start alone */
	struct held_object *object;
};

struct held_key held_key_file(dev_t device, ino_t inode)
{
	return (struct held_key){HELD_FILE, 0, device, inode};
}

struct held_key held_key_id(enum held_sort sort, uint32_t id)
{
	return (struct held_key){sort, 0, 0, id};
}

static struct held_object *object_get(struct held_scan *scan, const struct held_key *key)
{
	struct held_object *object;

	HASH_FIND(hh, scan->objects, key, sizeof(*key), object);
	return object;
}

static struct held_file *file_get(struct held_scan *scan, ino_t inode)
{
	struct held_file *file;

	HASH_FIND(hh, scan->files, &inode, sizeof(inode), file);
	return file;
}

static int file_add(struct held_scan *scan, ino_t inode, struct held_object *object,
		    const struct place *place)
{
	struct held_file *file = file_get(scan, inode);

	if (file)
		return 0;
	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->inode = inode;
	file->object = object;
	if (place)
		file->place = *place;
	HASH_ADD(hh, scan->files, inode, sizeof(file->inode), file);
	if (!HASH_HAS(hh, file)) {
		free(file);
		return -ENOMEM;
	}
	return 0;
}

static const struct row *memory_row(const struct dir *dir)
{
	const struct row *row = dir->rows;

	while (row->type != ROW_END && row->type != ROW_MEMORY)
		row++;
	return row->type == ROW_END ? NULL : row;
}

int held_add(struct held_scan *scan, const struct held_key *key, const char *label,
	     const struct place *place)
{
	struct held_object *object = object_get(scan, key);
	struct place memory = *place;

	if (object) /* a second name of it */
		return 0;
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->key = *key;
	object->label = strdup(label);
	if (!object->label) {
		free(object);
		return -ENOMEM;
	}
	HASH_ADD(hh, scan->objects, key, sizeof(object->key), object);
	if (!HASH_HAS(hh, object)) {
		free(object->label);
		free(object);
		return -ENOMEM;
	}
	memory.row = memory_row(place->dir);
	if (!memory.row || !scan->call || !scan->call->tree)
		return 0;
	return file_add(scan, scan->call->tree->inode(&memory), object, NULL);
}

/* ---- holders ---- */

static struct held_process *process_get(struct held_scan *scan, pid_t pid, int *error)
{
	struct held_process *process, wanted = {.key = {pid, scan->hidden_now}};

	*error = 0;
	HASH_FIND(hh, scan->processes, &wanted.key, sizeof(wanted.key), process);
	if (process)
		return process;
	process = malloc(sizeof(*process));
	if (!process) {
		*error = -ENOMEM;
		return NULL;
	}
	*process = wanted;
	if (!scan->hidden_now) {
		*error = proc_command(pid, process->command);
		if (!*error)
			*error = proc_user(pid, &process->uid);
	}
	if (*error) {
		free(process);
		return NULL;
	}
	HASH_ADD(hh, scan->processes, key, sizeof(process->key), process);
	if (!HASH_HAS(hh, process)) {
		*error = -ENOMEM;
		free(process);
		return NULL;
	}
	return process;
}

static bool is_shown(const struct held_object *object, pid_t pid)
{
	for (size_t i = 0; i < object->by_count; i++)
		if (object->by[i].process->key.pid == pid && !object->by[i].process->key.hidden)
			return true;
	return false;
}

static int holder_add(struct held_scan *scan, struct held_object *object, pid_t pid, unsigned how)
{
	struct held_process *process;
	struct held_by *by;
	int error;

	/* Of a process that is shown some threads may not be looked into. */
	if (scan->hidden_now && is_shown(object, pid))
		return 0;
	process = process_get(scan, pid, &error);
	if (!process)
		return error;
	/* What belongs to a process comes together, but for what the tree knows. */
	for (size_t i = object->by_count; i-- > 0;)
		if (object->by[i].process == process) {
			object->by[i].how |= how;
			return 0;
		} else if (scan->locals_of == pid) {
			break;
		}
	if (object->by_count == object->by_room) {
		size_t room = object->by_room ? 2 * object->by_room : 4;

		by = reallocarray(object->by, room, sizeof(*by));
		if (!by)
			return -ENOMEM;
		object->by = by;
		object->by_room = room;
	}
	object->by[object->by_count++] = (struct held_by){process, how};
	return 0;
}

/* ---- what a process has ---- */

static bool is_passed_over(struct held_scan *scan, pid_t pid)
{
	if (scan->locals_of != pid) {
		scan->locals_of = pid;
		scan->locals_count = 0;
		scan->shares_ipc = -1;
	}
	return !scan->itself && pid == scan->self;
}

static bool shares_ipc(struct held_scan *scan, pid_t pid)
{
	if (scan->shares_ipc < 0)
		scan->shares_ipc = proc_shares_ipc(pid);
	return scan->shares_ipc;
}

static int local_add(struct held_scan *scan, const struct held_local *local)
{
	if (!scan->kind->in_calls)
		return 0;
	if (scan->locals_count == scan->locals_room) {
		size_t room = scan->locals_room ? 2 * scan->locals_room : 16;
		struct held_local *locals = reallocarray(scan->locals, room, sizeof(*locals));

		if (!locals)
			return -ENOMEM;
		scan->locals = locals;
		scan->locals_room = room;
	}
	scan->locals[scan->locals_count++] = *local;
	return 0;
}

static bool is_of_tree(const struct held_scan *scan, dev_t device)
{
	return scan->files && scan->call->tree->device() == device;
}

/* A segment by its file, which is not mapped but open: of another mount of ipcfs, say. */
static struct held_object *segment_of_fd(struct held_scan *scan, const struct proc_fd *fd)
{
	struct held_key key = held_key_id(HELD_SEGMENT, (uint32_t)fd->st.st_ino);
	struct held_object *object = object_get(scan, &key);
	char path[64];

	if (!object || !memory_fs_is(fd->st.st_dev) || proc_fd_path(fd, path, sizeof(path)) < 0 ||
	    !memory_fs_is_segment(fd->st.st_dev, path))
		return NULL;
	return shares_ipc(scan, fd->pid) ? object : NULL;
}

static int descriptor(void *context, const struct proc_fd *fd)
{
	struct held_key key = held_key_file(fd->st.st_dev, fd->st.st_ino);
	struct held_scan *scan = context;
	struct held_object *object;
	struct held_file *file = NULL;
	unsigned how;
	int access, error;

	if (is_passed_over(scan, fd->pid))
		return 0;
	object = object_get(scan, &key);
	if (!object)
		object = segment_of_fd(scan, fd);
	if (!object && is_of_tree(scan, fd->st.st_dev)) {
		file = file_get(scan, fd->st.st_ino);
		object = file ? file->object : NULL;
	}
	if (!object)
		return 0;
	access = proc_fd_access(fd);
	if (access < 0)
		return access;
	how = (access & PROC_FD_READ ? HELD_READ : 0) | (access & PROC_FD_WRITE ? HELD_WRITE : 0);
	if (how && file && file->place.row && scan->kind->opened)
		how = scan->kind->opened(&file->place, how);
	error = holder_add(scan, object, fd->pid, how ? how : HELD_PATH);
	if (error || file)
		return error;
	return local_add(scan, &(struct held_local){.start = (uint64_t)fd->fd, .object = object});
}

/* Memory that another mount of ipcfs gives, or one whose daemon has gone, by the path of its file.
 */
static struct held_object *mapped_elsewhere(const struct held_scan *scan, const char *path)
{
	struct held_object *object, *next;
	char end[LISTED_NAME_SIZE + 16];

	HASH_ITER(hh, scan->objects, object, next) {
		const char *at;

		snprintf(end, sizeof(end), "/shm/%s/data", object->label);
		at = strstr(path, end);
		if (at && (at[strlen(end)] == '\0' || at[strlen(end)] == ' '))
			return object;
	}
	return NULL;
}

static int mapping(void *context, const struct proc_map *map)
{
	struct held_key key = held_key_file(map->dev, map->ino);
	struct held_scan *scan = context;
	struct held_object *object;
	int error;

	if (is_passed_over(scan, map->pid))
		return 0;
	object = object_get(scan, &key);
	if (!object && memory_fs_is_segment(map->dev, map->path)) {
		key = held_key_id(HELD_SEGMENT, (uint32_t)map->ino);
		object = object_get(scan, &key);
		if (object && !shares_ipc(scan, map->pid))
			return 0;
	}
	if (!object && is_of_tree(scan, map->dev)) {
		struct held_file *file = file_get(scan, map->ino);

		object = file ? file->object : NULL;
	}
	if (!object && scan->itself)
		object = mapped_elsewhere(scan, map->path);
	if (!object)
		return 0;
	/* What is written to a private mapping stays there. */
	error = holder_add(scan, object, map->pid,
			   map->shared && map->writable ? HELD_MAP_READ | HELD_MAP_WRITE
							: HELD_MAP_READ);
	if (error)
		return error;
	return local_add(scan, &(struct held_local){true, map->start, map->end, object});
}

/* ---- who waits ---- */

static struct held_object *local_find(const struct held_scan *scan, bool is_mapping,
				      uint64_t number)
{
	for (size_t i = 0; i < scan->locals_count; i++) {
		const struct held_local *local = &scan->locals[i];

		if (local->is_mapping == is_mapping &&
		    (is_mapping ? number >= local->start && number < local->end
				: number == local->start))
			return local->object;
	}
	return NULL;
}

static struct held_object *by_id(struct held_scan *scan, enum held_sort sort,
				 const struct proc_wait *wait)
{
	struct held_key key = held_key_id(sort, (uint32_t)wait->arguments[0]);
	struct held_object *object = object_get(scan, &key);

	return object && shares_ipc(scan, wait->pid) ? object : NULL;
}

static bool is_futex_wait(const struct proc_wait *wait)
{
	int command = (int)wait->arguments[1] & FUTEX_CMD_MASK;

	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
}

static int waiting(void *context, const struct proc_wait *wait)
{
	struct held_scan *scan = context;
	struct held_object *object = NULL;
	unsigned how = HELD_WAIT;

	if (is_passed_over(scan, wait->pid))
		return 0;
	switch (wait->number) {
#ifdef SYS_semop
	case SYS_semop:
#endif
#ifdef SYS_semtimedop
	case SYS_semtimedop:
#endif
#ifdef SYS_semtimedop_time64
	case SYS_semtimedop_time64:
#endif
		object = by_id(scan, HELD_SET, wait);
		break;
#ifdef SYS_msgrcv
	case SYS_msgrcv:
		object = by_id(scan, HELD_QUEUE, wait);
		how = HELD_WAIT_RECEIVE;
		break;
	case SYS_msgsnd:
		object = by_id(scan, HELD_QUEUE, wait);
		how = HELD_WAIT_SEND;
		break;
#endif
	case SYS_mq_timedreceive:
		object = local_find(scan, false, wait->arguments[0]);
		how = HELD_WAIT_RECEIVE;
		break;
	case SYS_mq_timedsend:
		object = local_find(scan, false, wait->arguments[0]);
		how = HELD_WAIT_SEND;
		break;
	case SYS_futex:
		if (is_futex_wait(wait))
			object = local_find(scan, true, wait->arguments[0]);
		break;
	}
	return object ? holder_add(scan, object, wait->pid, how) : 0;
}

/* ---- who comes by way of the tree ---- */

static int user_open(void *context, const struct tree_user *user)
{
	struct held_scan *scan = context;
	struct held_object *object;
	struct held_key key;

	if (user->thread || scan->kind->key(user->place, &key) < 0)
		return 0;
	object = object_get(scan, &key);
	return object ? file_add(scan, user->inode, object, user->place) : 0;
}

struct waiters {
	struct held_scan *scan;
	const struct proc_scan *walk;
};

static int user_waits(void *context, const struct tree_user *user)
{
	const struct waiters *waiters = context;
	struct held_scan *scan = waiters->scan;
	struct held_object *object;
	struct held_key key;
	pid_t pid;
	int error;

	if (!user->thread || scan->kind->key(user->place, &key) < 0)
		return 0;
	object = object_get(scan, &key);
	pid = object ? proc_process_of(user->thread) : 0;
	if (!pid)
		return 0;
	scan->hidden_now = !proc_scan_saw(waiters->walk, pid);
	error = holder_add(scan, object, pid, scan->kind->waits(user->place, user->reads));
	return error == -ESRCH ? 0 : error;
}

/* ---- the scan ---- */

static int hide(void *context)
{
	struct held_scan *scan = context;

	scan->hidden_now = true;
	return 0;
}

int held_begin(struct held_scan *scan, struct proc_viewer *viewer)
{
	const struct tree *tree = scan->call ? scan->call->tree : NULL;

	scan->self = proc_self();
	*viewer = (struct proc_viewer){
		.type = S_IFREG,
		.descriptor = descriptor,
		.mapping = mapping,
		.waiting = scan->kind->in_calls && scan->objects ? waiting : NULL,
		.hide = hide,
		.context = scan,
	};
	return tree && scan->objects ? tree->users(user_open, scan) : 0;
}

int held_complete(struct held_scan *scan, const struct proc_scan *walk)
{
	const struct tree *tree = scan->call ? scan->call->tree : NULL;
	struct waiters waiters = {scan, walk};
	struct held_process *process, *next;
	int error = 0;

	scan->locals_of = 0;
	if (tree && scan->objects)
		error = tree->users(user_waits, &waiters);
	HASH_ITER(hh, scan->processes, process, next)
		scan->hidden += process->key.hidden;
	return error;
}

int held_scan(struct held_scan *scan)
{
	int error = held_begin(scan, &scan->viewer);

	scan->walk = (struct proc_scan){.call = scan->call, .viewers = &scan->viewer, .count = 1};
	if (!scan->objects)
		return 0;
	if (!error)
		error = proc_scan_visible(&scan->walk);
	if (!error)
		error = proc_scan_hidden(&scan->walk);
	return error ? error : held_complete(scan, &scan->walk);
}

void held_free(struct held_scan *scan)
{
	struct held_object *object, *next_object;
	struct held_process *process, *next_process;
	struct held_file *file, *next_file;

	HASH_ITER(hh, scan->files, file, next_file) {
		HASH_DEL(scan->files, file);
		free(file);
	}
	HASH_ITER(hh, scan->objects, object, next_object) {
		HASH_DEL(scan->objects, object);
		free(object->by);
		free(object->label);
		free(object);
	}
	HASH_ITER(hh, scan->processes, process, next_process) {
		HASH_DEL(scan->processes, process);
		free(process);
	}
	free(scan->locals);
	proc_scan_free(&scan->walk);
}
