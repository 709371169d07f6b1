/*
 * request_names.c - requests about names and attributes: lookup, stat, make, remove, rename.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "events/events.h"
#include "gate.h"
#include "intern.h"
#include "memory.h"
#include "reactor.h"
#include "reason.h"
#include "reply.h"
#include "request_memory.h"
#include "requests.h"
#include "tree.h"
#include "turns.h"

/*
 * Between two requests of one open(2) another object can take the name.  Who has come by the name
 * is then shown what has it now.
 */
static int stat_by_name(const struct node *node, struct stat *st)
{
	struct node now = *node;
	int error = tree_stat(node, st);

	if (error != -ENOENT || !now.place.identity)
		return error;
	now.place.identity = 0;
	error = tree_stat(&now, st);
	st->st_ino = node_inode_number(node);
	return error;
}

/*
 * Tells the kernel of @node.  @type is what the kernel has to be told that it is: who made a FIFO
 * gets one, under a number of its own, and finds the directory that it really is when the name is
 * next looked up.
 */
static int reply_entry(fuse_req_t req, struct node *node, mode_t type)
{
	struct fuse_entry_param entry = {.entry_timeout = tree_name_timeout(node)};
	int error;

	node_distinguish(node);
	error = stat_by_name(node, &entry.attr);
	if (node->place.alias_seconds)
		entry.entry_timeout = node->place.alias_seconds;
	if (!error) {
		if (type != tree_type(node)) {
			entry.attr.st_mode = type | (entry.attr.st_mode & 0777);
			node->place.number = 1; /* makes it a visit */
		}
		entry.ino = node_publish(node, fuse_req_ctx(req)->uid);
		error = entry.ino ? 0 : -ENOMEM;
	}
	if (!error) {
		node_remember(entry.ino, &entry.attr);
		entry.attr_timeout = tree_is_link(node) ? entry.entry_timeout : 0;
		if (fuse_reply_entry(req, &entry) < 0)
			node_forget(entry.ino, 1);
	}
	return error;
}

/* Reads @ino or answers that it is none. */
static bool read_node(fuse_req_t req, fuse_ino_t ino, struct node *node)
{
	if (node_read(ino, node))
		return true;
	fuse_reply_err(req, ESTALE);
	return false;
}

void request_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node directory, child;
	struct call call;
	int error = 0;

	if (!read_node(req, parent, &directory))
		return;
	if (tree_may_take_long(&directory))
		turns_hand_over();
	if (tree_needs_caller(&directory))
		error = gate_caller(req, &directory, &call, NULL);
	else
		gate_public(req, &call);
	if (!error)
		error = tree_lookup(&call, &directory, name, &child);
	if (!error) {
		error = reply_entry(req, &child, tree_type(&child));
		node_release(&child);
	}
	if (error)
		reply_refusal(req, "lookup", &directory, name, &call, error);
}

void request_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	node_forget(ino, lookups);
	fuse_reply_none(req);
}

void request_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* An open channel of an object that has gone: a connection goes on, and cat(1) asks for this first.
 */
static bool stat_removed_channel(fuse_ino_t ino, const struct node *node, struct stat *st)
{
	if (!node_is_channel(node) || !node_recall(ino, st))
		return false;
	tree_stat_channel(node, st);
	return true;
}

/* @known: what they must be; NULL: nobody knows. */
static void reply_attributes(fuse_req_t req, fuse_ino_t ino, const struct node *node,
			     const struct stat *known)
{
	struct stat st;
	int error = tree_stat(node, &st);

	if (!error)
		node_remember(ino, &st);
	else if (error == -ENOENT && node_is_memory(node) && memory_stat_removed(ino, &st))
		error = 0;
	else if (error == -ENOENT && stat_removed_channel(ino, node, &st))
		error = 0;
	else if (error == -ENOENT)
		error = stat_by_name(node, &st);

	if (error && known) {
		st = *known;
		error = 0;
	}
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_attr(req, &st, 0);
}

void request_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node node;

	if (!read_node(req, ino, &node))
		return;
	if (tree_may_take_long(&node))
		turns_hand_over();
	reply_attributes(req, ino, &node, NULL);
}

