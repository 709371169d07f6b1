"""sockets/status and status.json have the rows of ss, on a machine with a thousand sockets."""
import collections
import os
import resource
import shutil
import sys
from socket import AF_UNIX, SOCK_DGRAM

sys.dont_write_bytecode = True
sys.path.insert(0, os.environ["HERE"])
import sock_rows  # noqa: E402
from sock_zoo import NOBODY, Zoo, network  # noqa: E402

TRIES = 50


def difference(expected, got):
    expected, got = collections.Counter(expected), collections.Counter(got)
    lines = [f"ss alone:   {row}" for row in (expected - got).elements()]
    lines += [f"tree alone: {row}" for row in (got - expected).elements()]
    return "\n".join(sorted(lines)[:40])


def compare(zoo, user):
    """Both are asked until nothing has changed between the first and the last; then all agree."""
    for _ in range(TRIES):
        before, more = sock_rows.of_ss(user)
        status, last = sock_rows.of_status(user)
        objects = sock_rows.of_json(user)
        after, _ = sock_rows.of_ss(user)
        if before == after:
            break
    else:
        raise AssertionError("sockets come and go that nobody here made")
    # ss of iproute2 before 6.8 does not ask for those.
    inactive = [row for row in status if row[:2] == ("tcp", "UNCONN")]
    asks = any(row[:2] == ("tcp", "UNCONN") for row in before)
    of_ss = [row for row in status if asks or row not in inactive]
    assert of_ss == before, difference(before, of_ss)
    assert sorted(int(row[4][2]) for row in inactive) == sorted(zoo.inactive), inactive
    assert [row for row, _ in objects] == status, difference(status, [row for row, _ in objects])
    return before, more, objects, last


def check_more(objects, more):
    """What only -e tells, and what JSON has besides."""
    for row, has in objects:
        if row not in more or row[0] not in ("tcp", "udp", "mptcp"):
            continue
        assert (has["uid"], has["inode"] or 0) in more[row], (has, more[row])
        assert has["backlog"] == (row[3] if row[1] == "LISTEN" else None), has
    names = [has["name"] for row, has in objects]
    for row, has in objects:
        assert (has["name"] is None) == (row[0] not in ("tcp", "udp", "u_str", "u_dgr", "u_seq")), has
    return names


if not shutil.which("ss") or not shutil.which("ip") or not os.path.exists("/proc/net/if_inet6"):
    print("skipped: needs ss and ip (iproute2), and IPv6")
    sys.exit(77)
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
network()
zoo = Zoo(os.environ["T"]).make()
zoo.spread()

rows, more, objects, last = compare(zoo, None)
assert len(rows) >= 1000, len(rows)
assert last == [], last
states = {row[1] for row in rows if row[0] == "tcp"} - {"UNCONN"}
assert states == {"LISTEN", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT",
                  "CLOSE-WAIT", "LAST-ACK", "CLOSING"}, states
kinds = {row[0] for row in rows} - {"mptcp"}
assert kinds == {"nl", "p_raw", "p_dgr", "u_str", "u_dgr", "u_seq", "raw", "udp", "tcp"}, kinds
assert len([row for row in rows if len(row[6]) > 1]) >= 500
check_more(objects, more)

# What another user is told is what ss tells that one; the others are counted.
rows, more, objects, last = compare(zoo, NOBODY)
assert any(row[6] for row in rows) and not all(row[6] for row in rows)
assert last == ["# 5 processes not shown: you may not look at them"], last


def odd_names():
    """All bytes that there are, which would break the rows of ss: each socket is one row here."""
    every = bytes(range(1, 256))
    names = [b"\0" + every[i:i + 51] + b"\0" + every[i:i + 51] for i in range(0, 255, 51)]
    names += [b"%s/%s" % (zoo.directory, bytes([byte])) for byte in every if byte not in b"./"]
    for name in names:
        zoo.bound(AF_UNIX, SOCK_DGRAM, name)
    return {os.fstat(made.fileno()).st_ino: name for made, name in zip(zoo.kept[-len(names):], names)}


names = odd_names()
zoo.child(b'a\n"),\x01\\ b', 0, lambda i: i >= len(zoo.kept) - len(names))
status, _ = sock_rows.of_status(None)
told = {row[4][1]: row for row in status}
for inode, name in names.items():
    row = told[inode]
    assert row[:4] == ("u_dgr", "UNCONN", 0, 0) and row[5] == 0, row
    assert row[4][0] == sock_rows.unix_name(name.decode("latin-1")), (row, name)
    assert {command for command, _, _ in row[6]} == {"python3", 'a\n"),\x01\\ b'}, row
of_json = {row[4][1]: row for row, _ in sock_rows.of_json(None)}
assert all(of_json[inode] == told[inode] for inode in names)
zoo.end()
