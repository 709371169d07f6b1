"""ipcgraph: the picture has the processes and objects that are there, or those that are near one of them."""
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as tree

IPCGRAPH, T = os.environ["IPCGRAPH"], os.environ["T"]
SVG = "{http://www.w3.org/2000/svg}"


def check(true, words):
    if not true:
        sys.exit(f"FAILED: {words}")


def run(*words, status=0, environment=None):
    done = subprocess.run([sys.executable, IPCGRAPH, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
                          check=False)
    check(done.returncode == status, f"{words}: {done.returncode} {done.stderr.decode()}")
    return done.stdout if status == 0 else done.stderr.decode()


def drawn(*words):
    """The nodes of an SVG, label to shape, and its edges, by node names; of the legend none."""
    nodes, edges = {}, set()
    for group in tree.fromstring(run(*words)).iter(SVG + "g"):
        title = group.findtext(SVG + "title")
        if group.get("class") == "edge":
            edges.add(tuple(title.split("->")))
        elif group.get("class") == "node" and not title.startswith("legend_"):
            # A long label is several lines, of which each is a text.
            nodes["".join(text.text for text in group.iter(SVG + "text"))] = title
    return nodes, edges


def until(true, words):
    for _ in range(100000):
        if true():
            return
    sys.exit(f"FAILED: no {words}")


if not shutil.which("gvpr") or not shutil.which("dot"):
    print("skipped: needs graphviz")
    sys.exit(77)

# a | b | c; d holds a lock, e waits for it; f has memory of an odd name.
odd = b'shm/"od\\d" &lt; <b>\n-\xff'
os.mkdir("sem/lock")
os.mkdir("mq/0x4d2")
os.mkdir(odd)
pipeline = [subprocess.Popen(["sleep", "1001"], stdout=subprocess.PIPE)]
pipeline.append(subprocess.Popen(["sleep", "1002"], stdin=pipeline[0].stdout, stdout=subprocess.PIPE))
pipeline.append(subprocess.Popen(["sleep", "1003"], stdin=pipeline[1].stdout))
pipes = [f"pipes/anon/{os.fstat(process.stdout.fileno()).st_ino}" for process in pipeline[:2]]
for process in pipeline[:2]:
    process.stdout.close()
holder = subprocess.Popen(["sh", "-c", "exec 9>sem/lock/hold; exec sleep 1004"])
until(lambda: open("sem/lock/value").read() == "0\n", "holder")
waiter = subprocess.Popen(["sh", "-c", "exec 9>sem/lock/hold"])
receiver = subprocess.Popen(["cat", "mq/0x4d2/data"], stdout=subprocess.DEVNULL)
with open(odd + b"/data", "r+b") as file:
    mapper = subprocess.Popen(["sleep", "1005"], pass_fds=[file.fileno()])
until(lambda: len(re.findall("wait", open("holders").read())) == 2, "waiters")


def box(process, command="sleep"):
    return f"{process.pid} {command}"


try:
    # All of it.
    nodes, edges = drawn("/mnt")
    for name in (*pipes, "sem/lock", "mq/0x000004d2", box(holder), box(waiter, "sh"), box(receiver, "cat"),
                 'shm/"od\\134d"\u00a0&lt;\u00a0<b>\\012-\\377', *map(box, pipeline)):
        check(name.replace("\u00a0", " ") in {node.replace("\u00a0", " ") for node in nodes}, f"no {name!r} in {list(nodes)}")
    for tail, head in ((box(pipeline[0]), pipes[0]), (pipes[0], box(pipeline[1])), (box(pipeline[1]), pipes[1]),
                       (pipes[1], box(pipeline[2]))):
        check((nodes[tail], nodes[head]) in edges, f"no arrow from {tail} to {head}")
    # What is drawn is what the tree has said.
    saved = os.path.join(T, "saved.dot")
    with open("holders.dot") as file, open(saved, "w") as copy:
        copy.write(file.read())
    said = re.findall(r"^\t([op]\d+) \[", open(saved).read(), re.M)
    nodes, edges = drawn(saved)
    check(sorted(nodes.values()) == sorted(said), f"{sorted(nodes)} of {sorted(said)}")
    check(edges == set(re.findall(r"^\t([op]\d+) -> ([op]\d+) ", open(saved).read(), re.M)), edges)

    # Around one.
    nodes, edges = drawn("--object", "sem/lock", "--depth", "1", "/mnt")
    check(set(nodes) == {"sem/lock", box(holder), box(waiter, "sh")}, nodes)
    check(len(edges) == 2, edges)
    nodes, _ = drawn("--object", "mq/0x4D2", "-n", "1", "/mnt")
    check(set(nodes) == {"mq/0x000004d2", box(receiver, "cat")}, nodes)
    nodes, _ = drawn("--object", os.fsdecode(odd), "-n", "1", "/mnt")
    check(box(mapper) in nodes, nodes)
    nodes, _ = drawn("--pid", str(pipeline[1].pid), "--depth", "1", "--kind", "pipes", "/mnt")
    check(set(pipes) <= set(nodes) and box(pipeline[1]) in nodes and box(pipeline[0]) not in nodes, nodes)
    nodes, _ = drawn("--pid", str(pipeline[1].pid), "--kind", "pipes", "/mnt")
    check(box(pipeline[0]) in nodes and box(pipeline[2]) in nodes, nodes)
    nodes, _ = drawn("--kind", "sem", "--kind", "mq", "/mnt")
    check({node.split("/")[0] for node in nodes if "/" in node} == {"sem", "mq"}, nodes)
    check(box(mapper) not in nodes, nodes)

    # Kinds differ in shape, those who wait in the line, and the legend says so.
    text = run("-T", "dot", "-O", "sem/lock", "/mnt").decode()
    check(re.search(r"o\d+ \[shape=octagon", text) and "style=dashed" in text and "legend_sem" in text, text)
    check("legend" not in run("-T", "dot", "--no-legend", "/mnt").decode(), "a legend")

    # Files: the type by the name, a graph that has been saved.
    picture = os.path.join(T, "picture.png")
    check(run("-o", picture, "/mnt") == b"", "something on standard output")
    with open(picture, "rb") as file:
        check(file.read(8) == b"\x89PNG\r\n\x1a\n", "no PNG")
    check(run("-T", "png", "-k", "sem", "/mnt")[:4] == b"\x89PNG", "no PNG")
    check(set(drawn("-O", "sem/lock", "-n", "1", saved)[0]) == {"sem/lock", box(holder), box(waiter, "sh")}, "saved")
    check(set(drawn("-O", "sem/lock", "-n", "1")[0]), "the tree that is mounted")

    # What is not there.
    os.mkdir("mq/idle")
    check("nobody is seen" in run("-O", "mq/idle", "/mnt", status=1), "idle")
    check("there is no mq/nix" in run("-O", "mq/nix", "/mnt", status=1), "nix")
    check("holds nothing" in run("-p", "999999999", "/mnt", status=1), "pid")
    check("no ipcfs" in run(T, status=1), "no tree")
    with open(os.path.join(T, "no.dot"), "w") as file:
        file.write("this is no graph {")
    check("gvpr" in run(os.path.join(T, "no.dot"), status=1), "no graph")
    check(subprocess.check_output([IPCGRAPH, "--version"]).startswith(b"ipcgraph 0."), "it does not run by itself")
    # Without graphviz it says what to install.
    bin_directory = os.path.join(T, "bin")
    os.mkdir(bin_directory)
    check("install graphviz" in run("/mnt", status=1, environment={**os.environ, "PATH": bin_directory}), "PATH")
finally:
    for process in (*pipeline, holder, waiter, receiver, mapper):
        process.kill()
        process.wait()
