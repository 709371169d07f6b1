/*
 * fuzz_sem_ops - operation lists of semaphores.
 *
 * Input: the semaphore that is meant where none is named, a byte; a byte whose lowest bit says that
 * no other may be; and the list.
 */
#include <errno.h>

#include "fuzz.h"
#include "sem/sem_ops.h"

/* The list as the grammar has it, each operation with its semaphore. */
static char *print(const struct sem_ops *ops)
{
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	require(out, "no memory");
	for (size_t i = 0; i < ops->count; i++) {
		const struct sembuf *op = &ops->list[i];

		fprintf(out, op->sem_op ? "%s%u:%+d%s%s" : "%s%u:%d%s%s", i ? " " : "", op->sem_num,
			op->sem_op, op->sem_flg & SEM_UNDO ? "u" : "",
			op->sem_flg & IPC_NOWAIT ? "n" : "");
	}
	fclose(out);
	return text;
}

static void require_read_again(const struct sem_ops *ops)
{
	char *text = print(ops);
	struct sem_ops again;

	require(!sem_ops_read(NULL, text, strlen(text), 0, false, &again), "%s", text);
	require(again.count == ops->count, "%s", text);
	for (size_t i = 0; i < ops->count; i++)
		require(!memcmp(&again.list[i], &ops->list[i], sizeof(again.list[i])), "%zu of %s",
			i, text);
	sem_ops_free(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	unsigned short part = input_byte(&in);
	bool fixed = input_byte(&in) & 1;
	char *text = input_bytes(&in);
	struct call call = {.reason = ""};
	struct sem_ops ops;
	int error = sem_ops_read(&call, text, in.size, part, fixed, &ops);

	if (error) {
		require(error == -EINVAL || error == -ERANGE || error == -EFBIG, "%d", error);
		require(*call.reason, "refused without a word: %d", error);
	} else {
		require(ops.count > 0 && ops.count <= in.size, "%zu operations", ops.count);
		for (size_t i = 0; i < ops.count; i++)
			require(!fixed || ops.list[i].sem_num == part, "semaphore %u",
				ops.list[i].sem_num);
		require_read_again(&ops);
		sem_ops_free(&ops);
	}
	free(text);
	return 0;
}
