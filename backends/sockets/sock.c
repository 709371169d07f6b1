/*
 * sock.c - the kind of sockets: its directories, and what is said of all of them together.
 */
#include <errno.h>

#include "common/checklist.h"
#include "kinds.h"
#include "events/events.h"
#include "common/run_dir.h"
#include "report/report.h"
#include "sock.h"
#include "sock_caller.h"
#include "sock_talk.h"

/* ---- all sockets ---- */

static int each_all(struct call *call, sock_table *print, void *context)
{
	static const struct sock_query all;
	struct sock_list list = {NULL};
	int error = sock_gather(&all, sock_list_add, &list, &list.untold);

	if (!error)
		return sock_show_list(call, &list, print, context);
	sock_list_free(&list);
	return error;
}

static int print_status(void *context, const struct sock_list *list, const struct sock_users *users,
			const struct sock_files *files)
{
	const struct page *page = context;

	sock_print_table(page->out, list, users);
	sock_print_hidden(page->notes, list, users);
	return 0;
}

static int print_holders(void *out, const struct sock_list *list, const struct sock_users *users,
			 const struct sock_files *files)
{
	int error = sock_print_holders(out, list, users, files);

	sock_print_hidden(out, list, users);
	return error;
}

static int print_more(struct call *call, enum report report, const struct page *page)
{
	struct page to = *page;

	if (report == REPORT_STATUS)
		return each_all(call, print_status, &to);
	if (report == REPORT_LIMITS)
		return sock_print_limits(page->out);
	return 0;
}

static int list_json(struct call *call, struct json_list *list)
{
	return each_all(call, sock_json_list, list);
}

static int show_holders(struct call *call, const struct place *place, FILE *out)
{
	return each_all(call, print_holders, out);
}

/* ---- the tables ---- */

static int refuse_close(struct call *call, const struct place *place)
{
	return refuse(call, EPERM,
		      "this socket belongs to the processes in its file holders, and goes when "
		      "they close it");
}

static int refuse_owner(struct call *call, const struct place *place, const struct change *change)
{
	return refuse(call, EPERM,
		      "this socket belongs to the processes in its file holders: the kernel has no "
		      "call that gives it another owner or mode");
}

static const struct row object_rows[] = {SOCK_OBJECT_ROWS};

#define OBJECT_DIR(name)                         \
	const struct dir name = {                \
		.namespaces = NAMESPACE_NETWORK, \
		.rows = object_rows,             \
		.stat = sock_object_stat,        \
		.make = refuse_make,             \
		.remove = refuse_close,          \
		.change = refuse_owner,          \
		.rename = refuse_rename,         \
	}

OBJECT_DIR(sock_tcp_object_dir);
OBJECT_DIR(sock_conn_object_dir);
OBJECT_DIR(sock_udp_object_dir);
OBJECT_DIR(sock_unix_object_dir);
OBJECT_DIR(sock_anon_object_dir);

/* A directory that lists objects, which nobody can make there. */
#define GROUP_DIR(name, of)                                           \
	const struct dir name = {                                     \
		.namespaces = NAMESPACE_NETWORK,                      \
		.rows = no_rows,                                      \
		.children = (const struct dir *const[]){&(of), NULL}, \
		.find = sock_object_find,                             \
		.list = sock_object_list,                             \
		.make = refuse_make,                                  \
		.remove = refuse_remove,                              \
		.change = refuse_change,                              \
		.rename = refuse_rename,                              \
	}

static const struct row no_rows[] = {
	{NULL, ROW_END},
};

GROUP_DIR(sock_conn_dir, sock_conn_object_dir);
GROUP_DIR(sock_anon_dir, sock_anon_object_dir);

static const struct row tcp_rows[] = {
	{"connect", ROW_NAMED, 0666, .channel = &sock_channel_tcp, .named = sock_inet_named},
	{"conn", ROW_DIR, .dir = &sock_conn_dir},
	{NULL, ROW_END},
};

