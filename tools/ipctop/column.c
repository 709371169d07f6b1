/*
 * column.c - the table of columns, and the table of which kind has which.
 */
#include "column.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

enum format {
	FORMAT_KIND,
	FORMAT_NAME,
	FORMAT_FAMILY,
	FORMAT_STATE,
	FORMAT_USER,
	FORMAT_PERMS,
	FORMAT_LOCAL,
	FORMAT_REMOTE,
	FORMAT_VALUES,
	FORMAT_WHO,
	FORMAT_LEVEL,
	FORMAT_COUNT,
	FORMAT_BYTES,
	FORMAT_PID,
	FORMAT_PERCENT,
	FORMAT_AGE,
	FORMAT_RATE_LEVEL,
	FORMAT_RATE_BYTES,
};

struct info {
	const char *title, *words;
	int width;
	enum format format;
	int of; /* a figure, or a rate */
};

static const struct info infos[COLUMNS] = {
	[COLUMN_KIND] = {"KIND", "the kind: its directory in the tree", 7, FORMAT_KIND, 0},
	[COLUMN_NAME] = {"NAME", "the object: its directory there; odd bytes as \\ooo", 20,
			 FORMAT_NAME, 0},
	[COLUMN_FAMILY] = {"FAMILY", "sysv, posix, named, tcp ...", 9, FORMAT_FAMILY, 0},
	[COLUMN_STATE] = {"STATE", "of a socket, or of a segment: dest, locked", 9, FORMAT_STATE,
			  0},
	[COLUMN_USER] = {"USER", "whose it is", 8, FORMAT_USER, 0},
	[COLUMN_PERMS] = {"PERMS", "who may use it", 9, FORMAT_PERMS, 0},
	[COLUMN_LEVEL] =
		{"LEVEL",
		 "what is in it: messages, bytes, a semaphore's value, connections to accept", 9,
		 FORMAT_LEVEL, FIGURE_LEVEL},
	[COLUMN_FULL] = {"FULL", "that, of what fits", 4, FORMAT_PERCENT, FIGURE_FULL},
	[COLUMN_CHANGE] = {"CHANGE/s", "how fast it grows or shrinks", 9, FORMAT_RATE_LEVEL,
			   RATE_LEVEL},
	[COLUMN_MESSAGES] = {"MSGS", "messages in the queue", 6, FORMAT_COUNT, FIGURE_MESSAGES},
	[COLUMN_MAXMSG] = {"MAXMSG", "messages that fit, of a POSIX queue", 6, FORMAT_COUNT,
			   FIGURE_MAXMSG},
	[COLUMN_BYTES] = {"BYTES", "bytes in it", 6, FORMAT_BYTES, FIGURE_BYTES},
	[COLUMN_CAPACITY] = {"ROOM", "bytes that fit: qbytes, capacity", 6, FORMAT_BYTES,
			     FIGURE_CAPACITY},
	[COLUMN_BYTES_CHANGE] = {"BYTES/s", "how fast the bytes grow or shrink", 9,
				 FORMAT_RATE_BYTES, RATE_BYTES},
	[COLUMN_LSPID] = {"LSPID", "who sent last, System V", 7, FORMAT_PID, FIGURE_LSPID},
	[COLUMN_LRPID] = {"LRPID", "who received last, System V", 7, FORMAT_PID, FIGURE_LRPID},
	[COLUMN_SIZE] = {"SIZE", "bytes of memory", 6, FORMAT_BYTES, FIGURE_SIZE},
	[COLUMN_RSS] = {"IN USE", "bytes of it that take room", 6, FORMAT_BYTES, FIGURE_RSS},
	[COLUMN_SWAP] = {"SWAP", "bytes of it on disk, System V", 6, FORMAT_BYTES, FIGURE_SWAP},
	[COLUMN_NATTCH] = {"NATTCH", "how often it is attached, System V", 6, FORMAT_COUNT,
			   FIGURE_NATTCH},
	[COLUMN_CPID] = {"CPID", "who made it, System V", 7, FORMAT_PID, FIGURE_CPID},
	[COLUMN_LPID] = {"LPID", "who attached or detached last, System V", 7, FORMAT_PID,
			 FIGURE_LPID},
	[COLUMN_NSEMS] = {"NSEMS", "semaphores in the set", 5, FORMAT_COUNT, FIGURE_NSEMS},
	[COLUMN_VALUE] = {"VALUE", "the value, of a set each", 12, FORMAT_VALUES, FIGURE_VALUE},
	[COLUMN_NCOUNT] = {"NCOUNT", "who waits for the value to rise", 6, FORMAT_COUNT,
			   FIGURE_NCOUNT},
	[COLUMN_ZCOUNT] = {"ZCOUNT", "who waits for zero, System V", 6, FORMAT_COUNT,
			   FIGURE_ZCOUNT},
	[COLUMN_READERS] = {"READ", "processes that have the reading end", 4, FORMAT_COUNT,
			    FIGURE_READERS},
	[COLUMN_WRITERS] = {"WRIT", "processes that have the writing end", 4, FORMAT_COUNT,
			    FIGURE_WRITERS},
	[COLUMN_KEEP] = {"KEEP", "1: ipcfs keeps it open", 4, FORMAT_COUNT, FIGURE_KEEP},
	[COLUMN_RECVQ] = {"RECVQ", "bytes not yet read; connections to accept", 7, FORMAT_BYTES,
			  FIGURE_RECVQ},
	[COLUMN_SENDQ] = {"SENDQ", "bytes not yet acknowledged; how many connections may wait", 7,
			  FORMAT_BYTES, FIGURE_SENDQ},
	[COLUMN_RECVQ_CHANGE] = {"RECVQ/s", "how fast that grows or shrinks", 9, FORMAT_RATE_BYTES,
				 RATE_RECVQ},
	[COLUMN_SENDQ_CHANGE] = {"SENDQ/s", "how fast that grows or shrinks", 9, FORMAT_RATE_BYTES,
				 RATE_SENDQ},
	[COLUMN_WAIT] = {"WAIT", "how many wait at it, of what tells", 4, FORMAT_COUNT,
			 FIGURE_WAITERS},
	[COLUMN_HOLD] = {"HOLD", "processes that have it open, mapped, attached, taken", 4,
			 FORMAT_COUNT, FIGURE_HOLDERS},
	[COLUMN_IDLE] = {"IDLE", "how long since it was last used, of what tells", 5, FORMAT_AGE,
			 FIGURE_TIME},
	[COLUMN_LOCAL] = {"LOCAL", "the address of this end", 22, FORMAT_LOCAL, 0},
	[COLUMN_REMOTE] = {"REMOTE", "the address of the other end", 22, FORMAT_REMOTE, 0},
	[COLUMN_WHO] = {"WHO", "which processes those are, who waits first", 16, FORMAT_WHO, 0},
};

