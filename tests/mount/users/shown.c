/*
 * shown.c - what the files that are there for everyone show of others: no more than the kernel
 * does.
 */
#include "shown.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "matrix.h"
#include "mq/mq.h"
#include "pipes/pipe.h"
#include "plain.h"
#include "sem/sem.h"
#include "shm/shm.h"
#include "sockets/sock.h"

/* ---- who uses what ---- */

/* So high that no other number is a pid. */
enum { FIRST_PID = 30000, FIRST_KEY = 0x6100, FIRST_PORT = 5100 };

static struct resident {
	uid_t uid;
	pid_t pid;
	char command[16];
	unsigned long pipe, socket; /* inode numbers of what has no name */
} residents[] = {{.uid = OWNER}, {.uid = OTHER}, {.uid = 0}};

struct beginning {
	const struct resident *resident;
	int ready[2];
};

static const char *name_of(const char *format, const struct resident *resident)
{
	static char names[4][128];
	static unsigned next;
	char *name = names[next++ % COUNT(names)];

	snprintf(name, sizeof(*names), format, (unsigned)(resident - residents));
	return name;
}

static int listen_abstract(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "%s", name);
	return fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1
										    : listen(fd, 1);
}

static void *map(int fd)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static unsigned long inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (unsigned long)st.st_ino;
}

/* Directly, and by way of the tree.  0, or which of them failed. */
static int use_everything(const struct resident *r, unsigned long inodes[2])
{
	struct sembuf take = {0, -1, SEM_UNDO};
	int ends[2], pair[2], key = FIRST_KEY + (int)(r - residents), memory;

	if (shm_open(name_of("/used%u", r), O_RDWR, 0) < 0)
		return 1;
	if (map(shm_open(name_of("/used%u", r), O_RDWR, 0)) == MAP_FAILED)
		return 2;
	if (shmat(shmget(key, 0, 0), NULL, 0) == (void *)-1)
		return 3;
	memory = memfd_create("used", MFD_CLOEXEC);
	if (ftruncate(memory, 4096) < 0 || map(memory) == MAP_FAILED)
		return 4;
	if (sem_open(name_of("/used%u", r), 0) == SEM_FAILED)
		return 5;
	if (semop(semget(key, 0, 0), &take, 1) < 0)
		return 6;
	if (mq_open(name_of("/used%u", r), O_RDONLY) < 0)
		return 7;
	if (open(name_of("/run/ipcfs/pipes/used%u", r), O_RDWR) < 0)
		return 8;
	if (pipe(ends) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 9;
	if (listen_abstract(name_of("used%u", r)) < 0)
		return 10;
	if (plain_bound_inet(SOCK_STREAM, (uint16_t)(FIRST_PORT + (r - residents))) < 0)
		return 11;
	inodes[0] = inode_of(ends[0]);
	inodes[1] = inode_of(pair[0]);
	if (open(name_of(MOUNT "/sem/byt%u/try/hold", r), O_WRONLY) < 0)
		return 12;
	if (open(name_of(MOUNT "/sem/0x61%02x/try/hold", r), O_WRONLY) < 0)
		return 13;
	if (open(name_of(MOUNT "/mq/byt%u/each", r), O_RDONLY) < 0)
		return 14;
	if (open(name_of(MOUNT "/shm/byt%u/data", r), O_RDWR) < 0)
		return 15;
	if (open(name_of(MOUNT "/sockets/tcp/wait/connect/127.0.0.1:51%02u", r), O_RDWR) < 0)
		return 16;
	return 0;
}

static int reside(void *argument)
{
	const struct beginning *beginning = argument;
	unsigned long inodes[3] = {0};

	become(identity_of(beginning->resident->uid));
	prctl(PR_SET_NAME, beginning->resident->command);
	inodes[2] = (unsigned long)use_everything(beginning->resident, inodes);
	if (write(beginning->ready[1], inodes, sizeof(inodes)) != sizeof(inodes))
		return 1;
	for (;;)
		pause();
}

static void make_for(const struct resident *r)
{
	int key = FIRST_KEY + (int)(r - residents);
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};

	assert_return_code(ftruncate(shm_open(name_of("/used%u", r), O_CREAT | O_RDWR, 0666), 4096),
			   errno);
	assert_return_code(shmget(key, 4096, IPC_CREAT | 0666), errno);
	assert_true(sem_open(name_of("/used%u", r), O_CREAT, 0666, 1) != SEM_FAILED);
	assert_return_code(semget(key, 1, IPC_CREAT | 0666), errno);
	assert_return_code(semctl(semget(key, 0, 0), 0, SETVAL, 5), errno);
	assert_return_code(mq_open(name_of("/used%u", r), O_CREAT | O_RDWR, 0666, &attr), errno);
	assert_return_code(mkfifo(name_of("/run/ipcfs/pipes/used%u", r), 0666), errno);
	assert_return_code(mkdir(name_of(MOUNT "/sem/byt%u", r), 0666), errno);
	assert_return_code(mkdir(name_of(MOUNT "/mq/byt%u,maxmsg=1,msgsize=8", r), 0666), errno);
	assert_return_code(mkdir(name_of(MOUNT "/shm/byt%u,size=4K", r), 0666), errno);
	let_go();
}

