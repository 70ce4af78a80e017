/* What a container's programs can do to the kernel. Statically linked, so that it runs in any container.
 *
 * prober probe NUMBER[:ARGUMENT]... ...   makes each call in a process of its own, and says how it went: "ok", "errno N" or "signal N"
 * prober with-key PROGRAM ARGUMENT...     runs a program whose session keyring holds a key; the key's number is its last argument
 * prober read-key NUMBER                  says whether that key can be read
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void probe(char *call)
{
    unsigned long words[7] = {0};
    int count = 0;
    printf("%s ", call);
    for (char *word = strtok(call, ":"); word && count < 7; word = strtok(NULL, ":"))
        words[count++] = strtoul(word, NULL, 0);
    fflush(stdout);

    int status, child = fork();
    if (child == 0) {
        long result = syscall(words[0], words[1], words[2], words[3], words[4], words[5], words[6]);
        _exit(result == -1 ? errno : 0);
    }

    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("signal %d\n", WTERMSIG(status));
    else if (WEXITSTATUS(status) == 0)
        printf("ok\n");
    else
        printf("errno %d\n", WEXITSTATUS(status));
}

static int run_with_key(int count, char **arguments)
{
    char number[16];
    char *with[64] = {0};
    if (count > 60 || syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0) < 0)
        return 1;
    long key = syscall(SYS_add_key, "user", "containerkit-test", "secret", 6, KEY_SPEC_SESSION_KEYRING);
    snprintf(number, sizeof number, "%ld", key);
    memcpy(with, arguments, count * sizeof *with);
    with[count] = number;
    execv(with[0], with);
    return 1;
}

static int read_key(const char *number)
{
    char secret[16] = {0};
    long length = syscall(SYS_keyctl, KEYCTL_READ, atol(number), secret, sizeof secret - 1, 0);
    if (length < 0)
        printf("errno %d\n", errno);
    else
        printf("%s\n", secret);
    return 0;
}

int main(int count, char **arguments)
{
    if (count >= 3 && strcmp(arguments[1], "with-key") == 0)
        return run_with_key(count - 2, arguments + 2);
    if (count == 3 && strcmp(arguments[1], "read-key") == 0)
        return read_key(arguments[2]);
    for (int i = 2; i < count; i++)
        probe(arguments[i]);
    return 0;
}
