"""Rows of sockets, as ss and as the tree have them, in one form that can be compared.

A row is (netid, state, recvq, sendq, local, peer, users).  An end of an IP socket is (address, zone,
port), of a unix socket (name, inode), of others text; users are (command, pid, fd).  Text is latin-1:
a character a byte.
"""
import glob
import ipaddress
import json
import os
import re
import subprocess

HEADER = ["Netid", "State", "Recv-Q", "Send-Q", "Local", "Peer", "Process"]
USER = re.compile(r'\("(.*?)",pid=(\d+),fd=(\d+)\)')
UNIX = re.compile(r"(.*?) (\d+) +\* (\d+)(.*)$")


def unescape(text):
    return re.sub(r"\\([0-7]{3}|x[0-9a-f]{2})",
                  lambda found: chr(int(found[1][1:], 16) if found[1][0] == "x" else int(found[1], 8)),
                  text)


def ip_end(text):
    """ADDRESS:PORT as ss writes it."""
    address, port = text.rsplit(":", 1)
    zone = ""
    if "%" in address:
        address, zone = address.split("%")
    address = address.strip("[]")
    return (address if address == "*" else str(ipaddress.ip_address(address)), zone,
            "0" if port == "*" else port)


def unix_name(name):
    """ss has an @ for each NUL."""
    return name.replace("\0", "@")


def row_of(line, escaped):
    netid, state, recvq, sendq, rest = line.split(None, 4)
    decode = unescape if escaped else str
    if netid.startswith("u_"):
        name, inode, peer, tail = UNIX.match(rest).groups()
        local, peer = (unix_name(decode(name)), int(inode)), int(peer)
    else:
        local, peer, *tail = rest.split(None, 2)
        tail = tail[0] if tail else ""
        if netid in ("tcp", "udp", "raw", "mptcp", "sctp"):
            local, peer = ip_end(local), ip_end(peer)
    users = sorted((decode(command), int(pid), int(fd)) for command, pid, fd in USER.findall(tail))
    return (netid, state, int(recvq), int(sendq), local, peer, tuple(users)), tail


def output(command, user):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True,
                          user=user, extra_groups=[] if user else None).stdout.decode("latin-1")


def is_own(row):
    """The asking itself: ss, the daemon, and the part of the kernel that answers."""
    return row[0] == "nl" and row[4].startswith("4:")


def netlink_users(user):
    """By (protocol:port); ss names nobody.  Who may not be looked into is not named here either."""
    holders = {}
    script = ("import glob, os\n"
              "for path in glob.glob('/proc/[0-9]*/fd/*'):\n"
              "    try: print(path, os.readlink(path))\n"
              "    except OSError: pass\n")
    for line in output(["python3", "-c", script], user).rstrip("\n").split("\n"):
        path, *to = line.split(" ", 1)
        if to and to[0].startswith("socket:["):
            _, _, pid, _, fd = path.split("/")
            holders.setdefault(int(to[0][8:-1]), []).append((int(pid), int(fd)))
    users = {}
    for line in open("/proc/net/netlink").read().rstrip("\n").split("\n")[1:]:
        _, protocol, port, *_, inode = line.split()
        signed = int(port) - (int(port) >> 31 << 32)
        users[f"{protocol}:{signed}"] = holders.get(int(inode), [])
    return users


def command_of(pid):
    with open(f"/proc/{pid}/comm", "rb") as file:
        return file.read().decode("latin-1")[:-1]


def of_ss(user):
    """All rows, and by socket what only -e tells: {row: [(uid, inode)]}."""
    rows, more, seen = [], {}, set()
    netlink = netlink_users(user)
    for line in output(["ss", "-HOanpe"], user).rstrip("\n").split("\n"):
        row, tail = row_of(line, False)
        if is_own(row):
            continue
        if row[0] == "nl":
            # The kernel's dump has one that hears multicast twice.
            if row[4] in seen:
                continue
            seen.add(row[4])
            users = tuple(sorted((command_of(pid), pid, fd) for pid, fd in netlink[row[4]]))
            row = row[:6] + (users,)
        rows.append(row)
        found = {key: value for key, value in re.findall(r" (uid|ino):(\d+)", " " + tail)}
        more.setdefault(row, []).append((int(found.get("uid", 0)), int(found.get("ino", 0))))
    return sorted(rows, key=repr), more


def of_status(user):
    """All rows, and the lines that are none."""
    lines = output(["cat", "/mnt/sockets/status"], user).split("\n")
    assert lines[:2] == ["", "------ Sockets --------"], lines[:2]
    assert lines[2].split() == HEADER, lines[2]
    end = lines.index("", 3)
    rows = [row_of(line, True)[0] for line in lines[3:end]]
    return (sorted((row for row in rows if not is_own(row)), key=repr),
            [line for line in lines[end:] if line])


def json_end(family, text, v6only):
    """One that is null is any address, port 0."""
    address, port = text.rsplit(":", 1) if text else ("::" if family == "inet6" else "0.0.0.0", "0")
    address, _, zone = address.partition("%")
    return ("*" if address == "::" and not v6only else str(ipaddress.ip_address(address)), zone, port)


def of_json(user):
    """The same rows of status.json, each with its object."""
    rows = []
    for has in json.loads(output(["cat", "/mnt/sockets/status.json"], user).encode("latin-1")):
        # Back to bytes: what was UTF-8 has been decoded, all else was written out.
        def text(value):
            return unescape((value or "").encode().decode("latin-1"))
        netid = has["netid"]
        if netid.startswith("u_"):
            name = text(has["local"])
            if name.startswith("anon/"):
                name = "*"
            local, peer = (unix_name(name), has["inode"] or 0), has["peer"] or 0
        elif netid in ("tcp", "udp", "raw", "mptcp", "sctp"):
            local = json_end(has["family"], has["local"], has["v6only"])
            peer = json_end(has["family"], has["remote"], has["v6only"])
        else:
            local, peer = text(has["local"]), text(has["remote"]) or "*"
        users = []
        for holder in has["holders"]:
            assert holder["how"].startswith("fd="), holder
            users += [(text(holder["command"]), holder["pid"], int(fd))
                      for fd in holder["how"][3:].split(",")]
        row = (netid, has["state"], has["recvq"], has["sendq"], local, peer, tuple(sorted(users)))
        if not is_own(row):
            rows.append((row, has))
    return sorted(rows, key=lambda pair: repr(pair[0]))