static void unmake_for(const struct resident *r)
{
	int key = FIRST_KEY + (int)(r - residents);

	shm_unlink(name_of("/used%u", r));
	shm_unlink(name_of("/byt%u", r));
	shmctl(shmget(key, 0, 0), IPC_RMID, NULL);
	sem_unlink(name_of("/used%u", r));
	sem_unlink(name_of("/byt%u", r));
	semctl(semget(key, 0, 0), 0, IPC_RMID);
	mq_unlink(name_of("/used%u", r));
	mq_unlink(name_of("/byt%u", r));
	unlink(name_of("/run/ipcfs/pipes/used%u", r));
}

static void resident_start(struct resident *r)
{
	struct beginning beginning = {.resident = r};
	unsigned long inodes[3];

	snprintf(r->command, sizeof(r->command), "resident%u", (unsigned)(r - residents));
	make_for(r);
	assert_return_code(pipe(beginning.ready), errno);
	r->pid = spawn(reside, &beginning);
	assert_int_equal(read(beginning.ready[0], inodes, sizeof(inodes)), sizeof(inodes));
	close(beginning.ready[0]);
	close(beginning.ready[1]);
	assert_int_equal(inodes[2], 0);
	r->pipe = inodes[0];
	r->socket = inodes[1];
}

static void resident_end(struct resident *r)
{
	kill(r->pid, SIGKILL);
	assert_int_equal(reap(r->pid), -SIGKILL);
	unmake_for(r);
}

/* Pids that no other figure is like; of this PID namespace alone. */
static void number_pids_high(void)
{
	FILE *file = fopen("/proc/sys/kernel/ns_last_pid", "we");

	assert_non_null(file);
	fprintf(file, "%d", FIRST_PID);
	assert_int_equal(fclose(file), 0);
}

/* ---- who is named where ---- */

static bool is_visible(const struct resident *r)
{
	char path[48], target[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/0", (int)r->pid);
	return readlink(path, target, sizeof(target)) > 0;
}

static bool has_word(const char *text, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || !strchr("0123456789", at[-1])) &&
		    !strchr("0123456789", at[length]))
			return true;
	return false;
}

