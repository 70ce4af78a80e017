"""Makes calls in the directory of its argument and prints what they gave: a union must print what a plain directory prints."""
import ctypes, errno, mmap, os, stat, sys, threading

os.chdir(sys.argv[1])
os.umask(0o022)
libc = ctypes.CDLL(None, use_errno=True)


def say(what, call):
    try:
        print(what, call())
    except OSError as e:
        print(what, errno.errorcode[e.errno])


def rename2(old, new, flags):
    if libc.renameat2(-100, old.encode(), -100, new.encode(), flags) != 0:
        raise OSError(ctypes.get_errno(), '')
    return 'ok'


def write(path, data, flags=os.O_WRONLY):
    fd = os.open(path, flags, 0o644)
    n = os.write(fd, data)
    os.close(fd)
    return n


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def as_user(uid, call):
    pid = os.fork()
    if pid == 0:
        os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
        try:
            call()
            os._exit(0)
        except OSError as e:
            os._exit(e.errno)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return 'ok' if code == 0 else errno.errorcode.get(code, code)


def mode(path):
    s = os.lstat(path)
    return oct(s.st_mode), s.st_uid, s.st_gid, s.st_nlink if not stat.S_ISDIR(s.st_mode) else '-', s.st_size if stat.S_ISREG(s.st_mode) else '-'


# An unlinked lower file that is open.
fd = os.open('lower/unlinked', os.O_RDWR)
os.unlink('lower/unlinked')
say('read unlinked', lambda: os.pread(fd, 100, 0))
say('write unlinked', lambda: os.pwrite(fd, b'NEW', 0))
say('read unlinked', lambda: os.pread(fd, 100, 0))
say('fchmod unlinked', lambda: os.fchmod(fd, 0o600))
say('fstat unlinked', lambda: (oct(os.fstat(fd).st_mode), os.fstat(fd).st_size, os.fstat(fd).st_nlink))
say('truncate unlinked', lambda: os.ftruncate(fd, 1))
say('gone', lambda: os.stat('lower/unlinked'))
os.close(fd)

# A descriptor opened before the copy-up (but for passthrough, which is another matter) and identity over it.
ino = os.stat('lower/file').st_ino
fd = os.open('lower/file', os.O_RDWR)
say('write', lambda: os.pwrite(fd, b'XX', 1))
say('read back', lambda: read('lower/file'))
say('same inode', lambda: os.stat('lower/file').st_ino == ino == os.fstat(fd).st_ino)
os.rename('lower/file', 'lower/file2')
say('same inode', lambda: os.stat('lower/file2').st_ino == ino)
os.rename('lower/file2', 'lower/file')
os.close(fd)

# Hard links of a lower file.
say('links', lambda: (mode('lower/link1'), os.stat('lower/link1').st_ino == os.stat('lower/link2').st_ino))
say('append', lambda: write('lower/link1', b'more', os.O_WRONLY | os.O_APPEND))
say('other name', lambda: read('lower/link2')) if sys.argv[2] == 'linked' else None
say('links', lambda: mode('lower/link1')) if sys.argv[2] == 'linked' else None

# New links, and what is left of them.
write('l0', b'data', os.O_WRONLY | os.O_CREAT)
for i in range(1, 6):
    os.link('l0', f'l{i}')
say('links', lambda: mode('l3'))
os.unlink('l0')
say('links', lambda: (mode('l5'), len({os.stat(f'l{i}').st_ino for i in range(1, 6)})))
say('over a link', lambda: os.rename('l1', 'l2'))
say('both', lambda: sorted(n for n in os.listdir('.') if n.startswith('l') and n[1:].isdigit()))
say('link to a directory', lambda: os.link('lower', 'x'))
say('link over', lambda: os.link('l3', 'l4'))

