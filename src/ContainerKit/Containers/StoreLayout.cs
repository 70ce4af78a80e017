using ContainerKit.Content;
using ContainerKit.Linux;

namespace ContainerKit.Containers;

/// <summary>The directory that everything lies in. It is ours alone: others could otherwise plant files that root then trusts.</summary>
/// <remarks>
/// <code>
/// ROOT/              mode 0700; on Windows, what its parent directory lets others do
///   images/          an OCI image layout: oci-layout, index.json, blobs/sha256/…
///   snapshots/DRIVER/SNAPSHOT/
///   snapshots/.bases/DRIVER/CONFIG   which snapshot the containers of an image stand on
///   containers/ID/   container.json, lock, running
///   networks/NAME/   network.json, members; there with the first network
///   volumes/NAME/    volume.json, data/; there with the first volume
///   names/NAME       the id of the container of that name
/// </code>
/// </remarks>
internal sealed class StoreLayout
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private StoreLayout(string root) => Root = root;

    public string Root { get; }

    public string Images => Path.Combine(Root, "images");

    public string Snapshots => Path.Combine(Root, "snapshots");

    public string Containers => Path.Combine(Root, "containers");

    public string Networks => Path.Combine(Root, "networks");

    public string Volumes => Path.Combine(Root, "volumes");

    public string Names => Path.Combine(Root, "names");

    /// <summary>Where the store lies unless the options say otherwise.</summary>
    public static string Default
    {
        get
        {
            if (OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess)
            {
                return "/var/lib/containerkit";
            }

            // XDG Base Directory Specification: a relative path in the variable is to be ignored.
            var data = Environment.GetEnvironmentVariable("XDG_DATA_HOME");
            return Path.Combine(
                Path.IsPathRooted(data) ? data : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
                "containerkit");
        }
    }

    /// <summary>Makes the directory where it is not there, and checks that it is nobody else's.</summary>
    /// <exception cref="StorageException">Someone else owns it, or others may enter it.</exception>
    public static StoreLayout Open(string path)
    {
        var store = new StoreLayout(Path.GetFullPath(path));
        try
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(store.Root);
            }
            else
            {
                Directory.CreateDirectory(store.Root, OwnerOnly);
            }

            if (OperatingSystem.IsLinux())
            {
                RequireOwn(store.Root);
            }
            else if (!OperatingSystem.IsWindows())
            {
                // Who owns it, .NET does not tell.
                RequirePrivate(store.Root, (int)File.GetUnixFileMode(store.Root));
            }

            Directory.CreateDirectory(store.Containers);
            Directory.CreateDirectory(store.Names);
            return store;
        }
        catch (Exception e) when ((e is IOException or UnauthorizedAccessException) && !FullDisk.IsCause(e))
        {
            throw new StorageException($"Cannot open the store '{store.Root}': {e.Message}", e)
            {
                Hint = "Choose another directory for the store.",
            };
        }
    }

    [System.Runtime.Versioning.SupportedOSPlatform("linux")]
    private static void RequireOwn(string root)
    {
        using var directory = RootedDirectory.Open(root);
        var stat = FileCalls.Local.Stat(directory.Handle);
        var me = (uint)Tmds.Linux.LibC.geteuid();
        if (stat.UserId != me)
        {
            throw new StorageException($"Cannot open the store '{root}': it belongs to user {stat.UserId}, and this process runs as {me}.")
            {
                Hint = "Use a store of your own, or run as its owner.",
            };
        }

        RequirePrivate(root, stat.Permissions);
    }

    private static void RequirePrivate(string root, int mode)
    {
        if ((mode & 0x3F) != 0)
        {
            throw new StorageException($"Cannot open the store '{root}': its mode {Convert.ToString(mode, 8)} lets others in.")
            {
                Hint = $"If nobody else has put anything there: chmod 700 '{root}'.",
            };
        }
    }
}
