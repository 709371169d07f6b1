"""poll, select, epoll and O_NONBLOCK tell the truth on every channel file."""
import errno
import os
import select
import threading
import time

READ, WRITE = select.POLLIN, select.POLLOUT


def polled(fd, events, timeout=0):
    """What poll, select and epoll say; they must agree."""
    poll = select.poll()
    poll.register(fd, events)
    by_poll = dict(poll.poll(timeout)).get(fd, 0) & events
    readable, writable, _ = select.select([fd] if events & READ else [], [fd] if events & WRITE else [],
                                          [], 0)
    by_select = (READ if readable else 0) | (WRITE if writable else 0)
    epoll = select.epoll()
    epoll.register(fd, events)
    by_epoll = dict(epoll.poll(0)).get(fd, 0) & events
    epoll.close()
    assert by_poll == by_select == by_epoll, (by_poll, by_select, by_epoll)
    return by_poll


def expect(error, function, *arguments):
    try:
        function(*arguments)
    except OSError as e:
        assert e.errno == error, (e, errno.errorcode[error])
        return
    raise AssertionError(f"no {errno.errorcode[error]} from {function} {arguments}")


def wakes(fd, events, action):
    """A sleeping poll is woken by what another does."""
    poll = select.poll()
    poll.register(fd, events)
    assert not poll.poll(0)
    timer = threading.Timer(0.02, action)
    timer.start()
    ready = poll.poll(5000)
    timer.join()
    assert ready and ready[0][1] & events, ready
    epoll = select.epoll()
    epoll.register(fd, events | select.EPOLLET)
    epoll.close()


def write(path, data):
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, data)
    os.close(fd)


def take(path):
    fd = os.open(path, os.O_RDONLY)
    data = os.read(fd, 65536)
    os.close(fd)
    return data


for queue, attributes in (("mq/q", ",maxmsg=2,msgsize=64"), ("mq/0x9", ",qbytes=64")):
    os.mkdir(queue + attributes)
    numbered = "prio/3" if queue == "mq/q" else "type/3"
    for where in ("wait/", "try/", "within/0.05/", ""):
        for name in ("data", "each", "lines", "bulk", "framed", numbered):
            path = f"{queue}/{where}{name}"
            flags = os.O_WRONLY if name.startswith("prio") else os.O_RDWR
            fd = os.open(path, flags | os.O_NONBLOCK)
            events = WRITE if flags == os.O_WRONLY else READ | WRITE
            assert polled(fd, events) == WRITE, path
            if events & READ:
                expect(errno.EAGAIN, os.read, fd, 100)
            frame = b"size=32\n" if name == "framed" else b""
            message = b"m" * 31 + b"\n" if name in ("lines", "bulk") else b"m" * 32
            assert os.write(fd, frame + message) == len(frame + message)
            if events & READ:
                assert polled(fd, events) == READ | WRITE, path
            os.write(fd, frame + message)
            if queue == "mq/q" or name not in ("lines", "bulk"):
                assert polled(fd, events) == events & READ, (path, polled(fd, events))
                expect(errno.EAGAIN, os.write, fd, frame + message)
            # Without O_NONBLOCK, try and within say it their own way.
            blocking = os.open(path, flags)
            if where in ("try/", "within/0.05/") and (queue == "mq/q" or name not in ("lines", "bulk")):
                expect(errno.EAGAIN if where == "try/" else errno.ETIMEDOUT, os.write, blocking,
                       frame + message)
            os.close(blocking)
            for _ in range(2):
                assert take(f"{queue}/data").strip() == message.strip(), path
            if events & READ and where in ("try/", "within/0.05/"):
                blocking = os.open(path, flags)
                expect(errno.EAGAIN if where == "try/" else errno.ETIMEDOUT, os.read, blocking, 100)
                os.close(blocking)
            os.close(fd)
    fd = os.open(f"{queue}/each", os.O_RDWR)
    wakes(fd, READ, lambda: write(f"{queue}/data", b"wake"))
    assert os.read(fd, 100) == b"wake"
    for _ in range(2):
        os.write(fd, b"x" * 32)
    wakes(fd, WRITE, lambda: take(f"{queue}/data"))
    os.close(fd)

