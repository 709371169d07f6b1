/*
 * shm_orphans.c - the directory of memory that nobody uses.
 *
 * What is in doubt is in use.  Of a segment the kernel tells how often it is attached, who made it
 * and who used it last; of a POSIX object whether anyone else has it open.  Memory that was made
 * through the tree is nobody's orphan: it is there to outlast who uses it.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/proc_status.h"
#include "shm.h"

static unsigned age_wanted;

void shm_orphans_setup(const struct settings *settings)
{
	age_wanted = settings->orphan_age;
}

/* An object, and why it is none; of a segment what the kernel says of it. */
struct candidate {
	struct place place;
	char *name; /* of a POSIX object: place.name */
	struct shm_sysv segment;
	struct stat st;
	char reason[128];
};

static bool is_sysv(const struct candidate *candidate)
{
	return candidate->place.dir == &shm_sysv_dir;
}

static int busy(struct candidate *candidate, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int busy(struct candidate *candidate, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(candidate->reason, sizeof(candidate->reason), format, arguments);
	va_end(arguments);
	return -EBUSY;
}

/* ---- what can be told without looking at processes ---- */

/* A time may be ahead of the clock, which matters where an age is wanted only. */
static int age_check(struct candidate *candidate, time_t used)
{
	int64_t age = (int64_t)time(NULL) - used;

	if (!age_wanted || age >= (int64_t)age_wanted)
		return 0;
	if (age < 0)
		return busy(candidate, "its time of use is %" PRId64 " seconds to come", -age);
	return busy(candidate, "it was used %" PRId64 " seconds ago, and orphan_age is %u", age,
		    age_wanted);
}

static time_t latest(time_t one, time_t other)
{
	return one > other ? one : other;
}

/*
 * A number that has been given to another process is in doubt as well: that the creator has ended
 * is certain, but not that its children have.
 */
static int dead_check(struct call *call, struct candidate *candidate, const char *role, pid_t pid,
		      time_t then)
{
	time_t started;

	if (pid <= 0)
		return busy(candidate, "%s is not known in this PID namespace", role);
	if (kill(pid, 0) == 0 || errno != ESRCH) {
		if (proc_started(pid, &started) == 0 && started > then + 1)
			return busy(candidate, "the pid of %s, %d, is another process's by now",
				    role, (int)pid);
		return busy(candidate, "%s, process %d, lives", role, (int)pid);
	}
	if (shm_daemon_was(call, pid, candidate->segment.object.cuid))
		return busy(candidate, "%s, process %d, was a daemon of ipcfs", role, (int)pid);
	return 0;
}

static int sysv_check(struct call *call, struct candidate *candidate)
{
	const struct shm_sysv *segment = &candidate->segment;
	int error = shm_sysv_get(candidate->place.object, &candidate->segment);
	time_t used;

	if (error)
		return error;
	used = latest(segment->atime, segment->dtime);
	if (segment->nattch > 0)
		return busy(candidate, "it is attached");
	error = age_check(candidate, latest(segment->ctime, used));
	if (!error)
		error = dead_check(call, candidate, "its creator", segment->cpid, segment->ctime);
	/* Where nobody has ever attached it nobody has used it last. */
	if (!error && (used || segment->lpid))
		error = dead_check(call, candidate, "its last user", segment->lpid, used);
	return error;
}

static int posix_check(struct candidate *candidate)
{
	const struct stat *st = &candidate->st;
	struct shm_posix object;
	int error = shm_posix_get(&candidate->place, &object);

	if (error)
		return error;
	candidate->st = object.st;
	return age_check(candidate, latest(latest(st->st_atime, st->st_mtime), st->st_ctime));
}

static int quick_check(struct call *call, struct candidate *candidate)
{
	return is_sysv(candidate) ? sysv_check(call, candidate) : posix_check(candidate);
}

/* ---- what takes more, as the daemon ---- */

/* A descriptor that keeps others out as long as it is open. */
static int posix_alone(struct candidate *candidate)
{
	int fd = shm_posix_open_alone(&candidate->place);

	if (fd == -EBUSY)
		return busy(candidate, "somebody has it open or mapped");
	if (fd == -EACCES)
		return busy(candidate, "the daemon may not ask whether somebody has it open");
	if (fd >= 0 && devshm_is_made(fd)) {
		close(fd);
		return busy(candidate, "it was made through a tree of ipcfs");
	}
	return fd;
}

struct checking {
	struct call *call;
	struct candidate *candidates;
	size_t count;
};

static struct candidate *segment_of(const struct checking *checking, uint32_t id)
{
	for (size_t i = 0; i < checking->count; i++)
		if (is_sysv(&checking->candidates[i]) && checking->candidates[i].place.object == id)
			return &checking->candidates[i];
	return NULL;
}

/*
 * The memory of a segment can be mapped, or its file open, without being attached: that is how the
 * tree gives it to its users.
 */
static int segments_check(const struct checking *checking)
{
	struct call as_daemon_itself = checking->call ? *checking->call : (struct call){0};
	struct held_scan scan = {.call = &as_daemon_itself, .kind = &shm_held, .itself = true};
	struct held_object *object, *next;
	size_t count = 0;
	int error = 0;

	as_daemon_itself.as_daemon = NULL;
	for (size_t i = 0; i < checking->count && !error; i++) {
		if (!is_sysv(&checking->candidates[i]) || *checking->candidates[i].reason)
			continue;
		error = shm_held_add_sysv(&scan, &checking->candidates[i].segment);
		count++;
	}
	if (count > 0 && !error)
		error = held_scan(&scan);
	HASH_ITER(hh, scan.objects, object, next) {
		struct candidate *candidate = segment_of(checking, (uint32_t)object->key.number);

		/* Who it is the caller may not know. */
		if (object->by_count > 0 && candidate)
			busy(candidate, "somebody has it open or mapped");
	}
	held_free(&scan);
	return error;
}

static int check_step(void *context)
{
	const struct checking *checking = context;
	int error = segments_check(checking);

	for (size_t i = 0; i < checking->count && !error; i++) {
		struct candidate *candidate = &checking->candidates[i];
		int fd;

		if (is_sysv(candidate) || *candidate->reason)
			continue;
		fd = posix_alone(candidate);
		if (fd >= 0)
			close(fd);
		else if (fd == -ENOENT)
			busy(candidate, "it has gone");
		else if (fd != -EBUSY)
			error = fd;
	}
	return error;
}

/* Fills the reasons of all that are no orphans. */
static int check_all(struct call *call, struct candidate *candidates, size_t count)
{
	struct checking checking = {call, candidates, count};
	bool any = false;

	for (size_t i = 0; i < count; i++)
		any |= !*candidates[i].reason;
	return any ? as_daemon(call, check_step, &checking) : 0;
}

/* ---- those that were listed last ---- */

/*
 * What has been listed can be looked up until the next listing, so that who lists and then removes
 * hears why something is no orphan any more, and a listing with its lookups is one look at all
 * processes.
 */
static struct {
	pthread_mutex_t lock;
	struct known {
		const struct dir *dir;
		uint64_t number; /* id, or inode number */
	} * list;
	size_t count;
} listed = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct known known_of(const struct place *place)
{
	return (struct known){place->dir,
			      place->dir == &shm_sysv_dir ? place->object : place->identity};
}

static void listed_set(const struct candidate *candidates, size_t count)
{
	struct known *list = calloc(count + 1, sizeof(*list));
	size_t used = 0;

	for (size_t i = 0; list && i < count; i++)
		if (!*candidates[i].reason)
			list[used++] = known_of(&candidates[i].place);
	pthread_mutex_lock(&listed.lock);
	free(listed.list);
	listed.list = list;
	listed.count = used;
	pthread_mutex_unlock(&listed.lock);
}

static bool was_listed(const struct place *place)
{
	struct known known = known_of(place);
	bool found = false;

	pthread_mutex_lock(&listed.lock);
	for (size_t i = 0; i < listed.count && !found; i++)
		found = listed.list[i].dir == known.dir && listed.list[i].number == known.number;
	pthread_mutex_unlock(&listed.lock);
	return found;
}

/* ---- the directory ---- */

/* The object that a link of this directory means, in the directory of its family. */
static struct place object_of(const struct place *link)
{
	struct place place = *link;

	place.dir = link->name ? &shm_posix_dir : &shm_sysv_dir;
	place.row = NULL;
	return place;
}

static struct place link_of(const struct place *object)
{
	struct place place = *object;

	place.dir = &shm_orphans_dir;
	place.row = shm_orphans_dir.rows;
	return place;
}

struct candidates {
	struct call *call;
	struct candidate *list;
	size_t count, room;
};

static int candidate_add(struct candidates *all, const struct candidate *candidate)
{
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 16;
		struct candidate *list = reallocarray(all->list, room, sizeof(*list));

		if (!list)
			return -ENOMEM;
		all->list = list;
		all->room = room;
	}
	all->list[all->count++] = *candidate;
	return 0;
}

