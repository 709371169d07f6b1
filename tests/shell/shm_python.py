"""Python's own shared memory and the tree: the same bytes.

Stores and loads take turns between a SharedMemory in one process and a mapping of shm/NAME/data in
another; TURNS in the environment says how often.
"""
import mmap
import os
import re
import signal
import sys
from multiprocessing import resource_tracker, shared_memory

TURNS = int(os.environ.get("TURNS", "200000"))
SIZE = 65536
WORDS = SIZE // 8 - 1


def kernel_can_map():
    """Linux 6.9; before that the tree says ENODEV."""
    return tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups())) >= (6, 9)


def take_turns(words, turn):
    """Every other turn: checks the other's word, stores one's own; words[0] says whose turn it is."""
    for turn in range(turn, TURNS, 2):
        spins = 0
        while words[0] != turn:
            spins += 1
            if spins % 64 == 0:
                os.sched_yield()
        if turn:
            seen = words[1 + (turn - 1) * 2654435761 % WORDS]
            assert seen == turn ^ 0xabcdef, f"turn {turn}: {seen}"
        words[1 + turn * 2654435761 % WORDS] = (turn + 1) ^ 0xabcdef
        words[0] = turn + 1


def by_name(name):
    memory = shared_memory.SharedMemory(name=name)
    with memory.buf.cast("Q") as words:
        take_turns(words, 1)
    memory.close()


def turns(name):
    pid = os.fork()
    if pid == 0:
        signal.alarm(150)
        try:
            by_name(name)
        except BaseException as problem:  # noqa: whatever it is, the parent must hear of it
            print(f"in the child: {problem!r}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    signal.alarm(150)
    fd = os.open(f"shm/{name}/data", os.O_RDWR)
    with mmap.mmap(fd, SIZE) as mapping, memoryview(mapping).cast("Q") as words:
        take_turns(words, 0)
    os.close(fd)
    assert os.waitpid(pid, 0)[1] == 0


def read_and_write(memory, name):
    path = f"shm/{name}/data"
    assert os.stat(path).st_size == memory.size == SIZE
    memory.buf[1000:1005] = b"hello"
    with open(path, "r+b", buffering=0) as file:
        file.seek(1000)
        assert file.read(5) == b"hello"
        file.seek(2000)
        file.write(b"there")
    assert bytes(memory.buf[2000:2005]) == b"there"
    memory.buf[1000:2005] = bytes(1005)


made = shared_memory.SharedMemory(create=True, size=SIZE)
read_and_write(made, made.name)
if kernel_can_map():
    turns(made.name)
made.close()
made.unlink()
assert not os.path.exists(f"shm/{made.name}")

os.mkdir(f"shm/by-tree,size={SIZE}")
found = shared_memory.SharedMemory(name="by-tree")
read_and_write(found, "by-tree")
if kernel_can_map():
    turns("by-tree")
found.close()
# Python would unlink at its end what somebody else has made.
resource_tracker.unregister(found._name, "shared_memory")
os.rmdir("shm/by-tree")
print(f"{TURNS} turns" if kernel_can_map() else "skipped: mapping needs Linux 6.9")