/* What chmod and chown may be aimed at: an object's directory and its channels. */
static bool is_of_object(const struct node *node)
{
	return node_is_channel(node) || node_is_memory(node) ||
	       (!node->place.row && node->view == VIEW_ITSELF);
}

/*
 * A directory shows search and read for all, which its object has not.  A wish that includes search
 * was computed from what is shown (chmod g+w): the bits that it changes are meant, not those that
 * it keeps.
 */
static mode_t mode_from_shown(const struct node *node, mode_t wanted)
{
	struct stat object = {0}, shown;

	if (!node->place.dir->stat || node->place.dir->stat(&node->place, &object) < 0 ||
	    tree_stat(node, &shown) < 0)
		return wanted & 0666;
	return ((object.st_mode & ~(shown.st_mode & ~wanted)) | (wanted & ~shown.st_mode)) & 0666;
}

static int change(fuse_req_t req, const struct node *node, const struct stat *attr, int to_set,
		  struct call *call)
{
	struct change wanted = {
		.has_mode = to_set & FUSE_SET_ATTR_MODE,
		.has_uid = to_set & FUSE_SET_ATTR_UID,
		.has_gid = to_set & FUSE_SET_ATTR_GID,
		.mode = attr->st_mode & 0666,
		.uid = attr->st_uid,
		.gid = attr->st_gid,
	};
	int error;

	gate_public(req, call);
	if (wanted.has_mode && !node->place.row && (attr->st_mode & 0111))
		wanted.mode = mode_from_shown(node, attr->st_mode);
	if (mount_mode.read_only)
		return -EROFS;
	if (!is_of_object(node) || !node->place.dir->change)
		return refuse(call, EPERM,
			      "chmod and chown work on an object, its channels and its memory");
	error = gate_caller(req, node, call, NULL);
	if (!error)
		error = node->place.dir->change(call, &node->place, &wanted);
	if (!error)
		events_stir(node_kind_directory(node->place.dir));
	return error;
}

/* What the caller typed, most likely. */
static const char *attribute_name(int to_set)
{
	if (to_set & FUSE_SET_ATTR_MODE)
		return "chmod";
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		return "chown";
	if (to_set & FUSE_SET_ATTR_SIZE)
		return "truncate";
	return "touch";
}

/* What is @st before the change, as it is afterwards. */
static void foresee(struct stat *st, const struct stat *attr, int to_set)
{
	if (to_set & FUSE_SET_ATTR_MODE)
		st->st_mode = (st->st_mode & S_IFMT) | (attr->st_mode & 0777);
	if (to_set & FUSE_SET_ATTR_UID)
		st->st_uid = attr->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		st->st_gid = attr->st_gid;
	if (to_set & FUSE_SET_ATTR_SIZE && S_ISREG(st->st_mode))
		st->st_size = attr->st_size;
}

void request_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		     struct fuse_file_info *fi)
{
	const int owner = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
	const int times = FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME;
	struct node node;
	struct call call;
	struct stat st;
	int error = 0;
	bool known;

	if (!read_node(req, ino, &node))
		return;
	/* There may be much memory to be given back. */
	if (tree_may_take_long(&node) || node_is_memory(&node))
		turns_hand_over();
	/* To have an answer when the change has been made and nobody can look at it. */
	known = (to_set & owner) && !tree_stat(&node, &st);
	gate_public(req, &call);
	if (to_set & owner)
		error = change(req, &node, attr, to_set, &call);
	else if (to_set & times)
		error = refuse(&call, EPERM, "the times of an object are set by its use");
	/*
	 * A change of size means nothing to what has none.  It is the > of a shell, which the open
	 * has let in; the mode bits would keep out whom the kernel lets operate, an object's
	 * creator say.
	 */
	if (!error && (to_set & FUSE_SET_ATTR_SIZE) && node_is_memory(&node))
		error = memory_set_size(req, &node, fi, attr->st_size, &call);
	if (error)
		reply_refusal(req, attribute_name(to_set), &node, NULL, &call, error);
	else {
		if (known)
			foresee(&st, attr, to_set);
		reply_attributes(req, ino, &node, known ? &st : NULL);
	}
}