for lock, attributes in (("sem/p", ",value=0"), ("sem/0x9", ",value=0")):
    os.mkdir(lock + attributes)
    for where in ("wait/", "try/", "within/0.05/", ""):
        fd = os.open(f"{lock}/{where}op", os.O_RDWR | os.O_NONBLOCK)
        assert polled(fd, WRITE) == 0
        expect(errno.EAGAIN, os.write, fd, b"P")
        assert os.write(fd, b"V") == 1
        assert polled(fd, WRITE) == WRITE
        assert os.write(fd, b"P\n") == 2
        os.close(fd)
        if where in ("try/", "within/0.05/"):
            error = errno.EAGAIN if where == "try/" else errno.ETIMEDOUT
            fd = os.open(f"{lock}/{where}op", os.O_WRONLY)
            expect(error, os.write, fd, b"P")
            os.close(fd)
            expect(error, os.open, f"{lock}/{where}hold", os.O_WRONLY)
        expect(errno.EAGAIN, os.open, f"{lock}/{where}hold", os.O_WRONLY | os.O_NONBLOCK)
    fd = os.open(f"{lock}/op", os.O_WRONLY)
    wakes(fd, WRITE, lambda: write(f"{lock}/op", b"V"))
    os.write(fd, b"P")
    os.close(fd)
    assert take(f"{lock}/op") == b""

def wakes_on_removal(path, events, remove):
    """A sleeping poll learns of the removal, long before it would time out."""
    fd = os.open(path, os.O_RDWR)
    poll = select.poll()
    poll.register(fd, events)
    assert not poll.poll(0), path
    timer = threading.Timer(0.02, remove)
    timer.start()
    started = time.monotonic()
    poll.poll(60000)
    assert time.monotonic() - started < 30, path
    timer.join()
    os.close(fd)


os.mkdir("mq/gone")
wakes_on_removal("mq/gone/each", READ, lambda: os.rmdir("mq/gone"))
os.mkdir("mq/0xa0")
wakes_on_removal("mq/0xa0/each", READ, lambda: os.rmdir("mq/0xa0"))
os.mkdir("sem/gone,value=0")
wakes_on_removal("sem/gone/op", WRITE, lambda: os.rmdir("sem/gone"))

# One sleeps for reading; another looks for something else on the same descriptor meanwhile.
for queue in ("mq/shared,maxmsg=1,msgsize=8", "mq/0xb0,qbytes=8"):
    os.mkdir(queue)
    queue = queue.split(",")[0]
    fd = os.open(f"{queue}/{'each' if queue == 'mq/shared' else 'type/3'}", os.O_RDWR)
    answer = []

    def sleep():
        poll = select.poll()
        poll.register(fd, READ)
        started = time.monotonic()
        ready = poll.poll(60000)
        answer.append(bool(ready) and time.monotonic() - started < 30)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    while "poll" not in open(f"/proc/self/task/{sleeper.native_id}/wchan").read():
        pass
    poll = select.poll()
    poll.register(fd, select.POLLPRI)
    assert not poll.poll(0)
    write(f"{queue}/data" if queue == "mq/shared" else f"{queue}/type/3", b"x")
    sleeper.join()
    assert answer == [True], queue
    os.close(fd)
    os.rmdir(queue)

# What cannot be done at all is said at once.
expect(errno.ESPIPE, os.lseek, os.open("mq/q/each", os.O_RDWR), 0, os.SEEK_SET)
expect(errno.EOPNOTSUPP, os.open, "mq/q/prio/3", os.O_RDONLY)
expect(errno.ENOENT, os.open, "mq/q/prio/32768", os.O_WRONLY)
expect(errno.ENOENT, os.open, "mq/0x9/type/x", os.O_RDONLY)
expect(errno.EINVAL, os.open, "mq/q/within/soon/data", os.O_RDONLY)
print("ok")