/* ---- which kind has which, the most important with the smallest number behind ---- */

struct place {
	enum column column;
	int rank;
};

#define VIEW(...)                  \
	(const struct place[])     \
	{                          \
		__VA_ARGS__,       \
		{                  \
			COLUMNS, 0 \
		}                  \
	}

static const struct place *const views[KINDS + 1] = {
	[KIND_MQ] = VIEW({COLUMN_NAME, 0}, {COLUMN_FAMILY, 8}, {COLUMN_USER, 1}, {COLUMN_PERMS, 9},
			 {COLUMN_MESSAGES, 1}, {COLUMN_MAXMSG, 7}, {COLUMN_BYTES, 2},
			 {COLUMN_CAPACITY, 7}, {COLUMN_FULL, 1}, {COLUMN_CHANGE, 2},
			 {COLUMN_BYTES_CHANGE, 7}, {COLUMN_LSPID, 8}, {COLUMN_LRPID, 8},
			 {COLUMN_IDLE, 4}, {COLUMN_WAIT, 1}, {COLUMN_HOLD, 3}, {COLUMN_WHO, 5}),
	[KIND_SHM] =
		VIEW({COLUMN_NAME, 0}, {COLUMN_FAMILY, 7}, {COLUMN_USER, 1}, {COLUMN_PERMS, 8},
		     {COLUMN_SIZE, 1}, {COLUMN_RSS, 1}, {COLUMN_FULL, 2}, {COLUMN_SWAP, 6},
		     {COLUMN_CHANGE, 2}, {COLUMN_NATTCH, 2}, {COLUMN_STATE, 4}, {COLUMN_CPID, 7},
		     {COLUMN_LPID, 7}, {COLUMN_IDLE, 3}, {COLUMN_HOLD, 2}, {COLUMN_WHO, 5}),
	[KIND_SEM] = VIEW({COLUMN_NAME, 0}, {COLUMN_FAMILY, 4}, {COLUMN_USER, 1}, {COLUMN_PERMS, 5},
			  {COLUMN_NSEMS, 2}, {COLUMN_VALUE, 1}, {COLUMN_CHANGE, 2},
			  {COLUMN_NCOUNT, 2}, {COLUMN_ZCOUNT, 4}, {COLUMN_IDLE, 4},
			  {COLUMN_WAIT, 1}, {COLUMN_HOLD, 3}, {COLUMN_WHO, 5}),
	[KIND_PIPES] =
		VIEW({COLUMN_NAME, 0}, {COLUMN_FAMILY, 4}, {COLUMN_USER, 1}, {COLUMN_PERMS, 6},
		     {COLUMN_BYTES, 1}, {COLUMN_CAPACITY, 2}, {COLUMN_FULL, 1},
		     {COLUMN_BYTES_CHANGE, 2}, {COLUMN_READERS, 1}, {COLUMN_WRITERS, 1},
		     {COLUMN_KEEP, 5}, {COLUMN_HOLD, 5}, {COLUMN_WHO, 3}),
	[KIND_SOCKETS] =
		VIEW({COLUMN_FAMILY, 1}, {COLUMN_STATE, 1}, {COLUMN_NAME, 0}, {COLUMN_USER, 2},
		     {COLUMN_RECVQ, 1}, {COLUMN_RECVQ_CHANGE, 4}, {COLUMN_SENDQ, 1},
		     {COLUMN_SENDQ_CHANGE, 4}, {COLUMN_FULL, 3}, {COLUMN_HOLD, 3},
		     {COLUMN_LOCAL, 7}, {COLUMN_REMOTE, 7}, {COLUMN_WHO, 5}),
	[KIND_ALL] = VIEW({COLUMN_KIND, 0}, {COLUMN_NAME, 0}, {COLUMN_FAMILY, 7}, {COLUMN_STATE, 6},
			  {COLUMN_USER, 1}, {COLUMN_PERMS, 8}, {COLUMN_LEVEL, 1}, {COLUMN_FULL, 1},
			  {COLUMN_CHANGE, 2}, {COLUMN_IDLE, 5}, {COLUMN_WAIT, 1}, {COLUMN_HOLD, 2},
			  {COLUMN_WHO, 4}),
};

