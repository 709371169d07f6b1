/*
 * notify.c - telling the service manager how far the daemon is.
 *
 * It is one datagram to the socket that NOTIFY_SOCKET names, and documented in sd_notify(3) as
 * stable, so that nobody need link libsystemd for it: that would be a library more in a daemon of
 * root, and one that many systems do not have.
 */
#include "notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;

static int connect_to(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	int fd;

	/* A path, or an abstract name after an @; nothing else is a unix socket. */
	if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, name, length);
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address,
			       offsetof(struct sockaddr_un, sun_path) + length) == 0)
		return fd;
	perror("ipcfs: NOTIFY_SOCKET");
	if (fd >= 0)
		close(fd);
	return -1;
}

void notify_setup(void)
{
	const char *name = getenv("NOTIFY_SOCKET");

	if (!name)
		return;
	manager = connect_to(name);
	unsetenv("NOTIFY_SOCKET");
}

void notify(const char *format, ...)
{
	char text[512];
	va_list arguments;
	int length;

	if (manager < 0)
		return;
	va_start(arguments, format);
	length = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < sizeof(text))
		send(manager, text, (size_t)length, MSG_NOSIGNAL);
}
