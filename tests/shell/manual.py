"""The list of paths in the manual, docs/ipcfs.5, and the tree that it describes: the same.

Makes an object of each kind and family, walks the tree, and compares name, family, sort and mode of all that
is there with the manual's items, both ways.  What lists nothing is opened by name.  The rows of the source's tables
must all have been met, so that a table with objects which this test does not make cannot go by unseen.

The tree has to be mounted with orphan_age=0 (IPCFS_OPTIONS), to have an orphan to show.
"""
import os
import re
import socket
import stat
import sys

HERE = os.environ["HERE"]
MANUAL = os.path.join(HERE, "../../docs/ipcfs.5")
SOURCES = os.path.join(HERE, "../../backends"), os.path.join(HERE, "../../fs")
VIEWS = {"wait", "try", "within"}
# Directories that have the views without listing them: the top, the kinds, and where connect/ is.
UNLISTED = (".", "shm", "sem", "mq", "pipes", "sockets", "sockets/tcp", "sockets/udp", "sockets/unix")
SORTS = {"settable", "channel", "link", "memory"}
SET = "System V"

problems = []


def complain(words):
    problems.append(words)


# ---- the manual ----

def manual_items():
    """(directory, name, its words in parentheses) of each path: .Ss DIRECTORY/, then .It Pa NAME ... Pq WORDS."""
    directory = None
    with open(MANUAL, encoding="utf-8") as lines:
        for line in map(str.strip, lines):
            if line.startswith((".Ss ", ".Sh ")):
                title = line[4:].strip('"')
                directory = title if line.startswith(".Ss ") and (title.endswith("/") or title == "Channels") else None
            found = re.fullmatch(r"\.It Pa (.*?)(?: Pq (.*))?", line)
            if directory and found:
                words = {word.strip() for word in (found[2] or "").split(",")} - {""}
                for name in found[1].split(" , "):
                    yield directory.lstrip("/"), name, words


def expected_of(families):
    """{(directory, family): {name: sort}} as the manual has it."""
    expected = {(directory, family): {} for directory, known in families.items() for family in known}
    for directory, name, words in manual_items():
        if directory == "Channels":
            continue
        if directory not in families:
            complain(f"the manual has {directory}{name}, and this test makes no such object")
            continue
        known = families[directory]
        unknown = words - SORTS - set(known)
        if unknown:
            complain(f"{directory}{name}: what is '{', '.join(unknown)}'?")
        sort = (words & SORTS or {"directory" if name.endswith("/") else "text"}).pop()
        for family in words & set(known) or known:
            if name in expected[directory, family]:
                complain(f"the manual has {directory}{name} ({family}) twice")
            expected[directory, family][name] = sort
    return expected


# ---- the tree ----

rows_met = set()


def sort_of(path):
    """As the manual calls it; complains about modes that are none of the manual's."""
    st = os.lstat(path)
    mode = stat.S_IMODE(st.st_mode)
    if stat.S_ISDIR(st.st_mode):
        return "directory"
    if stat.S_ISLNK(st.st_mode):
        if os.readlink(path) == f"wait/{os.path.basename(path)}":
            return "channel"
        return "link"
    if not stat.S_ISREG(st.st_mode):
        complain(f"{path} has mode {st.st_mode:o}")
    if os.path.basename(path) == "data":
        return "memory"
    if mode not in (0o444, 0o644):
        complain(f"{path} has mode {mode:o}")
    return "settable" if mode == 0o644 else "text"


def views(path, channels):
    """The views of a directory with channels: they list nothing, and have each channel."""
    within = ["0.5", "10"]
    for view in ["wait", "try", "within"] + [f"within/{seconds}" for seconds in within]:
        if os.listdir(f"{path}/{view}"):
            complain(f"{path}/{view} lists {os.listdir(f'{path}/{view}')}")
    for channel in channels:
        for view in ["wait", "try"] + [f"within/{seconds}" for seconds in within]:
            mode = os.lstat(f"{path}/{view}/{channel}").st_mode
            if not stat.S_ISREG(mode):
                complain(f"{path}/{view}/{channel} has mode {mode:o}")


def opened_by_name(path, name, samples):
    """A directory of channels that lists nothing: the link to it, and the samples in it."""
    if os.listdir(f"{path}/{name}"):
        complain(f"{path}/{name} lists something")
    return [f"{name}/{sample}" for sample in samples]


