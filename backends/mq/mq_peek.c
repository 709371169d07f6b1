/*
 * mq_peek.c - the messages of a System V queue as files, looked at and left where they are.
 *
 * INDEX.TYPE is the message at that index now: the kernel gives a message no name of its own, so
 * after a receive the same file may be another message of that type.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mq.h"

struct mq_message *mq_sysv_copy_room(size_t *room)
{
	/* The kernel copies no message that is larger than this, whatever room it is given. */
	*room = (size_t)mq_sysv_limits().msgmax;
	return malloc(sizeof(struct mq_message) + *room);
}

ssize_t mq_sysv_copy(uint32_t id, int64_t index, struct mq_message *message, size_t room)
{
	struct mq_sysv queue;
	ssize_t size = msgrcv((int)id, message, room, (long)index, MSG_COPY | IPC_NOWAIT);

	if (size >= 0)
		return size;
	if (errno != EINVAL)
		return -errno;
	/* Also what it says of an identifier that is none. */
	return mq_sysv_get(id, &queue) ? -EIDRM : -E2BIG;
}

/* What the tree says where the kernel says why no copy can be had. */
static int copy_error(struct call *call, ssize_t error)
{
	switch (error) {
	case -ENOMSG:
	case -EIDRM:
		return -ENOENT;
	case -E2BIG:
		return refuse(call, EMSGSIZE,
			      "this message is larger than kernel.msgmax, which is %d now: the "
			      "kernel copies none that is",
			      mq_sysv_limits().msgmax);
	case -ENOSYS:
		return refuse(call, EOPNOTSUPP,
			      "this kernel, without CONFIG_CHECKPOINT_RESTORE, has no call that "
			      "looks at a message and leaves it");
	default:
		return (int)error;
	}
}

static const struct row rows[];

static void peek_place(struct place *place, uint32_t object, int64_t index, long type)
{
	*place = (struct place){
		.dir = &mq_peek_dir,
		.row = rows,
		.object = object,
		.part = (uint16_t)index,
		.number = type,
	};
}

/* Copies the message of a place; @message is to be freed.  -ENOENT: another one is there now. */
static ssize_t peek(struct call *call, uint32_t object, uint16_t index, int64_t type,
		    struct mq_message **message)
{
	size_t room;
	ssize_t size;

	*message = mq_sysv_copy_room(&room);
	if (!*message)
		return -ENOMEM;
	size = mq_sysv_copy(object, index, *message, room);
	if (size < 0)
		return copy_error(call, size);
	return (*message)->number == type ? size : -ENOENT;
}

static int peek_stat(const struct place *place, struct stat *st)
{
	return mq_sysv_dir.stat(place, st);
}

static int peek_find(struct call *call, const struct place *at, const char *name,
		     struct place *found)
{
	char digits[8];
	const char *dot = strchr(name, '.');
	struct mq_message *message;
	int64_t index, type;
	ssize_t size;

	if (!dot || (size_t)(dot - name) >= sizeof(digits))
		return -ENOENT;
	memcpy(digits, name, (size_t)(dot - name));
	digits[dot - name] = '\0';
	if (number_read(NULL, "", digits, 0, UINT16_MAX, &index) ||
	    number_read(NULL, "", dot + 1, 1, LONG_MAX, &type))
		return -ENOENT;
	size = peek(call, at->object, (uint16_t)index, type, &message);
	free(message);
	if (size < 0)
		return (int)size;
	peek_place(found, at->object, index, (long)type);
	return 0;
}

static int peek_list(struct call *call, const struct place *at, listing *each, void *context)
{
	size_t room;
	struct mq_message *message = mq_sysv_copy_room(&room);
	int error = message ? 0 : -ENOMEM;

	/* The kernel walks the queue for each; a place has no room for a higher index. */
	for (int64_t index = 0; !error && index <= UINT16_MAX; index++) {
		ssize_t size = mq_sysv_copy(at->object, index, message, room);
		struct place place;
		char name[48];

		if (size == -E2BIG)
			continue; /* its type is not to be had */
		if (size == -ENOMSG)
			break;
		if (size < 0) {
			error = copy_error(call, size);
			break;
		}
		snprintf(name, sizeof(name), "%" PRId64 ".%ld", index, message->number);
		peek_place(&place, at->object, index, message->number);
		error = each(context, name, &place);
	}
	free(message);
	return error;
}

static int peek_show(struct call *call, const struct place *place, FILE *out)
{
	struct mq_message *message;
	ssize_t size = peek(call, place->object, place->part, place->number, &message);

	if (size > 0)
		fwrite(message->text, 1, (size_t)size, out);
	free(message);
	return size < 0 ? (int)size : 0;
}

static const struct row rows[] = {
	{NULL, ROW_TEXT, 0444, .show = peek_show},
	{NULL, ROW_END},
};

const struct dir mq_peek_dir = {
	.rows = rows,
	.as_caller = true,
	.stat = peek_stat,
	.find = peek_find,
	.list = peek_list,
	.make = refuse_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};
