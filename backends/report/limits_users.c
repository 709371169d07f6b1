/*
 * limits_users.c - the file limits.users: who has how much of what the daemon gives one user.
 */
#include "limits_users.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/print.h"
#include "common/quota.h"

static void print_user(FILE *out, const struct quota_use *use, bool all, struct user_names *names)
{
	for (int i = 0; i < QUOTAS; i++) {
		struct quota_limit limit = quota_limit((enum quota)i);

		if (!all && !use->used[i])
			continue;
		fprintf(out, "%-10s %-16s %12" PRIu64 " ", user_names_get(names, use->uid),
			limit.option, use->used[i]);
		if (use->limited)
			fprintf(out, "%12" PRIu64 "\n", limit.most);
		else
			fprintf(out, "%12s\n", "-");
	}
}

int limits_users_show(struct call *call, const struct place *place, FILE *out)
{
	struct user_names names = {0};
	struct quota_use *uses;
	ssize_t count = quota_uses(&uses);

	if (count < 0)
		return (int)count;
	ipcs_title(out, "Limits per User");
	fprintf(out, "%-10s %-16s %12s %12s\n", "user", "limit", "used", "most");
	/* Who reads this has it open, and so is there. */
	for (ssize_t i = 0; i < count; i++)
		if (!call->uid || uses[i].uid == call->uid)
			print_user(out, &uses[i], uses[i].uid == call->uid, &names);
	fputc('\n', out);
	free(uses);
	return 0;
}
