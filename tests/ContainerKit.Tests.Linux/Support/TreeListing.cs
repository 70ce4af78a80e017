namespace ContainerKit.Tests.Linux.Support;

/// <summary>
/// Everything that can be told apart about a tree, one line for each path: type, mode, owner, link count, size, time to the
/// nanosecond, link target, device number, attributes, content, and for sparse files how much is allocated.
/// </summary>
internal static class TreeListing
{
    private const string List = """
        cd "$1"
        find . -xdev \( -type f -o -type l -o -type d -o -type c -o -type b -o -type p \) -printf '%p|%y|%m|%U:%G|%n|%s|%T@|%l\n' |
            awk -F'|' -v OFS='|' '$2 == "d" { $5 = ""; $6 = "" } { print }' | LC_ALL=C sort
        find . -xdev \( -type c -o -type b \) -exec stat -c 'device|%n|%t:%T' {} + | LC_ALL=C sort
        find . -xdev -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        find . -xdev -type f -links +1 -printf '%i|%p\n' | LC_ALL=C sort -t'|' -k2 | awk -F'|' '{ if (!($1 in first)) first[$1] = $2; print "link|" $2 "|" first[$1] }'
        find . -xdev -print0 | LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -e hex 2>/dev/null | grep -v '^user.overlay\|^trusted.overlay\|^user.containerkit' || true
        """;

    /// <summary>The lines, in an order that depends on nothing but the tree.</summary>
    public static string[] Of(string directory) => Shell.Script(List, directory).Split('\n');
}
