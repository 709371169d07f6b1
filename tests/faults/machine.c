/*
 * machine.c - the IPC objects there are, told by the kernel.
 */
#include "machine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

#define QUEUES "/run/queues"

static void print_values(FILE *out, int id, unsigned count)
{
	unsigned short *values = calloc(count, sizeof(*values));

	require(values, "no memory");
	if (semctl(id, 0, GETALL, values) == 0)
		for (unsigned i = 0; i < count; i++)
			fprintf(out, " %u", values[i]);
	free(values);
}

/* Those columns of /proc/sysvipc that tell what an object is. */
static void print_sysv(FILE *out)
{
	char line[512];
	FILE *file;
	int key, id;
	unsigned perms, uid, gid;
	unsigned long bytes, count, attached;

	file = fopen("/proc/sysvipc/msg", "re");
	require(file, "msg");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%d %d %o %lu %lu %*u %*u %u %u", &key, &id, &perms, &bytes,
			   &count, &uid, &gid) == 7)
			fprintf(out, "msg %d %o %lu %lu %u %u\n", key, perms, bytes, count, uid,
				gid);
	fclose(file);
	file = fopen("/proc/sysvipc/sem", "re");
	require(file, "sem");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%d %d %o %lu %u %u", &key, &id, &perms, &count, &uid, &gid) ==
		    6) {
			fprintf(out, "sem %d %o %u %u:", key, perms, uid, gid);
			print_values(out, id, (unsigned)count);
			fprintf(out, "\n");
		}
	fclose(file);
	file = fopen("/proc/sysvipc/shm", "re");
	require(file, "shm");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%d %d %o %lu %*u %*u %lu %u %u", &key, &id, &perms, &bytes,
			   &attached, &uid, &gid) == 7)
			fprintf(out, "shm %d %o %lu %lu %u %u\n", key, perms, bytes, attached, uid,
				gid);
	fclose(file);
}

/* FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const char *path, size_t size)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	FILE *file = fopen(path, "re");
	int byte;

	while (file && size-- && (byte = fgetc(file)) != EOF)
		hash = (hash ^ (unsigned)byte) * UINT64_C(0x100000001b3);
	if (file)
		fclose(file);
	return hash;
}

static void print_files(FILE *out, const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		char below[512];
		struct stat st;

		snprintf(below, sizeof(below), "%s/%s", path, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && lstat(below, &st) == 0) {
			fprintf(out, "%s %o %u %u", below, st.st_mode, st.st_uid, st.st_gid);
			/* Of a semaphore the value; behind it is who waits. */
			size_t size = strstr(below, "/sem.") ? sizeof(unsigned) : SIZE_MAX;

			if (S_ISREG(st.st_mode))
				fprintf(out, " %lld %llx", (long long)st.st_size,
					(unsigned long long)hash_of(below, size));
			fprintf(out, "\n");
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

/* Sockets by their paths, and how many others there are: the tables of those are slow to read. */
static void print_sockets(FILE *out)
{
	static const char *const tables[] = {"/proc/net/sockstat", "/proc/net/sockstat6"};
	char line[512], word[128];
	unsigned flags, type, count;

	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		FILE *file = fopen(tables[i], "re");

		while (file && fgets(line, sizeof(line), file))
			if (sscanf(line, "%127s inuse %u", word, &count) == 2)
				fprintf(out, "%s %u\n", word, count);
		if (file)
			fclose(file);
	}
	FILE *file = fopen("/proc/net/unix", "re");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*s %*s %x %x %*x %*u %127s", &flags, &type, word) == 3)
			fprintf(out, "unix %x %x %s\n", flags, type, word);
	if (file)
		fclose(file);
}

enum { DESCRIPTORS = 256 };

/* True if a lower descriptor is of the same socket: the daemon waits by a copy of its own. */
static bool is_copy(int fd)
{
	static ino_t inodes[DESCRIPTORS];
	struct stat st;

	inodes[fd] = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
	for (int lower = 0; lower < fd; lower++)
		if (inodes[fd] && inodes[lower] == inodes[fd])
			return true;
	return false;
}

/* How many of this process's own sockets have something to take: a client, or bytes or a datagram.
 */
static void print_waiting(FILE *out)
{
	unsigned waiting[2] = {0};

	for (int fd = 0; fd < DESCRIPTORS; fd++) {
		struct pollfd readable = {.fd = fd, .events = POLLIN};
		int listens;
		socklen_t length = sizeof(listens);

		if (!is_copy(fd) &&
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 &&
		    poll(&readable, 1, 0) == 1 && readable.revents & POLLIN)
			waiting[!!listens]++;
	}
	fprintf(out, "clients wait at %u sockets, bytes at %u\n", waiting[1], waiting[0]);
}

void machine_setup(void)
{
	require(mkdir(QUEUES, 0700) == 0, "%s: %s", QUEUES, strerror(errno));
	require(mount("mqueue", QUEUES, "mqueue", MS_NOSUID | MS_NODEV, NULL) == 0, "%s",
		strerror(errno));
}

char *machine_state(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	require(out, "no memory");
	print_sysv(out);
	print_files(out, "/dev/shm");
	print_files(out, QUEUES);
	print_files(out, "/run/ipcfs/pipes");
	print_files(out, "/run/ipcfs/unix");
	print_sockets(out);
	print_waiting(out);
	require(!fclose(out), "no memory");
	return text;
}

unsigned machine_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	require(dir, "/proc/self/fd");
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 3; /* this directory, . and .. */
}
