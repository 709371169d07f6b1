"""Who has which memory open, mapped or attached, as lsof says it."""

import ctypes
import mmap
import os
import random
import shutil
import signal
import subprocess
import sys

if not shutil.which("lsof"):
    print("skipped: needs lsof")
    sys.exit(77)

CHILDREN = 40
SEGMENTS = {"0x%08x" % key: key for key in (0x101, 0x102, 0x103)}
OBJECTS = ["one", "two", "three"]
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p


def shmid(key):
    return libc.shmget(key, ctypes.c_size_t(0), 0)


for name in SEGMENTS:
    os.mkdir(f"shm/{name}")
for name in OBJECTS:
    os.mkdir(f"shm/{name},size=8192")


def child(chance, ready):
    """Takes some of each, says so, and stays."""
    kept = []
    for key in SEGMENTS.values():
        if chance.random() < 0.5:
            libc.shmat(shmid(key), None, 0o10000 if chance.random() < 0.5 else 0)
    for name in OBJECTS:
        flags = chance.choice([os.O_RDONLY, os.O_RDWR])
        fd = os.open(f"/dev/shm/{name}", flags)
        if chance.random() < 0.5:
            access = mmap.PROT_READ | (mmap.PROT_WRITE if flags == os.O_RDWR else 0)
            kept.append(libc_map(fd, access))
        if chance.random() < 0.5:
            os.close(fd)
    os.write(ready, b"x")
    while True:
        signal.pause()


libc.mmap.restype = ctypes.c_void_p


def libc_map(fd, access):
    """mmap.mmap would keep a descriptor of its own."""
    return libc.mmap(None, ctypes.c_size_t(4096), access, mmap.MAP_SHARED, fd, ctypes.c_long(0))


chance = random.Random(1)
ready = os.pipe()
children = []
for number in range(CHILDREN):
    pid = os.fork()
    if pid == 0:
        child(random.Random(number), ready[1])
    children.append(pid)
for _ in children:
    assert os.read(ready[0], 1) == b"x"

# What lsof says: (object, pid) -> words.
inodes = {os.stat(f"/dev/shm/{name}").st_ino: name for name in OBJECTS}
device = os.stat("/dev/shm").st_dev
ids = {str(shmid(key)): name for name, key in SEGMENTS.items()}
said = {}


def lsof_take(pid, record):
    kind = record.get("f")
    inode = record.get("i")
    if record.get("n", "").startswith("/SYSV") and inode in ids:
        said.setdefault((ids[inode], pid), set()).add("mem")
    elif int(record.get("D", "0"), 16) == device and int(inode or 0) in inodes:
        word = {"r": "read", "u": "read-write", "w": "write"}[record["a"]] if kind.isdigit() else "mem"
        said.setdefault((inodes[int(inode)], pid), set()).add(word)


pid, record = None, {}
for line in subprocess.run(["lsof", "-w", "-F", "pfaDin"], capture_output=True, text=True,
                           errors="replace").stdout.splitlines():
    if line[0] in "pf":
        if pid is not None and record:
            lsof_take(pid, record)
        record = {}
    if line[0] == "p":
        pid = int(line[1:])
    else:
        record[line[0]] = line[1:]
if record:
    lsof_take(pid, record)

# What the tree says; lsof does not tell reading from writing in a mapping.
shown = {}
for line in open("shm/holders", errors="surrogateescape").read().splitlines():
    name, pid, _, how, _ = line.split(" ", 4)
    shown[(name, int(pid))] = {word.split("-")[0] if word.startswith("mem") else word
                               for word in how.split(",")}

assert shown == said, f"the tree: {shown}\nlsof: {said}"
assert len(shown) > 3 * CHILDREN, shown

# And the mappings themselves, as the kernel has them.
for line in open("shm/holders", errors="surrogateescape").read().splitlines():
    name, pid, _, how, _ = line.split(" ", 4)
    path = f"/SYSV{SEGMENTS[name]:08x}" if name in SEGMENTS else f"/dev/shm/{name}"
    writable = [maps.split()[1][1] == "w" for maps in open(f"/proc/{pid}/maps")
                if maps.split(None, 5)[5:] and maps.split(None, 5)[5].split(" (")[0].strip() == path]
    expected = "mem-rw" if any(writable) else "mem-r" if writable else None
    assert expected is None or how.split(",")[0] == expected, line

for pid in children:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
