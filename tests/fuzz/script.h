/*
 * script.h - requests written down, a line each: words between single spaces.  \XX is a byte.
 *
 *   as CALLER                  who asks from here on, client.h
 *   lookup NODE                access NODE MASK            readlink NODE
 *   statfs NODE                getattr NODE [HANDLE]       symlink NODE NAME
 *   setattr NODE VALID MODE UID GID SIZE [HANDLE]
 *   mkdir NODE MODE            mknod NODE MODE             rename NODE NODE FLAGS
 *   rmdir NODE                 unlink NODE                 link NODE NODE
 *   open NODE FLAGS            opendir NODE                forget N
 *   read HANDLE SIZE [OFFSET [OWNER]]                      readdir HANDLE SIZE OFFSET
 *   write HANDLE BYTES [OFFSET]                            fill HANDLE SIZE [OFFSET]
 *   lseek HANDLE OFFSET WHENCE                             fsync HANDLE
 *   fallocate HANDLE MODE OFFSET LENGTH                    poll HANDLE EVENTS
 *   lock HANDLE OPCODE TYPE START END OWNER FLAGS          flush HANDLE OWNER
 *   release HANDLE             interrupt                   (all requests that wait)
 *
 * NODE is a path, each name of which is looked up; it may begin with @N, the node that the Nth
 * lookup found, or with #HEX, whatever that means.  HANDLE is N, the Nth open, or #HEX.  Numbers
 * are decimal, octal with a leading 0, or hexadecimal with 0x.
 */
#ifndef IPCFS_FUZZ_SCRIPT_H
#define IPCFS_FUZZ_SCRIPT_H

/* Sends the request of @line, which it changes; one that says nothing is none. */
void script_line(char *line);

#endif
