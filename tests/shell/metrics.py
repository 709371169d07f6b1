"""metrics.prom: what the strictest parser of the format takes, and the numbers that the kernel has."""

import os
import subprocess
import sys

try:
    from prometheus_client.openmetrics import parser as strict
    from prometheus_client import parser as plain
except ImportError:
    # The distribution's module is for the distribution's interpreter.
    if sys.executable != "/usr/bin/python3" and os.access("/usr/bin/python3", os.X_OK):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("skipped: needs the Python module prometheus_client")
    sys.exit(77)


def fail(text):
    print("FAILED:", text, file=sys.stderr)
    sys.exit(1)


def scrape():
    """All samples by name and labels, once each, after having been read by both parsers."""
    with open("metrics.prom", "rb") as file:
        data = file.read()
    text = data.decode("utf-8")  # raises where it is not UTF-8
    if not text.endswith("\n") or "\n\n" in text:
        fail("it does not end in one newline, or has empty lines")
    # Without timestamps and with nothing but gauges the two formats differ in the last line only.
    families = list(strict.text_string_to_metric_families(text + "# EOF\n"))
    if [f.name for f in families] != [f.name for f in plain.text_string_to_metric_families(text)]:
        fail("the two parsers differ")
    samples = {}
    for family in families:
        if family.type != "gauge" or not family.documentation:
            fail(f"{family.name} has no HELP, or is {family.type}")
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            if key in samples or sample.timestamp is not None:
                fail(f"twice, or with a timestamp: {sample}")
            samples[key] = sample.value
    return samples


def value(samples, metric, **labels):
    key = (metric, frozenset(labels.items()))
    if key not in samples:
        fail(f"no {metric} {labels} in {[k for k in samples if k[0] == metric]}")
    return samples[key]


def expect(got, wanted, what):
    if got != wanted:
        fail(f"{what} is {got}, expected {wanted}")


def sysctl(name):
    with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
        return int(file.read().split()[0])


# What each name is in a label: bytes that are no printable UTF-8, and the backslash, as \ooo.
ODD = {
    b"plain": "plain",
    b'quo"te': 'quo"te',
    b"back\\slash": "back\\134slash",
    b"new\nline": "new\\012line",
    b"return\r": "return\\015",
    "größe€😀".encode(): "größe€😀",
    b"\xff": "\\377",
    b"\\377": "\\134377",
    b"\xc3": "\\303",
    b"\xed\xa0\x80": "\\355\\240\\200",
    b"{x=1} 5": "{x=1} 5",
}


def check_names():
    for size, name in enumerate(ODD, 1):
        os.mkdir(b"shm/" + name + b",size=%d" % size)
    samples = scrape()
    for size, (name, label) in enumerate(ODD.items(), 1):
        got = value(samples, "ipcfs_memory_size_bytes", family="posix", name=label)
        expect(got, size, f"the size of {name!r}")
    for name in ODD:
        os.rmdir(b"shm/" + name)


def check_numbers():
    subprocess.run(["ipcmk", "-M", "4096", "-Q", "-S", "3"], check=True, stdout=subprocess.DEVNULL)
    os.mkdir("mq/0x77")
    with open("mq/0x77/data", "wb", buffering=0) as queue:
        queue.write(b"12345")
        queue.write(b"678")
    os.mkdir("mq/posix,maxmsg=10,msgsize=8192")
    os.mkdir("sem/posix")
    os.mkdir("pipes/named")
    os.mkdir("sockets/tcp/127.0.0.1:9734,backlog=7")
    samples = scrape()
    for kind, family, count in (
        ("shm", "sysv", 1),
        ("shm", "posix", 0),
        ("mq", "sysv", 2),
        ("mq", "posix", 1),
        ("sem", "sysv", 1),
        ("sem", "posix", 1),
        ("pipes", "named", 1),
        ("sockets", "tcp", 1),
        ("sockets", "udp", 0),
    ):
        expect(value(samples, "ipcfs_objects", kind=kind, family=family), count, f"{kind} {family}")
    queue = {"family": "sysv", "name": "0x00000077"}
    expect(value(samples, "ipcfs_queue_bytes", **queue), 8, "bytes")
    expect(value(samples, "ipcfs_queue_messages", **queue), 2, "messages")
    listener = {"family": "tcp", "name": "tcp/127.0.0.1:9734"}
    expect(value(samples, "ipcfs_listener_backlog", **listener), 7, "backlog")
    for name, unit, kind, used in (
        ("kernel.msgmni", "queues", "mq", 2),
        ("kernel.msgmnb", "bytes", "mq", None),
        ("fs.mqueue.queues_max", "queues", "mq", 1),
        ("kernel.shmmni", "segments", "shm", 1),
        ("kernel.shmall", "pages", "shm", 4096 // os.sysconf("SC_PAGESIZE")),
    ):
        labels = {"name": name, "unit": unit, "kind": kind}
        expect(value(samples, "ipcfs_limit", **labels), sysctl(name), name)
        if used is not None:
            expect(value(samples, "ipcfs_limit_used", **labels), used, f"use of {name}")
        elif ("ipcfs_limit_used", frozenset(labels.items())) in samples:
            fail(f"use of {name}")
    with open("/proc/sys/kernel/sem", encoding="ascii") as file:
        semmsl, semmns, _, semmni = map(int, file.read().split())
    for name, unit, limit, used in (
        ("SEMMNI", "sets", semmni, 1),
        ("SEMMNS", "semaphores", semmns, 3),
    ):
        labels = {"name": name, "unit": unit, "kind": "sem"}
        expect(value(samples, "ipcfs_limit", **labels), limit, name)
        expect(value(samples, "ipcfs_limit_used", **labels), used, f"use of {name}")
    expect(value(samples, "ipcfs_limit", name="SEMMSL", unit="semaphores", kind="sem"), semmsl, "SEMMSL")
    labels = {"name": "RLIMIT_MSGQUEUE", "unit": "bytes", "kind": "mq"}
    expect(value(samples, "ipcfs_limit_used", **labels), 82880, "use of RLIMIT_MSGQUEUE")
    # What a user is told is the same, whoever's the objects are.
    os.chmod("mq/posix", 0o600)
    command = ["setpriv", "--reuid", "1001", "--regid", "1001", "--clear-groups", "cat"]
    users = subprocess.run([*command, "metrics.prom"], check=True, capture_output=True).stdout
    # The file that is read is open, which is counted for who is no root.
    users = users.replace(b'name="handles_max",unit="handles"} 1\n', b'name="handles_max",unit="handles"} 0\n')
    with open("metrics.prom", "rb") as file:
        expect(users, file.read(), "what uid 1001 reads")


def check_bound():
    for i in range(600):
        os.mkdir(f"shm/many{i},size={i + 1}")
    samples = scrape()
    shown = [key for key in samples if key[0] == "ipcfs_memory_size_bytes"]
    expect(len(shown), 500, "the number of objects shown")
    expect(value(samples, "ipcfs_objects", kind="shm", family="posix"), 600, "objects")
    expect(value(samples, "ipcfs_objects_not_shown", kind="shm"), 101, "objects not shown")
    # The segment of 4096 bytes and the 499 largest of the others.
    value(samples, "ipcfs_memory_size_bytes", family="posix", name="many101")
    if ("ipcfs_memory_size_bytes", frozenset({"family": "posix", "name": "many100"}.items())) in samples:
        fail("a small one is shown")
    for i in range(600):
        os.rmdir(f"shm/many{i}")


scrape()
check_names()
check_numbers()
check_bound()
