/*
 * sem_undo.c - the ledger of what each handle has to undo, and its settling with the kernel.
 *
 * An account is a semaphore with all handles' adjustments to it, an adjustment one handle's.  All
 * are under one lock, which no call that can wait is made under.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "common/hash.h"
#include "sem.h"
#include "sem_undo.h"

/* The range of the kernel's sum: a short. */
#define SUM_LOWEST (-SEM_SYSV_MAX - 1)
#define SUM_HIGHEST SEM_SYSV_MAX
/* How often others may change a value between our looking and our operation. */
#define RACES 1000

struct account_key {
	int id;
	int part;
};

struct account {
	struct account_key key;
	long sum; /* of all adjustments: what the kernel should be keeping */
	/* What calls now in semop() may have added to the kernel's sum, or taken from it. */
	long may_add, may_take;
	struct adjustment *adjustments; /* that which changed last at the end */
	UT_hash_handle hh;
};

struct adjustment_key {
	const struct sem_undo *undo;
	struct account *account;
};

struct adjustment {
	struct adjustment_key key;
	long net;                       /* to be added to the value when the handle closes */
	struct adjustment *prev, *next; /* of the account */
	struct adjustment *more;        /* of the handle */
	UT_hash_handle hh;
};

/* What one adjustment takes of its user's memory; the first of a semaphore has its account too. */
enum { ADJUSTMENT_BYTES = sizeof(struct adjustment) + sizeof(struct account) };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct account *accounts;
static struct adjustment *adjustments;

/* ---- operations on one semaphore, none of which waits ---- */

struct program {
	unsigned short part;
	size_t count;
	struct sembuf ops[16];
};

/* Adds a change; one of 0 would wait for zero and is left out. */
static void program_add(struct program *program, int delta, int flags)
{
	if (delta != 0)
		program->ops[program->count++] =
			(struct sembuf){program->part, (short)delta, (short)(flags | IPC_NOWAIT)};
}

/* Brings the value from @value to 0; if it is another by now the whole says -EAGAIN. */
static void program_pin(struct program *program, int value)
{
	program_add(program, -value, 0);
	program->ops[program->count++] = (struct sembuf){program->part, 0, IPC_NOWAIT};
}

static int program_run(int id, struct program *program)
{
	return semop(id, program->ops, program->count) == 0 ? 0 : -errno;
}

/*
 * True if the kernel's sum is at most @limit, false if it is more, or a negative errno.  The kernel
 * refuses an operation that would lead the sum over SUM_HIGHEST: the program raises the sum to just
 * there for a sum of @limit, and takes all back, all in one step that nobody sees.
 */
static int sum_at_most(const struct account_key *key, long limit)
{
	if (limit >= SUM_HIGHEST)
		return true;
	if (limit < SUM_LOWEST)
		return false;
	for (int race = 0; race < RACES; race++) {
		struct program program = {.part = (unsigned short)key->part};
		int rise = (int)(SUM_HIGHEST - limit);
		int first = rise > SEM_SYSV_MAX ? SEM_SYSV_MAX : rise, second = rise - first;
		int value = semctl(key->id, key->part, GETVAL), result;

		if (value < 0)
			return -errno;
		program_pin(&program, value);
		program_add(&program, SEM_SYSV_MAX, 0);
		program_add(&program, -first, SEM_UNDO);
		if (second > 0) {
			/* The value is 0 again: one operation cannot take more than SEMVMX. */
			program_add(&program, SEM_SYSV_MAX, 0);
			program_add(&program, -second, SEM_UNDO);
			program_add(&program, second, SEM_UNDO);
			program_add(&program, -SEM_SYSV_MAX, 0);
		}
		program_add(&program, first, SEM_UNDO);
		program_add(&program, -SEM_SYSV_MAX, 0);
		program_add(&program, value, 0);
		result = program_run(key->id, &program);
		if (result == 0)
			return true;
		if (result == -ERANGE)
			return false;
		if (result != -EAGAIN)
			return result;
	}
	return -EAGAIN;
}

/* The kernel's sum itself. */
static int sum_find(const struct account_key *key, long *sum)
{
	long low = SUM_LOWEST, high = SUM_HIGHEST;

	while (low < high) {
		long middle =
			low + (high - low) / 2; /* rounds towards low: the range is below 2^17 */
		int result = sum_at_most(key, middle);

		if (result < 0)
			return result;
		if (result)
			high = middle;
		else
			low = middle + 1;
	}
	*sum = low;
	return 0;
}