const char *column_title(enum column column)
{
	return infos[column].title;
}

const char *column_words(enum column column)
{
	return infos[column].words;
}

bool column_is_left(enum column column)
{
	return infos[column].format <= FORMAT_WHO && infos[column].format != FORMAT_VALUES;
}

const enum column *column_list(enum kind kind, size_t *count)
{
	static _Thread_local enum column list[COLUMNS];

	*count = 0;
	for (const struct place *place = views[kind]; place->column != COLUMNS; place++)
		list[(*count)++] = place->column;
	return list;
}

bool column_is_figure(enum column column)
{
	enum format format = infos[column].format;

	return format == FORMAT_COUNT || format == FORMAT_BYTES || format == FORMAT_PID ||
	       format == FORMAT_VALUES || format == FORMAT_LOCAL || format == FORMAT_REMOTE;
}

int column_of_title(enum kind kind, const char *title)
{
	for (const struct place *place = views[kind]; place->column != COLUMNS; place++)
		if (strcasecmp(infos[place->column].title, title) == 0)
			return (int)place->column;
	return -1;
}

/* ---- cells ---- */

static const char *who(const struct object *object, char room[CELL_SIZE])
{
	size_t used = 0;

	room[0] = '\0';
	/* Those that wait, then the others. */
	for (int waits = 1; waits >= 0; waits--)
		for (size_t i = 0; i < object->holder_count && used < CELL_SIZE - 1; i++) {
			const struct holder *holder = &object->holders[i];

			if (holder_waits(holder) == waits)
				used += (size_t)snprintf(room + used, CELL_SIZE - used,
							 "%s%" PRId64 "/%s%s", used ? ", " : "",
							 holder->pid, holder->command,
							 waits ? " waits" : "");
		}
	if (object->figures[FIGURE_HIDDEN] > 0 && used < CELL_SIZE - 1)
		snprintf(room + used, CELL_SIZE - used, "%s+%" PRId64, used ? ", " : "",
			 object->figures[FIGURE_HIDDEN]);
	return room;
}

