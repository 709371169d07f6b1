/*
 * request_list.c - requests that list directories.
 *
 * A listing is made whole when it is read from its beginning, and handed out from there: offsets
 * then agree whatever comes and goes meanwhile.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "handle.h"
#include "reply.h"
#include "requests.h"
#include "tree.h"

struct list {
	fuse_req_t req;
	char *content;
	size_t size, room;
};

static int list_append(void *context, const char *name, const struct node *child)
{
	struct list *list = context;
	struct stat st = {.st_ino = node_inode_number(child), .st_mode = tree_type(child)};
	size_t need = fuse_add_direntry(list->req, NULL, 0, name, NULL, 0);

	if (list->size + need > list->room) {
		size_t room = (list->size + need) * 2;
		char *content = realloc(list->content, room);

		if (!content)
			return -ENOMEM;
		list->content = content;
		list->room = room;
	}
	fuse_add_direntry(list->req, list->content + list->size, need, name, &st,
			  (off_t)(list->size + need));
	list->size += need;
	return 0;
}

void request_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *handle;
	struct node node;
	struct call call;
	int error;

	if (!node_read(ino, &node)) {
		fuse_reply_err(req, ESTALE);
		return;
	}
	gate_counted(req, &call);
	error = handle_new(&call, HANDLE_DIRECTORY, &node, &handle);
	if (error) {
		reply_refusal(req, "open", &node, NULL, &call, error);
		return;
	}
	fi->fh = handle->number;
	if (fuse_reply_open(req, fi) < 0)
		handle_free(handle);
}

static int list_directory(fuse_req_t req, struct handle *handle, struct call *call)
{
	struct list list = {.req = req};
	struct node self = handle->node;
	int error = 0;

	if (tree_needs_caller(&self))
		error = gate_caller(req, &handle->node, call, NULL);
	else
		gate_public(req, call);
	if (!error)
		error = list_append(&list, ".", &self);
	if (!error)
		error = list_append(&list, "..", &self);
	if (!error)
		error = tree_list(call, &self, list_append, &list);
	if (!error)
		error = quota_resize(call, &handle->kept, list.room);
	if (error) {
		free(list.content);
		return error;
	}
	free(handle->content);
	handle->content = list.content;
	handle->size = list.size;
	handle->sent = 0;
	return 0;
}

/* The end of the entry that begins at @at, or the end of the listing. */
static size_t entry_end(const struct handle *handle, size_t at)
{
	const struct fuse_dirent *entry = (const struct fuse_dirent *)(handle->content + at);

	return at + FUSE_DIRENT_SIZE(entry);
}

/*
 * Sends whole entries, at most @size bytes, from @offset on.  An offset is the user's to choose by
 * lseek(2): one that is not the end of an entry, or of an older listing, is answered from the next.
 */
static void reply_entries(fuse_req_t req, struct handle *handle, size_t offset, size_t size)
{
	/* Who reads on need not be looked for from the beginning: a long listing has many parts. */
	size_t begin = offset >= handle->sent ? handle->sent : 0, end;

	while (begin < handle->size && begin < offset)
		begin = entry_end(handle, begin);
	for (end = begin; end < handle->size; end = entry_end(handle, end))
		if (entry_end(handle, end) - begin > size)
			break;
	handle->sent = end;
	/* An empty listing has no content at all. */
	request_reply_copy(req, end > begin ? handle->content + begin : NULL, end - begin);
}

void request_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);
	struct call call;

	if (!handle) {
		fuse_reply_err(req, EBADF);
		return;
	}
	/* The kernel holds a lock of the open directory, so one thread at a time is here. */
	if (off == 0) {
		int error = list_directory(req, handle, &call);

		if (error) {
			reply_refusal(req, "readdir", &handle->node, NULL, &call, error);
			return;
		}
	}
	reply_entries(req, handle, (size_t)off, size);
}

void request_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *handle = handle_get(fi->fh);

	if (handle)
		handle_free(handle);
	fuse_reply_err(req, 0);
}