/*
 * Changes the value by @delta, clamped as the kernel does at a process's end, and the kernel's sum
 * by all of it.
 */
static int give_back(const struct account_key *key, int delta)
{
	struct program plain = {.part = (unsigned short)key->part};
	int result;

	program_add(&plain, delta, SEM_UNDO);
	result = program_run(key->id, &plain);
	for (int race = 0; (result == -EAGAIN || result == -ERANGE) && race < RACES; race++) {
		struct program program = {.part = (unsigned short)key->part};
		int value = semctl(key->id, key->part, GETVAL);

		if (value < 0)
			return -errno;
		if (value + delta >= 0 && value + delta <= SEM_SYSV_MAX) {
			/* It fits now.  If it still does not, the sum does not: leave the sum. */
			result = program_run(key->id, &plain);
			if (result == -ERANGE)
				plain.ops[0].sem_flg = IPC_NOWAIT;
			continue;
		}
		program_pin(&program, value);
		program_add(&program, delta < 0 ? -delta : SEM_SYSV_MAX - delta, 0);
		program_add(&program, delta, SEM_UNDO);
		result = program_run(key->id, &program);
	}
	return result;
}

/* ---- the ledger ---- */

static struct account *account_get(int id, unsigned short part)
{
	struct account_key key = {id, part};
	struct account *account;

	HASH_FIND(hh, accounts, &key, sizeof(key), account);
	if (account)
		return account;
	account = calloc(1, sizeof(*account));
	if (!account)
		return NULL;
	account->key = key;
	HASH_ADD(hh, accounts, key, sizeof(key), account);
	if (!HASH_HAS(hh, account)) {
		free(account);
		return NULL;
	}
	return account;
}

static void account_put(struct account *account)
{
	if (account->adjustments)
		return;
	HASH_DELETE(hh, accounts, account);
	free(account);
}

static int adjustment_get(struct call *call, struct sem_undo *undo, int id, unsigned short part,
			  struct adjustment **result)
{
	struct account *account = account_get(id, part);
	struct adjustment_key key = {undo, account};
	struct adjustment *adjustment;
	int error;

	if (!account)
		return -ENOMEM;
	HASH_FIND(hh, adjustments, &key, sizeof(key), adjustment);
	*result = adjustment;
	if (adjustment)
		return 0;
	error = quota_take(call, &undo->memory, ADJUSTMENT_BYTES);
	if (error) {
		account_put(account);
		return error;
	}
	adjustment = calloc(1, sizeof(*adjustment));
	if (adjustment) {
		adjustment->key = key;
		HASH_ADD(hh, adjustments, key, sizeof(key), adjustment);
	}
	if (!adjustment || !HASH_HAS(hh, adjustment)) {
		quota_give(&undo->memory, ADJUSTMENT_BYTES);
		free(adjustment);
		account_put(account);
		return -ENOMEM;
	}
	DL_APPEND(account->adjustments, adjustment);
	adjustment->more = undo->first;
	undo->first = adjustment;
	*result = adjustment;
	return 0;
}

/* Drops all adjustments but the newest @kept of the account. */
static void account_forget(struct account *account, size_t kept)
{
	struct adjustment *adjustment = account->adjustments ? account->adjustments->prev : NULL;

	account->sum = 0;
	for (size_t i = 0; adjustment; i++) {
		if (i >= kept)
			adjustment->net = 0;
		account->sum += adjustment->net;
		adjustment = adjustment == account->adjustments ? NULL : adjustment->prev;
	}
}

/*
 * How many of the newest adjustments make up @sum, allowing for calls under way if @loose; false if
 * no number of them does.
 */
static bool account_newest(const struct account *account, long sum, bool loose, size_t *count)
{
	const struct adjustment *adjustment =
		account->adjustments ? account->adjustments->prev : NULL;
	long lowest = sum - (loose ? account->may_add : 0);
	long highest = sum + (loose ? account->may_take : 0);
	long found = 0;

	for (*count = 0;; (*count)++) {
		if (found >= lowest && found <= highest)
			return true;
		if (!adjustment)
			return false;
		found += adjustment->net;
		adjustment = adjustment == account->adjustments ? NULL : adjustment->prev;
	}
}

