/*
 * matrix.c - each operation done twice, through the tree and by the system call itself.
 */
#include "matrix.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/capability.h>
#include <unistd.h>

static const struct identity identities[] = {
	{"owner (or creator)", OWNER, OWNER, 0, false},
	{"owner after chown", NEW_OWNER, NEW_OWNER, 0, false},
	{"member of the group", MEMBER, MEMBER, GROUP, false},
	{"other", OTHER, OTHER, 0, false},
	{"root", 0, 0, 0, false},
	{"root without capabilities", 0, 0, 0, true},
};

void become(const struct identity *who)
{
	if (setgroups(who->supplementary ? 1 : 0, &who->supplementary) < 0 ||
	    setresgid(who->gid, who->gid, who->gid) < 0 ||
	    setresuid(who->uid, who->uid, who->uid) < 0)
		_exit(100);
	if (who->no_capabilities) {
		cap_t none = cap_init();

		if (!none || cap_set_proc(none) < 0)
			_exit(101);
	}
}

int tree(long result)
{
	return result < 0 ? (int)-result : 0;
}

int errno_of(long result)
{
	return result < 0 ? errno : 0;
}

int tree_read(const char *path)
{
	char text[4096];

	return tree(get(path, text, sizeof(text)));
}

struct attempt {
	const struct identity *who;
	int (*operation)(void);
};

static int try_it(void *argument)
{
	const struct attempt *attempt = argument;

	become(attempt->who);
	return attempt->operation();
}

void matrix_compare(const struct operation *operations, size_t count,
		    void (*prepare)(mode_t mode, bool given_away))
{
	static const mode_t modes[] = {0600, 0660, 0640, 0606, 0444, 0};
	unsigned cases = 0, differ = 0, refused = 0;

	for (size_t m = 0; m < COUNT(modes); m++)
		for (int given = 0; given < 2; given++)
			for (size_t i = 0; i < COUNT(identities); i++)
				for (size_t o = 0; o < count; o++) {
					struct attempt by_tree = {&identities[i],
								  operations[o].tree};
					struct attempt directly = {&identities[i],
								   operations[o].direct};
					int tree_says, direct_says;

					prepare(modes[m], given);
					tree_says = reap(spawn(try_it, &by_tree));
					prepare(modes[m], given);
					direct_says = reap(spawn(try_it, &directly));
					cases++;
					refused += direct_says != 0;
					if (tree_says == direct_says)
						continue;
					differ++;
					print_error("%s by %s, mode %04o%s: %s through the tree, "
						    "%s directly\n",
						    operations[o].name, identities[i].name,
						    modes[m], given ? " given away" : "",
						    tree_says ? strerrorname_np(tree_says) : "done",
						    direct_says ? strerrorname_np(direct_says)
								: "done");
				}
	print_message("%u cases, %u of them refusals, %u differ\n", cases, refused, differ);
	assert_int_equal(differ, 0);
	assert_true(refused > 0 && refused < cases);
}
