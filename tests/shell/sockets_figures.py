"""Each socket of a thousand is where status.json says that it is, and the figures there, and who has
it, are those of ss."""
import os
import pwd
import resource
import shutil
import sys
from collections import Counter, defaultdict

sys.dont_write_bytecode = True
sys.path.insert(0, os.environ["HERE"])
import sock_rows  # noqa: E402
from sock_zoo import Zoo, network  # noqa: E402

CHANNELS = {"connect", "wait", "try", "within"}
GROUPS = {"tcp": {"conn"} | CHANNELS, "tcp/conn": set(), "udp": CHANNELS,
          "unix": {"anon"} | CHANNELS, "unix/anon": set()}


def read(path):
    with open(b"/mnt/sockets/" + path, "rb") as file:
        return file.read().decode("latin-1")


def encoded(name):
    """JSON has bytes that are not UTF-8 as \\\\xNN in the text."""
    return sock_rows.unescape(name.encode().decode("latin-1")).encode("latin-1")


def stable():
    """Rows and objects while ss says the same before and after."""
    for _ in range(50):
        before, _ = sock_rows.of_ss(None)
        objects = sock_rows.of_json(None)
        lists = {group: os.listdir(os.fsencode("/mnt/sockets/" + group)) for group in GROUPS}
        if sock_rows.of_ss(None)[0] == before:
            return objects, lists
    raise AssertionError("sockets come and go that nobody here made")


def check_lists(named, lists):
    for group, fixed in GROUPS.items():
        expected = {path.rsplit(b"/", 1)[1] for path in named
                    if path.rsplit(b"/", 1)[0] == group.encode()}
        listed = {name for name in lists[group] if name.decode("latin-1") not in fixed}
        assert listed == expected, (group, list(listed ^ expected)[:5])
        assert len(lists[group]) == len(set(lists[group])), group


def check_figures(path, rows):
    """Those of one of the sockets that share the address, a listener if there is one."""
    figures = {name: read(path + b"/" + name.encode()).rstrip("\n")
               for name in ("state", "recvq", "sendq", "backlog", "inode", "local", "remote")}
    if any(row[1] == "LISTEN" for row, _ in rows):
        rows = [(row, has) for row, has in rows if row[1] == "LISTEN"]
    for row, has in rows:
        expected = (row[1], str(row[2]), str(row[3]),
                    str(row[3]) if row[1] == "LISTEN" else "", str(has["inode"] or ""))
        if tuple(figures.values())[:5] == expected:
            break
    else:
        raise AssertionError((path, figures, rows))
    for end in "local", "remote":
        assert sock_rows.unescape(figures[end]) == sock_rows.unescape(
            (has[end] or "").encode().decode("latin-1")), (path, figures, has)


def holder_lines(rows):
    """PID USER fd=N,N COMMAND, as ss has users."""
    lines = Counter()
    for row, _ in rows:
        processes = defaultdict(list)
        for command, pid, fd in row[6]:
            processes[pid, command].append(fd)
        for (pid, command), fds in processes.items():
            user = pwd.getpwuid(os.stat(f"/proc/{pid}").st_uid).pw_name
            lines[f"{pid} {user} fd={','.join(map(str, sorted(fds)))} {command}"] += 1
    return lines


if not shutil.which("ss") or not shutil.which("ip") or not os.path.exists("/proc/net/if_inet6"):
    print("skipped: needs ss and ip (iproute2), and IPv6")
    sys.exit(77)
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
network()
zoo = Zoo(os.environ["T"]).make()
zoo.spread()

objects, lists = stable()
named = defaultdict(list)
for row, has in objects:
    if has["name"]:
        named[encoded(has["name"])].append((row, has))
assert len(named) >= 700, len(named)
check_lists(named, lists)
# TIME-WAIT lasts a minute, and what begins changes too.
checked = 0
for path, rows in list(named.items())[::20]:
    if not all(row[1] in ("ESTAB", "LISTEN", "UNCONN", "CLOSE-WAIT", "LAST-ACK") for row, _ in rows):
        continue
    checked += 1
    check_figures(path, rows)
    lines = Counter(map(sock_rows.unescape, read(path + b"/holders").split("\n")[:-1]))
    assert lines == holder_lines(rows), (path, lines, holder_lines(rows))
assert checked >= 30, checked

# All at once: the same lines, the path in front.
expected = Counter()
for path, rows in named.items():
    for line, count in holder_lines(rows).items():
        expected[path.decode("latin-1") + " " + line] += count
lines = Counter(map(sock_rows.unescape, read(b"holders").split("\n")[:-1]))
assert lines == expected, ((lines - expected), (expected - lines))
zoo.end()
