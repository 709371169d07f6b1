"""Tables and listings of many objects are complete, take no more memory than their text, and grow with the
objects and not with their square.

How fast they are is for tools/bench to say.  Here, where anything may run beside, the best of several runs has
bounds that only a fault passes: a table may take three times as long as ipcs, which it does in a fourth of the
time, and six times as many queues may take 18 times as long to list.
"""
import json
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.environ["HERE"])
import sysv  # noqa: E402

FEW, MANY, RUNS = 1000, 6000, 4
POSIX_QUEUES = 1000
SLACK = 16 << 20  # bytes: what else a busy daemon may take
libc = sysv.libc


def limit(path, value):
    with open(f"/proc/sys/{path}", "w") as file:
        file.write(value)


def lines(path):
    with open(path) as file:
        return [line.split() for line in file]


def most_memory():
    with open(f"/proc/{os.environ['DAEMON']}/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


def has_sanitizer():
    with open(f"/proc/{os.environ['DAEMON']}/maps") as file:
        return "asan" in file.read()


def time_of(function):
    start = time.monotonic()
    function()
    return time.monotonic() - start


def best(function):
    return min(time_of(function) for _ in range(RUNS))


def run(*command):
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def make_posix_queues():
    """As a user of their own, to whom RLIMIT_MSGQUEUE counts them."""
    limit("fs/mqueue/queues_max", str(2 * POSIX_QUEUES))
    pid = os.fork()
    if pid == 0:
        os.setresuid(60001, 60001, 60001)
        smallest = struct.pack("8l", 0, 1, 1, 0, 0, 0, 0, 0)  # struct mq_attr
        for number in range(POSIX_QUEUES):
            queue = libc.mq_open(f"/queue-{number}".encode(), os.O_CREAT, 0o644, smallest)
            if queue < 0:
                os._exit(1)
            os.close(queue)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def complete(kind, numbers):
    """Each object has one row, one name and one JSON object."""
    with open(f"/proc/sysvipc/{'msg' if kind == 'mq' else kind}") as table:
        there = sorted(int(line.split()[1]) for line in list(table)[1:])
    if there != sorted(numbers):
        sys.exit(f"{kind}: the kernel has other objects than were made")
    shown = sorted(int(row[1]) for row in lines(f"{kind}/status") if row and row[0] == "0x00000000")
    listed = sorted(int(name) for name in os.listdir(kind) if name.isdigit())
    with open(f"{kind}/status.json") as file:
        told = sorted(row["id"] for row in json.load(file) if row["family"] == "sysv")
    for what, found in (("status", shown), ("the listing", listed), ("status.json", told)):
        if found != there:
            sys.exit(f"{kind}: {what} has {len(found)} objects of {len(there)}")


def main():
    limit("kernel/msgmni", "32768")
    limit("kernel/sem", "32000 1024000000 500 32768")
    queues = [sysv.check(libc.msgget(0, 0o644)) for _ in range(FEW)]
    few = best(lambda: os.listdir("mq"))
    queues += [sysv.check(libc.msgget(0, 0o644)) for _ in range(MANY - FEW)]
    sets = [sysv.check(libc.semget(0, 1, 0o644)) for _ in range(MANY)]
    segments = [sysv.check(libc.shmget(0, 1, 0o644)) for _ in range(FEW)]

    many = best(lambda: os.listdir("mq"))
    if many > 3 * MANY / FEW * few:
        sys.exit(f"listing {FEW} queues takes {few} s, {MANY} take {many} s")
    for kind, option in (("mq", "-q"), ("sem", "-s"), ("shm", "-m")):
        tree, ipcs = float("inf"), float("inf")
        for _ in range(RUNS):
            tree = min(tree, time_of(lambda: run("cat", f"{kind}/status")))
            ipcs = min(ipcs, time_of(lambda: run("ipcs", option)))
        print(f"{kind}: ipcs {ipcs * 1000:.1f} ms, cat status {tree * 1000:.1f} ms")
        if tree > 3 * ipcs:
            sys.exit(f"{kind}/status takes {tree} s, ipcs {option} {ipcs} s")

    before = most_memory()
    complete("mq", queues)
    complete("sem", sets)
    complete("shm", segments)
    if not make_posix_queues():
        sys.exit("POSIX queues could not be made")
    names = {f"queue-{number}" for number in range(POSIX_QUEUES)}
    if not names <= set(os.listdir("mq")) or not names <= {row[0] for row in lines("mq/status") if row}:
        sys.exit("not all POSIX queues are shown")
    with open("mq/status.json") as file:
        text = len(file.read())
    # The text grows by doubling, and the last step has both copies.
    if not has_sanitizer() and most_memory() - before > 4 * text + SLACK:
        sys.exit(f"{most_memory() - before} bytes more for a text of {text}")


main()
