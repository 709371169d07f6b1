/*
 * root.c - the directory at the top of the tree: the kinds, and what belongs to none of them.
 */
#include "root.h"

#include <assert.h>
#include <string.h>

#include "errors.h"

enum { ROWS_MAX = 32 };

static int readme_show(struct call *call, const struct place *place, FILE *out)
{
	fputs("This is the IPC of this machine as files (ipcfs).  Every object is a directory.\n"
	      "\n"
	      "  mkdir mq/jobs                make a message queue (POSIX; mq/0x4d2 is System V)\n"
	      "  echo hello >mq/jobs/data     send a message\n"
	      "  cat mq/jobs/data             take one, waiting for it if need be\n"
	      "  mkdir shm/ring,size=1M       make shared memory; cp, dd, hexdump, mmap "
	      "shm/ring/data\n"
	      "  mkdir sem/lock               make a semaphore, free to be taken\n"
	      "  exec 9>sem/lock/hold         take it until descriptor 9 closes\n"
	      "  echo P >sem/lock/op          take it; echo V gives it back\n"
	      "  mkdir pipes/log              make a named pipe; pipes/log/data is the FIFO\n"
	      "  rmdir mq/jobs                remove an object\n"
	      "\n"
	      "A name 0x... is a System V key, a number its id, all else a POSIX name.\n"
	      "Attributes follow a comma: mkdir mq/jobs,maxmsg=5,msgsize=256\n"
	      "                           mkdir sem/0x4d2,nsems=3,value=1:10:0\n"
	      "\n"
	      "What waits: data is wait/data; try/data says EAGAIN instead; within/2.5/data waits\n"
	      "two and a half seconds.  Ctrl-C ends a wait, and nothing has changed then.\n"
	      "\n"
	      "  shm/   data, size and other figures\n"
	      "  sockets/  tcp/connect/HOST:PORT, unix/connect/PATH, tcp/ADDRESS:PORT/accept\n"
	      "  mq/    data each lines bulk framed, prio/N or type/N, peek/ and figures\n"
	      "  sem/   op hold value, of a set 0/ 1/ ..., and figures\n"
	      "  pipes/ data keep capacity holders and figures; anon/ has the unnamed ones\n"
	      "\n"
	      "  cat status                   what ipcs prints, and all that it does not know\n"
	      "  cat errors                   why your last operations were refused\n"
	      "  cat events                   what comes, goes and changes from now on\n",
	      out);
	return 0;
}

static int errors_show(struct call *call, const struct place *place, FILE *out)
{
	return errors_print(call->uid, out);
}

/* The daemon's own; those of backends/ follow. */
static struct row rows[ROWS_MAX] = {
	{.name = "README", .type = ROW_TEXT, .mode = 0444, .show = readme_show},
	{.name = "errors", .type = ROW_TEXT, .mode = 0444, .show = errors_show},
};

static const struct dir root = {.rows = rows};

/* There is always one behind it left to end the table. */
static void row_add(const struct row *row)
{
	struct row *end = rows;

	while (end->type != ROW_END)
		end++;
	assert(end < rows + ROWS_MAX - 1);
	*end = *row;
}

const struct dir *root_setup(const struct settings *settings)
{
	for (const struct row *row = top_rows; row->type != ROW_END; row++)
		row_add(row);
	for (const struct kind *const *kind = kinds; *kind; kind++) {
		int error = (*kind)->setup ? (*kind)->setup(settings) : 0;

		if (error) {
			fprintf(stderr, "ipcfs: %s: %s\n", (*kind)->name, strerror(-error));
			return NULL;
		}
		row_add(&(struct row){
			.name = (*kind)->name,
			.type = ROW_DIR,
			.dir = (*kind)->dir,
		});
	}
	return &root;
}
