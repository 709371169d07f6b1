/*
 * fuzz.h - what a fuzzer is made of.
 *
 * A fuzzer is a file with one function, fuzz_input, which gets bytes and aborts where the code that
 * it feeds them to does not keep its word.  libFuzzer (https://llvm.org/docs/LibFuzzer.html) calls
 * it with bytes that it makes up; replay.c with those of the corpus, in every build.
 */
#ifndef IPCFS_FUZZ_H
#define IPCFS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's own names. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must be true of every input; says which was not, and of what. */
#define require(condition, ...)                                                                 \
	do {                                                                                    \
		if (!(condition)) {                                                             \
			fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition); \
			fprintf(stderr, __VA_ARGS__);                                           \
			fputc('\n', stderr);                                                    \
			abort();                                                                \
		}                                                                               \
	} while (0)

/* The bytes of an input that have not been used. */
struct input {
	const uint8_t *at;
	size_t size;
};

/* The next byte, 0 at the end. */
static inline uint8_t input_byte(struct input *in)
{
	if (!in->size)
		return 0;
	in->size--;
	return *in->at++;
}

/*
 * The rest as a string of its own, up to its first NUL: a sanitizer sees the step past its end.
 * To be freed.
 */
static inline char *input_text(const struct input *in)
{
	char *text = strndup((const char *)in->at, in->size);

	require(text, "no memory");
	return text;
}

/* The rest as bytes of their own, to be freed; NULL may stand for none. */
static inline char *input_bytes(const struct input *in)
{
	char *bytes = malloc(in->size);

	require(bytes || !in->size, "no memory");
	if (in->size)
		memcpy(bytes, in->at, in->size);
	return bytes;
}

#endif
