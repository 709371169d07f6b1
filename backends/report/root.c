/*
 * root.c - the files at the top of the tree that are of all kinds together.
 */
#include "events/events.h"
#include "holders.h"
#include "limits_users.h"
#include "metrics/metrics.h"
#include "report.h"

/* What is told of all kinds is for who is where all of them are. */
enum {
	NAMESPACES_ALL = NAMESPACE_IPC | NAMESPACE_NETWORK | NAMESPACE_MEMORY_FS |
			 NAMESPACE_RUN_DIR | NAMESPACE_PID
};
#define ROW(name, function)                                                          \
	{                                                                            \
		name, ROW_TEXT, 0444, .show = function, .namespaces = NAMESPACES_ALL \
	}

const struct row top_rows[] = {
	ROW("status", report_show_status),
	ROW("status.json", report_show_json),
	ROW("limits", report_show_limits),
	ROW("summary", report_show_summary),
	/* Of the daemon itself, wherever who asks is. */
	{"limits.users", ROW_TEXT, 0444, .show = limits_users_show},
	ROW("holders", report_holders),
	ROW("holders.dot", report_holders_dot),
	ROW("metrics.prom", metrics_show),
	{"events", ROW_CHANNEL, 0444, .channel = &events_channel, .namespaces = NAMESPACES_ALL},
	{NULL, ROW_END},
};