void request_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
	struct node node;
	struct call call;
	struct stat st;
	struct creds *creds;
	int error;

	if (!read_node(req, ino, &node))
		return;
	error = gate_caller(req, &node, &call, &creds);
	if (!error)
		error = tree_stat(&node, &st);
	if (!error && (mask & W_OK) && mount_mode.read_only)
		error = -EROFS;
	if (!error && !creds_allow(creds, &st, mask))
		error = -EACCES;
	fuse_reply_err(req, -error);
}

void request_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[PATH_MAX];
	struct node node;

	if (!read_node(req, ino, &node))
		return;
	if (!tree_is_link(&node) || tree_link_target(&node, target, sizeof(target)))
		fuse_reply_err(req, EINVAL);
	else
		fuse_reply_readlink(req, target);
}

/* Makes the thread the caller, who may change something if the mount lets anybody. */
static int admit_change(fuse_req_t req, const struct node *node, struct call *call)
{
	int error = gate_caller(req, node, call, NULL);

	return !error && mount_mode.read_only ? -EROFS : error;
}

static int remove_object(struct call *call, const struct node *object)
{
	const struct dir *dir = object->place.dir;
	char path[PATH_MAX];
	int error;

	if (!dir->remove)
		return refuse_remove(call, &object->place);
	tree_path(object, path, sizeof(path));
	events_removing(call, path);
	error = dir->remove(call, &object->place);
	events_removed(path, error);
	if (!error)
		events_stir(node_kind_directory(dir));
	return error;
}

/*
 * Whoever is told that nothing was made must not find it there.  If it has gone already (ENOENT)
 * what has its name now is another's.
 */
static void unmake(const struct call *call, const struct node *made, int error)
{
	struct call again = *call; /* the reason is that of @error */

	if (error && error != -ENOENT && made->place.dir->remove)
		remove_object(&again, made);
}

/* Makes an object and tells the kernel of it as of a file of @type. */
static void make_object(fuse_req_t req, const char *operation, fuse_ino_t parent, const char *name,
			mode_t mode, mode_t type)
{
	struct node directory, made = {.within = NO_LIMIT};
	struct call call;
	int error;

	if (!read_node(req, parent, &directory))
		return;
	error = admit_change(req, &directory, &call);
	if (!error &&
	    (directory.place.row || directory.view != VIEW_ITSELF || !directory.place.dir->make))
		error = refuse_make(&call, &directory.place, name, mode, &made.place);
	if (!error)
		error = directory.place.dir->make(&call, &directory.place, name, mode & 0666,
						  &made.place);
	if (!error) {
		bool adopted = !tree_adopt(&made.place);

		error = adopted ? reply_entry(req, &made, type) : -ENOMEM;
		unmake(&call, &made, error);
		if (adopted)
			node_release(&made);
		events_stir(node_kind_directory(directory.place.dir));
	}
	if (error)
		reply_refusal(req, operation, &directory, name, &call, error);
}

void request_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	make_object(req, "mkdir", parent, name, mode, S_IFDIR);
}

/* What the tree has no room for, in words. */
static void refuse_request(fuse_req_t req, const char *operation, fuse_ino_t parent,
			   const char *name, const char *reason)
{
	struct node directory;
	struct call call;
	struct stat st;

	if (!read_node(req, parent, &directory))
		return;
	/* Whoever opens with O_CREAT an object's file that has just gone would make nothing new. */
	if (tree_stat(&directory, &st) == -ENOENT) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	gate_public(req, &call);
	reply_refusal(req, operation, &directory, name, &call,
		      refuse(&call, mount_mode.read_only ? EROFS : EPERM, "%s", reason));
}

/* True if the names in it are those of other things: paths to sockets, hosts. */
static bool has_names_of_others(const struct node *directory)
{
	return directory->place.row && directory->place.row->type == ROW_NAMED;
}

