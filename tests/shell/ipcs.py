"""The tables of the tree begin with the bytes of ipcs, whatever there is.

First of no object at all, then of 1,000 that are as different as calls can make them, and in another time
zone.  IPCS_SEED in the environment repeats a run, IPCS_OBJECTS makes it longer.
"""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.environ["HERE"])
import sysv  # noqa: E402

SEED = int(os.environ.get("IPCS_SEED", time.time_ns() % 1000000))
OBJECTS = int(os.environ.get("IPCS_OBJECTS", "1000"))
ATTEMPTS = 20

# A file, what ipcs is asked for, and whether the file has more than ipcs.
FILES = [("status", "", True), ("limits", "-l", True), ("summary", "-u", True)]
for kind, option in (("mq", "-q"), ("shm", "-m"), ("sem", "-s")):
    FILES += [(f"{kind}/status", option, True), (f"{kind}/limits", f"{option} -l", True),
              (f"{kind}/status.pids", f"{option} -p", False),
              (f"{kind}/status.times", f"{option} -t", False),
              (f"{kind}/status.creators", f"{option} -c", False)]


def ipcs(options, zone=None):
    environment = {**os.environ, "LC_ALL": "C", **({"TZ": zone} if zone else {})}
    return subprocess.run(["ipcs", *options.split()], env=environment, check=True,
                          stdout=subprocess.PIPE).stdout


def content(path):
    with open(path, "rb") as file:
        return file.read()


def first_difference(one, other):
    for number, (a, b) in enumerate(zip(one.split(b"\n"), other.split(b"\n")), 1):
        if a != b:
            return f"line {number}: ipcs {a!r}, the tree {b!r}"
    return f"ipcs has {len(one)} bytes, the tree {len(other)}"


def compare(files=FILES, tree=".", zone=None):
    """Pages of segments may be swapped meanwhile: only what ipcs says before and after is compared."""
    for file, options, more in files:
        for attempt in range(ATTEMPTS):
            before = ipcs(options, zone)
            text = content(f"{tree}/{file}")
            if before == ipcs(options, zone):
                break
        else:
            sys.exit(f"ipcs {options} says another thing each time")
        own = text[:len(before)] if more else text
        if own != before:
            sys.exit(f"{file} is not ipcs {options}: {first_difference(before, own)}")
        if more and not text[len(before):].startswith(b"------ ") and \
                not text[len(before):].startswith(b"\n------ "):
            sys.exit(f"{file}: no other table follows, but {text[len(before):][:80]!r}")


def rows(options):
    return ipcs(options).count(b"\n")


def other_zone():
    """A daemon with another TZ has times of that, whatever time zone a reader has."""
    zone = "XYZ-5:47"
    mountpoint = os.path.join(os.environ["T"], "zone")
    os.mkdir(mountpoint)
    daemon = subprocess.Popen([os.environ["IPCFS"], "-f", mountpoint],
                              env={**os.environ, "TZ": zone})
    try:
        while not os.path.ismount(mountpoint):
            if daemon.poll() is not None:
                sys.exit("no second daemon")
        compare([file for file in FILES if "-t" in file[1]], mountpoint, zone)
        if ipcs("-t", zone) == ipcs("-t"):
            sys.exit("another time zone made no difference")
    finally:
        daemon.terminate()
    if daemon.wait() != 0:
        sys.exit(f"the second daemon ended with {daemon.returncode}")


def main():
    print(f"IPCS_SEED={SEED} IPCS_OBJECTS={OBJECTS}", flush=True)
    numbers = random.Random(SEED)
    if rows("") != 10:
        sys.exit("there are objects in a new namespace")
    compare()
    sysv.name_ids(os.environ["T"])
    maker = sysv.Maker(numbers)
    maker.make(OBJECTS)
    sysv.unused(numbers, maker)
    maker.make_extremes()
    if rows("") < OBJECTS * 0.8:
        sys.exit("few objects")
    everything = ipcs("") + ipcs("-t") + ipcs("-c")
    for word in (b"dest   locked", b"4294967294", b" eleven_byt ", b" eleven_byte ", b"n" * 255,
                 b" 4611686018427387904 ", b"0xffffffff ", b" 777 ", b"Not set"):
        if word not in everything:
            sys.exit(f"no {word!r} among the objects: they are not different enough")
    compare()
    other_zone()
    # Limits are this namespace's own.
    for name, value in (("shmmax", "123456789"), ("shmall", "18446744073709551615"), ("shmmni", "3"),
                        ("msgmax", "99999"), ("msgmnb", "1"), ("msgmni", "31999"),
                        ("sem", "250 32000 32 128")):
        with open(f"/proc/sys/kernel/{name}", "w") as file:
            file.write(value)
        compare([file for file in FILES if "-l" in file[1]])


main()
