"""500 processes blocked at once, and everybody else as on an idle mount.

A mix of P, receive on empty, send on full, open of hold, System V and POSIX.  While they wait, walkers,
rm, chmod, > and >> on the very files and other channels must answer; then all are ended, by SIGINT and
by SIGKILL, within a second; none is ever in state D; and all values and messages are what they were.
ROUNDS in the environment repeats it.
"""
import errno
import os
import signal
import subprocess
import sys
import time

CLIENTS = int(os.environ.get("CLIENTS", "500"))
ROUNDS = int(os.environ.get("ROUNDS", "1"))


def state(pid):
    """The state letter of a process, and the kernel's stack of it."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            letter = f.read().rsplit(")", 1)[1].split()[0]
        with open(f"/proc/{pid}/stack") as f:
            return letter, f.read()
    except (FileNotFoundError, ProcessLookupError):
        return "X", ""


def put(path, text, flags=os.O_WRONLY):
    fd = os.open(path, flags)
    try:
        return os.write(fd, text)
    finally:
        os.close(fd)


def figure(path):
    with open(path) as f:
        return f.read().strip()


def client(action):
    """A child that blocks in `action`, dies of signals as any program does."""
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        action()
    finally:
        os._exit(1)


def read_from(path):
    return lambda: os.read(os.open(path, os.O_RDONLY), 65536)


def write_to(path, text):
    return lambda: put(path, text)


def setup():
    for q in ("mq/empty,maxmsg=4,msgsize=64", "mq/full,maxmsg=2,msgsize=64", "mq/0x10",
              "mq/0x11,qbytes=64"):
        os.mkdir(q)
    for s in ("sem/taken,value=0", "sem/0x20,value=0", "sem/0x21,nsems=2,value=1:0"):
        os.mkdir(s)
    for _ in range(2):
        put("mq/full/data", b"x" * 32)
        put("mq/0x11/data", b"x" * 32)


ACTIONS = [
    read_from("mq/empty/data"),
    read_from("mq/empty/each"),
    read_from("mq/empty/lines"),
    read_from("mq/0x10/data"),
    read_from("mq/0x10/type/7"),
    read_from("mq/0x10/bulk"),
    write_to("mq/full/data", b"y" * 32),
    write_to("mq/full/lines", b"y" * 32 + b"\n"),
    write_to("mq/0x11/data", b"y" * 32),
    write_to("sem/taken/op", b"P"),
    write_to("sem/0x20/op", b"P\n"),
    write_to("sem/0x21/op", b"0:-1 1:-1"),
    lambda: os.open("sem/taken/hold", os.O_WRONLY),
    lambda: os.open("sem/0x20/hold", os.O_WRONLY),
    lambda: os.open("sem/0x21/1/hold", os.O_WRONLY),
]


def check_values():
    expect = {
        "mq/empty/messages": "0", "mq/0x10/messages": "0",
        "mq/full/messages": "2", "mq/0x11/messages": "2", "mq/0x11/bytes": "64",
        "sem/taken/value": "0", "sem/0x20/value": "0", "sem/0x21/value": "1 0",
        "sem/0x20/ncount": "0", "sem/0x21/ncount": "0 0",
    }
    for path, value in expect.items():
        # What a close gives back is given a moment after it.
        deadline = time.monotonic() + 5
        while figure(path) != value:
            assert time.monotonic() < deadline, f"{path} is {figure(path)}, not {value}"


def others_answer(pids):
    """Everything that must not be held up."""
    for command in (["ls", "-lR", "."], ["cat", "mq/status", "sem/status", "mq/0x10/status"],
                    ["find", ".", "-type", "f", "-name", "*.json", "-exec", "cat", "{}", "+"]):
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True, timeout=20)
    for path in ("mq/empty/data", "mq/full/data", "mq/0x10/data", "mq/0x11/lines", "sem/taken/op",
                 "sem/0x20/op", "sem/0x21/op"):
        # rm of a file says that files can't be removed, and takes nothing from anyone.
        done = subprocess.run(["rm", "-f", path], capture_output=True, timeout=20)
        assert done.returncode == 1, done
        subprocess.run(["chmod", "666", path], check=True, timeout=20)
        for redirection in (">", ">>"):
            subprocess.run(["sh", "-c", f": {redirection}{path}"], check=True, timeout=20)
        wait = path.rsplit("/", 1)
        try:
            put(f"{wait[0]}/try/{wait[1]}", b"0:-1 1:-1" if "0x21" in path else
                b"P" if path.startswith("sem") else b"z" * 32 + b"\n", os.O_WRONLY | os.O_APPEND)
            assert path in ("mq/empty/data", "mq/0x10/data"), path
        except OSError as error:
            assert error.errno == errno.EAGAIN, (path, error)
    os.mkdir("mq/other")
    put("mq/other/data", b"hello")
    with open("mq/other/data", "rb") as f:
        assert f.read() == b"hello"
    os.rmdir("mq/other")


def round_of(number):
    pids = [client(ACTIONS[i % len(ACTIONS)]) for i in range(CLIENTS)]
    for pid in pids:
        while True:
            letter, stack = state(pid)
            if "fuse_direct_io" in stack or "fuse_send_open" in stack:
                break
            assert letter not in "ZX", f"client {pid} has ended instead of waiting"
    # Two messages will be taken by those who wait for one: that is what they are there for.
    others_answer(pids)
    served = set()
    deadline = time.monotonic() + 10
    while len(served) < 2:
        served |= {pid for pid in pids if pid not in served and os.waitpid(pid, os.WNOHANG)[0]}
        assert time.monotonic() < deadline, f"{len(served)} clients were served by two messages"
    pids = [pid for pid in pids if pid not in served]
    stuck = [pid for pid in pids if state(pid)[0] == "D"]
    assert not stuck, f"in state D: {[state(pid) for pid in stuck]}"
    for sent in (signal.SIGINT, signal.SIGKILL):
        half = pids[: len(pids) // 2] if sent == signal.SIGINT else pids
        pids = pids[len(half):]
        started = time.monotonic()
        for pid in half:
            os.kill(pid, sent)
        for pid in half:
            _, status = os.waitpid(pid, 0)
            assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == sent, status
        took = time.monotonic() - started
        assert took < 1 + float(os.environ.get("SLACK", "0")), f"{sent.name}: {took:.2f} s"
    check_values()


setup()
for number in range(ROUNDS):
    round_of(number)
print(f"{ROUNDS} rounds of {CLIENTS} blocked clients")