/* Messages, connections and values are counted; bytes have a unit. */
static const char *level_text(const struct object *object, char room[CELL_SIZE])
{
	int64_t level = object->figures[FIGURE_LEVEL];
	char number[NUMBER_SIZE];

	if (object->kind == KIND_SEM)
		return object->values;
	if (level == UNKNOWN)
		return NULL;
	if (object_level_is_bytes(object)) {
		number_bytes(room, level);
		return room;
	}
	number_count(number, level);
	snprintf(room, CELL_SIZE, "%s %s", number, object->kind == KIND_MQ ? "msg" : "conn");
	return room;
}

static const char *number_text(const struct info *info, const struct object *object, int64_t time,
			       char room[CELL_SIZE])
{
	int64_t figure = object->figures[info->of];

	if (figure == UNKNOWN)
		return NULL;
	switch (info->format) {
	case FORMAT_BYTES:
		/* A listener's are connections. */
		if (object->figures[FIGURE_BACKLOG] == UNKNOWN) {
			number_bytes(room, figure);
			break;
		}
		/* fallthrough */
	case FORMAT_COUNT:
		number_count(room, figure);
		break;
	case FORMAT_PERCENT:
		snprintf(room, CELL_SIZE, "%" PRId64 "%%", figure / 10);
		break;
	case FORMAT_AGE:
		number_age(room, time - figure);
		break;
	default:
		if (figure == 0)
			return NULL;
		snprintf(room, CELL_SIZE, "%" PRId64, figure);
	}
	return room;
}

static const char *rate_text(const struct object *object, enum rate rate, bool is_bytes,
			     char room[CELL_SIZE])
{
	if (isnan(object->rates[rate]))
		return NULL;
	number_rate(room, object->rates[rate], is_bytes);
	return room;
}

static const char *cell(enum column column, const struct object *object, int64_t time,
			char room[CELL_SIZE])
{
	const struct info *info = &infos[column];

	switch (info->format) {
	case FORMAT_KIND:
		return kind_names[object->kind];
	case FORMAT_NAME:
		return object->label;
	case FORMAT_FAMILY:
		return object->family;
	case FORMAT_STATE:
		return object->state;
	case FORMAT_USER:
		return object->user;
	case FORMAT_PERMS:
		return object->perms;
	case FORMAT_LOCAL:
		return object->local;
	case FORMAT_REMOTE:
		return object->remote;
	case FORMAT_VALUES:
		return object->values;
	case FORMAT_WHO:
		return who(object, room);
	case FORMAT_LEVEL:
		return level_text(object, room);
	case FORMAT_RATE_LEVEL:
		return rate_text(object, info->of, object_level_is_bytes(object), room);
	case FORMAT_RATE_BYTES:
		return rate_text(object, info->of, object->figures[FIGURE_BACKLOG] == UNKNOWN,
				 room);
	default:
		return number_text(info, object, time, room);
	}
}

const char *column_text(enum column column, const struct object *object, int64_t time,
			char room[CELL_SIZE])
{
	const char *text = cell(column, object, time, room);

	return text && *text ? text : "-";
}

/* ---- sorting ---- */

static int largest_first(int64_t one, int64_t other)
{
	return (one < other) - (one > other);
}

static int fastest_first(double one, double other)
{
	one = isnan(one) ? -1 : fabs(one);
	other = isnan(other) ? -1 : fabs(other);
	return (one < other) - (one > other);
}

