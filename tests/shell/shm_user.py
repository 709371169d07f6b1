"""A plain user's own tree: everything works but mmap(MAP_SHARED), which says ENODEV.

The daemon is run by an ordinary uid and mounted with fusermount3.  /dev/fuse is, in this mount
namespace, a node that everyone may open.
"""
import errno
import mmap
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

USER = 1001


def as_user(function, *arguments):
    """Runs it in a process of that user; what it raises is told."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(USER, USER, USER)
            os.setresuid(USER, USER, USER)
            signal.alarm(60)
            function(*arguments)
        except BaseException as problem:
            import traceback
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, function.__name__


def refused(number, function, *arguments, **words):
    try:
        function(*arguments, **words)
    except OSError as error:
        assert error.errno == number, f"{error} is not {errno.errorcode[number]}"
    else:
        raise AssertionError(f"not refused: {function} {arguments}")


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=20)
    assert done.returncode == 0, f"{command}: {done.stderr.decode()}"
    return done.stdout


def one(name, fixed):
    path = f"shm/{name}/data"
    assert os.stat(path).st_size == 65536
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o640
    fd = os.open(path, os.O_RDWR)
    assert os.pwrite(fd, b"hello", 1000) == 5
    assert os.pread(fd, 5, 1000) == b"hello"
    assert os.pread(fd, 100000, 0) == bytes(1000) + b"hello" + bytes(65536 - 1005)
    refused(errno.ENODEV, mmap.mmap, fd, 4096)
    refused(errno.ENODEV, mmap.mmap, fd, 4096, prot=mmap.PROT_READ)
    private = mmap.mmap(fd, 4096, flags=mmap.MAP_PRIVATE)
    assert private[1000:1005] == b"hello"
    private[1000:1005] = b"mine!"
    assert os.pread(fd, 5, 1000) == b"hello"
    private.close()
    assert os.lseek(fd, 0, os.SEEK_DATA) == 0
    # A segment that is only attached shows no holes: all of it may be data.
    assert os.lseek(fd, 4096, os.SEEK_HOLE) == (65536 if fixed else 4096)
    if fixed:
        refused(errno.EINVAL, os.ftruncate, fd, 100)
        refused(errno.ENOSPC, os.pwrite, fd, b"x", 65536)
        assert os.fstat(fd).st_size == 65536
    else:
        os.ftruncate(fd, 100)
        assert os.fstat(fd).st_size == 100
        assert os.pwrite(fd, b"x", 65535) == 1
        assert os.stat(path).st_size == 65536
    os.close(fd)
    run("dd", "if=/dev/urandom", f"of={path}", "bs=4096", "count=16", "conv=notrunc")
    run("cp", path, f"{home}/copy")
    run("cmp", path, f"{home}/copy")
    assert run("du", "-B1", path).split()[0] == b"65536"
    os.chmod(f"shm/{name}", 0o600)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    for figure in ("size", "nattch", "cpid", "rss"):
        if os.path.exists(f"shm/{name}/{figure}"):
            assert open(f"shm/{name}/{figure}").read().strip().isdigit(), figure


def in_own_tree():
    os.chdir(f"{home}/ipc")
    os.mkdir("shm/mine,size=64K", 0o640)
    os.mkdir("shm/0x77,size=64K", 0o640)
    one("mine", False)
    one("0x77", True)
    assert os.stat("/dev/shm/mine").st_uid == USER
    # The kernel and other programs see the same.
    with open("/dev/shm/mine", "r+b", buffering=0) as file:
        file.write(b"outside")
        with open("shm/mine/data", "rb") as seen:
            assert seen.read(7) == b"outside"
    rows = [line.split() for line in open("/proc/sysvipc/shm")][1:]
    assert [row[3] for row in rows if row[0] == str(0x77)] == ["65536"], rows
    assert [row[7] for row in rows if row[0] == str(0x77)] == [str(USER)], rows
    # Root's are as closed as ever.
    refused(errno.EACCES, os.open, "shm/roots/data", os.O_RDONLY)
    refused(errno.EACCES, os.open, "shm/0x78/data", os.O_RDONLY)
    status = run("ipcs", "-m")
    with open("shm/status", "rb") as file:
        assert file.read().startswith(status)
    # Removed under an open handle.
    for name in ("mine", "0x77"):
        fd = os.open(f"shm/{name}/data", os.O_RDONLY)
        before = os.pread(fd, 100, 0)
        os.rmdir(f"shm/{name}")
        assert not os.path.exists(f"shm/{name}")
        assert os.pread(fd, 100, 0) == before
        assert os.fstat(fd).st_size == 65536
        os.close(fd)


os.mknod(f"{os.environ['T']}/fuse", stat.S_IFCHR | 0o666, os.makedev(10, 229))
os.chmod(f"{os.environ['T']}/fuse", 0o666)
if not shutil.which("fusermount3"):
    print("skipped: needs fusermount3")
    sys.exit(77)
try:
    os.close(os.open(f"{os.environ['T']}/fuse", os.O_RDWR))
except OSError as error:
    print(f"skipped: no device can be made here: {error}")
    sys.exit(77)
run("mount", "--bind", f"{os.environ['T']}/fuse", "/dev/fuse")
# fusermount3 wants to know that user's name.
shutil.copy("/etc/passwd", f"{os.environ['T']}/passwd")
with open(f"{os.environ['T']}/passwd", "a") as users:
    users.write(f"ipcfs-test:x:{USER}:{USER}::/:/bin/sh\n")
run("mount", "--bind", f"{os.environ['T']}/passwd", "/etc/passwd")
os.mkdir("shm/roots,size=4K", 0o600)
os.mkdir("shm/0x78,size=4K", 0o600)
os.chmod(os.environ["T"], 0o711)
home = tempfile.mkdtemp(dir=os.environ["T"])
os.mkdir(f"{home}/ipc")
os.chown(home, USER, USER)
os.chown(f"{home}/ipc", USER, USER)
program = shutil.copy(os.environ["IPCFS"], f"{home}/ipcfs")  # where that user can reach it
daemon = subprocess.Popen([program, "-f", f"{home}/ipc"], user=USER, group=USER, extra_groups=[])
try:
    deadline = time.monotonic() + 20
    while f" {home}/ipc " not in open("/proc/self/mountinfo").read():  # closed to root
        assert daemon.poll() is None, f"the daemon ended with {daemon.returncode}"
        assert time.monotonic() < deadline
    as_user(in_own_tree)
    as_user(lambda: run("fusermount3", "-u", f"{home}/ipc"))
    assert daemon.wait(timeout=20) == 0
finally:
    if daemon.poll() is None:
        daemon.kill()
        daemon.wait()
    subprocess.run(["umount", "-l", f"{home}/ipc"], capture_output=True, check=False)
    subprocess.run(["umount", "/dev/fuse"], check=False)
    os.chdir("/")