def walked(path, by_name, objects):
    """{name: sort} of a directory.  @by_name: {name: (word of the manual, samples)}; @objects: {name: word}."""
    found, channels = {}, []
    for name in os.listdir(path):
        if name in VIEWS:
            continue
        if name in objects:
            found[objects[name]] = sort_of(f"{path}/{name}")
            continue
        rows_met.add(name)
        sort = sort_of(f"{path}/{name}")
        if name in by_name:
            word, samples = by_name[name]
            found[f"{name}/{word}"] = sort
            channels += opened_by_name(path, name, samples)
            continue
        if sort == "channel":
            channels.append(name)
        found[name + "/" * (sort == "directory")] = sort
    if channels:
        views(path, channels)
    if bool(channels) != (VIEWS <= set(os.listdir(path))) and path not in UNLISTED:
        complain(f"{path}: channels {channels}, views {VIEWS & set(os.listdir(path))}")
    return found


TYPE = {"type": ("N", ["0", "7", "-7", "not-7"])}
PRIO = {"prio": ("N", ["0", "32767"])}


def make_objects():
    """Makes what is to be walked.  Returns [(directory of the manual, family, path, by_name, objects)], and what to keep."""
    for name in ("shm/ring,size=4K", "shm/0x1", "sem/lock", "sem/0x2,nsems=2", "mq/jobs,maxmsg=1,msgsize=64", "mq/0x3",
                 "pipes/log"):
        os.mkdir(name)
    with open("mq/0x3/type/7", "w", encoding="ascii") as queue:
        queue.write("message")
    with open("/dev/shm/orphan", "w", encoding="ascii"):
        pass
    both = {"ring": "NAME/", "orphan": "NAME/", "0x00000001": "NAME/", "lock": "NAME/", "0x00000002": "NAME/", "jobs": "NAME/",
            "0x00000003": "NAME/", "log": "NAME/"}
    pipe = os.pipe()
    number = os.fstat(pipe[0]).st_ino
    kinds = [("", "", ".", {}, {})]
    kinds += [(f"{kind}/", "", kind, {}, both) for kind in ("shm", "sem", "mq", "pipes")]
    kinds += [
        ("shm/NAME/", "POSIX", "shm/ring", {}, {}),
        ("shm/NAME/", SET, "shm/0x1", {}, {}),
        ("sem/NAME/", "POSIX", "sem/lock", {}, {}),
        ("sem/NAME/", SET, "sem/0x2", {}, {"0": "NUM/", "1": "NUM/"}),
        ("mq/NAME/", "POSIX", "mq/jobs", PRIO, {}),
        ("mq/NAME/", SET, "mq/0x3", TYPE, {}),
        ("pipes/NAME/", "", "pipes/log", {}, {}),
        ("pipes/anon/NUMBER/", "", f"pipes/anon/{number}", {}, {}),
    ]
    return kinds, pipe


def make_sockets():
    """Likewise.  A directory of the manual is what a socket's directory has besides what all have."""
    for name in ("tcp/127.0.0.1:7001", "udp/127.0.0.1:7002", "unix/stream", "unix/seqpacket,type=seqpacket",
                 "unix/dgram,type=dgram"):
        os.mkdir(f"sockets/{name}")
    foreign = socket.create_server(("127.0.0.1", 7003))
    client = socket.create_connection(("127.0.0.1", 7003))
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind(("127.0.0.1", 7004))
    file = socket.socket(socket.AF_UNIX)
    file.bind("/run/ipcfs/unix/file")
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0abstract")
    pair = socket.socketpair()
    connection = "127.0.0.1:{}-127.0.0.1:7003".format(client.getsockname()[1])
    unnamed = os.fstat(pair[0].fileno()).st_ino
    own = {
        ("sockets/tcp/ADDRESS:PORT/", ""): "tcp/127.0.0.1:7001",
        ("sockets/udp/ADDRESS:PORT/", ""): "udp/127.0.0.1:7002",
        ("sockets/unix/NAME/", "stream"): "unix/stream",
        ("sockets/unix/NAME/", "seqpacket"): "unix/seqpacket",
        ("sockets/unix/NAME/", "dgram"): "unix/dgram",
        ("sockets/unix/NAME/", "no type"): "unix/file",
    }
    plain = ["tcp/127.0.0.1:7003", f"tcp/conn/{connection}", "udp/127.0.0.1:7004", "unix/@abstract",
             f"unix/anon/{unnamed}"]
    return own, plain, (foreign, client, datagrams, file, abstract, pair)


