/*
 * each - runs scripts of requests, and lets what the daemon asks the system for fail, one after the
 * other.
 *
 * usage: each FAULT DIRECTORY [SCRIPT...]
 *
 * All scripts of the directory, or those of it.  FAULT:
 *
 *   memory      for each place in the code where it is asked for, and as one of several there
 *   thread      (with FAULTS_ALL in the environment: each and every one)
 *   descriptor  by a limit that leaves none, one, two ... of them
 *   signal      ends system calls of all threads, all the time; costs nothing
 *   clock       is set a day forth or back each time that the time of day is asked for; costs
 * nothing
 *
 * A script (tests/fuzz/script.h) is first run as often as there is something that fails, then
 * once more without a fault, which is what the others are compared with, and then all over again:
 * what is kept, like tables that grow, is new in the first round and there in the second.
 *
 * However it comes, a fault costs the one request an error, or nothing:
 *
 *   - every request is answered, once, with what the kernel takes for an answer (client.c);
 *   - a request that answers an error has changed no object;
 *   - where none answers an error, all answers are those of the run without a fault: a text is
 * whole;
 *   - at the end no node, name, handle or object is left, no descriptor, and (a sanitizer) no
 * memory.
 *
 * Further lines: `await HANDLE` waits for the answers of the requests about it.  What the requests
 * of the line after `unlike` say need not be the same, nor what there is meanwhile.  `---` ends a
 * part: the first part is run before each of the others, which are scripts of their own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse_log.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "creds.h"
#include "inject.h"
#include "known.h"
#include "machine.h"
#include "script.h"
#include "waiter.h"

enum { ANSWERS = 1024, FAULTS_MAX = 100000, DESCRIPTORS_MAX = 16, PATIENCE = 10000, ROUNDS = 5 };

enum fault {
	FAULT_NONE,
	FAULT_MEMORY,
	FAULT_THREAD,
	FAULT_DESCRIPTOR,
	FAULT_SIGNAL,
	FAULT_CLOCK,
};

static const char *const fault_names[] = {"nothing",    "memory", "thread",
					  "descriptor", "signal", "clock"};

/* What was said of one request. */
struct said {
	uint32_t opcode;
	bool unlike;
	bool answered;
	int error;
	size_t size;
	char *text; /* what may be compared of the content; NULL: nothing */
};

struct run {
	struct said said[ANSWERS];
	unsigned count;
};

static struct {
	const char *script, *whole;
	enum fault fault;
	unsigned long nth;
	uint64_t first; /* the number of the run's first request */
	struct run *run;
	bool unlike;
	atomic_bool refused; /* some request has been answered with an error that a fault costs */
	char *before;        /* the machine's objects before the request; NULL: nothing fails */
	atomic_bool storm;
	struct rlimit descriptors, limited; /* the test's, the daemon's */
} at;

/* ---- what is asked and answered ---- */

static struct said *said_of(uint64_t unique)
{
	uint64_t number = (unique - at.first) / 2;

	require(number < ANSWERS, "a script of more than %d requests", ANSWERS);
	if (number >= at.run->count)
		at.run->count = (unsigned)number + 1;
	return &at.run->said[number];
}

static int by_text(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

/* The kernel tells of sockets in another order each time. */
static char *sort_lines(char *text)
{
	char *lines[ANSWERS], *sorted = malloc(strlen(text) + 1), *to = sorted, *rest = text;
	size_t count = 0;

	require(sorted, "no memory");
	while ((lines[count] = strsep(&rest, "\n")))
		require(++count < ANSWERS, "more than %d lines", ANSWERS);
	qsort(lines, count, sizeof(*lines), by_text);
	for (size_t i = 0; i < count; i++)
		to = stpcpy(stpcpy(to, i ? "\n" : ""), lines[i]);
	free(text);
	return sorted;
}

/* Names of a listing, or text: digits differ from run to run, and so may the spaces before them. */
static char *comparable(uint32_t opcode, const struct answer *answer)
{
	char *text = malloc(answer->size + 1), *to = text;

	require(text, "no memory");
	if (opcode == FUSE_READDIR) {
		for (size_t i = 0; i < answer->size;) {
			const struct fuse_dirent *entry = (const void *)(answer->bytes + i);

			for (unsigned c = 0; c < entry->namelen; c++)
				if (entry->name[c] < '0' || entry->name[c] > '9')
					*to++ = entry->name[c];
			*to++ = '\n';
			i += FUSE_DIRENT_SIZE(entry);
		}
	} else if (opcode == FUSE_READ || opcode == FUSE_READLINK) {
		for (size_t i = 0; i < answer->size; i++)
			if (!strchr("0123456789 ", answer->bytes[i]) || !answer->bytes[i])
				*to++ = answer->bytes[i];
	}
	*to = '\0';
	return sort_lines(text);
}

/* The lines of @text that @other does not have. */
static void print_lines_of(const char *title, const char *text, const char *other)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		char line[512];

		snprintf(line, sizeof(line), "%.*s", (int)length, text);
		if (!strstr(other, line))
			fprintf(stderr, "%s: %s\n", title, line);
		text += length + (text[length] == '\n');
	}
}