static int candidate_sysv(void *context, const struct shm_sysv *segment)
{
	struct candidate candidate = {
		.place = {.dir = &shm_sysv_dir, .object = (uint32_t)segment->object.id}};

	struct candidates *all = context;

	return quick_check(all->call, &candidate) ? 0 : candidate_add(all, &candidate);
}

static int candidate_posix(void *context, const char *name, uint64_t identity)
{
	struct candidate candidate = {
		.place = {.dir = &shm_posix_dir, .name = name, .identity = identity}};
	struct candidates *all = context;
	int error;

	if (quick_check(all->call, &candidate))
		return 0;
	candidate.name = strdup(name);
	candidate.place.name = candidate.name;
	error = candidate.name ? candidate_add(all, &candidate) : -ENOMEM;
	if (error)
		free(candidate.name);
	return error;
}

static void listed_name(const struct candidate *candidate, char name[LISTED_NAME_SIZE])
{
	const struct sysv_object *object = &candidate->segment.object;

	if (is_sysv(candidate))
		object_name_list_sysv(object->key, object->id, name);
	else
		object_name_list_posix(&shm_dir, candidate->place.name, name);
}

static int orphans_list(struct call *call, const struct place *at, listing *each, void *context)
{
	struct candidates all = {.call = call};
	int error = shm_sysv_gather(candidate_sysv, &all);

	if (!error)
		error = shm_posix_walk(candidate_posix, &all);
	if (!error)
		error = check_all(call, all.list, all.count);
	if (!error)
		listed_set(all.list, all.count);
	for (size_t i = 0; i < all.count && !error; i++) {
		struct place link = link_of(&all.list[i].place);
		char name[LISTED_NAME_SIZE];

		if (*all.list[i].reason)
			continue;
		listed_name(&all.list[i], name);
		error = each(context, name, &link);
	}
	for (size_t i = 0; i < all.count; i++)
		free(all.list[i].name);
	free(all.list);
	return error;
}

