namespace ContainerKit.Tests.Linux.Support;

/// <summary>
/// A directory that goes away with this object, whatever a test left in it: files that nobody may read, directories that nobody
/// may enter, names that are no text, files of an ordinary user's subordinate ids, immutable files, and mounts.
/// </summary>
internal sealed class TemporaryDirectory : IDisposable
{
    // A bind mount left by a failed test shows the host's own files, so everything is unmounted before anything is removed.
    private const string Remove = """
        below=$(printf '%s/' "$1")
        while read -r _ _ _ _ target _; do
            target=$(printf '%b' "${target//\\/\\0}")
            case "$target/" in "$below"*) printf '%s\0' "$target" ;; esac
        done < /proc/self/mountinfo | tac -s '' 2>/dev/null | xargs -0 -r -n 1 umount -l --
        if grep -qF " $1/" /proc/self/mountinfo; then echo "something is still mounted below $1" >&2; exit 1; fi
        rm -rf --one-file-system -- "$1" 2>/dev/null && exit 0
        [ "$(id -u)" = 0 ] || unshare --user --map-root-user --map-users=auto --map-groups=auto rm -rf --one-file-system -- "$1" 2>/dev/null && exit 0
        chattr -R -i -a -- "$1" 2>/dev/null || true
        find "$1" -xdev -type d -exec chmod u+rwx {} ';' 2>/dev/null || true
        rm -rf --one-file-system -- "$1"
        """;

    /// <summary>Makes an empty directory with mode 0700 in the host's directory for temporary files.</summary>
    public TemporaryDirectory() => Path = Directory.CreateTempSubdirectory("ck-").FullName;

    /// <summary>Its absolute path, without symlinks of our making.</summary>
    public string Path { get; }

    /// <summary>The path of something in it, which need not exist.</summary>
    public string this[string name] => System.IO.Path.Combine(Path, name);

    /// <summary>Makes a directory in it, with its parents.</summary>
    public string MakeDirectory(string name) => Directory.CreateDirectory(this[name]).FullName;

    /// <summary>Writes a text file in it, with its parents.</summary>
    public string Write(string name, string content)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], content);
        return this[name];
    }

    /// <inheritdoc/>
    public override string ToString() => Path;

    /// <summary>Removes it with everything in it.</summary>
    /// <exception cref="InvalidOperationException">Something cannot be removed: a test that hides this would fill the host.</exception>
    public void Dispose() => Shell.Run("bash", "-c", Remove, "bash", Path);
}
