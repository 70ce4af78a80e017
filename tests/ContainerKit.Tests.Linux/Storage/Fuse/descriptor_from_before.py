"""Opens a file, has others change it by its name, and prints what the descriptor from before knows of that."""
import ctypes, fcntl, mmap, os, struct, sys

os.chdir(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
MODIFIED, ATTRIBUTES = 0x2, 0x4


def in_child(act):
    """What a function returns in another process: a number below 100, or 100 and an errno."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(act())
        except OSError as error:
            os._exit(100 + error.errno)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def append():
    with open("file", "ab", buffering=0) as file:
        return file.write(b"+more")


def lock(how):
    def act():
        with open("file", "r+b") as file:
            how(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return 0
    return act


before = open("file", "rb", buffering=0)
fcntl.flock(before, fcntl.LOCK_EX)
fcntl.lockf(before, fcntl.LOCK_SH)
watch = libc.inotify_init1(os.O_NONBLOCK)
libc.inotify_add_watch(watch, b"file", MODIFIED | ATTRIBUTES)
mapped = mmap.mmap(before.fileno(), 5, prot=mmap.PROT_READ)
print("mapped", mapped[:])

print("append", in_child(append))
print("flock", in_child(lock(fcntl.flock)))
print("lockf", in_child(lock(fcntl.lockf)))
event = os.read(watch, 4096)
print("watch", struct.unpack_from("iIII", event)[1] == MODIFIED)
print("size", os.fstat(before.fileno()).st_size, os.stat("file").st_size, os.fstat(before.fileno()).st_ino == os.stat("file").st_ino)
print("content", before.read())
os.truncate("file", 2)
os.chmod("file", 0o604)
print("truncated", os.fstat(before.fileno()).st_size, oct(os.fstat(before.fileno()).st_mode))
print("name", os.readlink(f"/proc/self/fd/{before.fileno()}") == os.path.realpath("file"))
print("again", os.pread(before.fileno(), 10, 0))
mapped.close()
before.close()
print("unlocked", in_child(lock(fcntl.flock)), in_child(lock(fcntl.lockf)))