/* Where pids are those that ipcs -p tells everyone: of who made or used System V objects. */
static bool tells_pids_of_ipcs(const char *name)
{
	static const char *const names[] = {"status.pids", "status.json", "cpid",  "lpid",
					    "pid",         "lspid",       "lrpid", "status"};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Those that name everyone who may be named. */
static bool names_everyone(const char *path)
{
	static const char *const paths[] = {"/holders",
					    "/holders.dot",
					    "/status",
					    "/status.json",
					    "/shm/holders",
					    "/sem/holders",
					    "/mq/holders",
					    "/pipes/holders",
					    "/shm/unnamed",
					    "/sockets/status",
					    "/pipes/status",
					    "/sockets/holders",
					    "/sockets/status.json"};

	for (size_t i = 0; i < COUNT(paths); i++)
		if (strcmp(path, paths[i]) == 0)
			return true;
	return false;
}

static unsigned looks, named;

static void judge(const char *path, const char *name, const char *text)
{
	for (size_t i = 0; i < COUNT(residents); i++) {
		const struct resident *r = &residents[i];
		char pid[16];
		bool is_named;

		snprintf(pid, sizeof(pid), "%d", (int)r->pid);
		is_named = strstr(text, r->command) ||
			   (!tells_pids_of_ipcs(name) && has_word(text, pid));
		looks++;
		named += is_named;
		if (is_named && !is_visible(r))
			say("%s names %s, whom /proc does not show\n", path, r->command);
		if (!is_named && is_visible(r) && names_everyone(path))
			say("%s does not name %s, whom /proc shows\n", path, r->command);
	}
}

static void look_at(const char *directory, const struct row *row)
{
	static char text[1 << 20];
	char path[256];
	ssize_t got;

	snprintf(path, sizeof(path), "%s/%s", directory, row->name);
	got = get(path, text, sizeof(text));
	if (got > 0)
		judge(path + strlen(MOUNT), row->name, text);
}

/* What is there to be read at once; the rest has to be asked for. */
static bool is_text(const struct row *row)
{
	return row->name && (row->type == ROW_TEXT || (row->type == ROW_CHANNEL && row->show));
}

static void look_into(const char *directory, const struct dir *dir)
{
	for (const struct row *row = dir->rows; row->type != ROW_END; row++)
		if (is_text(row))
			look_at(directory, row);
}

static void look_at_objects_of(const struct resident *r)
{
	look_into(name_of(MOUNT "/shm/used%u", r), &shm_posix_dir);
	look_into(name_of(MOUNT "/shm/byt%u", r), &shm_posix_dir);
	look_into(name_of(MOUNT "/shm/0x61%02x", r), &shm_sysv_dir);
	look_into(name_of(MOUNT "/sem/used%u", r), &sem_posix_dir);
	look_into(name_of(MOUNT "/sem/byt%u", r), &sem_posix_dir);
	look_into(name_of(MOUNT "/sem/0x61%02x", r), &sem_sysv_dir);
	look_into(name_of(MOUNT "/sem/0x61%02x/0", r), &sem_sysv_part_dir);
	look_into(name_of(MOUNT "/mq/used%u", r), &mq_posix_dir);
	look_into(name_of(MOUNT "/mq/byt%u", r), &mq_posix_dir);
	look_into(name_of(MOUNT "/pipes/used%u", r), &pipe_named_dir);
	look_into(name_of(MOUNT "/sockets/unix/@used%u", r), &sock_unix_object_dir);
	look_into(name_of(MOUNT "/sockets/tcp/127.0.0.1:51%02u", r), &sock_tcp_object_dir);
}

/* By their numbers, which may have been told by anybody. */
static void look_at_nameless_of(const struct resident *r)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), MOUNT "/pipes/anon/%lu", r->pipe);
	if ((lstat(path, &st) == 0) != is_visible(r))
		say("%s of %s is %s\n", path, r->command, is_visible(r) ? "not there" : "there");
	look_into(path, &pipe_unnamed_dir);
	snprintf(path, sizeof(path), MOUNT "/sockets/unix/anon/%lu", r->socket);
	look_into(path, &sock_anon_object_dir);
}

/* What exists, as a stream begins with it. */
static void look_at_events(const char *path)
{
	static char text[1 << 20];
	size_t used = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		say("%s: %s\n", path, strerrorname_np(errno));
		return;
	}
	while (!strstr(text, "\"ready\"") &&
	       (got = read(fd, text + used, sizeof(text) - 1 - used)) > 0) {
		used += (size_t)got;
		text[used] = '\0';
	}
	close(fd);
	judge(path + strlen(MOUNT), "events", text);
	memset(text, 0, sizeof(text));
}

/* One whose objects are looked at by @who each for itself: no own ones. */
static const struct resident *one_for(const struct identity *who)
{
	return &residents[(size_t)(who - identities + 1) % COUNT(residents)];
}

struct look {
	const struct dir *root;
	const struct resident *at;
};

static int look_at_all(const void *argument)
{
	const struct look *look = argument;
	char path[64];

	look_into(MOUNT, look->root);
	/* Of all kinds. */
	look_at_events(MOUNT "/events");
	for (const struct kind *const *kind = kinds; *kind; kind++) {
		snprintf(path, sizeof(path), MOUNT "/%s", (*kind)->name);
		look_into(path, (*kind)->dir);
	}
	look_at_objects_of(look->at);
	for (size_t i = 0; i < COUNT(residents); i++)
		look_at_nameless_of(&residents[i]);
	return 0;
}