void request_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct node directory;

	if (S_ISFIFO(mode) && node_read(parent, &directory) && directory.place.dir->makes_fifos)
		make_object(req, "mknod", parent, name, mode, S_IFIFO);
	/* The > of a shell has found nothing there, which is what it is to be told. */
	else if (S_ISREG(mode) && node_read(parent, &directory) && has_names_of_others(&directory))
		fuse_reply_err(req, ENOENT);
	else
		refuse_request(req, "mknod", parent, name,
			       "objects are made by mkdir, files come with them");
}

/* Only where a directory finds files may they be removed. */
static int unlink_file(struct call *call, const struct node *directory, const char *name)
{
	struct node file;
	int error = tree_lookup(call, directory, name, &file);

	if (error)
		return error;
	if (file.place.row && !file.place.row->name && file.place.dir->unlink)
		error = file.place.dir->unlink(call, &file.place);
	else
		error = refuse(call, EPERM, "rmdir removes an object, and its files with it");
	node_release(&file);
	return error;
}

void request_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node directory;
	struct call call;
	int error;

	if (!read_node(req, parent, &directory))
		return;
	error = admit_change(req, &directory, &call);
	if (!error)
		error = unlink_file(&call, &directory, name);
	reply_refusal(req, "unlink", &directory, name, &call, error);
}

void request_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	refuse_request(req, "symlink", parent, name,
		       "objects are made by mkdir, files come with them");
}

void request_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	refuse_request(req, "link", parent, name,
		       "objects are made by mkdir, files come with them");
}

/* The object called @name, for rmdir and rename. */
static int find_object(struct call *call, const struct node *directory, const char *name,
		       struct node *object)
{
	int error = tree_lookup(call, directory, name, object);

	if (error)
		return error;
	if (object->place.row || object->view != VIEW_ITSELF || !object->place.dir->stat) {
		node_release(object);
		return refuse(call, EPERM, "it is part of the tree and stays");
	}
	return 0;
}

void request_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node directory, object;
	struct call call;
	int error;

	if (!read_node(req, parent, &directory))
		return;
	error = admit_change(req, &directory, &call);
	if (!error)
		error = find_object(&call, &directory, name, &object);
	if (!error) {
		error = remove_object(&call, &object);
		if (!error && object.place.name)
			name_retire(object.place.object);
		/* It has an owner, its directory has none. */
		if (error)
			reason_complete(&call, &object.place, -error);
		node_release(&object);
		if (!error)
			reactor_let_go(object.place.dir);
	}
	reply_refusal(req, "rmdir", &directory, name, &call, error);
}

/* Neither name means the inode that the kernel knew by it any more. */
static void retire_renamed(const struct node *directory, const struct node *object,
			   const char *new_name)
{
	struct call call = {0};
	struct node target;

	name_retire(object->place.object);
	if (tree_lookup(&call, directory, new_name, &target) < 0)
		return;
	if (target.place.name)
		name_retire(target.place.object);
	node_release(&target);
}

void request_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		    const char *new_name, unsigned flags)
{
	struct node directory, object;
	struct call call;
	int error;

	if (!read_node(req, parent, &directory))
		return;
	error = admit_change(req, &directory, &call);
	if (!error && parent != new_parent)
		error = refuse(&call, EPERM,
			       "an object keeps its kind"); /* EXDEV would make mv copy */
	if (!error)
		error = find_object(&call, &directory, name, &object);
	if (!error) {
		const struct dir *dir = object.place.dir;

		error = dir->rename ? dir->rename(&call, &object.place, new_name, flags)
				    : refuse_rename(&call, &object.place, new_name, flags);
		if (!error && object.place.name)
			retire_renamed(&directory, &object, new_name);
		if (error)
			reason_complete(&call, &object.place, -error);
		else
			events_stir(node_kind_directory(dir));
		node_release(&object);
	}
	reply_refusal(req, "rename", &directory, name, &call, error);
}

void request_statfs(fuse_req_t req, fuse_ino_t ino)
{
	/*
	 * Not NAME_MAX: a name of that many bytes can have a prefix, and attributes in mkdir.  It
	 * is the kernel's FUSE_NAME_MAX, which later kernels have raised.
	 */
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 1024};

	fuse_reply_statfs(req, &st);
}
