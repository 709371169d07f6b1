"""What the daemon tells a service manager, by the protocol of sd_notify(3), to sockets of this test's own."""
import os
import signal
import socket
import subprocess
import sys
import tempfile

IPCFS, T = os.environ["IPCFS"], os.environ["T"]
SECONDS = 60


def fail(words):
    sys.exit(f"FAILED: {words}")


def listen(name):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind("\0" + name[1:] if name.startswith("@") else name)
    manager.settimeout(SECONDS)
    return manager


def said(manager):
    """One datagram: {variable: value}."""
    return dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())


def start(name, *arguments, **more):
    return subprocess.Popen([IPCFS, "-f", *arguments], env=os.environ | {"NOTIFY_SOCKET": name}, **more)


def goes_well(name, mountpoint, end):
    manager = listen(name)
    daemon = start(name, mountpoint)
    status = said(manager)
    if status != {"STATUS": f"Mounted on {mountpoint}"}:
        fail(f"{name}: at first {status}")
    ready = said(manager)
    if ready != {"READY": "1"}:
        fail(f"{name}: not ready but {ready}")
    if "mq" not in os.listdir(mountpoint):
        fail("ready, and no tree")
    end(daemon, mountpoint)
    stopping = said(manager)
    if stopping.get("STOPPING") != "1" or "STATUS" not in stopping:
        fail(f"{name}: at the end {stopping}")
    if daemon.wait(SECONDS) != 0:
        fail(f"{name}: ended with {daemon.returncode}")
    manager.setblocking(False)
    try:
        fail(f"{name}: after the end {said(manager)}")
    except BlockingIOError:
        pass


def by_signal(daemon, mountpoint):
    daemon.send_signal(signal.SIGTERM)


def by_umount(daemon, mountpoint):
    subprocess.run(["umount", mountpoint], check=True)


def goes_wrong(directory):
    """Whoever cannot mount is never ready."""
    manager = listen(f"{directory}/wrong")
    daemon = start(f"{directory}/wrong", f"{directory}/none", stderr=subprocess.DEVNULL)
    if daemon.wait(SECONDS) != 1:
        fail(f"without a mount point it ends with {daemon.returncode}")
    manager.setblocking(False)
    try:
        while True:
            if "READY" in said(manager):
                fail("ready without a mount point")
    except BlockingIOError:
        pass


def nobody_listens(directory):
    """It mounts all the same, with a word about it."""
    for name in (f"{directory}/nobody", "@nobody", "vsock:1:2", "", "relative"):
        mountpoint = f"{directory}/tree"
        daemon = subprocess.run([IPCFS, mountpoint], env=os.environ | {"NOTIFY_SOCKET": name}, check=False,
                                stderr=subprocess.DEVNULL)
        if daemon.returncode != 0:
            fail(f"NOTIFY_SOCKET={name}: {daemon.returncode}")
        subprocess.run(["umount", mountpoint], check=True)


def container(directory):
    """An abstract socket belongs to a network namespace, and the tree may be of another."""
    manager = listen("@container")
    target = subprocess.Popen(["unshare", "--net", "--ipc", "--mount", "sh", "-c", "echo; exec sleep 1000"],
                              stdout=subprocess.PIPE)
    target.stdout.read(1)
    daemon = start("@container", "--target", str(target.pid), f"{directory}/tree")
    try:
        messages = [said(manager), said(manager)]
        if messages[1] != {"READY": "1"}:
            fail(f"--target: {messages}")
        daemon.terminate()
        if said(manager).get("STOPPING") != "1" or daemon.wait(SECONDS) != 0:
            fail("--target: the end")
    finally:
        target.kill()
        target.wait()


def main():
    directory = tempfile.mkdtemp(dir=T)
    os.mkdir(f"{directory}/tree")
    goes_well(f"{directory}/manager", f"{directory}/tree", by_signal)
    goes_well("@manager", f"{directory}/tree", by_umount)
    goes_wrong(directory)
    nobody_listens(directory)
    container(directory)


main()
