/*
 * null - the smallest file system there can be: what a request costs before anyone does anything.
 *
 * usage: null MOUNTPOINT
 *
 * At any depth there is "file", in direct I/O: a write takes all and does nothing, a read gives 64
 * bytes.  All other names are directories, of which one in each can be used at a time.  Nothing is
 * cached, as nothing may be where objects come and go.  What ipcfs needs more than this is its own.
 */
#include <stdio.h>
#include <string.h>

#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>

/* Directories have odd numbers: the root 1, the one in it 3, and so on. */
#define FILE_INODE 2

static void null_stat(fuse_ino_t inode, struct stat *st)
{
	*st = (struct stat){
		.st_ino = inode,
		.st_mode = inode == FILE_INODE ? S_IFREG | 0666 : S_IFDIR | 0755,
		.st_nlink = 1,
		/* As ipcfs has it for channels, so that the kernel treats writes alike. */
		.st_size = inode == FILE_INODE ? 1 << 20 : 0,
	};
}

static void null_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.ino = strcmp(name, "file") ? parent + 2 : FILE_INODE};

	null_stat(entry.ino, &entry.attr);
	fuse_reply_entry(request, &entry);
}

static void null_getattr(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	struct stat st;

	null_stat(inode, &st);
	fuse_reply_attr(request, &st, 0);
}

static void null_open(fuse_req_t request, fuse_ino_t inode, struct fuse_file_info *info)
{
	info->direct_io = 1;
	info->nonseekable = 1;
	info->noflush = 1;
	fuse_reply_open(request, info);
}

static void null_read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
		      struct fuse_file_info *info)
{
	static const char message[64];

	fuse_reply_buf(request, message, size < sizeof(message) ? size : sizeof(message));
}

static void null_write(fuse_req_t request, fuse_ino_t inode, const char *buffer, size_t size,
		       off_t offset, struct fuse_file_info *info)
{
	fuse_reply_write(request, size);
}

static const struct fuse_lowlevel_ops operations = {
	.lookup = null_lookup,
	.getattr = null_getattr,
	.open = null_open,
	.read = null_read,
	.write = null_write,
};

int main(int argc, char *argv[])
{
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct fuse_session *session;
	int result = 1;

	if (argc != 2) {
		fprintf(stderr, "usage: %s MOUNTPOINT\n", argv[0]);
		return 2;
	}
	session = fuse_session_new(&args, &operations, sizeof(operations), NULL);
	if (!session)
		return 1;
	if (fuse_set_signal_handlers(session) != 0)
		goto destroy;
	if (fuse_session_mount(session, argv[1]) != 0)
		goto remove_handlers;
	result = fuse_session_loop(session) < 0;
	fuse_session_unmount(session);
remove_handlers:
	fuse_remove_signal_handlers(session);
destroy:
	fuse_session_destroy(session);
	fuse_opt_free_args(&args);
	return result;
}
