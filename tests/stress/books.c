/*
 * books.c - what has become of every message, whoever is killed meanwhile.
 */
#include "books.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { SENDING = 1, SENT = 2, REFUSED = 4, RECEIVED = 8, TWICE = 16 };

static struct books {
	atomic_uint writers;
	atomic_uint may_lose[2];
	bool exact[WRITERS];
	atomic_uint faults;
	char fault[256];
	/* Sparse: pages that nobody writes to are not there. */
	_Atomic uint8_t marks[WRITERS][WRITER_MESSAGES];
} * books;

void books_open(void)
{
	books = mmap(NULL, sizeof(*books), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (books == MAP_FAILED)
		abort();
}

uint32_t books_writer(bool exact)
{
	uint32_t writer = atomic_fetch_add(&books->writers, 1);

	if (writer >= WRITERS) {
		fprintf(stderr, "more than %d writers\n", WRITERS);
		abort();
	}
	books->exact[writer] = exact;
	return writer;
}

static unsigned check_of(struct message message)
{
	return (message.writer * 31 + message.number * 17 + 7) % 99991;
}

size_t message_print(struct message message, bool padded, char text[MESSAGE_ROOM])
{
	int size = snprintf(text, MESSAGE_ROOM, "%u %u %u", message.writer, message.number,
			    check_of(message));

	if (padded) {
		int dots = (int)(message.number % 48);

		memset(text + size, '.', (size_t)dots);
		size += dots;
		text[size] = '\0';
	}
	return (size_t)size;
}

bool message_read(const char *text, size_t size, struct message *message)
{
	char whole[MESSAGE_ROOM], again[MESSAGE_ROOM];

	if (size && text[size - 1] == '\n')
		size--;
	if (size >= sizeof(whole))
		return false;
	memcpy(whole, text, size);
	whole[size] = '\0';
	if (sscanf(whole, "%u %u", &message->writer, &message->number) != 2 ||
	    message->writer >= WRITERS || message->number >= WRITER_MESSAGES)
		return false;
	message_print(*message, strchr(whole, '.'), again);
	return !strcmp(whole, again);
}

static uint8_t mark(struct message message, uint8_t bits)
{
	return atomic_fetch_or(&books->marks[message.writer][message.number], bits);
}

void books_sending(struct message message)
{
	mark(message, SENDING);
}

void books_sent(struct message message)
{
	mark(message, SENT);
}

void books_refused(struct message message)
{
	mark(message, REFUSED);
}

void books_received(const char *text, size_t size)
{
	struct message message;

	if (!message_read(text, size, &message))
		books_fault("received what nobody sent: %zu bytes, '%.*s'", size,
			    size < 100 ? (int)size : 100, text);
	else if (mark(message, RECEIVED) & RECEIVED)
		mark(message, TWICE);
}

void books_may_have_lost(bool exact)
{
	atomic_fetch_add(&books->may_lose[exact], 1);
}

void books_fault(const char *format, ...)
{
	va_list arguments;

	if (atomic_fetch_add(&books->faults, 1))
		return;
	va_start(arguments, format);
	vsnprintf(books->fault, sizeof(books->fault), format, arguments);
	va_end(arguments);
}

const char *books_first_fault(void)
{
	return books->faults ? books->fault : NULL;
}

static void add(struct books_sum *sum, uint8_t marks, uint64_t number, bool exact)
{
	bool unsure = (marks & SENDING) && !(marks & (SENT | REFUSED));

	sum->twice += !!(marks & TWICE);
	sum->unsure += unsure;
	sum->unsure_received += unsure && (marks & RECEIVED);
	sum->lost[exact] += (marks & SENT) && !(marks & RECEIVED);
	sum->refused_received += (marks & REFUSED) && (marks & RECEIVED);
	sum->never_sent += !(marks & SENDING);
	if (marks & SENT) {
		sum->sent++;
		sum->sum_sent += number;
	}
	if (marks & RECEIVED) {
		sum->received++;
		sum->sum_received += number;
	}
}

struct books_sum books_sum(void)
{
	struct books_sum sum = {.may_lose = {books->may_lose[0], books->may_lose[1]}};

	/* Numbers are given in turn: the first that is not there is the end of a writer's. */
	for (uint32_t writer = 0; writer < books->writers; writer++)
		for (uint32_t number = 0; number < WRITER_MESSAGES; number++) {
			uint8_t marks = books->marks[writer][number];

			if (!marks)
				break;
			add(&sum, marks, (uint64_t)writer * WRITER_MESSAGES + number,
			    books->exact[writer]);
		}
	return sum;
}
