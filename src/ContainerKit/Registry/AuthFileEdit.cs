using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Content;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>Changes an auth file. Whatever else it holds stays, and nobody ever sees half of it.</summary>
internal static class AuthFileEdit
{
    private const UnixFileMode OwnersOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Puts a registry's credentials in, in the place of what it has of that registry.</summary>
    /// <param name="path">The file; made, with its directory, where it is not there.</param>
    /// <param name="registry">The registry.</param>
    /// <param name="credentials">The credentials; null for an empty entry, which docker leaves where a helper has them.</param>
    public static void Set(string path, string registry, RegistryCredentials? credentials) => Change(path, document =>
    {
        Take(document, registry);
        Servers(document, path)[AuthFile.ServerOf(registry)] = credentials is null ? new JsonObject() : EntryOf(credentials);
        return true;
    });

    /// <summary>Takes a registry's credentials out.</summary>
    /// <returns>Whether there was an entry.</returns>
    public static bool Remove(string path, string registry) => Change(path, document => Take(document, registry));

    private static bool Take(JsonObject document, string registry)
    {
        var servers = document["auths"] as JsonObject;
        string[] spellings = [.. servers?.Select(entry => entry.Key).Where(server => AuthFile.KeyOf(server) == registry) ?? []];
        Array.ForEach(spellings, server => servers!.Remove(server));
        return spellings.Length > 0;
    }

    private static JsonObject Servers(JsonObject document, string path)
    {
        if (document.FindObject("auths", AuthFile.NameOf(path)) is { } servers)
        {
            return servers;
        }

        document["auths"] = servers = [];
        return servers;
    }

    private static JsonObject EntryOf(RegistryCredentials credentials)
    {
        var entry = new JsonObject { ["auth"] = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credentials.Username}:{credentials.Password}")) };
        if (credentials.IdentityToken is { } token)
        {
            entry["identitytoken"] = token;
        }

        return entry;
    }

    private static bool Change(string path, Func<JsonObject, bool> change)
    {
        try
        {
            // A configuration that is kept elsewhere and linked to is changed there.
            path = new FileInfo(path).LinkTarget is null ? Path.GetFullPath(path) : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
            var document = AuthFile.TryReadBytes(path, isRequired: false) is { } bytes ? JsonDocuments.Parse(bytes, AuthFile.NameOf(path)) : [];
            if (!change(document))
            {
                return false;
            }

            Write(path, JsonDocuments.Write(document, indented: true));
            return true;
        }
        catch (ImageException e)
        {
            throw new RegistryException(e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RegistryException($"The auth file '{path}' cannot be written: {e.Message}", e);
        }
    }

    private static void Write(string path, byte[] content)
    {
        var directory = Path.GetDirectoryName(path)!;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
        }
        else
        {
            Directory.CreateDirectory(directory, OwnersOnly | UnixFileMode.UserExecute);
        }

        var aside = Path.Combine(directory, $".{Path.GetFileName(path)}.{Guid.NewGuid():N}");
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, BufferSize = 0 };
            if (!OperatingSystem.IsWindows())
            {
                options.UnixCreateMode = OwnersOnly;
            }

            using (var file = new FileStream(aside, options))
            {
                file.Write(content);
                file.Flush(flushToDisk: true);
            }

            FileReplacement.Move(aside, path);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }
}