static char *state_now(void)
{
	char *state;

	setrlimit(RLIMIT_NOFILE, &at.descriptors);
	state = machine_state();
	setrlimit(RLIMIT_NOFILE, &at.limited);
	return state;
}

/* Those that only look are not looked at. */
static bool changes(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_MKDIR:
	case FUSE_MKNOD:
	case FUSE_RMDIR:
	case FUSE_UNLINK:
	case FUSE_RENAME2:
	case FUSE_SETATTR:
	case FUSE_OPEN:
	case FUSE_READ:
	case FUSE_WRITE:
	case FUSE_FALLOCATE:
		return true;
	default:
		return false;
	}
}

static void asked(uint64_t unique, uint32_t opcode)
{
	struct said *said = said_of(unique & ~UINT64_C(1));

	if (!(unique & 1))
		*said = (struct said){.opcode = opcode, .unlike = at.unlike};
	/* libfuse has no memory to remember it by, and no answer to say so: a close would be lost.
	 */
	if (opcode == FUSE_RELEASE || opcode == FUSE_RELEASEDIR || opcode == FUSE_FORGET ||
	    opcode == FUSE_INTERRUPT)
		return;
	free(at.before);
	at.before = NULL;
	/* The thread is the daemon's, and as whoever asked last. */
	creds_become(NULL);
	if (at.fault && !inject_has_failed() && changes(opcode) && !at.unlike)
		at.before = state_now();
	inject_resume();
}

static void back(uint64_t unique)
{
	const struct said *said = said_of(unique & ~UINT64_C(1));
	char *after;

	if (said->opcode == FUSE_RELEASE || said->opcode == FUSE_RELEASEDIR ||
	    said->opcode == FUSE_FORGET || unique & 1)
		return;
	inject_pause();
	creds_become(NULL);
	if (at.before && (inject_has_failed() || at.fault == FAULT_DESCRIPTOR) && said->answered &&
	    said->error) {
		after = state_now();
		if (strcmp(at.before, after)) {
			print_lines_of("before", at.before, after);
			print_lines_of("after", after, at.before);
		}
		require(!strcmp(at.before, after), "request %u says %s and has changed something",
			said->opcode, strerror(-said->error));
		free(after);
	}
}

static void answered(uint64_t unique, const struct answer *answer)
{
	struct said *said = said_of(unique);

	if (answer->error == -ENOMEM || answer->error == -EDQUOT || answer->error == -EMFILE ||
	    answer->error == -EAGAIN)
		at.refused = true;
	said->answered = true;
	said->error = answer->error;
	said->size = answer->size;
	said->text = comparable(said->opcode, answer);
}

static void daemon_leaves(void)
{
	inject_pause();
}

static void daemon_enters(void)
{
	inject_resume();
}

static const struct client_watch watch = {asked, back, answered, daemon_leaves, daemon_enters};

/* ---- running ---- */

static void on_end(int signal)
{
	char text[256];
	int size = snprintf(text, sizeof(text), "%s: at fault %lu (%s):\n", at.script, at.nth,
			    fault_names[at.fault]);

	(void)!write(STDERR_FILENO, text, (size_t)size);
	inject_show();
	raise(signal);
}

/* What would have ended the wait may be what was refused. */
static void await(const char *handle)
{
	const struct timespec pause = {0, 200000};

	for (int tries = 0; known_waits(handle); tries++) {
		require(tries < PATIENCE, "handle %s gets no answer", handle);
		if (at.refused)
			known_interrupt();
		nanosleep(&pause, NULL);
	}
}

