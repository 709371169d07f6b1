"""System V objects of all sorts for the scripts of this directory, made by the C library's own calls.

All that a call can give an object is drawn from the random numbers of the caller: keys and none, modes,
owners and creators, sizes, states, times set and not set.  Times are those of now, since no call sets
another.  The objects go with the IPC namespace; what is attached stays so until the script ends.
"""
import ctypes
import os
import struct

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmget.argtypes = [ctypes.c_int, ctypes.c_size_t, ctypes.c_int]
libc.shmat.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
libc.shmdt.argtypes = [ctypes.c_void_p]
libc.msgsnd.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
libc.msgrcv.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_long, ctypes.c_int]

IPC_RMID, IPC_SET, IPC_STAT, SHM_LOCK, SETVAL = 0, 1, 2, 11, 16
IPC_CREAT, IPC_EXCL, IPC_NOWAIT, SHM_NORESERVE = 0o1000, 0o2000, 0o4000, 0o10000

# Ids with names of many lengths, and ids without.  The longest is the longest that there can be.
USERS = {
    60001: "u", 60002: "ten_bytes_", 60003: "eleven_byte", 60004: "n" * 32, 60005: "n" * 255,
    60006: "with-dash.and.dot$", 60007: "odd\"name\\",
}
GROUPS = {
    61001: "g", 61002: "ten-bytes-", 61003: "a-group-of-some-length", 61004: "g" * 100,
}
NAMELESS = [62001, 99999999, 2147483648, 4294967294]


def check(result):
    if result in (-1, ctypes.c_void_p(-1).value):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def name_ids(directory):
    """Gives this mount namespace, which must be the script's own, the users and groups from above."""
    for path, names in (("/etc/passwd", USERS), ("/etc/group", GROUPS)):
        copy = os.path.join(directory, os.path.basename(path))
        with open(path, "rb") as old, open(copy, "wb") as new:
            new.write(old.read())
            for number, name in names.items():
                tail = f"x:{number}:" if names is GROUPS else f"x:{number}:{number}::/:/bin/false"
                new.write(f"{name}:{tail}\n".encode())
        os.chmod(copy, 0o644)
        check(libc.mount(copy.encode(), path.encode(), b"none", 4096, None))


def set_owner(control, number, uid, gid, mode):
    """IPC_SET, which wants the whole; struct ipc_perm begins with key, uid, gid, cuid, cgid, mode."""
    room = ctypes.create_string_buffer(256)
    check(control(number, IPC_STAT, room))
    struct.pack_into("=II", room, 4, uid, gid)
    struct.pack_into("=I", room, 20, mode)
    check(control(number, IPC_SET, room))


def shm_control(number, command, room=None):
    return libc.shmctl(number, command, room)


def msg_control(number, command, room=None):
    return libc.msgctl(number, command, room)


def sem_control(number, command, room=None):
    return libc.semctl(number, 0, command, room)


