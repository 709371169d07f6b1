"""events under load: no gap in the sequence, and what the lines say is what there is in the end."""

import ctypes
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time

SECONDS = int(os.environ.get("EVENTS_SECONDS", "10"))
KINDS = ["shm", "sem", "mq"]
BOUND = 60
PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>


def fail(text):
    print("FAILED:", text, file=sys.stderr)
    os._exit(1)


def objects(kind):
    """The names of the objects, as they are listed."""
    with open(f"{kind}/status.json", encoding="utf-8") as file:
        return {row["name"] for row in json.load(file)}


class Replay(threading.Thread):
    """Reads a file of events and does what its lines say."""

    def __init__(self, path, pause=0.0):
        super().__init__(daemon=True)
        self.file = open(path, "rb", buffering=0)
        self.pause = pause
        self.objects = {kind: {} for kind in KINDS + ["pipes", "sockets"]}
        self.counts = {}
        self.seq = 0
        self.lost = 0
        self.removed_by = {}
        self.ready = threading.Event()
        self.markers = {}
        self.start()

    def run(self):
        rest = b""
        while True:
            data = self.file.read(65536)
            if not data:
                fail("end of file of a stream of events")
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self.apply(json.loads(line))
            if self.pause:
                time.sleep(self.pause)

    def apply(self, line):
        what, kind, name = line["what"], line.get("kind"), line.get("name")
        self.counts[what] = self.counts.get(what, 0) + 1
        expected = self.seq + line.get("count", 1)
        if line["seq"] != expected:
            fail(f"number {line['seq']} follows {self.seq}: {line}")
        self.seq = expected
        if what == "lost":
            self.lost += line["count"]
            self.objects[kind].clear()
        elif what == "ready":
            self.ready.set()
        elif what in ("exists", "create"):
            if name in self.objects[kind]:
                fail(f"made twice: {line}")
            self.objects[kind][name] = line
            if name == "marker":
                self.markers.setdefault(kind, threading.Event()).set()
        elif what == "change":
            there = self.objects[kind].get(name)
            if there is None:
                fail(f"changed before it was there: {line}")
            for key, value in line.items():
                if isinstance(value, list):
                    if there[key] != value[0]:
                        fail(f"{key} was {there[key]}: {line}")
                    there[key] = value[1]
        elif what == "remove":
            if self.objects[kind].pop(name, None) is None:
                fail(f"removed before it was there: {line}")
            self.removed_by[name] = line.get("by")
        else:
            fail(f"what is {line}")

    def wait_for(self, condition, what):
        until = time.monotonic() + BOUND
        while not condition():
            if time.monotonic() > until:
                fail(f"never: {what}")
            time.sleep(0.01)


def threads():
    return len(os.listdir(f"/proc/{os.environ['DAEMON']}/task"))


def check_waiting():
    """A reader that waits can be polled for, and killed."""
    reader = os.open("mq/events", os.O_RDONLY | os.O_NONBLOCK)
    text = b""
    while b'"ready"' not in text:
        text += os.read(reader, 65536)
    try:
        os.read(reader, 1)
        fail("a read of nothing")
    except BlockingIOError:
        pass
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    if poll.poll(0):
        fail("poll says that there is something")
    os.mkdir("mq/polled")
    if not poll.poll(BOUND * 1000):
        fail("poll sleeps on")
    if b'"create"' not in os.read(reader, 65536):
        fail("no create")
    os.rmdir("mq/polled")
    # What would be taken for a directory of channels has another name.
    os.mkdir("mq/posix:wait")
    if "posix:wait" not in objects("mq"):
        fail("a queue called wait is not listed")
    os.rmdir("mq/posix:wait")
    os.close(reader)
    child = subprocess.Popen(["cat", "events"], stdout=subprocess.PIPE)
    while b'"ready"' not in child.stdout.readline():
        pass
    child.send_signal(signal.SIGKILL)
    child.wait(BOUND)
    child.stdout.close()


