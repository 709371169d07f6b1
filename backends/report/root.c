/*
 * root.c - the files at the top of the tree that are of all kinds together.
 */
#include "report.h"

const struct row top_rows[] = {
	{"status", ROW_TEXT, 0444, .show = report_show_status},
	{"status.json", ROW_TEXT, 0444, .show = report_show_json},
	{"limits", ROW_TEXT, 0444, .show = report_show_limits},
	{"summary", ROW_TEXT, 0444, .show = report_show_summary},
	{NULL, ROW_END},
};
