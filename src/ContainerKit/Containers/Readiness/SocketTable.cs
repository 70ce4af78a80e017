using System.Globalization;

namespace ContainerKit.Containers.Readiness;

/// <summary>The TCP sockets of a process's network namespace, as the kernel lists them. proc(5), <c>/proc/PID/net/tcp</c></summary>
internal static class SocketTable
{
    private const string Listening = "0A";

    /// <summary>Whether anybody in the network of a process listens on a port, by IPv4 or IPv6. Of a process that has ended: false.</summary>
    public static bool IsListening(int processId, int port) => IsListening($"/proc/{processId}/net/tcp", port) || IsListening($"/proc/{processId}/net/tcp6", port);

    /// <summary>Whether a table has a listener on a port.</summary>
    internal static bool IsListening(TextReader table, int port)
    {
        table.ReadLine();
        while (table.ReadLine() is { } line)
        {
            // "sl local_address rem_address st …", addresses as HEX:PORT. Those that listen stand before all others, of which there may be very many.
            var fields = line.Split(' ', 5, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 4 || fields[3] != Listening)
            {
                return false;
            }

            if (int.TryParse(fields[1].AsSpan(fields[1].IndexOf(':', StringComparison.Ordinal) + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number) && number == port)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsListening(string path, int port)
    {
        try
        {
            using var table = new StreamReader(path);
            return IsListening(table, port);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // It has ended, which is told elsewhere; or the kernel has no IPv6.
            return false;
        }
        catch (IOException e) when (e.HResult is Linux.Errno.ESRCH or Linux.Errno.EINVAL)
        {
            // What /proc answers when a process ends while its file is read.
            return false;
        }
    }
}
