/*
 * sem_ops.c - reads operation lists: text in, struct sembuf out, no semaphore touched.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sem_ops.h"

/* Text not read yet. */
struct input {
	const char *at, *end;
	const char *start; /* of the operation being read, for reasons */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_next(const struct input *in, char c)
{
	return in->at < in->end && *in->at == c;
}

/* Refuses the operation being read, quoting it as far as it is printable and short. */
static int operation_refuse(struct call *call, const struct input *in, int error, const char *why)
{
	char quoted[33];
	size_t length = 0;

	for (const char *at = in->start; at < in->end && *at != ' ' && *at != ',' && *at != '\n';
	     at++) {
		if (length == sizeof(quoted) - 1)
			break;
		quoted[length++] = *at > ' ' && *at < 0x7f ? *at : '?';
	}
	quoted[length] = '\0';
	return refuse(call, error, "operation '%s': %s", quoted, why);
}

/* Reads digits up to @highest; 1 if there were some, 0 if none, -ERANGE if they say more. */
static int digits_read(struct input *in, long highest, long *number)
{
	bool some = false, beyond = false;

	for (*number = 0; in->at < in->end && is_digit(*in->at); in->at++) {
		some = true;
		*number = *number * 10 + (*in->at - '0');
		if (*number > highest) {
			beyond = true;
			*number = highest;
		}
	}
	return beyond ? -ERANGE : some;
}

/* Reads "NUM:" if it is there; a number without a colon is left for DELTA. */
static int number_of_read(struct call *call, struct input *in, unsigned short part, bool fixed,
			  struct sembuf *op)
{
	struct input ahead = *in;
	long number;
	int result = digits_read(&ahead, USHRT_MAX, &number);

	op->sem_num = part;
	if (result == 0 || !is_next(&ahead, ':'))
		return 0;
	if (result < 0)
		return operation_refuse(call, in, EFBIG, "no set has a semaphore of that number");
	if (fixed && number != part)
		return refuse(call, EINVAL,
			      "operation on semaphore %ld: this file is semaphore %u alone", number,
			      part);
	op->sem_num = (unsigned short)number;
	in->at = ahead.at + 1;
	return 0;
}

static int delta_read(struct call *call, struct input *in, struct sembuf *op)
{
	static const char wanted[] = "wants [NUM:]DELTA[n][u], DELTA being +k, -k, 0, P or V";
	char sign = in->at < in->end ? *in->at : '\0';
	long delta;
	int result;

	switch (sign) {
	case 'P':
		op->sem_op = -1;
		in->at++;
		return 0;
	case 'V':
		op->sem_op = 1;
		in->at++;
		return 0;
	case '+':
	case '-':
		in->at++;
		result = digits_read(in, sign == '-' ? -(long)SHRT_MIN : SHRT_MAX, &delta);
		if (result < 0)
			return operation_refuse(call, in, ERANGE, "DELTA is -32768 to +32767");
		if (result == 0)
			return operation_refuse(call, in, EINVAL, wanted);
		if (delta == 0)
			return operation_refuse(call, in, EINVAL,
						"to wait for zero is written 0, without a sign");
		op->sem_op = (short)(sign == '-' ? -delta : delta);
		return 0;
	default:
		result = digits_read(in, SHRT_MAX, &delta);
		if (result == 0)
			return operation_refuse(call, in, EINVAL, wanted);
		if (result < 0 || delta != 0)
			return operation_refuse(call, in, EINVAL,
						"DELTA other than 0 has a sign: +k or -k");
		op->sem_op = 0;
		return 0;
	}
}

static int flags_read(struct call *call, struct input *in, struct sembuf *op)
{
	for (; in->at < in->end; in->at++) {
		short flag = *in->at == 'n' ? IPC_NOWAIT : *in->at == 'u' ? SEM_UNDO : 0;

		if (!flag)
			break;
		if (op->sem_flg & flag)
			return operation_refuse(call, in, EINVAL, "a flag is given twice");
		op->sem_flg = (short)(op->sem_flg | flag);
	}
	if (in->at < in->end && *in->at != ' ' && *in->at != ',')
		return operation_refuse(call, in, EINVAL,
					"what follows DELTA is n (IPC_NOWAIT), u (SEM_UNDO) or the "
					"space or comma before the next operation");
	return 0;
}

static int operation_read(struct call *call, struct input *in, unsigned short part, bool fixed,
			  struct sembuf *op)
{
	int result;

	in->start = in->at;
	memset(op, 0, sizeof(*op));
	result = number_of_read(call, in, part, fixed, op);
	if (result == 0)
		result = delta_read(call, in, op);
	if (result == 0)
		result = flags_read(call, in, op);
	return result;
}

static void spaces_skip(struct input *in)
{
	while (is_next(in, ' '))
		in->at++;
}

/* No list of @size bytes has more operations: each takes a byte, and one before the next. */
static struct sembuf *list_room(struct sem_ops *ops, size_t size)
{
	size_t most = size / 2 + 1;

	if (most <= SEM_OPS_FEW)
		return ops->few;
	return malloc(most * sizeof(struct sembuf));
}

int sem_ops_read(struct call *call, const char *text, size_t size, unsigned short part, bool fixed,
		 struct sem_ops *ops)
{
	struct input in = {.at = text, .end = text + size};
	int result = 0;

	if (size > 0 && text[size - 1] == '\n')
		in.end--;
	ops->count = 0;
	ops->list = list_room(ops, size);
	if (!ops->list)
		return -ENOMEM;
	spaces_skip(&in);
	while (in.at < in.end) {
		result = operation_read(call, &in, part, fixed, &ops->list[ops->count]);
		if (result < 0)
			goto fail;
		ops->count++;
		spaces_skip(&in);
		if (!is_next(&in, ','))
			continue;
		in.at++;
		spaces_skip(&in);
		if (in.at == in.end) {
			result = refuse(call, EINVAL, "a comma with no operation after it");
			goto fail;
		}
	}
	if (ops->count > 0)
		return 0;
	result = refuse(call, EINVAL, "no operation: P, V, +k, -k or 0 is one");
fail:
	sem_ops_free(ops);
	return result;
}

void sem_ops_free(struct sem_ops *ops)
{
	if (ops->list != ops->few)
		free(ops->list);
	ops->list = NULL;
	ops->count = 0;
}
