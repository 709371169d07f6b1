"""The first minutes with a tree, as README tells of them: its commands are typed, and say what it says that they say.

They are typed to bash, one after the other, with a tree at /mnt/ipc as tools/quickstart leaves one.  Blanks at the end
of a line and the width of columns do not count.  What is of the moment must be what it stands for: the pid of the shell
itself, that of another process, and the key that ipcmk chose.
"""
import os
import re
import subprocess
import sys

README = os.path.join(os.environ["HERE"], "../../README.md")
SECTION = "## The first minutes"
# README's pids: of the shell, and of a program that it starts.
SHELL, PROGRAM = "2060", "2071"
END = "---- end of an answer ----"


def fail(words):
    sys.exit(f"FAILED: {words}")


def steps():
    """(command, the lines that README shows) of the section."""
    with open(README, encoding="utf-8") as file:
        text = file.read()
    if text.count(SECTION) != 1:
        fail(f"README has {text.count(SECTION)} sections '{SECTION}'")
    section = text.split(SECTION + "\n")[1].split("\n## ")[0]
    found = []
    for line in section.splitlines():
        if line.startswith("    $ "):
            found.append((line[6:], []))
        elif line.startswith("    ") or (not line and found):
            found[-1][1].append(line[4:])
        elif found:
            break
    # The empty line between the block and the text behind it.
    if found and found[-1][1] == [""]:
        found[-1][1].clear()
    return found


def begin():
    """A tree at /mnt/ipc, in a tmpfs that hides the one of this test."""
    os.chdir("/")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True)
    os.mkdir("/mnt/ipc")
    subprocess.run([os.environ["IPCFS"], "/mnt/ipc"], check=True)


def type_all(commands):
    """(the shell's pid, what it answers to each)."""
    script = "".join(f"{command}\necho '{END}'\n" for command in commands)
    environment = dict(os.environ, HOME=os.environ["T"], LC_ALL="C")
    with subprocess.Popen(["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env=environment) as shell:
        said = shell.communicate(script, timeout=60)[0]
        answers = said.split(END + "\n")
        if len(answers) != len(commands) + 1 or answers[-1]:
            fail(f"the shell said\n{said}")
        return shell.pid, answers[:-1]


def as_shown(answer, pid):
    """What a terminal would have shown, with README's words for what is of the moment."""
    answer = re.sub(r"^bash: line \d+: ", "bash: ", answer, flags=re.MULTILINE)
    answer = re.sub(rf"^{pid} root hold bash$", f"{SHELL} root hold bash", answer, flags=re.MULTILINE)
    answer = re.sub(r"^\d+ mkdir ", f"{PROGRAM} mkdir ", answer, flags=re.MULTILINE)
    answer = re.sub(r"\b0x[0-9a-f]{8}\b", "KEY", answer)
    return [line.split() for line in answer.splitlines()]


def main():
    told = steps()
    if len(told) < 15 or not any(lines for _, lines in told):
        fail(f"README tells of {len(told)} commands only")
    begin()
    pid, answers = type_all([command for command, _ in told])
    for (command, lines), answer in zip(told, answers):
        shown = [re.sub(r"\b0x[0-9a-f]{8}\b", "KEY", line).split() for line in lines]
        if as_shown(answer, pid) != shown:
            fail(f"$ {command}\n-- README\n" + "\n".join(lines) + f"\n-- here\n{answer}--")
    if os.path.exists("/mnt/ipc"):
        fail("the mount point is still there")
    subprocess.run(["umount", "/mnt"], check=True)
    print(f"{len(told)} commands")


main()