/* Looks whether SETVAL or SETALL has made the kernel forget, and forgets the same adjustments. */
static void account_reconcile(struct account *account)
{
	size_t kept;
	long sum;

	if (sum_at_most(&account->key, account->sum + account->may_add) != false &&
	    sum_at_most(&account->key, account->sum - account->may_take - 1) != true)
		return; /* as it should be, or not to be found out */
	if (sum_find(&account->key, &sum) < 0)
		return;
	if (account_newest(account, sum, false, &kept) || account_newest(account, sum, true, &kept))
		account_forget(account, kept);
}

static void adjustment_settle(struct adjustment *adjustment)
{
	struct account *account = adjustment->key.account;

	if (adjustment->net != 0)
		account_reconcile(account);
	while (adjustment->net != 0) {
		long part = adjustment->net;

		if (part > SEM_SYSV_MAX)
			part = SEM_SYSV_MAX;
		if (part < -SEM_SYSV_MAX)
			part = -SEM_SYSV_MAX;
		if (give_back(&account->key, (int)part) < 0)
			break; /* the set is gone, or this daemon may not: then its end undoes it */
		adjustment->net -= part;
		account->sum -= part;
	}
	account->sum -= adjustment->net;
}

void sem_undo_close(struct sem_undo *undo)
{
	struct adjustment *adjustment, *more;

	pthread_mutex_lock(&lock);
	for (adjustment = undo->first; adjustment; adjustment = more) {
		struct account *account = adjustment->key.account;

		more = adjustment->more;
		adjustment_settle(adjustment);
		DL_DELETE(account->adjustments, adjustment);
		HASH_DELETE(hh, adjustments, adjustment);
		free(adjustment);
		account_put(account);
	}
	undo->first = NULL;
	quota_drop(&undo->memory);
	pthread_mutex_unlock(&lock);
}

static bool is_undone(const struct sembuf *op)
{
	return (op->sem_flg & SEM_UNDO) && op->sem_op != 0;
}

/* Finds the adjustment of each operation; those that fail leave some without use, until close. */
static int adjustments_begin(struct call *call, struct sem_undo *undo, int id,
			     const struct sembuf *ops, size_t count, struct adjustment **touched)
{
	int error;

	for (size_t i = 0; i < count; i++) {
		if (!is_undone(&ops[i]))
			continue;
		error = adjustment_get(call, undo, id, ops[i].sem_num, &touched[i]);
		if (error)
			return error;
	}
	for (size_t i = 0; i < count; i++) {
		if (!touched[i])
			continue;
		if (ops[i].sem_op < 0)
			touched[i]->key.account->may_add -= ops[i].sem_op;
		else
			touched[i]->key.account->may_take += ops[i].sem_op;
	}
	return 0;
}

static void adjustments_end(const struct sembuf *ops, size_t count, struct adjustment **touched,
			    bool done)
{
	for (size_t i = 0; i < count; i++) {
		struct account *account = touched[i] ? touched[i]->key.account : NULL;

		if (!account)
			continue;
		if (ops[i].sem_op < 0)
			account->may_add += ops[i].sem_op;
		else
			account->may_take -= ops[i].sem_op;
		if (!done)
			continue;
		touched[i]->net -= ops[i].sem_op;
		account->sum -= ops[i].sem_op;
		DL_DELETE(account->adjustments, touched[i]);
		DL_APPEND(account->adjustments, touched[i]);
	}
}

int sem_undo_operate(struct call *call, struct sem_undo *undo, int id, struct sembuf *ops,
		     size_t count)
{
	struct adjustment **touched;
	bool undone = false;
	int result;

	for (size_t i = 0; i < count && !undone; i++)
		undone = is_undone(&ops[i]);
	if (!undone)
		return semop(id, ops, count) == 0 ? 0 : -errno;

	touched = calloc(count, sizeof(struct adjustment *));
	if (!touched)
		return -ENOMEM;
	pthread_mutex_lock(&lock);
	result = adjustments_begin(call, undo, id, ops, count, touched);
	pthread_mutex_unlock(&lock);
	if (result == 0) {
		result = semop(id, ops, count) == 0 ? 0 : -errno;
		pthread_mutex_lock(&lock);
		adjustments_end(ops, count, touched, result == 0);
		pthread_mutex_unlock(&lock);
	}
	free(touched);
	return result;
}
