"""Every recipe of docs/cookbook.md is run, and prints what it says that it prints.

A fenced block of sh, bash, python, perl, go or c is a program; a block of text right after it is its whole output, and
without one it prints nothing.  `needs=` after the language names commands, and the kernel, without which it is left out.
A recipe, from one heading to the next, leaves no object and no process behind.

COOKBOOK in the environment names another book, RECIPE a word of the only heading to be run.
"""
import os
import re
import shutil
import subprocess
import sys
import time

BOOK = os.environ.get("COOKBOOK", os.path.join(os.environ["HERE"], "../../docs/cookbook.md"))
DIRECTORY = os.environ["T"]
SECONDS = 60
INTERPRETERS = {"sh": ["sh", "-eu"], "bash": ["bash", "-eu"], "python": ["python3"], "perl": ["perl"]}
# gccgo has its library compiled; the other compiler of Go would first compile that, for longer than all the recipes take.
COMPILERS = {"c": ["cc", "-Wall", "-Werror"], "go": ["gccgo"]}


def blocks(text):
    """(heading, line, language, what it needs, text) of each fenced block."""
    heading, block = None, None
    for number, line in enumerate(text.splitlines(), 1):
        if block is None and line.startswith("#"):
            heading = line.lstrip("# ")
        if not line.startswith("```"):
            if block is not None:
                block[-1] += line + "\n"
        elif block is None:
            language, *needs = line[3:].split() or [""]
            needs = [need for word in needs for need in word.removeprefix("needs=").split(",")]
            block = [heading, number, language, needs, ""]
        else:
            yield block
            block = None
    if block is not None:
        raise SystemExit(f"line {block[1]}: a block without an end")


def programs(text):
    """(heading, line, language, needs, program, output)."""
    found = []
    for heading, line, language, needs, content in blocks(text):
        if language != "text":
            if language not in INTERPRETERS and language not in COMPILERS:
                raise SystemExit(f"line {line}: what is '{language}'?")
            found.append([heading, line, language, needs, content, ""])
        elif not found or found[-1][0] != heading or found[-1][5]:
            raise SystemExit(f"line {line}: output of what?")
        else:
            found[-1][5] = content
    return found


def is_there(need):
    """A command, a version of the kernel (linux-6.9), or a module of Perl's (IPC::SysV)."""
    if "::" in need:
        return subprocess.run(["perl", f"-M{need}", "-e", "1"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    if need.startswith("linux-"):
        wanted = need.removeprefix("linux-").split(".")
        running = re.findall(r"\d+", os.uname().release)
        return list(map(int, running[:2])) >= list(map(int, wanted))
    return shutil.which(need) is not None


def command_of(language, program):
    """What runs it; a file for each, which is what `ps` and the holders show."""
    path = os.path.join(DIRECTORY, "recipe")
    source = path + "." + language if language in COMPILERS else path
    with open(source, "w", encoding="utf-8") as file:
        file.write(program)
    if language in INTERPRETERS:
        return INTERPRETERS[language] + [path]
    subprocess.run(COMPILERS[language] + ["-o", path, source], check=True)
    return [path]


def run(language, program):
    """Its output and status; what goes on after SECONDS is ended."""
    environment = dict(os.environ, TMPDIR=DIRECTORY, LC_ALL="C")
    with subprocess.Popen(command_of(language, program), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=environment, start_new_session=True) as process:
        try:
            return process.communicate(timeout=SECONDS)[0], process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return process.communicate()[0], f"none after {SECONDS} s"


def left_over():
    """Objects and processes that are not the test's own."""
    found = [f"{kind}/{name}" for kind in ("shm", "sem", "mq", "pipes") for name in os.listdir(kind)
             if os.path.isdir(f"{kind}/{name}") and name not in ("anon", "orphans")]
    found += [f"sockets/{kind}/{name}" for kind in ("tcp", "udp", "unix") for name in os.listdir(f"sockets/{kind}")
              if os.path.isdir(f"sockets/{kind}/{name}/try")]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                command, rest = file.read().rsplit(")", 1)
        except OSError:
            continue
        if int(pid) not in (1, os.getpid(), int(os.environ["DAEMON"])) and rest.split()[0] not in "ZX":
            found.append(f"process {pid} {command.split('(', 1)[1]}")
    return found


def left_over_at_last():
    """The same, after a while for processes to end that have been told to."""
    until = time.monotonic() + SECONDS
    found = left_over()
    while found and all(one.startswith("process ") for one in found) and time.monotonic() < until:
        found = left_over()
    return found


def prepare():
    """What a machine with ipcfs has: the command, and a route by which a broadcast goes."""
    os.mkdir(f"{DIRECTORY}/bin")
    os.symlink(os.environ["IPCFS"], f"{DIRECTORY}/bin/ipcfs")
    os.environ["PATH"] = f"{DIRECTORY}/bin:{os.environ['PATH']}"
    if is_there("ip"):
        subprocess.run(["ip", "route", "add", "224.0.0.0/4", "dev", "lo"], check=True)


def main():
    prepare()
    with open(BOOK, encoding="utf-8") as file:
        book = programs(file.read())
    only = os.environ.get("RECIPE", "")
    book = [entry for entry in book if only in entry[0]]
    left_out, failures = [], 0
    for index, (heading, line, language, needs, program, output) in enumerate(book):
        missing = [need for need in needs if not is_there(need)]
        if missing:
            left_out.append(f"{heading}, line {line}: needs {' and '.join(missing)}")
            continue
        got, status = run(language, program)
        if status != 0 or got != output:
            failures += 1
            print(f"{BOOK}:{line}: {heading}: status {status}\n-- expected\n{output}-- got\n{got}--", file=sys.stderr)
        if index + 1 == len(book) or book[index + 1][0] != heading:
            remains = left_over_at_last()
            if remains:
                failures += 1
                print(f"{heading}: leaves {', '.join(remains)}", file=sys.stderr)
    print(f"{len(book) - len(left_out)} blocks of {len({entry[0] for entry in book})} recipes run, {failures} failures")
    if failures or not book:
        return 1
    for words in left_out:
        print(f"skipped: {words}")
    return 77 if left_out else 0


sys.exit(main())
