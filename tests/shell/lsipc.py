"""status.json has the figures of lsipc, typed; and every status.json of the tree is JSON to anyone.

All columns of lsipc, of all objects and of single ones; the semaphores of sets as ipcs -i has them.  IPCS_SEED
in the environment repeats a run.
"""
import collections
import datetime
import json
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.environ["HERE"])
import sysv  # noqa: E402

SEED = int(os.environ.get("IPCS_SEED", time.time_ns() % 1000000))
OBJECTS, SINGLE = 150, 8

COMMON = "KEY ID OWNER PERMS CUID CUSER CGID CGROUP UID USER GID GROUP CTIME"
COLUMNS = {
    "shm": ("-m", COMMON + " SIZE NATTCH STATUS ATTACH DETACH COMMAND CPID LPID"),
    "sem": ("-s", COMMON + " NSEMS OTIME"),
    "mq": ("-q", COMMON + " USEDBYTES MSGS SEND RECV LSPID LRPID"),
}
NUMBERS = set("id cuid cgid uid gid size nattch cpid lpid nsems usedbytes msgs lspid lrpid".split())
TIMES = set("ctime attach detach otime send recv".split())
# What lsipc -m and -q print as the creator's group is the creator's user.
WRONG_IN_LSIPC = {"shm": {"cgid"}, "mq": {"cgid"}, "sem": set()}
PROC = {"shm": ("shm", 10), "sem": ("sem", 7), "mq": ("msg", 10)}


def lsipc(kind, *options):
    option, columns = COLUMNS[kind]
    output = subprocess.run(
        ["lsipc", option, "-J", "-b", "--time-format=iso", "-o", columns.replace(" ", ","), *options],
        check=True, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
    (rows,) = json.loads(output).values()
    return [{key: typed(key, value) for key, value in row.items()} for row in rows]


def typed(key, value):
    if value is None or key not in NUMBERS | TIMES:
        return value
    if key in TIMES:
        return int(datetime.datetime.fromisoformat(value).timestamp())
    return int(value)


def creator_groups(kind):
    file, column = PROC[kind]
    with open(f"/proc/sysvipc/{file}") as table:
        return {int(line.split()[1]): int(line.split()[column]) for line in list(table)[1:]}


def same(kind, expected, row, groups):
    for key, value in expected.items():
        if key in WRONG_IN_LSIPC[kind]:
            value = groups[row["id"]]
        if row[key] != value or type(row[key]) is not type(value):
            sys.exit(f"{kind}/{row['name']} {key}: lsipc {value!r}, status.json {row[key]!r}")


def elements(number):
    """The table at the end of ipcs -s -i."""
    lines = subprocess.run(["ipcs", "-s", "-i", str(number)], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith("semnum"))
    keys = lines[start].split()
    return [dict(zip(keys, map(int, line.split()))) for line in lines[start + 1:] if line]


texts = []  # of all files that were read


def read_json(path):
    with open(path) as file:
        texts.append(file.read())
    return json.loads(texts[-1])


def jq_reads_them():
    arrays = subprocess.run(["jq", "-n", "[inputs | arrays] | length"], input="".join(texts), text=True,
                            check=True, stdout=subprocess.PIPE).stdout
    if int(arrays) != len(texts):
        sys.exit(f"jq sees {arrays} arrays in {len(texts)} files")


def compare(kind, numbers):
    rows = {row["id"]: row for row in read_json(f"{kind}/status.json") if row["family"] == "sysv"}
    expected = {row["id"]: row for row in lsipc(kind)}
    groups = creator_groups(kind)
    if rows.keys() != expected.keys() or len(rows) < OBJECTS // 5:
        sys.exit(f"{kind}/status.json has {len(rows)} objects, lsipc {len(expected)}")
    for number, row in rows.items():
        same(kind, expected[number], row, groups)
        if kind == "sem" and (row["value"] if row["nsems"] > 1 else [row["value"]]) != [
                element["value"] for element in row["elements"]]:
            sys.exit(f"sem/{row['name']}: value {row['value']}, elements {row['elements']}")
    for number in numbers.sample(sorted(rows), SINGLE):
        (single,) = read_json(f"{kind}/{number}/status.json")
        if single != rows[number]:
            sys.exit(f"{kind}/{number}/status.json: {single}, among others {rows[number]}")
        (alone,) = lsipc(kind, "-i", str(number))
        same(kind, alone, single, groups)
        if kind == "sem" and elements(number) != single["elements"]:
            sys.exit(f"sem/{number}: ipcs {elements(number)}, status.json {single['elements']}")


def make_the_rest():
    """An object of every other sort, so that each has a status.json."""
    os.mkdir("mq/jobs")
    os.mkdir("mq/odd\"\\name,maxmsg=1,msgsize=1")
    os.mkdir("shm/board,size=5000")
    os.mkdir(b"shm/\xff\n")
    os.mkdir("sem/lock")
    os.mkdir("pipes/log,keep=1")
    os.mkdir("sockets/tcp/127.0.0.1:0")
    os.mkdir("sockets/udp/127.0.0.1:0")
    os.mkdir("sockets/unix/server")


def every_file():
    """All of them parse, and the root's has the objects of all."""
    counts = collections.Counter()
    files = 0
    for directory, below, names in os.walk(b"."):
        if directory.startswith(b"./sem/"):
            below[:] = [name for name in below if name in (b"0", b"1")]
        if b"status.json" in names:
            objects = read_json(directory + b"/status.json")
            files += 1
            if directory.count(b"/") == 1:
                counts[directory[2:].decode()] = len(objects)
    root = collections.Counter(row["kind"] for row in read_json("status.json"))
    for kind in ("mq", "shm", "sem"):
        if root[kind] != counts[kind]:
            sys.exit(f"the root has {root[kind]} objects of {kind}, {kind}/ has {counts[kind]}")
    # Of pipes and sockets some are those of the reading itself.
    if set(root) != {"mq", "shm", "sem", "pipes", "sockets"} or files < OBJECTS // 2:
        sys.exit(f"{files} files of {dict(root)}")
    (posix,) = read_json("shm/board/status.json")
    if (posix["size"], posix["mtime"], posix["key"]) != \
            (5000, int(os.stat("/dev/shm/board").st_mtime), None):
        sys.exit(f"shm/board: {posix}")


def main():
    print(f"IPCS_SEED={SEED}", flush=True)
    numbers = random.Random(SEED)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    for path in ("mq/status.json", "shm/status.json", "sem/status.json"):
        if read_json(path) != []:
            sys.exit(f"{path} is not empty")
    sysv.name_ids(os.environ["T"])
    maker = sysv.Maker(numbers)
    maker.make(OBJECTS)
    maker.make_extremes()
    for kind in COLUMNS:
        compare(kind, numbers)
    make_the_rest()
    every_file()
    jq_reads_them()


main()
