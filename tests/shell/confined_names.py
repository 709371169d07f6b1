# Names are still found by what the machine has for that: modules that are loaded when they are first
# needed, long after the daemon has confined itself, and name servers.

import ctypes
import os
import socket
import struct
import subprocess
import sys
import threading

T = os.environ["T"]
MOUNT = T + "/names"


def skip(why):
    print("skipped:", why)
    sys.exit(77)


def put_in_place(path, text):
    """Mounts a file of our own over the machine's, in the namespace of this test."""
    own = f"{T}/{os.path.basename(path)}"
    with open(own, "w", encoding="ascii") as file:
        file.write(text)
    os.chmod(own, 0o644)
    subprocess.run(["mount", "--bind", own, os.path.realpath(path)], check=True)


def answer(query):
    """An address for every question of type A, nothing for others."""
    end = query.index(b"\0", 12) + 5
    question, kind = query[12:end], query[end - 3]
    found = kind == 1
    reply = query[:2] + struct.pack(">HHHHH", 0x8580, 1, found, 0, 0) + question
    if found:
        reply += b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("127.0.0.1")
    return reply


def serve_names(server):
    while True:
        query, client = server.recvfrom(512)
        server.sendto(answer(query), client)


def serve_bytes(server):
    while True:
        client, _ = server.accept()
        client.sendall(b"found\n")
        client.close()


def wait_for_mount(daemon):
    while not os.path.ismount(MOUNT):
        assert daemon.poll() is None, "the daemon ended"


try:
    ctypes.CDLL("libnss_compat.so.2")
except OSError:
    skip("needs a module of the C library's, libnss_compat")
for path in ("/etc/nsswitch.conf", "/etc/resolv.conf"):
    if not os.path.exists(path):
        skip("needs " + path)
put_in_place("/etc/nsswitch.conf", "passwd: compat\ngroup: compat\nhosts: files dns\n")
put_in_place("/etc/resolv.conf", "nameserver 127.0.0.1\n")
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 53))
threading.Thread(target=serve_names, args=(names,), daemon=True).start()
greeter = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve_bytes, args=(greeter,), daemon=True).start()

os.mkdir(MOUNT)
daemon = subprocess.Popen([os.environ["IPCFS"], "-f", MOUNT])
wait_for_mount(daemon)
try:
    with open(f"/proc/{daemon.pid}/maps", encoding="ascii") as maps:
        assert "libnss_compat" not in maps.read(), "it is loaded before it is needed"
    os.mkdir(MOUNT + "/sem/mine")
    with open(MOUNT + "/sem/status", encoding="ascii") as status:
        assert "root" in status.read()
    with open(f"/proc/{daemon.pid}/maps", encoding="ascii") as maps:
        assert "libnss_compat" in maps.read(), "it is not what finds names"
    port = greeter.getsockname()[1]
    with open(f"{MOUNT}/sockets/tcp/connect/some.host.example:{port}", "rb", 0) as connection:
        assert connection.read(100) == b"found\n"
    os.rmdir(MOUNT + "/sem/mine")
finally:
    daemon.terminate()
    status = daemon.wait()
assert status == 0, f"the daemon ended with {status}"