# Renames.
os.makedirs('r/a/b')
os.makedirs('r/e')
write('r/f', b'f', os.O_WRONLY | os.O_CREAT)
say('noreplace', lambda: rename2('r/f', 'r/e', 1))
say('noreplace', lambda: rename2('r/f', 'r/g', 1))
say('exchange', lambda: rename2('r/g', 'r/e', 2))
say('kinds', lambda: (mode('r/g'), mode('r/e')))
say('exchange back', lambda: rename2('r/g', 'r/e', 2))
say('into itself', lambda: os.rename('r/a', 'r/a/b/c'))
say('over non-empty', lambda: os.rename('r/e', 'r/a'))
say('dir over file', lambda: os.rename('r/a', 'r/g'))
say('file over dir', lambda: os.rename('r/g', 'r/a'))
say('dir over empty', lambda: os.rename('r/a', 'r/e'))
say('tree', lambda: sorted(os.listdir('r/e')))
say('lower over new', lambda: os.rename('lower/other', 'r/g'))
say('content', lambda: read('r/g'))
say('exchange lower', lambda: rename2('lower/file', 'r/g', 2))
say('content', lambda: (read('r/g'), read('lower/file')))
say('missing', lambda: os.rename('nothing', 'x'))

# Nameless files.
fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o640)
os.write(fd, b'nameless')
say('nameless', lambda: (oct(os.fstat(fd).st_mode), os.fstat(fd).st_nlink))
say('name it', lambda: libc.linkat(-100, f'/proc/self/fd/{fd}'.encode(), -100, b'named', 0x400))
say('named', lambda: (mode('named'), read('named')))
os.close(fd)

# Space.
fd = os.open('lower/sparse', os.O_RDWR)
say('seek data', lambda: os.lseek(fd, 0, os.SEEK_DATA) if sys.argv[2] != 'x' else 0)
say('fallocate', lambda: os.posix_fallocate(fd, 0, 1 << 20))
say('size', lambda: os.fstat(fd).st_size)
say('punch', lambda: libc.fallocate(fd, 3, ctypes.c_long(4096), ctypes.c_long(8192)))
say('read hole', lambda: os.pread(fd, 10, 4096))
out = os.open('copied', os.O_RDWR | os.O_CREAT, 0o644)
say('copy range', lambda: os.copy_file_range(fd, out, 65536, 0, 0))
say('size', lambda: os.fstat(out).st_size)
os.close(fd), os.close(out)

# Maps.
fd = os.open('lower/mapped', os.O_RDWR)
m = mmap.mmap(fd, 8192)
m[0:4] = b'MAPS'
m.flush()
say('mapped', lambda: read('lower/mapped')[:8])
m.close()
os.close(fd)

# Rights.
os.chmod('.', 0o777)
write('suid', b'x', os.O_WRONLY | os.O_CREAT)
os.chown('suid', 1000, 1000)
os.chmod('suid', 0o6777)
say('mode', lambda: mode('suid'))
say('user writes', lambda: as_user(1000, lambda: write('suid', b'y')))
say('mode', lambda: mode('suid'))
os.chmod('suid', 0o6777)
say('user truncates', lambda: as_user(1000, lambda: os.truncate('suid', 0)))
say('mode', lambda: mode('suid'))
os.chmod('suid', 0o6777)
os.chown('suid', 0, 0)
say('mode', lambda: mode('suid'))
os.chmod('suid', 0o6777)
write('suid', b'y')
say('root writes', lambda: mode('suid'))
os.mkdir('theirs', 0o700)
say('no way', lambda: as_user(1000, lambda: os.listdir('theirs')))
say('no way', lambda: as_user(1000, lambda: os.unlink('lower/file')))
say('their own', lambda: as_user(1000, lambda: (os.mkdir('u'), write('u/f', b'1', os.O_WRONLY | os.O_CREAT), os.symlink('f', 'u/s'), os.mkfifo('u/p'))))
say('owners', lambda: [(n, mode(n)) for n in ('u', 'u/f', 'u/s', 'u/p')])
os.mkdir('sticky')
os.chmod('sticky', 0o1777)
write('sticky/f', b'1', os.O_WRONLY | os.O_CREAT)
say('sticky', lambda: as_user(1000, lambda: os.unlink('sticky/f')))
os.mkdir('sg')
os.chown('sg', 0, 4242)
os.chmod('sg', 0o2777)
say('set-group-ID', lambda: as_user(1000, lambda: (os.mkdir('sg/d'), write('sg/f', b'1', os.O_WRONLY | os.O_CREAT))))
say('handed on', lambda: (mode('sg/d'), mode('sg/f')))
say('chmod by another', lambda: as_user(1000, lambda: os.chmod('suid', 0o777)))

