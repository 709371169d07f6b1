/*
 * books.h - what has become of every message, whoever is killed meanwhile.
 *
 * A message has the number of its writer and a number of that writer's.  Both ends note in memory
 * that all share: the sender before and after, the receiver after.  So a sender that is killed
 * leaves a message that may have been sent or not; and a receiver that is killed has taken at most
 * one that it did not note.  All else must balance: what was sent and has not been received when
 * the queues are empty is lost, and no more may be lost than receivers were killed, or had the
 * mount end under them, while they were receiving: none where nobody is killed.
 */
#ifndef IPCFS_TEST_BOOKS_H
#define IPCFS_TEST_BOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WRITERS = 1 << 17, WRITER_MESSAGES = 1 << 16, MESSAGE_ROOM = 128 };

struct message {
	uint32_t writer, number;
};

/* Makes the books; before any process that writes in them. */
void books_open(void);

/* A new writer's number; @exact: nobody who sends or receives its messages is ever killed. */
uint32_t books_writer(bool exact);
/* The text of a message, at most MESSAGE_ROOM with its NUL; with @padded some dots at its end. */
size_t message_print(struct message message, bool padded, char text[MESSAGE_ROOM]);
/* The message of this text, which need not end in NUL; false: it is none that has been printed. */
bool message_read(const char *text, size_t size, struct message *message);

/* Before it is sent; when it has been; when it certainly has not been. */
void books_sending(struct message message);
void books_sent(struct message message);
void books_refused(struct message message);
/* It has been received.  Text that is no message is noted as a fault. */
void books_received(const char *text, size_t size);
/*
 * A receiver has been killed, or been told of the mount's end, that may have taken one more;
 * @exact: of those of exact writers.
 */
void books_may_have_lost(bool exact);
/* Something that must not happen has, in words; the first is kept. */
void books_fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

struct books_sum {
	uint64_t sent, received; /* certainly; what was received */
	uint64_t unsure;         /* neither sent nor refused for certain */
	uint64_t unsure_received;
	/* Sent and not received, and how many may be; of writers that are not exact, and that are.
	 */
	uint64_t lost[2], may_lose[2];
	uint64_t twice; /* received more than once */
	uint64_t refused_received;
	uint64_t never_sent;             /* received, though nobody ever meant to send it */
	uint64_t sum_sent, sum_received; /* of the numbers, modulo 2^64 */
};
struct books_sum books_sum(void);
/* The first fault, NULL if there is none. */
const char *books_first_fault(void);

#endif