void shown_check_holders(const struct dir *root)
{
	number_pids_high();
	for (size_t i = 0; i < COUNT(residents); i++)
		resident_start(&residents[i]);
	for (const struct identity *who = identities; who->name; who++) {
		const struct look look = {root, one_for(who)};

		do_as(who, look_at_all, &look);
		if (*said())
			fail_msg("to %s:\n%s", who->name, said());
		let_go();
	}
	for (size_t i = 0; i < COUNT(residents); i++)
		resident_end(&residents[i]);
	print_message("%u looks for a process, %u times it was named\n", looks, named);
	matrix_cases += looks;
	assert_true(named > 0 && named < looks);
}

/* ---- errors, limits.users ---- */

static int refused(const void *who)
{
	char path[64];

	/* Two of root's are told apart by their numbers in the list. */
	snprintf(path, sizeof(path), MOUNT "/mq/refused%d,wrong=1",
		 (int)((const struct identity *)who - identities));
	return mkdir(path, 0600) < 0 ? errno : 0;
}

static int read_errors(const void *unused)
{
	static char text[1 << 18];
	ssize_t got = get(MOUNT "/errors", text, sizeof(text));

	if (got < 0)
		return (int)-got;
	for (const struct identity *who = identities; who->name; who++) {
		char word[16];

		snprintf(word, sizeof(word), "refused%d,", (int)(who - identities));
		if ((strstr(text, word) != NULL) != (geteuid() == 0 || geteuid() == who->uid))
			say("%s of %s\n", strstr(text, word) ? "refusals" : "no refusals",
			    who->name);
		matrix_cases++;
	}
	return 0;
}

/* What the daemon gives each user, and how much of it is used. */
static int read_limits(const void *unused)
{
	static char text[1 << 18];
	ssize_t got = get(MOUNT "/limits.users", text, sizeof(text));

	if (got < 0)
		return (int)-got;
	for (const struct identity *who = identities; who->name; who++) {
		char uid[16];

		snprintf(uid, sizeof(uid), "\n%u ", (unsigned)who->uid);
		if (who->uid != geteuid() && geteuid() != 0 && strstr(text, uid))
			say("limits of %s\n", who->name);
		matrix_cases++;
	}
	return 0;
}

void shown_check_own(void)
{
	for (const struct identity *who = identities; who->name; who++)
		assert_int_equal(do_as(who, refused, who), EINVAL);
	for (const struct identity *who = identities; who->name; who++) {
		assert_int_equal(do_as(who, read_errors, NULL), 0);
		if (*said())
			fail_msg("%s is shown %s", who->name, said());
		assert_int_equal(do_as(who, read_limits, NULL), 0);
		if (*said())
			fail_msg("%s is shown %s", who->name, said());
	}
}

/* ---- ipcs ---- */

static int compare_with_ipcs(void *argument)
{
	static char status[1 << 18], ipcs[1 << 18];
	FILE *output;
	size_t size;

	become(argument);
	output = popen("LC_ALL=C ipcs", "re");
	if (!output)
		return 1;
	size = fread(ipcs, 1, sizeof(ipcs), output);
	if (pclose(output) || !size)
		return 2;
	if (get(MOUNT "/status", status, sizeof(status)) < (ssize_t)size)
		return 3;
	return memcmp(status, ipcs, size) == 0 ? 0 : 4;
}

void shown_check_ipcs(void)
{
	assert_return_code(mkdir(MOUNT "/sem/0x61,value=3", 0600), errno);
	assert_return_code(mkdir(MOUNT "/mq/0x61", 0640), errno);
	assert_return_code(mkdir(MOUNT "/shm/0x61", 0604), errno);
	for (const struct identity *who = identities; who->name; who++) {
		assert_int_equal(reap(spawn(compare_with_ipcs, (void *)(uintptr_t)who)), 0);
		matrix_cases++;
	}
	assert_return_code(rmdir(MOUNT "/sem/0x61"), errno);
	assert_return_code(rmdir(MOUNT "/mq/0x61"), errno);
	assert_return_code(rmdir(MOUNT "/shm/0x61"), errno);
}