# A chown that names no owner takes set-ID bits away as any other does.
write('setid', b'x', os.O_WRONLY | os.O_CREAT)
for bits in (0o4755, 0o6711, 0o2755, 0o2644):
    os.chmod('setid', bits)
    say('chown to nobody', lambda: (os.chown('setid', -1, -1), mode('setid')))
    os.chmod('lower/setid', bits)
    say('chown to the same', lambda: (os.chown('lower/setid', 0, 0), mode('lower/setid')))
os.unlink('setid')

# Times.
os.utime('lower/timed', ns=(1_000_000_001_123_456_789, 1_000_000_002_987_654_321))
say('times', lambda: (os.stat('lower/timed').st_atime_ns, os.stat('lower/timed').st_mtime_ns))
before = os.stat('lower').st_mtime_ns
os.utime('lower', ns=(5, 6))
say('times', lambda: os.stat('lower').st_mtime_ns)
write('lower/new', b'', os.O_WRONLY | os.O_CREAT)
say('parent moved on', lambda: os.stat('lower').st_mtime_ns > before)

# Attributes.
say('set', lambda: os.setxattr('lower/timed', 'user.a', b'1'))
say('create', lambda: os.setxattr('lower/timed', 'user.a', b'2', os.XATTR_CREATE))
say('replace', lambda: os.setxattr('lower/timed', 'user.b', b'2', os.XATTR_REPLACE))
say('list', lambda: os.listxattr('lower/timed'))
say('get', lambda: os.getxattr('lower/timed', 'user.a'))
say('none', lambda: os.getxattr('lower/timed', 'user.z'))
say('large', lambda: os.setxattr('lower/timed', 'user.l', b'x' * 2000))
say('get large', lambda: len(os.getxattr('lower/timed', 'user.l')))
say('remove', lambda: os.removexattr('lower/timed', 'user.a'))
say('remove', lambda: os.removexattr('lower/timed', 'user.a'))

# Names.
say('bytes', lambda: write(b'\xff\xfe', b'1', os.O_WRONLY | os.O_CREAT))
say('bytes', lambda: b'\xff\xfe' in os.listdir(b'.'))
say('long', lambda: write('n' * 300, b'1', os.O_WRONLY | os.O_CREAT))
say('slash', lambda: os.mkdir('l3/x'))
say('rmdir file', lambda: os.rmdir('l3'))
say('unlink dir', lambda: os.unlink('sticky'))
say('mkdir over', lambda: os.mkdir('lower'))
say('excl', lambda: os.open('l3', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
say('open dir', lambda: os.open('lower', os.O_WRONLY))
say('symlink loop', lambda: (os.symlink('loop', 'loop'), os.open('loop', os.O_RDONLY)))

# A listing while names come and go: what stays is told once.
os.mkdir('big')
for i in range(2000):
    write(f'big/{i:04}', b'', os.O_WRONLY | os.O_CREAT)
seen = []
with os.scandir('big') as entries:
    for k, entry in enumerate(entries):
        seen.append(entry.name)
        if k % 3 == 0:
            os.unlink(f'big/{entry.name}')
say('all seen', lambda: (len(seen), len(set(seen))))
say('left', lambda: len(os.listdir('big')))
os.chdir('big')
for n in os.listdir('.'):
    os.unlink(n)
os.rmdir('../big')
say('removed cwd', lambda: os.listdir('.'))
say('make in it', lambda: os.mkdir('x'))
os.chdir('..')

# Many at once.
os.mkdir('busy')
failed = []


def work(number):
    try:
        for i in range(100):
            mine, other = f'busy/{number}-{i % 5}', f'busy/common-{i % 7}'
            write(mine, b'%d' % i, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.rename(mine, other)
            try:
                read(other)
                os.link(other, mine)
            except FileNotFoundError:
                pass
            except FileExistsError:
                pass
            try:
                os.unlink(other)
            except FileNotFoundError:
                pass
    except OSError as e:
        failed.append(repr(e))


threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
say('failed', lambda: failed)
