"""How ipctop ends, and what it does when the tree does: q, Ctrl-C, SIGTERM, a daemon that is stopped, killed, replaced."""
import atexit
import contextlib
import glob
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.environ["HERE"])
import terminal  # noqa: E402

terminal.need_tmux()
IPCTOP, IPCFS, T = os.environ["IPCTOP"], os.environ["IPCFS"], os.environ["T"]
TREE = os.path.join(T, "tree")


def check(true, words):
    if not true:
        sys.exit(f"FAILED: {words}")


def mount():
    daemon = subprocess.Popen([IPCFS, "-f", TREE])
    end = time.monotonic() + terminal.BOUND
    while not os.path.ismount(TREE):
        check(time.monotonic() < end and daemon.poll() is None, "no mount")
    return daemon


def unmount(daemon):
    """Whoever has it open for the moment of a look is waited for."""
    end = time.monotonic() + terminal.BOUND
    while subprocess.run(["umount", TREE], stderr=subprocess.DEVNULL, check=False).returncode:
        check(time.monotonic() < end, "the tree is kept busy")
    daemon.wait()


def pid_of():
    """ipctop, of which one runs."""
    end = time.monotonic() + terminal.BOUND
    while time.monotonic() < end:
        for name in glob.glob("/proc/[0-9]*/comm"):
            with contextlib.suppress(OSError), open(name) as file:
                if file.read() == "ipctop\n":
                    return int(name.split("/")[2])
    return sys.exit("FAILED: there is no ipctop")


def shell():
    screen = terminal.Terminal(100, 30, ["bash", "--norc", "-i"])
    screen.until_has("$")
    return screen


def settings(screen, number):
    """The terminal's settings, as a line on the screen."""
    screen.type(f"echo {number}: $(stty -g)")
    screen.keys("Enter")
    text = screen.until(lambda picture: any(line.startswith(f"{number}: ") for line in picture.split("\n")),
                        "settings")
    return next(line for line in text.split("\n") if line.startswith(f"{number}: ")).split()[1]


def begin(screen):
    screen.type(f"{IPCTOP} -d 0.2 {TREE}; echo status=$?")
    screen.keys("Enter")
    screen.until_has("OBJECTS", "Quit")


def ended(screen, status):
    screen.until_has(f"status={status}")
    check(screen.value("alternate_on") == "0", "the shell's screen has not come back")
    check(screen.value("cursor_flag") == "1", "the cursor has not come back")


os.mkdir(TREE)
daemon = mount()
# What ends before its time leaves no daemon that stands still, and a tree that can be unmounted.
atexit.register(lambda: daemon.send_signal(signal.SIGCONT))
screen = shell()
before = settings(screen, 1)

begin(screen)
screen.keys("q")
ended(screen, 0)
check(settings(screen, 2) == before, "q leaves other settings")

screen.keys("C-l")
screen.until_lacks("status=")
begin(screen)
screen.keys("C-c")
ended(screen, 0)
check(settings(screen, 3) == before, "Ctrl-C leaves other settings")

screen.keys("C-l")
screen.until_lacks("status=")
begin(screen)
os.kill(pid_of(), signal.SIGTERM)
ended(screen, 128 + signal.SIGTERM)
check(settings(screen, 4) == before, "SIGTERM leaves other settings")

# Ctrl-Z and back.
screen.keys("C-l")
screen.until_lacks("status=")
begin(screen)
screen.keys("C-z")
screen.until_has("Stopped")
check(settings(screen, 5) == before, "Ctrl-Z leaves other settings")
screen.keys("C-l")
screen.until_lacks("Stopped")
screen.type("fg")
screen.keys("Enter")
screen.until_has("OBJECTS", "Quit")

# A daemon that stands still: keys are heard.
os.kill(daemon.pid, signal.SIGSTOP)
screen.until_has("The tree has not answered")
screen.keys("3")
screen.until_has("[sem]")
os.kill(daemon.pid, signal.SIGCONT)
screen.until_lacks("The tree has not answered")

# The tree goes, by umount, which is not kept from it; and comes again.
unmount(daemon)
screen.until_has("No tree: ", "Waiting for it")
daemon = mount()
screen.until_lacks("No tree")
os.mkdir(os.path.join(TREE, "sem/newcomer"))
screen.until_has("newcomer")

# It dies.
daemon.kill()
daemon.wait()
screen.until_has("No tree: Transport endpoint is not connected")
subprocess.run(["umount", TREE], check=True)
daemon = mount()
screen.until_lacks("No tree")

# Leaving while it stands still.
os.kill(daemon.pid, signal.SIGSTOP)
screen.keys("q")
screen.until(lambda _: screen.value("alternate_on") == "0", "shell")
os.kill(daemon.pid, signal.SIGCONT)

# The terminal goes.
screen.keys("C-l")
begin(screen)
pid = pid_of()
screen.close()
end = time.monotonic() + terminal.BOUND
while os.path.exists(f"/proc/{pid}"):
    check(time.monotonic() < end, "ipctop outlives its terminal")

# In batch mode a tree that dies is an error.
batch = subprocess.Popen([IPCTOP, "-b", "-d", "0.1", TREE], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
check(batch.stdout.readline().startswith(b"ipctop "), "no batch")
daemon.kill()
daemon.wait()
said = batch.communicate()[1]
check(batch.returncode == 1 and b"not connected" in said, f"{batch.returncode} {said}")
subprocess.run(["umount", TREE], check=True)