static int orphans_find(struct call *call, const struct place *at, const char *text,
			struct place *found)
{
	struct candidate candidate = {.segment.nattch = 0};
	int error = shm_dir.find(NULL, at, text, &candidate.place);

	if (error)
		return -ENOENT;
	if (!was_listed(&candidate.place)) {
		error = quick_check(call, &candidate);
		if (!error)
			error = check_all(call, &candidate, 1);
		if (error || *candidate.reason)
			return -ENOENT;
	}
	*found = link_of(&candidate.place);
	return 0;
}

/* ---- removing ---- */

static int alone_step(void *context)
{
	return posix_alone(context);
}

static int posix_orphan_remove(struct call *call, struct candidate *candidate)
{
	int fd = as_daemon(call, alone_step, candidate), error;

	if (fd < 0)
		return fd;
	/* While the descriptor is open nobody can come to have it open. */
	error = shm_posix_remove(call, &candidate->place);
	close(fd);
	return error;
}

static int sysv_orphan_remove(struct call *call, struct candidate *candidate)
{
	int error = check_all(call, candidate, 1);

	/* Once more what may have changed meanwhile. */
	if (!error && !*candidate->reason)
		error = quick_check(call, candidate);
	if (!error && *candidate->reason)
		error = -EBUSY;
	return error ? error : shm_sysv_remove(call, &candidate->place);
}

static int orphan_unlink(struct call *call, const struct place *link)
{
	struct candidate candidate = {.place = object_of(link)};
	int error = quick_check(call, &candidate);

	if (!error)
		error = is_sysv(&candidate) ? sysv_orphan_remove(call, &candidate)
					    : posix_orphan_remove(call, &candidate);
	if (error == -EBUSY)
		return refuse(call, EBUSY, "no orphan: %s", candidate.reason);
	return error;
}

static int orphan_target(const struct place *link, char *path, size_t size)
{
	struct candidate candidate = {.place = object_of(link)};
	char name[LISTED_NAME_SIZE];
	int error =
		is_sysv(&candidate) ? shm_sysv_get(candidate.place.object, &candidate.segment) : 0;

	if (error)
		return error;
	listed_name(&candidate, name);
	return (size_t)snprintf(path, size, "../%s", name) < size ? 0 : -ENAMETOOLONG;
}

static const struct row rows[] = {
	{NULL, ROW_LINK, .target = orphan_target},
	{NULL, ROW_END},
};

const struct dir shm_orphans_dir = {
	.rows = rows,
	.searches = true,
	.find = orphans_find,
	.list = orphans_list,
	.make = refuse_make,
	.remove = refuse_remove,
	.unlink = orphan_unlink,
	.change = refuse_change,
	.rename = refuse_rename,
};
