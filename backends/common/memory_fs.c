/*
 * memory_fs.c - the kernel's own file systems of memory, which are mounted nowhere.
 *
 * There is one of ordinary pages and one for each size of huge pages; which devices they are is
 * learnt from a file that is made there.
 */
#include "memory_fs.h"

#include <dirent.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEVICES = 16 };

static struct {
	pthread_once_t once;
	dev_t list[DEVICES];
	size_t count;
} devices = {.once = PTHREAD_ONCE_INIT};

static void device_add(unsigned flags)
{
	int fd = memfd_create("ipcfs", MFD_CLOEXEC | flags);
	struct stat st;

	if (fd < 0)
		return;
	if (devices.count < DEVICES && fstat(fd, &st) == 0)
		devices.list[devices.count++] = st.st_dev;
	close(fd);
}

static void devices_look(void)
{
	DIR *sizes = opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;

	device_add(0);
	while (sizes && (entry = readdir(sizes))) {
		unsigned kilobytes;

		/* The flags have the power of two. */
		if (sscanf(entry->d_name, "hugepages-%ukB", &kilobytes) == 1)
			device_add(MFD_HUGETLB | (unsigned)(ffs((int)kilobytes) - 1 + 10)
							 << MFD_HUGE_SHIFT);
	}
	if (sizes)
		closedir(sizes);
}

bool memory_fs_is(dev_t device)
{
	pthread_once(&devices.once, devices_look);
	for (size_t i = 0; i < devices.count; i++)
		if (devices.list[i] == device)
			return true;
	return false;
}

bool memory_fs_is_segment(dev_t device, const char *path)
{
	return strncmp(path, "/SYSV", 5) == 0 && memory_fs_is(device);
}
