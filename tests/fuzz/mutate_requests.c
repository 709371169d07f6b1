/*
 * mutate_requests.c - makes inputs of fuzz_requests out of others, a line at a time.
 *
 * libFuzzer changes bytes, and most of what comes of that is no request.  So half of the time lines
 * are put in, taken out or replaced instead.
 */
#include "fuzz.h"

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t room);

enum { LINES = 128, LINE = 256 };

static uint64_t state;

/* xorshift64*: https://en.wikipedia.org/wiki/Xorshift */
static unsigned below(unsigned limit)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (unsigned)(state * UINT64_C(2685821657736338717) >> 33) % limit;
}

#define ONE_OF(table) (table)[below(sizeof(table) / sizeof(*(table)))]

static const char *object(void)
{
	static const char *const objects[] = {
		"mq/a",
		"mq/0x1",
		"mq/posix:0x1",
		"sem/a",
		"sem/0x2",
		"sem/0x2/1",
		"shm/a",
		"shm/b",
		"shm/0x3",
		"pipes/a",
		"sockets/tcp/127.0.0.1:4000",
		"sockets/udp/127.0.0.1:4000",
		"sockets/unix/a",
	};

	return ONE_OF(objects);
}

static const char *attributes(void)
{
	static const char *const all[] = {
		"",
		"",
		"",
		",maxmsg=1,msgsize=8",
		",qbytes=8",
		",nsems=2,value=1:0",
		",value=0",
		",size=5000",
		",keep=1",
		",backlog=1",
		",type=dgram",
	};

	return ONE_OF(all);
}

static const char *wait(void)
{
	static const char *const views[] = {"wait", "wait", "try", "within/0.001"};

	return ONE_OF(views);
}

static const char *channel(void)
{
	static const char *const channels[] = {
		"data", "each", "lines",  "bulk",   "framed",  "accept",
		"op",   "hold", "prio/3", "type/3", "type/-3", "type/not-3",
	};

	return ONE_OF(channels);
}

static const char *file(void)
{
	static const char *const files[] = {
		"data",    "size", "locked", "value", "qbytes",   "status",   "status.json",
		"holders", "peek", "keep",   "state", "capacity", "peek/0.3", "hold",
	};

	return ONE_OF(files);
}

static const char *content(void)
{
	static const char *const all[] = {
		"P",
		"V",
		"-1u",
		"0:-1\\201:+1",
		"0",
		"a\\0ab\\0ac",
		"one\\0a",
		"rest",
		"size=3\\0aabc",
		"prio=2\\20size=9\\0aabc",
		"1",
		"100",
		"1\\203",
		"type=3\\20size=1\\0ax",
		"to=127.0.0.1:4000\\20size=1\\0ax",
		"8192",
	};

	return ONE_OF(all);
}

static int make_line(char line[LINE])
{
	const unsigned handle = below(8), flags = below(3) | (below(4) ? 0 : 0x800);

	switch (below(20)) {
	case 0:
	case 1:
		return snprintf(line, LINE, "mkdir %s%s 0%o\n", object(), attributes(),
				below(2) ? 0600 : 0666);
	case 2:
	case 3:
	case 4:
	case 5:
		return snprintf(line, LINE, "open %s/%s/%s %u\n", object(), wait(), channel(),
				flags);
	case 6:
		return snprintf(line, LINE, "open %s/%s %u\n", object(), file(), flags);
	case 7:
		return snprintf(line, LINE,
				below(2) ? "open sockets/tcp/%s/connect/127.0.0.1:4000 %u\n"
					 : "open sockets/udp/%s/connect/127.0.0.1:4000 %u\n",
				wait(), flags);
	case 8:
	case 9:
		return snprintf(line, LINE, "read %u %u %u\n", handle, below(2) ? 4096 : below(8),
				below(3) ? 0 : below(9000));
	case 10:
	case 11:
	case 12:
		return snprintf(line, LINE, "write %u %s\n", handle, content());
	case 13:
		return snprintf(line, LINE, "rmdir %s\n", object());
	case 14:
		return snprintf(line, LINE, "release %u\n", handle);
	case 15:
		return snprintf(line, LINE, below(2) ? "interrupt\n" : "poll %u 5\n", handle);
	case 16:
		return snprintf(line, LINE, "opendir %s\nreaddir %u 4096 0\n", object(), handle);
	case 17:
		return snprintf(line, LINE, "rename %s %s %u\n", object(), object(), below(3));
	case 18:
		return snprintf(line, LINE, "lock %u %u %u 0 %u %u %u\n", handle, below(3),
				below(3), below(100), below(3), below(2));
	default:
		return snprintf(line, LINE, below(2) ? "as %u\n" : "setattr @%u 9 0600 0 0 %u\n",
				below(4), below(10000));
	}
}

struct lines {
	const char *at[LINES];
	size_t size[LINES], count;
};

static void split(const char *text, size_t size, struct lines *lines)
{
	for (lines->count = 0; size && lines->count < LINES; lines->count++) {
		const char *newline = memchr(text, '\n', size);
		size_t length = newline ? (size_t)(newline - text) + 1 : size;

		lines->at[lines->count] = text;
		lines->size[lines->count] = length;
		text += length;
		size -= length;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t room, unsigned seed)
{
	char line[LINE];
	struct lines lines;
	char *copy;
	size_t where, used = 0;
	unsigned what;

	state = seed + UINT64_C(88172645463325252);
	if (below(2))
		return LLVMFuzzerMutate(data, size, room);
	copy = malloc(size + 1);
	require(copy, "no memory");
	memcpy(copy, data, size);
	split(copy, size, &lines);
	where = below((unsigned)lines.count + 1);
	what = below(4);
	for (size_t i = 0; i <= lines.count; i++) {
		const char *put = i < lines.count ? lines.at[i] : NULL;
		size_t length = put ? lines.size[i] : 0;
		int made = i == where && what ? make_line(line) : 0;

		if (made && used + (size_t)made <= room) {
			memcpy(data + used, line, (size_t)made);
			used += (size_t)made;
		}
		/* 0: taken out; 1: replaced; 2, 3: put before. */
		if (!put || (i == where && what < 2) || used + length > room)
			continue;
		memcpy(data + used, put, length);
		used += length;
	}
	free(copy);
	return used;
}
