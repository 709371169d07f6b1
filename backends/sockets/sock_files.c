/*
 * sock_files.c - the socket files of the run directory, and which unix socket is bound at which.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/entry.h"
#include "common/run_dir.h"
#include "sock.h"

static struct run_dir directory = {.fd = -1};

int sock_files_setup(const struct settings *settings)
{
	/* Without it there are no sockets of one's own, and all others can be seen. */
	run_dir_open(settings, "unix", &directory);
	return 0;
}

const struct run_dir *sock_files_directory(void)
{
	return &directory;
}

/* Names that need no writing out are those that sock_unix_list and the directory leave free. */
bool sock_files_is_plain(const char *name)
{
	static const char *const taken[] = {"wait", "try", "within"};

	if (sock_unix_is_listed(name) || strchr(name, ','))
		return false;
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return false;
	for (const struct row *row = sock_unix_dir.rows; row->type != ROW_END; row++)
		if (strcmp(row->name, name) == 0)
			return false;
	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (strcmp(taken[i], name) == 0)
			return false;
	return true;
}

/* Adds it if it is a socket. */
static int add(struct sock_files *files, const char *name, struct stat *st)
{
	struct sock_file *list;
	char *copy;

	int error = entry_look(directory.fd, name, st);

	if (error)
		return error == -ENOENT ? 0 : error;
	if (!S_ISSOCK(st->st_mode))
		return 0;
	list = reallocarray(files->list, files->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	files->list = list;
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	list[files->count++] = (struct sock_file){st->st_dev, st->st_ino, copy};
	return 0;
}

static int by_inode(const void *one, const void *other)
{
	uint32_t a = (uint32_t)((const struct sock_file *)one)->inode;
	uint32_t b = (uint32_t)((const struct sock_file *)other)->inode;

	return (a > b) - (a < b);
}

int sock_files_gather(struct sock_files *files)
{
	const struct dirent *entry;
	struct stat st;
	DIR *names;
	int fd, error = 0;

	*files = (struct sock_files){NULL};
	if (directory.fd < 0)
		return 0;
	/* A descriptor of its own: a position is shared by all copies of one. */
	fd = openat(directory.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	names = fd < 0 ? NULL : fdopendir(fd);
	if (!names) {
		error = -errno;
		if (fd >= 0)
			close(fd);
		return error;
	}
	while (!error && (entry = readdir(names)))
		if (sock_files_is_plain(entry->d_name))
			error = add(files, entry->d_name, &st);
	closedir(names);
	if (error)
		sock_files_free(files);
	else if (files->count)
		qsort(files->list, files->count, sizeof(*files->list), by_inode);
	return error;
}

int sock_files_get(const char *name, struct sock_files *files, struct stat *st)
{
	int error;

	*files = (struct sock_files){NULL};
	if (directory.fd < 0 || !sock_files_is_plain(name))
		return -ENOENT;
	error = add(files, name, st);
	return error ? error : files->count ? 0 : -ENOENT;
}

/* ---- what a socket leaves that nobody has any more ---- */

struct remains {
	const char *name;
	struct stat st;
};

/*
 * 0: nobody has a socket there.  No socket but one of datagrams can be connected to by one of
 * datagrams, and that one does not notice; so to ask disturbs nobody, whose network namespace it
 * may be.
 */
static int remains_judge(void *context)
{
	struct remains *remains = context;
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int file = entry_open(directory.fd, remains->name, O_PATH), asking;
	int error = -EADDRINUSE;

	if (file < 0)
		return file == -ENOENT ? 0 : file;
	asking = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(to.sun_path, sizeof(to.sun_path), "/proc/self/fd/%d", file);
	if (asking >= 0 && fstat(file, &remains->st) == 0 && S_ISSOCK(remains->st.st_mode) &&
	    connect(asking, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno == ECONNREFUSED)
		error = 0;
	if (asking >= 0)
		close(asking);
	close(file);
	return error;
}

int sock_files_clear(struct call *call, const char *name)
{
	struct remains remains = {.name = name};
	int error = as_daemon(call, remains_judge, &remains);

	if (!error && unlinkat(directory.fd, name, 0) < 0)
		error = -errno;
	/* Nobody can remove what something is mounted over. */
	if (error == -EADDRINUSE || error == -EBUSY)
		return refuse(call, EADDRINUSE, "there is something else at %.80s/%.80s",
			      directory.path, name);
	if (error && error != -ENOENT)
		return refuse(call, EADDRINUSE,
			      "at %.80s/%.60s is the file of a socket that nobody has open any "
			      "more, which is for uid %u to remove",
			      directory.path, name, (unsigned)remains.st.st_uid);
	return 0;
}

/* ---- which socket is bound at which ---- */

/* The kernel tells 32 bits of an inode number, and of some file systems another device. */
static bool is_of(const struct sock_file *file, const struct sock_info *sock)
{
	size_t length = strlen(directory.path), size = sock->un.name_size;

	if ((uint32_t)file->inode != sock->un.file_inode)
		return false;
	if (file->device == sock->un.file_device)
		return true;
	return size == length + 1 + strlen(file->name) &&
	       memcmp(sock->un.name, directory.path, length) == 0 && sock->un.name[length] == '/' &&
	       memcmp(sock->un.name + length + 1, file->name, size - length - 1) == 0;
}

const struct sock_file *sock_files_of(const struct sock_files *files, const struct sock_info *sock)
{
	const struct sock_file wanted = {.inode = sock->un.file_inode}, *found;

	if (sock->table != TABLE_UNIX || !sock->un.has_file || !files || !files->count)
		return NULL;
	found = bsearch(&wanted, files->list, files->count, sizeof(*files->list), by_inode);
	return found && is_of(found, sock) ? found : NULL;
}

void sock_files_free(struct sock_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->list[i].name);
	free(files->list);
	*files = (struct sock_files){NULL};
}
