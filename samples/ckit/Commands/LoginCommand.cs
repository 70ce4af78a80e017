using System.CommandLine;
using System.Text;
using Ckit.CommandLine;

namespace Ckit.Commands;

/// <summary>Tries credentials with a registry, and keeps them.</summary>
internal sealed class LoginCommand : HostCommand
{
    private const int LongestLine = 1 << 16;

    private readonly RegistryFlags _registry = new();
    private readonly Option<string?> _username = new("--username", "-u") { Description = "Your name there; asked for unless given.", HelpName = "NAME" };
    private readonly Option<string?> _password = new("--password", "-p") { Description = "Others on this machine see it: better be asked, or --password-stdin.", HelpName = "PASSWORD" };
    private readonly Option<bool> _passwordInput = new("--password-stdin") { Description = "Reads the password, or a token, from standard input." };
    private readonly Argument<string> _server = new("REGISTRY") { Description = "Such as registry.example:5000.", DefaultValueFactory = _ => "docker.io" };

    public LoginCommand()
        : base("login", "Try credentials with a registry, and keep them where docker and podman do.")
    {
        Add(_username);
        Add(_password);
        Add(_passwordInput);
        _registry.AddConnectionTo(this);
        Add(_server);
    }

    protected override RegistryOptions RegistryOptions(ParseResult line) => _registry.ReadFor(line, line.GetRequiredValue(_server));

    protected override async Task<int> RunAsync(ContainerHost host, ParseResult line, CancellationToken cancellationToken)
    {
        var (given, fromInput) = (line.GetValue(_password), line.GetValue(_passwordInput));
        if (fromInput && given is not null)
        {
            throw new UsageException("The password comes by --password or by --password-stdin, and not by both.");
        }

        var isAsking = !fromInput && given is null;
        var username = line.GetValue(_username) ?? (isAsking ? Ask("Username: ", isSecret: false) : throw new UsageException("A password needs a --username."));
        var password = given ?? (fromInput ? ReadInput() : Ask("Password: ", isSecret: true));
        await host.Registry.LoginAsync(line.GetRequiredValue(_server), new RegistryCredentials(username, password), cancellationToken);
        await Console.Out.WriteLineAsync("Login Succeeded");
        return 0;
    }

    // As docker has it: all of the input, but for the line's end that echo puts there.
    private static string ReadInput()
    {
        var buffer = new char[LongestLine + 1];
        var length = Console.In.ReadBlock(buffer, 0, buffer.Length);
        return length <= LongestLine && buffer.AsSpan(0, length).TrimEnd("\r\n") is { Length: > 0 } text ? text.ToString() : throw new UsageException("Standard input holds no password.");
    }

    private static string Ask(string question, bool isSecret)
    {
        if (Console.IsInputRedirected)
        {
            throw new UsageException("Standard input is not a terminal: give --username and --password-stdin.");
        }

        Console.Error.Write(question);
        if (!isSecret)
        {
            return Console.ReadLine() is { Length: > 0 } text ? text : throw new UsageException("A name is needed.");
        }

        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                typed.Length = Math.Max(typed.Length - 1, 0);
            }
            else if (!char.IsControl(key.KeyChar) && typed.Length < LongestLine)
            {
                typed.Append(key.KeyChar);
            }
        }

        Console.Error.WriteLine();
        return typed.ToString();
    }
}
