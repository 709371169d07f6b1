/*
 * start.c - makes the program that it is linked to, the daemon, fail while it starts: the variable
 * FAULT_MEMORY=N has the Nth request for memory fail, FAULT_THREAD=N the Nth for a thread.  The
 * file FAULT_TOLD has its first byte set at that moment.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "inject.h"

static void tell(void)
{
	const char *path = getenv("FAULT_TOLD");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	char *told = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (fd < 0 || told == MAP_FAILED)
		_exit(127);
	close(fd);
	inject_tell(told);
}

/*
 * What libseccomp asks for is given to it: version 2.5 looks for ever for what it could not make.
 * That the filter is whole is looked at in another way (fs/syscalls.c).
 */

void *seccomp_init(uint32_t action);
int seccomp_rule_add_array(void *filter, uint32_t action, int call, unsigned count,
			   const void *compared);
int seccomp_export_bpf(void *filter, int fd);

void *seccomp_init(uint32_t action)
{
	typeof(&seccomp_init) real = (typeof(&seccomp_init))dlsym(RTLD_NEXT, "seccomp_init");
	void *filter;

	inject_pause();
	filter = real(action);
	inject_resume();
	return filter;
}

int seccomp_rule_add_array(void *filter, uint32_t action, int call, unsigned count,
			   const void *compared)
{
	typeof(&seccomp_rule_add_array) real =
		(typeof(&seccomp_rule_add_array))dlsym(RTLD_NEXT, "seccomp_rule_add_array");
	int error;

	inject_pause();
	error = real(filter, action, call, count, compared);
	inject_resume();
	return error;
}

int seccomp_export_bpf(void *filter, int fd)
{
	typeof(&seccomp_export_bpf) real =
		(typeof(&seccomp_export_bpf))dlsym(RTLD_NEXT, "seccomp_export_bpf");
	int error;

	inject_pause();
	error = real(filter, fd);
	inject_resume();
	return error;
}

__attribute__((constructor)) static void begin(void)
{
	const char *memory = getenv("FAULT_MEMORY"), *thread = getenv("FAULT_THREAD");

	if (!memory && !thread)
		return;
	inject_setup();
	tell();
	if (memory)
		inject_begin(INJECT_MEMORY, strtoul(memory, NULL, 10));
	else
		inject_begin(INJECT_THREAD, strtoul(thread, NULL, 10));
	inject_resume();
}
