using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using ContainerKit.Images;

namespace ContainerKit.Registry;

/// <summary>
/// A program <c>docker-credential-NAME</c>, which keeps credentials: <c>get</c>, <c>store</c> or <c>erase</c> as its argument, what is asked on standard input, and
/// its answer on standard output.
/// </summary>
internal static class CredentialHelper
{
    private const int MaxAnswerBytes = 64 << 10;
    private const string IdentityTokenUser = "<token>";

    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(30);

    /// <returns>Null when the helper knows the registry not.</returns>
    /// <exception cref="RegistryException">There is no such helper, or it fails.</exception>
    public static async Task<RegistryCredentials?> GetAsync(string name, string server, CancellationToken cancellationToken)
    {
        var (exit, output, program) = await AskAsync(name, server, "get", server, cancellationToken).ConfigureAwait(false);
        return exit == 0 ? Read(output, program) : IsNotFound(output) ? null : throw Failed(program, server, output);
    }

    /// <summary>Has credentials kept.</summary>
    /// <exception cref="RegistryException">There is no such helper, or it fails.</exception>
    public static async Task StoreAsync(string name, string server, RegistryCredentials credentials, CancellationToken cancellationToken)
    {
        var (username, secret) = credentials.IdentityToken is { } token ? (IdentityTokenUser, token) : (credentials.Username, credentials.Password);
        var document = new JsonObject { ["ServerURL"] = server, ["Username"] = username, ["Secret"] = secret };
        var (exit, output, program) = await AskAsync(name, server, "store", Encoding.UTF8.GetString(JsonDocuments.Write(document)), cancellationToken).ConfigureAwait(false);
        if (exit != 0)
        {
            throw Failed(program, server, output);
        }
    }

    /// <summary>Has credentials forgotten.</summary>
    /// <returns>Whether there were any.</returns>
    /// <exception cref="RegistryException">There is no such helper, or it fails.</exception>
    public static async Task<bool> EraseAsync(string name, string server, CancellationToken cancellationToken)
    {
        // Some helpers fail where there is nothing to erase, and others do not.
        if (await GetAsync(name, server, cancellationToken).ConfigureAwait(false) is null)
        {
            return false;
        }

        var (exit, output, program) = await AskAsync(name, server, "erase", server, cancellationToken).ConfigureAwait(false);
        return exit == 0 ? true : throw Failed(program, server, output);
    }

    private static async Task<(int Exit, byte[] Output, string Program)> AskAsync(string name, string server, string verb, string input, CancellationToken cancellationToken)
    {
        var program = $"docker-credential-{name}";
        var path = name.Length is > 0 and < 64 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            ? FindInPath(program) ?? throw new RegistryException($"The credential helper '{program}', which an auth file names for '{server}', is not in PATH.")
            : throw new RegistryException($"An auth file names a credential helper that cannot be one: '{RegistryErrors.Harmless(name)}'.");
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(LongestAnswer);
        try
        {
            var (exit, output) = await RunAsync(path, verb, input, limit.Token).ConfigureAwait(false);
            return (exit, output, program);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new RegistryException($"The credential helper '{program}' did not answer for '{server}' within {LongestAnswer.TotalSeconds} seconds.", e);
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            throw new RegistryException($"The credential helper '{program}' cannot be run: {e.Message}", e);
        }
    }

    // Process.Start would look into the current directory first, which may be anybody's.
    private static string? FindInPath(string program)
    {
        string[] names = OperatingSystem.IsWindows() ? [program + ".exe", program + ".cmd"] : [program];
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Where(Path.IsPathFullyQualified)
            .SelectMany(directory => names.Select(name => Path.Combine(directory, name)))
            .FirstOrDefault(File.Exists);
    }

    private static RegistryException Failed(string program, string server, byte[] output) =>
        new($"The credential helper '{program}' failed for '{server}': {RegistryErrors.Harmless(Encoding.UTF8.GetString(output))}");

    private static async Task<(int Exit, byte[] Output)> RunAsync(string path, string verb, string input, CancellationToken cancellationToken)
    {
        using var process = new Process();
        process.StartInfo = new ProcessStartInfo(path, verb) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false, CreateNoWindow = true };
        process.Start();
        try
        {
            await WriteAsync(process, input, cancellationToken).ConfigureAwait(false);
            var output = await ReadAsync(process.StandardOutput.BaseStream, cancellationToken).ConfigureAwait(false);
            await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            return (process.ExitCode, output);
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    private static async Task WriteAsync(Process process, string input, CancellationToken cancellationToken)
    {
        try
        {
            await process.StandardInput.BaseStream.WriteAsync(Encoding.UTF8.GetBytes(input + "\n"), cancellationToken).ConfigureAwait(false);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended without reading: what it says counts, and its exit code.
        }
    }

    private static async Task<byte[]> ReadAsync(Stream output, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxAnswerBytes + 1];
        var length = await output.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        return length <= MaxAnswerBytes ? buffer[..length] : throw new IOException($"it says more than {MaxAnswerBytes} bytes");
    }

    private static bool IsNotFound(byte[] output) => Encoding.UTF8.GetString(output).Contains("credentials not found", StringComparison.OrdinalIgnoreCase);

    private static RegistryCredentials Read(byte[] output, string program)
    {
        try
        {
            var what = $"answer of the credential helper '{program}'";
            var document = JsonDocuments.Parse(output, what);
            var (username, secret) = (document.GetString("Username", what), document.GetString("Secret", what));
            return username == IdentityTokenUser ? new RegistryCredentials("", "") { IdentityToken = secret } : new RegistryCredentials(username, secret);
        }
        catch (ImageException e)
        {
            throw new RegistryException(e.Message, e);
        }
    }
}