static void run_part(const char *script)
{
	char *text = strdup(script), *rest = text, *line;

	require(text, "no memory");
	while ((line = strsep(&rest, "\n"))) {
		bool unlike = !strcmp(line, "unlike");

		if (!strncmp(line, "await ", 6))
			await(line + 6);
		else if (*line != '#' && !unlike)
			script_line(line);
		at.unlike = unlike;
	}
	free(text);
}

/* A script of its own: what is there before, or NULL, and what is run with the fault. */
struct part_of_script {
	const char *before, *text;
};

static void run_clear(struct run *run)
{
	for (unsigned i = 0; i < run->count; i++)
		free(run->said[i].text);
	memset(run, 0, sizeof(*run));
}

/*
 * Leaves this process the descriptors that it has and @more; false if that is beyond what any
 * script takes.
 */
static bool limit_descriptors(unsigned long more)
{
	unsigned long open = machine_descriptors(), free = 0, fd = 0;

	for (; open || free < more; fd++) {
		if (fcntl((int)fd, F_GETFD) >= 0)
			open--;
		else
			free++;
	}
	at.limited.rlim_cur = fd;
	setrlimit(RLIMIT_NOFILE, &at.limited);
	return more <= DESCRIPTORS_MAX;
}

/* A signal that is handled, and ends what waits, at every thread but this one. */
static void *storm(void *unused)
{
	const struct timespec pause = {0, 20000};

	inject_pause();
	for (;;) {
		DIR *threads = atomic_load(&at.storm) ? opendir("/proc/self/task") : NULL;
		const struct dirent *entry;

		while (threads && (entry = readdir(threads))) {
			pid_t thread = atoi(entry->d_name);

			if (thread && thread != gettid())
				tgkill(getpid(), thread, WAITER_SIGNAL);
		}
		if (threads)
			closedir(threads);
		nanosleep(&pause, NULL);
	}
	return unused;
}

/* With the @nth fault; false if nothing failed. */
static bool run_with(const struct part_of_script *part, enum fault fault, unsigned long nth,
		     struct run *run)
{
	static const enum inject injected[] = {INJECT_NOTHING, INJECT_MEMORY,  INJECT_THREAD,
					       INJECT_NOTHING, INJECT_NOTHING, INJECT_CLOCK};

	bool failed = false;

	run_clear(run);
	at.fault = fault;
	at.nth = nth;
	at.run = run;
	at.first = client_next();
	at.refused = false;
	if (part->before)
		run_part(part->before);
	if (fault == FAULT_DESCRIPTOR)
		failed = limit_descriptors(nth - 1);
	if (fault == FAULT_SIGNAL || fault == FAULT_CLOCK)
		failed = nth <= ROUNDS;
	atomic_store(&at.storm, fault == FAULT_SIGNAL);
	inject_begin(injected[fault], nth);
	run_part(part->text);
	client_ask_as(CALLER_ROOT);
	known_give_back();
	inject_end();
	atomic_store(&at.storm, false);
	at.limited = at.descriptors;
	setrlimit(RLIMIT_NOFILE, &at.limited);
	client_require_nothing_left(at.whole);
	return failed || inject_has_failed();
}

static bool same_errors(const struct run *run, const struct run *right)
{
	for (unsigned i = 0; i < run->count && i < right->count; i++)
		if (run->said[i].error != right->said[i].error)
			return false;
	return true;
}

static void require_same(const struct run *run, const struct run *right)
{
	require(run->count == right->count, "%u requests, not %u", run->count, right->count);
	for (unsigned i = 0; i < run->count; i++) {
		const struct said *is = &run->said[i], *was = &right->said[i];

		require(is->opcode == was->opcode && is->answered == was->answered,
			"request %u is %u", was->opcode, is->opcode);
		if (!was->text || was->unlike || !strcmp(is->text, was->text))
			continue;
		print_lines_of("is", is->text, was->text);
		print_lines_of("was", was->text, is->text);
		require(false, "request %u says something else, or in another order", was->opcode);
	}
}

static void require_same_errors(const struct run *run, const struct run *right)
{
	for (unsigned i = 0; i < run->count && i < right->count; i++)
		require(run->said[i].error == right->said[i].error,
			"request %u, of type %u: error %d, not %d", i, run->said[i].opcode,
			run->said[i].error, right->said[i].error);
}

/* What threads give back a moment later. */
static void require_descriptors(unsigned most)
{
	const struct timespec pause = {0, 1000000};

	for (int tries = 0; machine_descriptors() > most; tries++) {
		require(tries < PATIENCE, "%u descriptors, not %u", machine_descriptors(), most);
		nanosleep(&pause, NULL);
	}
}

