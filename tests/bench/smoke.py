"""Every row of tools/bench can be had: each is measured as shortly as can be, table and plot are made of them.

usage: smoke.py BENCH REPORT

What the figures are says nothing here.  A row that this machine has no program for is printed as skipped.
"""
import json
import math
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

BOTH = """
request/write-posix request/write-sysv request/read-posix request/read-sysv request/V-posix request/P-posix
request/V-sysv request/P-sysv request/write-posix-bare request/write-sysv-bare request/V-sysv-bare
shell/echo-sysv shell/echo-posix shell/echo-wait shell/echo-helper shell/null-helper shell/echo-perl shell/mkdir shell/rmdir
handover/sysv handover/posix stream/posix stream/sysv pipe/data
memory/posix-pread-4k memory/posix-pwrite-4k memory/posix-pread-1m memory/posix-pwrite-1m memory/posix-load memory/posix-store
memory/posix-ro-pread-4k memory/posix-ro-pread-1m memory/posix-ro-load
memory/sysv-pread-4k memory/sysv-pwrite-4k memory/sysv-pread-1m memory/sysv-pwrite-1m memory/sysv-load memory/sysv-store
memory/sysv-ro-pread-4k memory/sysv-ro-pread-1m memory/sysv-ro-load
socket/tcp-both socket/tcp-both-64k socket/tcp-both-plain socket/tcp-sends socket/tcp-receives
socket/unix-both socket/unix-both-64k socket/unix-both-plain socket/unix-sends socket/unix-receives
""".split()
ONE = """
table/segments-1024 table/segments-2048 table/segments-4096 table/segments-lsipc table/segments-linear
table/sets-7500 table/sets-15000 table/sets-30000 table/sets-lsipc table/sets-linear
table/queues-7500 table/queues-15000 table/queues-30000 table/queues-lsipc table/queues-linear
table/posix-ls-linear table/posix-ls-l-linear table/posix-status-linear process/sockets process/pipes
parked/queue-1 parked/queue-10 parked/thread-1 parked/thread-10
""".split()
COUNTS = """
stream/depth rest/memory rest/wakeups rest/memory-used rest/wakeups-used
calls/echo-sysv calls/write-op calls/write-data calls/echo-posix calls/cat-value calls/mkdir calls/rmdir calls/ls calls/ls-l calls/null-echo
""".split()


def expected():
    rows = {name: ["one core", "free"] for name in BOTH}
    rows.update((name, ["one core"]) for name in ONE)
    rows.update((name, None) for name in COUNTS)
    rows.update((f"{name}-daemon", None) for name in COUNTS if name.startswith("calls/"))
    return rows


def measured(bench):
    # What it ends with, not what it says of each row, unless it fails.
    done = subprocess.run([bench, "-s"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{done.stderr}\n{bench} -s ended with {done.returncode}")
    return done.stdout


def check_rows(records):
    rows, skipped = {}, {}
    for record in records[1:]:
        if record["type"] == "skip":
            skipped[record["id"]] = record["why"]
            continue
        rows.setdefault(record["id"], []).append(record["where"])
        names = ["our_us", "base_us", "ratio", "low", "high", "least", "most"] if record["type"] == "pair" else ["value"]
        for name in names:
            value = record[name]
            assert math.isfinite(value) and (value > 0 or record["type"] == "count"), record
        # No operation goes without the daemon.  Its system calls are more and fewer with what it does besides.
        assert record.get("unit") != "requests" or record["value"] >= 1, record
    for name, wheres in expected().items():
        group = name.partition("/")[0]
        if name in skipped:
            print(f"skipped: {name}: {skipped.pop(name)}")
        elif group in skipped:
            continue
        else:
            assert name in rows, f"{name} is missing"
            assert wheres is None or rows[name] == wheres, f"{name}: {rows[name]}"
            del rows[name]
    groups = {name: why for name, why in skipped.items() if "/" not in name}
    for name, why in groups.items():
        print(f"skipped: {name}: {why}")
    assert not rows and skipped == groups, f"not expected: {list(rows)} {list(skipped)}"


def check_report(report, lines):
    with tempfile.TemporaryDirectory() as directory:
        results, table, plot, page = (os.path.join(directory, name) for name in ("r.jsonl", "t.md", "p.svg", "page.md"))
        with open(results, "w") as file:
            file.write(lines)
        with open(page, "w") as file:
            file.write("above\n<!-- begin of the results: tools/bench -w -->\nold\n<!-- end of the results -->\nbelow\n")
        subprocess.run([sys.executable, report, "--page", page, results, table, plot], check=True)
        with open(table) as file:
            text = file.read()
        for line in lines.splitlines()[1:]:
            record = json.loads(line)
            name = record["id"] if record["type"] == "skip" else record["id"].partition("/")[2]
            assert f"`{name}`" in text, f"{record['id']} is not in the table"
        with open(page) as file:
            whole = file.read()
        assert whole.startswith("above\n") and whole.endswith("\nbelow\n") and text in whole and "old" not in whole, whole
        root = xml.etree.ElementTree.parse(plot).getroot()
        assert len(root.findall("{http://www.w3.org/2000/svg}circle")) > 50, "the plot"


def main():
    bench, report = sys.argv[1:]
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("skipped: there is no /dev/fuse")
        sys.exit(77)
    lines = measured(bench)
    check_rows([json.loads(line) for line in lines.splitlines()])
    check_report(report, lines)


main()
