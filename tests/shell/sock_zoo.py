"""A thousand sockets of all sorts, in all the states that they can be kept in, and who has them.

For scripts that compare what the tree says of them with what ss says.
"""
import ctypes
import os
import signal
import socket
import struct
import subprocess
from socket import (AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX, IPPROTO_IPV6, IPPROTO_TCP,
                    IPV6_V6ONLY, SHUT_WR, SO_BINDTODEVICE, SO_RCVBUF, SO_REUSEADDR, SO_SNDBUF,
                    SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET)

ETH_P_ALL = 3
IPPROTO_MPTCP = 262
SO_ATTACH_FILTER = 26
TCP_DEFER_ACCEPT = 9
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME = 1, 4, 15
NOBODY = 65534
libc = ctypes.CDLL(None)


def network():
    """The loopback, and an interface with an address that needs its zone said."""
    for command in ("link set lo up", "link add zone0 type veth peer name zone1",
                    "link set zone0 up", "link set zone1 up", "addr add fe80::1/64 dev zone0 nodad",
                    "link add gone0 type veth peer name gone1", "link set gone0 up",
                    "link set gone1 up", "addr add fe80::2/64 dev gone0 nodad"):
        subprocess.run(["ip", *command.split()], check=True)


class Zoo:
    """kept: every socket, in the order in which it was made."""

    def __init__(self, directory):
        self.directory = os.fsencode(directory)
        self.kept = []
        self.children = []
        self.port = 20000
        self.inactive = set()  # TCP ports of what is bound and no more

    def new(self, family, kind, protocol=0):
        self.kept.append(socket.socket(family, kind, protocol))
        return self.kept[-1]

    def next_port(self):
        self.port += 1
        return self.port

    def bound(self, family, kind, address, protocol=0):
        made = self.new(family, kind, protocol)
        if family != AF_UNIX:
            made.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        made.bind(address)
        return made

    def listener(self, family, address, backlog, kind=SOCK_STREAM, protocol=0):
        made = self.bound(family, kind, address, protocol)
        made.listen(backlog)
        return made

    def client(self, listener, family=None, address=None):
        made = self.new(family or listener.family, listener.type, listener.proto)
        made.connect(address or listener.getsockname())
        return made

    def accepted(self, listener):
        self.kept.append(listener.accept()[0])
        return self.kept[-1]

    def talking(self, family=AF_INET, host="127.0.0.1", small=False):
        listener = self.bound(family, SOCK_STREAM, (host, self.next_port()))
        if small:
            listener.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
        listener.listen(1)
        client = self.client(listener)
        return client, self.accepted(listener)

    def close(self, made):
        self.kept.remove(made)
        made.close()

    # ---- TCP ----

    def tcp(self):
        for i in range(60):
            self.listener(AF_INET, ("127.0.0.1", self.next_port()), i)
        for i in range(60):
            client, server = self.talking()
            client.sendall(b"x" * i)
            server.sendall(b"y" * (100 * i))
        waited_for = self.listener(AF_INET, ("0.0.0.0", self.next_port()), 40)
        for _ in range(30):
            self.client(waited_for, address=("127.0.0.1", waited_for.getsockname()[1]))
        device = self.new(AF_INET, SOCK_STREAM)
        device.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"lo")
        device.bind(("127.0.0.1", self.next_port()))
        device.listen(3)
        for _ in range(3):
            inactive = self.bound(AF_INET, SOCK_STREAM, ("127.0.0.1", self.next_port()))
            self.inactive.add(inactive.getsockname()[1])
            self.new(AF_INET, SOCK_STREAM)  # not bound: nobody tells of it

    def tcp_closing(self):
        for _ in range(10):
            client, _server = self.talking()
            client.shutdown(SHUT_WR)  # FIN-WAIT-2 and CLOSE-WAIT
        for _ in range(3):
            client, server = self.talking(small=True)
            self.fill(client)
            client.shutdown(SHUT_WR)  # FIN-WAIT-1: what is to come before it does not get through
            client, server = self.talking(small=True)
            server.shutdown(SHUT_WR)
            assert client.recv(1) == b""
            self.fill(client)
            client.shutdown(SHUT_WR)  # LAST-ACK
            client, server = self.talking(small=True)
            self.fill(client)
            client.shutdown(SHUT_WR)
            server.shutdown(SHUT_WR)  # CLOSING and FIN-WAIT-2

    @staticmethod
    def fill(sender):
        sender.setblocking(False)
        sender.setsockopt(SOL_SOCKET, SO_SNDBUF, 65536)
        try:
            while True:
                sender.send(b"z" * 4096)
        except BlockingIOError:
            pass

    def tcp_beginning(self):
        full = self.listener(AF_INET, ("127.0.0.1", self.next_port()), 0)
        self.client(full)
        for _ in range(5):
            late = self.new(AF_INET, SOCK_STREAM)  # SYN-SENT
            late.setblocking(False)
            late.connect_ex(full.getsockname())
        silent = self.bound(AF_INET, SOCK_STREAM, ("127.0.0.1", self.next_port()))
        silent.setsockopt(IPPROTO_TCP, TCP_DEFER_ACCEPT, 600)
        silent.listen(5)
        for _ in range(3):
            self.client(silent)  # SYN-RECV

    def tcp_ended(self):
        """TIME-WAIT, for a minute: made last."""
        for family, host in (AF_INET, "127.0.0.1"), (AF_INET6, "::1"):
            for _ in range(15):
                client, server = self.talking(family, host)
                client.shutdown(SHUT_WR)
                assert server.recv(1) == b""
                self.close(server)
                assert client.recv(1) == b""
                self.close(client)

    def tcp6(self):
        for i in range(30):
            self.listener(AF_INET6, ("::1", self.next_port()), i)
            client, server = self.talking(AF_INET6, "::1")
            server.sendall(b"y" * i)
        for _ in range(10):
            both = self.listener(AF_INET6, ("::", self.next_port()), 5)
            self.client(both, address=("::1", both.getsockname()[1]))
            # By the other family, and by a mapped address on both sides.
            self.client(both, AF_INET, ("127.0.0.1", both.getsockname()[1]))
            self.accepted(both)
            self.client(both, address=("::ffff:127.0.0.1", both.getsockname()[1]))
            only = self.new(AF_INET6, SOCK_STREAM)
            only.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
            only.bind(("::", self.next_port()))
            only.listen(7)
            self.listener(AF_INET, ("0.0.0.0", only.getsockname()[1]), 8)
        zone = socket.if_nametoindex("zone0")
        zoned = self.listener(AF_INET6, ("fe80::1", self.next_port(), 0, zone), 5)
        self.client(zoned, address=("fe80::1", zoned.getsockname()[1], 0, zone))
        self.accepted(zoned)
        self.bound(AF_INET6, SOCK_DGRAM, ("fe80::1", self.next_port(), 0, zone))
        gone = socket.if_nametoindex("gone0")
        self.listener(AF_INET6, ("fe80::2", self.next_port(), 0, gone), 5)
        packet = self.new(AF_PACKET, SOCK_RAW)
        packet.bind(("gone0", 0x88b6))

    # ---- others ----

    def udp(self):
        for i in range(60):
            server = self.bound(AF_INET, SOCK_DGRAM, ("127.0.0.1", self.next_port()))
            client = self.client(server)
            for _ in range(i % 4):
                client.send(b"z" * i)
        for i in range(20):
            self.bound(AF_INET6, SOCK_DGRAM, ("::1", self.next_port()))
            self.bound(AF_INET6, SOCK_DGRAM, ("::", self.next_port()))
            self.bound(AF_INET, SOCK_DGRAM, ("0.0.0.0", self.next_port()))
            only = self.new(AF_INET6, SOCK_DGRAM)
            only.setsockopt(IPPROTO_IPV6, IPV6_V6ONLY, 1)
            only.bind(("::", self.next_port()))
        # Several of one address.
        shared = self.next_port()
        for _ in range(4):
            self.bound(AF_INET, SOCK_DGRAM, ("127.0.0.1", shared))

    def unix(self):
        for kind in SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET:
            for i in range(20):
                path = b"%s/%d.%d" % (self.directory, kind, i)
                odd = b"%s/a b\\%c%d.%d" % (self.directory, 0x80 + 5 * i, kind, i)
                abstract = b"\0name %d\0%d" % (i, kind)
                for name in path, odd, abstract:
                    made = self.bound(AF_UNIX, kind, name)
                    if kind == SOCK_DGRAM:
                        self.client(made).send(b"x" * i)
                        continue
                    made.listen(i)
                    client = self.client(made)
                    if i % 2:
                        client.sendall(b"x" * i)
                        self.accepted(made)
                self.new(AF_UNIX, kind)
                self.kept += socket.socketpair(AF_UNIX, kind)
            long = b"%s/%s%d" % (self.directory, b"l" * (105 - len(self.directory)), kind)
            self.bound(AF_UNIX, kind, long)
            self.bound(AF_UNIX, kind, b"\0" + b"m" * 106 + b"%d" % kind)
            self.bound(AF_UNIX, kind, b"")  # the kernel gives it a name
        os.chdir(self.directory)
        self.bound(AF_UNIX, SOCK_STREAM, b"relative").listen(2)
        os.chdir("/mnt")

    def others(self):
        for protocol in 1, 50, 255:
            self.new(AF_INET, SOCK_RAW, protocol)
            self.bound(AF_INET, SOCK_RAW, ("127.0.0.1", 0), protocol).connect(("127.0.0.1", 0))
        for protocol in 58, 50:
            self.new(AF_INET6, SOCK_RAW, protocol)
            self.bound(AF_INET6, SOCK_RAW, ("::1", 0), protocol)
        for i in range(5):
            for kind in SOCK_RAW, SOCK_DGRAM:
                self.new(AF_PACKET, kind).bind(("lo", 0x88b0 + i))
        everything = self.new(AF_PACKET, SOCK_RAW)
        # It lets nothing in, or what waits in it would change.
        nothing = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
        everything.setsockopt(SOL_SOCKET, SO_ATTACH_FILTER,
                              struct.pack("HP", 1, ctypes.addressof(nothing)))
        address = struct.pack("HHiHBB8x", AF_PACKET, socket.htons(ETH_P_ALL), 0, 0, 0, 0)
        assert libc.bind(everything.fileno(), address, len(address)) == 0
        for i in range(10):
            self.new(AF_NETLINK, SOCK_RAW, 0).bind((0, 1 << i))  # some hear multicast
            self.new(AF_NETLINK, SOCK_DGRAM, 16).bind((0, 0))
        self.new(AF_NETLINK, SOCK_RAW, 15).connect((0, 1))
        try:
            many = self.listener(AF_INET, ("127.0.0.1", self.next_port()), 5,
                                 protocol=IPPROTO_MPTCP)
        except OSError:
            return  # a kernel without
        for _ in range(3):
            self.client(many)
        self.accepted(many)

    # ---- who has them ----

    def make(self):
        self.tcp()
        self.tcp6()
        self.udp()
        self.unix()
        self.others()
        os.seteuid(NOBODY)
        self.listener(AF_INET, ("127.0.0.1", self.next_port()), 4)
        self.bound(AF_INET6, SOCK_DGRAM, ("::1", self.next_port()))
        os.seteuid(0)
        self.tcp_closing()
        self.tcp_beginning()
        self.tcp_ended()
        subprocess.run(["ip", "link", "del", "gone0"], check=True)
        return self

    def child(self, name, uid, keeps):
        """A process of this name and user that has some of the sockets, twice some of those."""
        ready, done = os.pipe()
        pid = os.fork()
        if pid:
            os.close(done)
            assert os.read(ready, 1) == b"r", "a child that should keep sockets has ended"
            os.close(ready)
            self.children.append(pid)
            return
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for i, made in enumerate(self.kept):
            if not keeps(i):
                made.close()
            elif i % 7 == 0:
                os.dup(made.fileno())
        os.setresuid(uid, uid, uid)
        libc.prctl(PR_SET_DUMPABLE, 1)
        libc.prctl(PR_SET_NAME, name)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.write(done, b"r")
        while True:
            signal.pause()

    def spread(self):
        """No socket is this process's alone, and some are not its own any more."""
        for i, name in enumerate((b"plain", b"two words", b'quo"te,pid=1', b"back\\slash",
                                  b"caf\xc3\xa9 \xff")):
            self.child(name, NOBODY if i == 1 else 0, lambda n, i=i: n % 6 == i)
        for i, made in enumerate(self.kept):
            if i % 6 == 0:
                made.close()

    def end(self):
        for pid in self.children:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