const struct dir sock_tcp_dir = {
	.rows = tcp_rows,
	.children = (const struct dir *const[]){&sock_tcp_own_dir, &sock_tcp_object_dir, NULL},
	.find = sock_own_find_inet,
	.list = sock_own_list,
	.make = sock_tcp_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static const struct row udp_rows[] = {
	{"connect", ROW_NAMED, 0666, .channel = &sock_channel_udp, .named = sock_inet_named},
	{NULL, ROW_END},
};

const struct dir sock_udp_dir = {
	.rows = udp_rows,
	.children = (const struct dir *const[]){&sock_udp_own_dir, &sock_udp_object_dir, NULL},
	.find = sock_own_find_inet,
	.list = sock_own_list,
	.make = sock_udp_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static const struct row unix_rows[] = {
	{"connect", ROW_NAMED, 0666, .channel = &sock_channel_unix, .named = sock_unix_named,
	 .as_caller = true},
	{"anon", ROW_DIR, .dir = &sock_anon_dir},
	{NULL, ROW_END},
};

static const struct dir *const unix_children[] = {
	&sock_unix_own_dir,  &sock_unix_own_packet_dir, &sock_unix_own_dgram_dir,
	&sock_unix_file_dir, &sock_unix_object_dir,     NULL};

/* What is reached by a path is no matter of the network; abstract names are, see sock_unix.c. */
const struct dir sock_unix_dir = {
	.namespaces = NAMESPACE_NONE,
	.rows = unix_rows,
	.children = unix_children,
	.find = sock_own_find_unix,
	.list = sock_own_list,
	.make = sock_unix_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static const struct row rows[] = {
	SOCK_USERS_ROW("status", report_show_status),
	SOCK_USERS_ROW("status.json", report_show_json),
	SOCK_USERS_ROW("holders", show_holders),
	{"limits", ROW_TEXT, 0444, .show = report_show_limits},
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel},
	{"tcp", ROW_DIR, .dir = &sock_tcp_dir},
	{"udp", ROW_DIR, .dir = &sock_udp_dir},
	{"unix", ROW_DIR, .dir = &sock_unix_dir},
	{NULL, ROW_END},
};

const struct dir sock_dir = {
	.namespaces = NAMESPACE_NETWORK,
	.rows = rows,
	.make = refuse_make,
	.remove = refuse_remove,
	.change = refuse_change,
	.rename = refuse_rename,
};

static int sock_setup(const struct settings *settings)
{
	int error = sock_files_setup(settings);

	return error ? error : sock_bound_setup(sock_files_directory()->fd);
}

static int stop_at_first(void *context, const struct sock_info *sock)
{
	return 1;
}

/* What sock_diag(7) tells nothing of is missing in listings, and cannot be found by its address. */
static void sock_check(struct checklist *list)
{
	static const struct {
		enum sock_table table;
		const char *what;
	} asked[] = {
		{TABLE_TCP, "tcp_diag"},
		{TABLE_UDP, "udp_diag"},
		{TABLE_UNIX, "unix_diag"},
	};

	for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
		const struct sock_query query = {
			.tables = TABLE_BIT(asked[i].table),
			.states = STATES_ALL,
		};
		uint32_t untold = 0;
		int result = sock_gather(&query, stop_at_first, NULL, &untold);

		if (result < 0 || untold)
			checklist_lacks(list, asked[i].what,
					"sockets of the machine are not shown: modprobe %s",
					asked[i].what);
		else
			checklist_has(list, asked[i].what, "sockets of the machine are shown");
	}
}

const struct kind sock_kind = {
	.name = "sockets",
	.dir = &sock_dir,
	.print_more = print_more,
	.list_json = list_json,
	.snapshot = sock_snapshot,
	.families = sock_families,
	.setup = sock_setup,
	.check = sock_check,
	.removals = sock_bound_removals,
	.holders = &sock_holders,
};
