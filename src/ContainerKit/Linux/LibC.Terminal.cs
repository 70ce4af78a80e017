using System.Runtime.InteropServices;

namespace ContainerKit.Linux;

/// <content>Terminals.</content>
internal static unsafe partial class LibC
{
    [LibraryImport(Library, SetLastError = true)]
    public static partial int tcgetattr(int fd, byte* settings);

    [LibraryImport(Library, SetLastError = true)]
    public static partial int tcsetattr(int fd, int when, byte* settings);

    [LibraryImport(Library)]
    public static partial void cfmakeraw(byte* settings);
}
