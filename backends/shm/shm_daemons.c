/*
 * shm_daemons.c - which processes were daemons of ipcfs.
 *
 * Whatever is made or attached through a tree the kernel records as its daemon's.  So that these
 * records do not look like those of a program that has ended, each daemon leaves a file with its
 * pid as name in the run directory, which lasts as long as segments do: until the machine starts
 * anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/run_dir.h"
#include "shm.h"

/* That of this daemon, and the usual one of root's, which may be the same. */
enum { OWN, ROOTS, DIRECTORIES };

static struct {
	pthread_mutex_t lock;
	struct settings settings[DIRECTORIES];
	struct run_dir list[DIRECTORIES];
} directories = {.lock = PTHREAD_MUTEX_INITIALIZER, .list = {{.fd = -1}, {.fd = -1}}};

void shm_daemons_setup(const struct settings *settings)
{
	for (int i = 0; i < DIRECTORIES; i++) {
		if (directories.list[i].fd >= 0)
			close(directories.list[i].fd);
		directories.list[i].fd = -1;
		directories.settings[i] = *settings;
	}
	directories.settings[ROOTS].run_dir = geteuid() == 0 ? NULL : "/run/ipcfs";
}

/* Its descriptor; -errno. It is there as soon as one daemon has had a pid to note. */
static int directory(int which, bool make)
{
	struct run_dir *dir = &directories.list[which];
	struct settings *settings = &directories.settings[which];
	int result;

	pthread_mutex_lock(&directories.lock);
	/* A plain user makes nothing for root, but can write in what is there. */
	settings->read_only = !make || (which == ROOTS && geteuid() != 0);
	result = dir->fd >= 0 ? 0 : run_dir_open(settings, "daemons", dir);
	if (!result)
		result = dir->fd;
	pthread_mutex_unlock(&directories.lock);
	return result;
}

static void file_name(pid_t pid, char name[16])
{
	snprintf(name, 16, "%d", (int)pid);
}

/*
 * What another user has put under the name, which everyone can tell beforehand, goes.  Who has
 * filled a directory keeps it, under a name that nobody can have taken.
 */
static void make_way(int dir, const char *name)
{
	unsigned long random;
	char aside[48];

	if (unlinkat(dir, name, 0) == 0 || unlinkat(dir, name, AT_REMOVEDIR) == 0 ||
	    getrandom(&random, sizeof(random), 0) != sizeof(random))
		return;
	snprintf(aside, sizeof(aside), "%s.%lx", name, random);
	renameat(dir, name, dir, aside);
}

/* Never opens what is there already: that could be a FIFO, and wait for ever. */
static void note(int dir, const char *name)
{
	for (int tries = 0; tries < 3; tries++) {
		int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
		struct stat st;

		if (fd >= 0)
			close(fd);
		if (fd >= 0 || errno != EEXIST)
			return;
		if (entry_look(dir, name, &st) == 0 && (st.st_uid == 0 || st.st_uid == geteuid()))
			return;
		make_way(dir, name);
	}
}

static int note_step(void *context)
{
	char name[16];

	file_name(getpid(), name);
	for (int i = 0; i < DIRECTORIES; i++) {
		int dir = directory(i, true);

		if (dir >= 0)
			note(dir, name);
	}
	return 0;
}

void shm_daemon_note(struct call *call)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pid_t noted;

	pthread_mutex_lock(&lock);
	if (noted != getpid()) {
		as_daemon(call, note_step, NULL);
		noted = getpid();
	}
	pthread_mutex_unlock(&lock);
}

struct asking {
	pid_t pid;
	uid_t creator;
};

/* 1: it was one, or there is no knowing. */
static int was_step(void *context)
{
	const struct asking *asking = context;
	bool known = false;
	char name[16];

	file_name(asking->pid, name);
	for (int i = 0; i < DIRECTORIES; i++) {
		int dir = directory(i, false);
		struct stat st;

		/* Where root has none, no daemon of root's has had anything to note. */
		known |= dir >= 0 || (dir == -ENOENT && geteuid() == 0);
		/* Others may have put files there too. */
		if (dir >= 0 && entry_look(dir, name, &st) == 0 &&
		    (st.st_uid == 0 || st.st_uid == geteuid() || st.st_uid == asking->creator))
			return 1;
	}
	return !known;
}

bool shm_daemon_was(struct call *call, pid_t pid, uid_t creator)
{
	struct asking asking = {pid, creator};

	return as_daemon(call, was_step, &asking) != 0;
}
