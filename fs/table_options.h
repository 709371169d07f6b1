/*
 * table_options.h - the options of fstab(5) that are for others than the file system.
 */
#ifndef IPCFS_TABLE_OPTIONS_H
#define IPCFS_TABLE_OPTIONS_H

#include <stdbool.h>

/*
 * True if @option, one of those between the commas, tells mount(8), systemd or the kernel what has
 * no meaning here, such as nofail, _netdev, x-systemd.automount or relatime.
 */
bool table_option_is_for_others(const char *option);

#endif