def read_until(reader, words):
    """All that comes up to a line with these words."""
    text = b""
    while words not in text:
        select.select([reader], [], [], BOUND)
        text += os.read(reader, 65536)
    return text


def check_unread():
    """For a reader that does not read nobody looks: what came and went meanwhile was not seen."""
    unread = os.open("shm/events", os.O_RDONLY | os.O_NONBLOCK)
    clock = os.open("mq/events", os.O_RDONLY | os.O_NONBLOCK)
    read_until(clock, b'"ready"')
    for _ in range(5):
        with open("/dev/shm/brief", "wb"):
            os.mkdir("mq/tick")
        read_until(clock, b'"create"')
        os.unlink("/dev/shm/brief")
        os.rmdir("mq/tick")
        read_until(clock, b'"remove"')
    read_until(unread, b'"ready"')
    os.mkdir("shm/marker")
    if b"brief" in read_until(unread, b'"marker"'):
        fail("snapshots were taken for nobody")
    os.rmdir("shm/marker")
    os.close(unread)
    os.close(clock)


def check_read_only():
    tree = os.environ["T"] + "/ro"
    os.mkdir(tree)
    subprocess.run([os.environ["IPCFS"], "-o", "ro", tree], check=True)
    reader = os.open(tree + "/shm/events", os.O_RDONLY)
    if b'"ready"' not in os.read(reader, 65536):
        fail("nothing to read in a tree that is mounted ro")
    os.close(reader)
    subprocess.run(["umount", tree], check=True)


def stress():
    """Until the last process of stress-ng has ended, which may be after the first one."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = ["stress-ng", "--quiet", "--timeout", str(SECONDS)]
    for load in ("--shm-sysv", "--msg", "--sem-sysv", "--mq"):
        command += [load, "2"]
    # What it cannot do in this container it says, and goes on.
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/")
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


def main():
    os.mkdir("shm/before,size=4K")
    everything, slow = Replay("events"), Replay("events", pause=0.5)
    single = {kind: Replay(f"{kind}/events") for kind in KINDS}
    never = open("events", "rb", buffering=0)
    replays = [everything, slow, *single.values()]
    for replay in replays:
        replay.wait_for(replay.ready.is_set, "ready")
    stress()
    os.rmdir("shm/before")
    for kind in KINDS:
        os.mkdir(f"{kind}/marker")
    for replay in (everything, slow):
        for kind in KINDS:
            replay.wait_for(lambda: "marker" in replay.objects[kind], f"{kind}/marker")
    for kind, replay in single.items():
        replay.wait_for(lambda: "marker" in replay.objects[kind], f"{kind}/marker")
    for replay in replays:
        print(f"{replay.seq} lines, {replay.lost} lost:", replay.counts)
    for kind in KINDS:
        there = objects(kind)
        for replay in (everything, slow, single[kind]):
            told = set(replay.objects[kind])
            if told != there:
                fail(f"{kind}: only told of: {told - there}, only there: {there - told}")
    for word in ("create", "remove", "change"):
        if not everything.counts.get(word):
            fail(f"stress-ng did not make a single {word}")
    by = everything.removed_by.get("before")
    if not by or by["pid"] != os.getpid() or by["uid"] != 0:
        fail(f"who removed shm/before is said to be {by}")
    never.close()


def check_rest(alone):
    """Where nobody reads, nothing runs: the threads that took snapshots have gone."""
    until = time.monotonic() + BOUND
    while threads() > alone:
        if time.monotonic() > until:
            fail(f"{threads()} threads, {alone} before anybody read")
        time.sleep(0.01)


if sys.argv[1:] == ["load"]:
    main()
    sys.stdout.flush()
    os._exit(0)
rested = threads()
check_waiting()
check_unread()
check_read_only()
check_rest(rested)
if subprocess.run([sys.executable, sys.argv[0], "load"], check=False).returncode:
    fail("under load")
check_rest(rested)