static int by_alphabet(const char *one, const char *other)
{
	if (!one || !other)
		return !one - !other;
	return strcmp(one, other);
}

/* What is worth a look comes first: who waits, what is full, what changes. */
static int by_interest(const struct object *one, const struct object *other)
{
	int order = largest_first(
		one->figures[FIGURE_WAITERS] > 0 ? one->figures[FIGURE_WAITERS] : 0,
		other->figures[FIGURE_WAITERS] > 0 ? other->figures[FIGURE_WAITERS] : 0);
	/* Memory in use is nothing to worry about, as a queue is that nobody empties. */
	bool one_fills = one->kind != KIND_SHM, other_fills = other->kind != KIND_SHM;

	if (!order)
		order = largest_first(
			one_fills && one->figures[FIGURE_FULL] > 0 ? one->figures[FIGURE_FULL] : 0,
			other_fills && other->figures[FIGURE_FULL] > 0 ? other->figures[FIGURE_FULL]
								       : 0);
	if (!order)
		order = largest_first(object_is_active(one), object_is_active(other));
	if (!order)
		order = (int)one->kind - (int)other->kind;
	if (!order)
		order = by_alphabet(one->label, other->label);
	return order ? order : by_alphabet(one->key, other->key);
}

int column_compare(enum column column, const struct object *one, const struct object *other)
{
	const struct info *info = &infos[column];
	char one_room[CELL_SIZE], other_room[CELL_SIZE];
	int order;

	if (column == COLUMN_WAIT)
		return by_interest(one, other);
	if (column == COLUMN_KIND)
		order = (int)one->kind - (int)other->kind;
	else if (info->format == FORMAT_RATE_LEVEL || info->format == FORMAT_RATE_BYTES)
		order = fastest_first(one->rates[info->of], other->rates[info->of]);
	else if (info->format == FORMAT_VALUES || info->format >= FORMAT_LEVEL)
		order = largest_first(one->figures[info->of], other->figures[info->of]);
	else
		order = by_alphabet(cell(column, one, 0, one_room),
				    cell(column, other, 0, other_room));
	return order ? order : by_interest(one, other);
}

/* ---- what fits ---- */

static int least_width(enum column column)
{
	int title = (int)strlen(infos[column].title);

	return infos[column].width > title ? infos[column].width : title;
}

void layout_make(struct layout *layout, enum kind kind, int width, int name_width)
{
	enum { RANKS = 10 };
	const struct place *view = views[kind];
	bool taken[COLUMNS] = {false};
	int left = width + 1;

	for (int rank = 0; rank < RANKS; rank++)
		for (const struct place *place = view; place->column != COLUMNS; place++)
			if (place->rank == rank &&
			    (rank == 0 || least_width(place->column) + 1 <= left)) {
				taken[place->column] = true;
				left -= least_width(place->column) + 1;
			}
	layout->count = 0;
	for (const struct place *place = view; place->column != COLUMNS; place++) {
		int size = least_width(place->column);

		if (!taken[place->column])
			continue;
		if (place->column == COLUMN_NAME && left < 0) {
			size += left;
			left = 0;
		} else if (place->column == COLUMN_NAME && name_width > size && left > 0) {
			int more = name_width - size < left ? name_width - size : left;

			size += more;
			left -= more;
		} else if (place->column == COLUMN_WHO && left > 0) {
			size += left;
			left = 0;
		}
		layout->columns[layout->count] = place->column;
		layout->widths[layout->count++] = size > 1 ? size : 1;
	}
}

void cell_fit(char out[CELL_SIZE], const char *text, int width, bool is_left)
{
	int used, whole = text_width(text);
	size_t length;

	if (width > CELL_SIZE / 8)
		width = CELL_SIZE / 8;
	length = text_fitting(text, whole > width ? width - 1 : width, &used);
	if (whole > width)
		snprintf(out, CELL_SIZE, "%.*s+%*s", (int)length, text, width - used - 1, "");
	else if (is_left)
		snprintf(out, CELL_SIZE, "%.*s%*s", (int)length, text, width - used, "");
	else
		snprintf(out, CELL_SIZE, "%*s%.*s", width - used, "", (int)length, text);
}
