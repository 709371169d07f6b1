"""ipctop on a screen of 80x24 and of 200x60: what is shown, keys, another size, names of odd bytes."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.environ["HERE"])
import terminal  # noqa: E402

terminal.need_tmux()
IPCTOP = os.environ["IPCTOP"]


def fail(words):
    sys.exit(f"FAILED: {words}")


def check(true, words):
    if not true:
        fail(words)


def row_of(screen, name):
    rows = [line for line in screen.split("\n") if f" {name} " in f" {line} "]
    check(rows, f"no row of {name}:\n{screen}")
    return rows[0].split()


def has_colour(text):
    return re.search(r"\x1b\[([0-9]*;)*(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]", text)


def attributes(screen, name, true_of):
    """The line of an object as it is drawn, once that is so."""
    found = []

    def look(_):
        found[:] = [line for line in screen.screen("-e").split("\n") if name in line]
        return found and true_of(found[0])

    screen.until(look, f"line of {name} drawn so")
    return found[0]


def make_objects():
    for name in ("mq/jobs,maxmsg=2,msgsize=64", "mq/idle,maxmsg=2,msgsize=64", "sem/0x51,nsems=3,value=1:10:0",
                 "sem/lock", "shm/ring,size=64K", "pipes/box,keep=1", "mq/0x77", "shm/grüße",
                 b"shm/e\x1b[2Jvil-\xff", "shm/日本"):
        os.mkdir(name)
    for _ in range(2):
        with open("mq/jobs/data", "wb", buffering=0) as file:
            file.write(b"job")
    with open("mq/0x77/framed", "wb", buffering=0) as file:
        file.write(b"type=5 size=9\nhello\n\x1b[J")


def small():
    screen = terminal.Terminal(80, 24, [IPCTOP, "-d", "0.2", "/mnt"])
    picture = screen.until_has("grüße", "OBJECTS", "Quit")
    check("ipctop /mnt" in picture.split("\n")[0], picture)
    check(row_of(picture, "lock")[:2] == ["sem", "lock"], picture)
    check("100%" in row_of(picture, "jobs"), picture)
    # The names are text, whatever they are made of.
    picture = screen.until_has("e\\033[2Jvil-\\377", "日本")
    check(all(len(line) <= 80 for line in picture.split("\n")), picture)

    # Kinds.
    screen.keys("1")
    picture = screen.until_has("[mq]", "MSGS")
    check("lock" not in picture, picture)
    check(row_of(picture, "jobs")[:4] == ["jobs", "root", "2", "6B"], picture)
    screen.keys("Tab")
    screen.until_has("[shm]", "IN USE")
    screen.keys("Left", "Left")
    screen.until_has("[all]")

    # A filter, as it is typed; user; all again.
    screen.keys("/")
    screen.until_has("Only what has this text")
    screen.type("jo")
    picture = screen.until_lacks("lock")
    check("jobs" in picture, picture)
    screen.keys("Enter")
    screen.until_has("1 of ", 'with "jo"')
    screen.keys("Escape")
    screen.until_has("lock")
    screen.keys("u")
    screen.until_has("of user")
    screen.type("nobody-of-them")
    screen.until_has("Nothing of what there is is shown")
    screen.keys("Escape")
    screen.until_has("lock")

    # Sorting is said.
    screen.keys("<")
    screen.until_has("by IDLE")
    screen.keys("r")
    screen.until_has("by IDLE reversed")
    screen.keys("r", ">")
    screen.until_has("by WAIT")

    # One object: its files, its messages, none taken; who waits; it goes.
    screen.keys("3", "Home")
    screen.until_has("[sem]")
    waiter = subprocess.Popen(["sh", "-c", "echo 0:-5 >sem/0x51/op"])
    screen.until(lambda text: row_of(text, "0x00000051")[-2] == "1", "waiter")
    screen.keys("Home", "Enter")
    screen.until_has("sem/0x00000051", "Who waits: 1", f"{waiter.pid}", "Its semaphores: 3")
    check(screen.value("alternate_on") == "1", "the screen is not a screen of its own")
    os.rmdir("sem/0x51")
    screen.until_has("HAS BEEN REMOVED")
    waiter.wait()
    screen.keys("q")
    screen.until_has("[sem]")
    screen.keys("1", "/")
    screen.type("00077")
    screen.keys("Enter")
    screen.until_has("1 of 3")
    screen.keys("Enter")
    screen.until_has("qbytes", "0.5", "hello\\012\\033[J")
    screen.keys("Escape")
    check(open("mq/0x77/messages").read() == "1\n", "a message has been taken")
    screen.until_has("[mq]")
    screen.keys("Escape")
    screen.until_has("idle")

    # Something changes.
    with open("mq/idle/data", "wb", buffering=0) as file:
        screen.keys("p")
        screen.until_has("standing still")
        file.write(b"x")
        screen.keys("Space")
        screen.until(lambda text: row_of(text, "idle")[2] == "1", "message")
        check(row_of(screen.screen(), "idle")[5].startswith("+"), screen.screen())
        screen.keys("p")
        screen.until(lambda text: row_of(text, "idle")[5] == "0", "rest")

    # Help, and the delay.
    screen.keys("h")
    screen.until_has("Keys", "PgUp")
    screen.keys("q", "d")
    screen.until_has("Seconds between")
    screen.type("7x")
    screen.keys("Enter")
    screen.until_has("such as")
    screen.keys("BSpace", "Enter")
    screen.until_has("every 7 s")

    # Other sizes.
    screen.resize(39, 20)
    screen.until(lambda text: text.strip() == "terminal too small", "words of a small terminal")
    screen.resize(60, 10)
    picture = screen.until(lambda text: "[mq]" in text and "Help" in text, "table")
    check("OBJECTS" not in picture, picture)
    screen.resize(200, 30)
    screen.until_has("OBJECTS", "PERMS", "ROOM", "WHO")
    screen.keys("q")
    screen.until_has("ended=0")
    screen.close()


def large():
    holder = subprocess.Popen(["sh", "-c", "exec 9>sem/lock/hold; exec sleep 1000"])
    screen = terminal.Terminal(200, 60, [IPCTOP, "-d", "0.2", "/mnt"])
    picture = screen.until_has(f"{holder.pid}/sleep", "FAMILY", "PERMS", "WHO")
    check(all(len(line) <= 200 for line in picture.split("\n")), picture)
    check(row_of(picture, "lock")[-1] == f"{holder.pid}/sleep", picture)
    # Bold and red where a queue is full, on the terminal's own background, whichever that is.
    screen.keys("End")
    coloured = attributes(screen, "jobs", lambda line: "\x1b[31m" in line)
    check("\x1b[1m" in coloured, repr(coloured))
    check(not re.search(r"\x1b\[([0-9]*;)*(4[0-8]|10[0-7])[;m]", coloured), f"a background: {coloured!r}")
    screen.close()
    screen = terminal.Terminal(200, 60, ["env", "NO_COLOR=1", IPCTOP, "-d", "0.2", "/mnt"])
    screen.until_has("jobs")
    screen.keys("End")
    coloured = attributes(screen, "jobs", lambda line: "\x1b[7m" not in line)
    check("\x1b[1m" in coloured and not has_colour(coloured), repr(coloured))
    screen.close()
    holder.kill()
    holder.wait()


def without_colours():
    screen = terminal.Terminal(80, 24, ["env", "TERM=vt100", IPCTOP, "-d", "0.2", "-k", "mq", "/mnt"])
    screen.until_has("[mq]", "jobs")
    check(not has_colour(screen.screen("-e")), "a vt100 with colours")
    screen.keys("q")
    screen.until_has("ended=0")
    screen.close()
    # A terminal that can place nothing is printed to; one that nobody knows is an error in words.
    for name, words in (("dumb", ("jobs", "ended=0")), ("no-such-terminal", ("ipctop -b", "ended=1"))):
        screen = terminal.Terminal(120, 24, ["env", f"TERM={name}", IPCTOP, "-n", "1", "-k", "mq", "/mnt"])
        screen.until_has(*words)
        screen.close()
    # Bytes where the locale has no letters.
    screen = terminal.Terminal(80, 24, ["env", "LC_ALL=C", IPCTOP, "-d", "0.2", "-k", "shm", "/mnt"])
    screen.until_has("gr\\303\\274\\303\\237e")
    screen.close()


make_objects()
small()
large()
without_colours()
