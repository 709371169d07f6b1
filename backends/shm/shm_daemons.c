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
#include <unistd.h>

#include "common/run_dir.h"
#include "shm.h"

/* That of this daemon, and the usual one of root's, which may be the same. */
enum { OWN, ROOTS, DIRECTORIES };
static struct run_dir directories[DIRECTORIES] = {{.fd = -1}, {.fd = -1}};

void shm_daemons_setup(const struct settings *settings)
{
	struct settings roots = *settings;

	/* A plain user makes nothing there, but can write in what is there. */
	roots.run_dir = geteuid() == 0 ? NULL : "/run/ipcfs";
	roots.read_only = settings->read_only || geteuid() != 0;
	for (int i = 0; i < DIRECTORIES; i++) {
		if (directories[i].fd >= 0)
			close(directories[i].fd);
		run_dir_open(i == OWN ? settings : &roots, "daemons", &directories[i]);
	}
}

static void file_name(pid_t pid, char name[16])
{
	snprintf(name, 16, "%d", (int)pid);
}

static int note_step(void *context)
{
	char name[16];

	file_name(getpid(), name);
	for (int i = 0; i < DIRECTORIES; i++) {
		int fd = directories[i].fd < 0
				 ? -1
				 : openat(directories[i].fd, name,
					  O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0444);

		if (fd >= 0)
			close(fd);
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

bool shm_daemon_was(pid_t pid, uid_t creator)
{
	char name[16];
	int known = 0;

	file_name(pid, name);
	for (int i = 0; i < DIRECTORIES; i++) {
		struct stat st;

		if (directories[i].fd < 0)
			continue;
		known++;
		/* Others may have put files there too. */
		if (fstatat(directories[i].fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (st.st_uid == 0 || st.st_uid == geteuid() || st.st_uid == creator))
			return true;
	}
	return known == 0;
}
