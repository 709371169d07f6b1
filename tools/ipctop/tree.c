/*
 * tree.c - the mounted tree as files.
 */
#include "tree.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object.h"

char *tree_find(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *mount;
	char *found = NULL;

	while (mounts && (mount = getmntent(mounts))) {
		int root;

		if (strcmp(mount->mnt_type, "fuse.ipcfs") != 0 || tree_open(mount->mnt_dir, &root))
			continue;
		close(root);
		free(found);
		found = strdup(mount->mnt_dir);
	}
	if (mounts)
		endmntent(mounts);
	return found;
}

int tree_open(const char *path, int *root)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* What is there when no tree is mounted is a directory as well. */
	if (faccessat(fd, "mq/status.json", F_OK, 0) < 0) {
		int error = errno == ENOENT || errno == ENOTDIR ? -ENODEV : -errno;

		close(fd);
		return error;
	}
	*root = fd;
	return 0;
}

/* Reads to the end, or @most bytes. */
static int read_all(int fd, size_t most, char **text, size_t *length)
{
	size_t room = 1 << 16;
	char *read_text = malloc(room);

	*length = 0;
	while (read_text && *length < most) {
		ssize_t size;

		if (*length + 1 == room) {
			char *grown = realloc(read_text, room *= 2);

			if (!grown)
				break;
			read_text = grown;
		}
		size = read(fd, read_text + *length, room - *length - 1);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0) {
			int error = -errno;

			free(read_text);
			return error;
		}
		*length += (size_t)size;
		if (size == 0) {
			*text = read_text;
			read_text[*length] = '\0';
			return 0;
		}
	}
	if (read_text && *length >= most) {
		read_text[ *length = most] = '\0';
		*text = read_text;
		return 0;
	}
	free(read_text);
	return -ENOMEM;
}

/* All text files are of size 0; memory, and what may be waited for, is not, or is no plain file. */
int tree_read(int directory, const char *path, size_t most, char **text, size_t *length)
{
	struct stat st;
	int fd, error;

	if (fstatat(directory, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size != 0)
		return -EINVAL;
	fd = openat(directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = read_all(fd, most, text, length);
	close(fd);
	return error;
}

/* The bytes from 0x80 that JSON could not have: \xNN, two small digits. */
static size_t bytes_decode(char *name)
{
	size_t decoded = 0;
	char *to = name;

	while (*name) {
		if (name[0] == '\\' && name[1] == 'x' && strchr("89abcdef", name[2]) && name[2] &&
		    isxdigit((unsigned char)name[3])) {
			char digits[] = {name[2], name[3], '\0'};

			*to++ = (char)strtoul(digits, NULL, 16);
			name += 4;
			decoded++;
		} else {
			*to++ = *name++;
		}
	}
	*to = '\0';
	return decoded;
}

int tree_name_settle(int root, const char *kind, char **name)
{
	char *decoded, *path;
	int exists;

	if (!strstr(*name, "\\x"))
		return 0;
	decoded = strdup(*name);
	if (!decoded)
		return -ENOMEM;
	if (bytes_decode(decoded) == 0) {
		free(decoded);
		return 0;
	}
	if (asprintf(&path, "%s/%s", kind, decoded) < 0) {
		free(decoded);
		return -ENOMEM;
	}
	exists = faccessat(root, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	free(path);
	if (exists) {
		free(*name);
		*name = decoded;
	} else {
		free(decoded);
	}
	return exists;
}
