"""Reads, writes, truncates and maps one file at random, by way of several descriptors: it must be what an array of bytes is.

Arguments: the file, the seed, the number of steps. Prints the last steps and what differs, or nothing.
"""
import ctypes, mmap, os, random, sys

path, seed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
PUNCH, ZERO, MOST = 0x03, 0x11, 300_000
libc = ctypes.CDLL(None, use_errno=True)
rng = random.Random(seed)
log = []
with open(path, 'rb') as f:
    model = bytearray(f.read())
files = [os.open(path, os.O_RDWR)]


def differs(what):
    sys.exit('\n'.join([*map(str, log[-20:]), f'differs: {what}']))


def expect(what, seen, wanted):
    if seen != wanted:
        differs(what)


def put(data, offset):
    model.extend(bytes(max(0, offset - len(model))))
    model[offset:offset + len(data)] = data


def write(fd, offset, length):
    data = rng.randbytes(length)
    os.pwrite(fd, data, offset)
    put(data, offset)


def read(fd, offset, length):
    expect('read', os.pread(fd, length, offset), bytes(model[offset:offset + length]))


def truncate(fd, offset, _):
    os.ftruncate(fd, offset) if rng.random() < .5 else os.truncate(path, offset)
    model.extend(bytes(max(0, offset - len(model))))
    del model[offset:]


def write_map(fd, offset, length):
    if model:
        with mmap.mmap(fd, len(model)) as view:
            offset %= len(model)
            data = rng.randbytes(min(length, len(model) - offset))
            view[offset:offset + len(data)] = data
            put(data, offset)


def read_map(fd, offset, length):
    if model:
        with mmap.mmap(fd, len(model), prot=mmap.PROT_READ) as view:
            expect('map', view[offset:offset + length], bytes(model[offset:offset + length]))


def append(fd, offset, length):
    end = os.open(path, os.O_WRONLY | os.O_APPEND)
    data = rng.randbytes(max(0, min(length, MOST - len(model))))
    os.write(end, data)
    os.close(end)
    put(data, len(model))


def zero(fd, offset, length):
    if libc.fallocate(fd, rng.choice([PUNCH, ZERO]), ctypes.c_long(offset), ctypes.c_long(length)) < 0:
        differs(f'fallocate: {os.strerror(ctypes.get_errno())}')
    end = min(offset + length, len(model))
    if end > offset:
        model[offset:end] = bytes(end - offset)


def copy(fd, offset, length):
    source = rng.randrange(MOST)
    length = min(length, len(model) - source)
    if length > 0 and (source + length <= offset or offset + length <= source):
        copied = os.copy_file_range(fd, fd, length, source, offset)
        put(bytes(model[source:source + copied]), offset)


def read_direct(fd, offset, _):
    direct = os.open(path, os.O_RDONLY | os.O_DIRECT)
    with mmap.mmap(-1, 65536) as buffer:
        offset &= ~4095
        count = os.preadv(direct, [buffer], offset)
        expect('O_DIRECT', buffer[:count], bytes(model[offset:offset + 65536]))
    os.close(direct)


def reopen(fd, *_):
    if len(files) == 4:
        files.remove(fd)
        os.close(fd)
    files.append(os.open(path, os.O_RDWR))


def flush(fd, *_):
    os.fsync(fd)


for step in range(steps):
    call = rng.choice([write, write, read, read, truncate, write_map, read_map, append, zero, copy, read_direct, reopen, flush])
    offset = rng.randrange(MOST)
    length = min(rng.randrange(1, 1 << rng.randrange(1, 17)), MOST - offset)
    log.append((step, call.__name__, offset, length, len(model)))
    call(rng.choice(files), offset, length)
    expect('size', os.fstat(files[0]).st_size, len(model))

with open(path, 'rb') as f:
    expect('the whole', f.read(), bytes(model))
for fd in files:
    os.close(fd)