class Maker:
    """Makes objects at random; ids that it has made are in .shm, .sem and .msg."""

    def __init__(self, random):
        self.random = random
        self.shm, self.sem, self.msg = [], [], []

    def uid(self):
        return self.random.choice([0, 0, 1, 65534] + list(USERS) + NAMELESS)

    def gid(self):
        return self.random.choice([0, 0, 1, 65534] + list(GROUPS) + NAMELESS)

    def key(self):
        return self.random.choice([0, self.random.randrange(-2**31, 2**31),
                                   self.random.randrange(1, 2**16)])

    def made(self, get):
        """What get(key) makes with a key that is free."""
        while True:
            try:
                return check(get(self.key()))
            except FileExistsError:
                pass

    def owned(self, control, number):
        """Mode 0666 by now, so that whoever is creator could do what comes before this."""
        if self.random.random() < 0.6:
            set_owner(control, number, self.uid(), self.gid(), self.random.randrange(0o1000))
        return number

    def segment(self):
        random = self.random
        small = random.random() < 0.7
        size = random.choice([1, 4096, random.randrange(1, 40000)]) if small else \
            random.randrange(1, 2**random.randrange(20, 62))
        number = self.made(lambda key: libc.shmget(key, size,
                                                   IPC_CREAT | IPC_EXCL | SHM_NORESERVE | 0o666))
        attached = []
        for _ in range(random.choice([0, 0, 1, 3]) if small else 0):
            at = check(libc.shmat(number, None, 0))
            attached.append(at)
            ctypes.memset(at, 1, size)
        if attached and random.random() < 0.5:
            check(libc.shmdt(attached.pop()))
        if small and random.random() < 0.2 and os.geteuid() == 0:
            check(shm_control(number, SHM_LOCK))
        self.owned(shm_control, number)
        if attached and random.random() < 0.3 and os.geteuid() == 0:
            check(shm_control(number, IPC_RMID))
        self.shm.append(number)

    def set(self):
        random = self.random
        count = random.choice([1, 2, 3, random.randrange(1, 50), random.randrange(1, 300)])
        number = self.made(lambda key: libc.semget(key, count, IPC_CREAT | IPC_EXCL | 0o666))
        for _ in range(random.choice([0, 0, 1, 5])):
            part = random.randrange(count)
            if random.random() < 0.5:
                check(libc.semctl(number, part, SETVAL, random.choice([0, 1, 32767])))
            else:
                operation = struct.pack("=Hhh", part, random.randrange(0, 9), IPC_NOWAIT)
                libc.semop(number, operation, 1)
        self.sem.append(self.owned(sem_control, number))

    def queue(self):
        random = self.random
        number = self.made(lambda key: libc.msgget(key, IPC_CREAT | IPC_EXCL | 0o666))
        for _ in range(random.choice([0, 0, 1, 2, 9])):
            text = struct.pack("=q", random.randrange(1, 100)) + bytes(random.randrange(1500))
            check(libc.msgsnd(number, text, len(text) - 8, IPC_NOWAIT))
        if random.random() < 0.3:
            libc.msgrcv(number, ctypes.create_string_buffer(2000), 1900, 0, IPC_NOWAIT)
        self.msg.append(self.owned(msg_control, number))

    def make(self, count):
        """@count objects, some of them made by other users in processes of their own."""
        makers = [self.segment, self.set, self.queue]
        while count > 0:
            some = min(count, self.random.randrange(1, 40))
            count -= some
            wanted = [self.random.randrange(3) for _ in range(some)]
            if self.random.random() < 0.4:
                for which in wanted:
                    makers[which]()
            else:
                self.as_another(makers, wanted, self.uid(), self.gid(), self.random.getrandbits(64))

    def as_another(self, makers, wanted, uid, gid, seed):
        """In a child, whose pid the objects remember; it ends, so nothing stays attached."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setgroups([])
                os.setresgid(gid, gid, gid)
                os.setresuid(-1, uid, -1)
                self.random.seed(seed)
                self.owned = lambda control, number: number
                for which in wanted:
                    makers[which]()
                status = 0
            finally:
                os._exit(status)
        if os.waitpid(pid, 0)[1] != 0:
            raise RuntimeError(f"a process of uid {uid} could not make its objects")


    def make_extremes(self):
        """What must be there, whatever is drawn."""
        number = check(libc.shmget(-1, 5000, IPC_CREAT | 0o600))
        check(libc.shmat(number, None, 0))
        check(shm_control(number, SHM_LOCK))
        check(shm_control(number, IPC_RMID))
        check(libc.shmget(0, 2**62, IPC_CREAT | SHM_NORESERVE | 0o777))
        check(libc.semget(-1, 32000, IPC_CREAT))
        number = check(libc.msgget(-1, IPC_CREAT | 0o777))
        set_owner(msg_control, number, 4294967294, 4294967294, 0o777)
        for uid in (60003, 60005):
            self.as_another([self.segment, self.set, self.queue], [0, 1, 2], uid, 61004, uid)


def unused(random, maker):
    """Leaves holes in the ids: some objects go, and the next take their places with other ids."""
    for path, control in (("shm", shm_control), ("sem", sem_control), ("msg", msg_control)):
        with open(f"/proc/sysvipc/{path}") as table:
            numbers = [int(line.split()[1]) for line in list(table)[1:]]
        for number in random.sample(numbers, len(numbers) // 10):
            control(number, IPC_RMID)
    maker.make(30)
