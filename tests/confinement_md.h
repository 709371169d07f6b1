/*
 * confinement_md.h - the lists of docs/confinement.md, for tests that compare them with what is.
 *
 * Each list is a table under a heading; what counts is what stands in `backticks`.
 */
#ifndef IPCFS_TEST_CONFINEMENT_MD_H
#define IPCFS_TEST_CONFINEMENT_MD_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

/* The whole page; the caller frees it. */
static inline char *confinement_md(void)
{
	enum { ROOM = 64 << 10 };
	FILE *file = fopen(CONFINEMENT_MD, "re");
	char *text = calloc(1, ROOM);

	assert_non_null(file);
	assert_non_null(text);
	assert_in_range(fread(text, 1, ROOM - 1, file), 1, ROOM - 2);
	fclose(file);
	return text;
}

/* Cuts the page down to what is under @heading, as far as the next one of any level. */
static inline char *confinement_section(char *page, const char *heading)
{
	char *begin = strstr(page, heading), *end;

	assert_non_null(begin);
	begin = strchr(begin + 1, '\n');
	assert_non_null(begin);
	end = strstr(begin, "\n#");
	if (end)
		*end = '\0';
	return begin;
}

/* Takes the next row of a table, without those of its head, from *rest; NULL: there is none. */
static inline char *confinement_row(char **rest)
{
	char *line;

	while ((line = strsep(rest, "\n")))
		if (line[0] == '|' && strchr(line, '`'))
			return line;
	return NULL;
}

/* Takes the next word in backticks from *rest; NULL: there is none. */
static inline char *confinement_word(char **rest)
{
	char *begin = *rest ? strchr(*rest, '`') : NULL, *end;

	if (!begin)
		return NULL;
	end = strchr(++begin, '`');
	assert_non_null(end);
	*end = '\0';
	*rest = end + 1;
	return begin;
}

/* The capabilities that are kept, a bit each. */
static inline uint64_t confinement_capabilities(void)
{
	char *page = confinement_md(), *rest = confinement_section(page, "\n## Capabilities\n");
	uint64_t all = 0;
	char *row;

	while ((row = confinement_row(&rest))) {
		cap_value_t number;

		assert_return_code(cap_from_name(confinement_word(&row), &number), errno);
		assert_false(all >> number & 1);
		all |= UINT64_C(1) << number;
	}
	free(page);
	return all;
}

#endif