def walk_sockets(own, plain):
    """{(directory, family): {name: sort}}."""
    found = {}
    for path in plain:
        found["SOCKET/", path] = walked(f"sockets/{path}", {}, {})
    for (directory, family), path in own.items():
        all_rows = walked(f"sockets/{path}", {}, {})
        found["SOCKET/", path] = {name: sort for name, sort in all_rows.items()
                                  if name in found["SOCKET/", plain[0]]}
        found[directory, family] = {name: sort for name, sort in all_rows.items()
                                    if name not in found["SOCKET/", path]}
    # The upper directories are one list of the manual: tcp/, tcp/conn/, tcp/conn/LOCAL-REMOTE/ ...
    upper = walked("sockets", {}, {})
    samples = {"tcp": ["localhost:80", "127.0.0.1:80,from=127.0.0.1:0"], "udp": ["localhost:53"], "unix": ["@x"]}
    words = {"tcp": "ADDRESS:PORT/", "udp": "ADDRESS:PORT/", "unix": "NAME/"}
    for kind, word in words.items():
        choice = {"connect": ("PATH" if kind == "unix" else "HOST:PORT", samples[kind])}
        objects = {name: word for name in os.listdir(f"sockets/{kind}")
                   if name not in VIEWS | {"conn", "anon", "connect"}}
        upper |= {f"{kind}/{name}": sort for name, sort in walked(f"sockets/{kind}", choice, objects).items()}
    for kind, word in (("tcp/conn", "LOCAL-REMOTE/"), ("unix/anon", "INODE/")):
        objects = {name: word for name in os.listdir(f"sockets/{kind}")}
        upper |= {f"{kind}/{name}": sort for name, sort in walked(f"sockets/{kind}", {}, objects).items()}
    found["sockets/", ""] = upper
    return found


def walk():
    kinds, pipe = make_objects()
    own, plain, kept = make_sockets()
    found = walk_sockets(own, plain)
    for directory, family, path, by_name, objects in kinds:
        found[directory, family] = walked(path, by_name, objects)
    # One level further: what these directories list are objects, or messages.
    for name in os.listdir("shm/orphans"):
        found["shm/", ""]["orphans/NAME"] = sort_of(f"shm/orphans/{name}")
    for name in os.listdir("pipes/anon"):
        found["pipes/", ""]["anon/NUMBER/"] = sort_of(f"pipes/anon/{name}")
    if os.listdir("mq/0x3/peek") != ["0.7"]:
        complain(f"peek: {os.listdir('mq/0x3/peek')}")
    found["mq/NAME/", SET]["peek/INDEX.TYPE"] = sort_of("mq/0x3/peek/0.7")
    one = walked("sem/0x2/0", {}, {})
    if one | {"NUM/": "directory"} != found["sem/NAME/", SET]:
        complain(f"sem/NAME/NUM/ is another list than sem/NAME/: {sorted(one)}")
    for descriptor in pipe:
        os.close(descriptor)
    for group in kept:
        for one in group if isinstance(group, tuple) else (group,):
            one.close()
    for path in own.values():
        if path != "unix/file":
            os.rmdir(f"sockets/{path}")
    return found


def tables():
    """The names in the tables of the source."""
    names = set()
    for top in SOURCES:
        for directory, _, files in os.walk(top):
            for file in files:
                if file.endswith((".c", ".h")):
                    with open(os.path.join(directory, file), encoding="utf-8") as text:
                        names |= set(re.findall(r'\{(?:\.name = )?"([^"]+)", *(?:\.type = )?ROW_', text.read()))
    return names


def main():
    found = walk()
    families = {}
    for directory, family in found:
        families.setdefault(directory, []).append(family)
    expected = expected_of(families)
    for place in sorted(found):
        directory, family = place
        of = f" ({family})" if family else ""
        for name in sorted(found[place].keys() | expected[place].keys()):
            there, said = found[place].get(name), expected[place].get(name)
            if not said:
                complain(f"not in the manual: {directory}{name}{of}, {there}")
            elif not there:
                complain(f"in the manual, not in the tree: {directory}{name}{of}, {said}")
            elif there != said:
                complain(f"{directory}{name}{of} is {there}, the manual says {said}")
    forms = {name for directory, name, _ in manual_items() if directory == "Channels"}
    if forms != {"CHANNEL", "wait/CHANNEL", "try/CHANNEL", "within/SECONDS/CHANNEL"}:
        complain(f"the ways to a channel: {forms}")
    for name in sorted(tables() - rows_met):
        complain(f"a row of the tables that this test has not met: {name}")
    if len(tables()) < 50:
        complain(f"the tables have only {tables()}")
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{sum(map(len, found.values()))} paths")
    return 1 if problems else 0


sys.exit(main())