static unsigned long run_each(const struct part_of_script *part, enum fault fault)
{
	static struct run right, run;
	bool all = fault >= FAULT_DESCRIPTOR || getenv("FAULTS_ALL");
	unsigned long nth = 0, faults = 0;
	unsigned descriptors;

	if (!part->before)
		inject_forget(2);
	/* Of the parts after the first little is new that is kept. */
	while (!part->before && fault < FAULT_DESCRIPTOR &&
	       run_with(part, fault, all ? ++nth : 0, &run))
		require(++faults < FAULTS_MAX, "no end");
	inject_forget(part->before ? 1 : 2);
	run_with(part, FAULT_NONE, 0, &right);
	descriptors = machine_descriptors();
	for (nth = 0; run_with(part, fault, all ? ++nth : 0, &run); faults++) {
		require(faults < FAULTS_MAX, "no end");
		/* These cost nothing. */
		if (fault >= FAULT_SIGNAL)
			require_same_errors(&run, &right);
		if (same_errors(&run, &right))
			require_same(&run, &right);
		require_descriptors(descriptors);
	}
	require_same(&run, &right);
	run_clear(&run);
	run_clear(&right);
	free(at.before);
	at.before = NULL;
	return faults;
}

static char *read_file(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "re");

	require(file && getdelim(&text, &size, '\0', file) >= 0, "%s", path);
	fclose(file);
	return text;
}

/* Cuts it off; NULL at the end. */
static char *next_part(char **rest)
{
	char *part = *rest, *end = part ? strstr(part, "\n---\n") : NULL;

	if (end)
		*end = '\0';
	*rest = end ? end + strlen("\n---\n") : NULL;
	return part;
}

static int run_file(const char *path, enum fault fault)
{
	const struct sigaction tell = {.sa_handler = on_end, .sa_flags = (int)SA_RESETHAND};
	const char *slash = strrchr(path, '/');
	char *script = read_file(path), *copy = strdup(script), *rest = copy;
	struct part_of_script part = {NULL, NULL};
	unsigned long faults = 0;
	pthread_t thread;

	require(copy, "no memory");
	at.script = slash ? slash + 1 : path;
	at.whole = script;
	inject_setup();
	client_setup();
	machine_setup();
	sigaction(SIGABRT, &tell, NULL);
#ifndef __SANITIZE_ADDRESS__
	sigaction(SIGSEGV, &tell, NULL);
#endif
	getrlimit(RLIMIT_NOFILE, &at.descriptors);
	at.limited = at.descriptors;
	if (fault == FAULT_SIGNAL)
		require(!pthread_create(&thread, NULL, storm, NULL), "thread");
	client_watch = &watch;
	while ((part.text = next_part(&rest))) {
		faults += run_each(&part, fault);
		if (!part.before)
			part.before = part.text;
	}
	printf("%-16s %lu faults\n", at.script, faults);
	free(copy);
	free(script);
	return faults ? 0 : 77;
}

/* Of each request that it has no memory for libfuse writes a line. */
static void say_nothing(enum fuse_log_level level, const char *format, va_list arguments)
{
}

/* Each script meets a daemon that has done nothing yet. */
static int run_in_child(const char *path, enum fault fault)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	require(pid >= 0, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fuse_set_log_func(say_nothing);
		exit(run_file(path, fault));
	}
	require(waitpid(pid, &status, 0) == pid, "wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool is_wanted(const char *name, char **names, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(names[i], name))
			return true;
	return !count;
}

int main(int argc, char **argv)
{
	enum fault fault = FAULT_MEMORY;
	int failed = 0, passed = 0, count;
	struct dirent **entries;

	require(argc > 2, "usage: each FAULT DIRECTORY [SCRIPT...]");
	while (fault < FAULT_CLOCK && strcmp(argv[1], fault_names[fault]))
		fault++;
	count = scandir(argv[2], &entries, is_visible, alphasort);
	require(count > 0, "%s: %s", argv[2], strerror(errno));
	for (int i = 0; i < count; i++) {
		char path[512];
		int status = 77;

		snprintf(path, sizeof(path), "%s/%s", argv[2], entries[i]->d_name);
		if (is_wanted(entries[i]->d_name, argv + 3, argc - 3))
			status = run_in_child(path, fault);
		failed += status && status != 77;
		passed += !status;
		free(entries[i]);
	}
	free(entries);
	return failed || !passed;
}
