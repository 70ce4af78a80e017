using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using ContainerKit.Containers.Catalog;
using ContainerKit.Containers.Readiness;
using ContainerKit.Containers.Runs;

namespace ContainerKit;

/// <summary>
/// When a container counts as ready, as a value that never changes: conditions, and what is made of them by <see cref="And"/>, <see cref="Or"/> and
/// <see cref="Within"/>. It is for <see cref="ContainerBuilder.WithReadiness"/> and <see cref="RunningContainer.WaitUntilReadyAsync"/>.
/// </summary>
/// <remarks>
/// Conditions are looked at from outside: nothing runs in the container but what <see cref="WhenCommand"/> starts. What is not told by an event is looked at every 5
/// to 20 ms. Unless <see cref="Within"/> says otherwise, a container has 60 seconds.
/// </remarks>
public abstract class Ready
{
    private static readonly TimeSpan LongestMatch = TimeSpan.FromSeconds(1);

    private protected Ready()
    {
    }

    /// <summary>When a program of the container listens on a TCP port, on whatever address: its network's table of sockets says so, and nobody connects.</summary>
    /// <param name="port">The port as the container sees it. With <see cref="NetworkMode.Host"/> the table is the host's, and so may be the listener.</param>
    public static Ready WhenListening(int port) => new ListeningCondition(RequirePort(port));

    /// <summary>When the program has written a text, wherever in a line.</summary>
    /// <param name="text">The text, as it is, in UTF-8.</param>
    /// <param name="times">How often; databases say that they are ready twice.</param>
    /// <param name="stream">The stream that counts; null for both.</param>
    /// <remarks>
    /// What is read here is read again by whoever reads the container's streams. In <see cref="RunningContainer.WaitUntilReadyAsync"/>, of what a reader had taken
    /// already, the last 64 KiB count. Of a container that another process runs in its foreground nobody else sees the output.
    /// </remarks>
    public static Ready WhenLogged(string text, int times = 1, OutputSource? stream = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(times);
        return new LoggedCondition($"'{text}'", times, () => new TextWatcher(text, stream, times));
    }

    /// <summary>When a regular expression has matched lines that the program wrote.</summary>
    /// <param name="pattern">
    /// The expression. One that has no time-out (<see cref="Regex.MatchTimeout"/>) gets one of a second: the container chooses what it is tried on. A line of more than 16 KiB is
    /// tried in pieces.
    /// </param>
    /// <param name="times">How many lines.</param>
    /// <param name="stream">The stream that counts; null for both.</param>
    /// <inheritdoc cref="WhenLogged(string, int, OutputSource?)"/>
    public static Ready WhenLogged(Regex pattern, int times = 1, OutputSource? stream = null)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(times);
        var bounded = pattern.MatchTimeout == Regex.InfiniteMatchTimeout ? new Regex(pattern.ToString(), pattern.Options & ~RegexOptions.Compiled, LongestMatch) : pattern;
        return new LoggedCondition($"a line like /{pattern}/", times, () => new PatternWatcher(bounded, stream, times));
    }

    /// <summary>When a web server of the container answers a GET.</summary>
    /// <param name="port">Its port, on the container's loopback interface.</param>
    /// <param name="path">The path, with its query if any.</param>
    /// <param name="status">The status that counts; any from 200 to 399 when null. Redirections are not followed.</param>
    /// <remarks>An answer whose head takes more than 10 seconds is given up, and asked for again.</remarks>
    public static Ready WhenHttp(int port, string path = "/", HttpStatusCode? status = null) =>
        WhenHttp(port, path, response => status is { } wanted ? response.StatusCode == wanted : (int)response.StatusCode is >= 200 and < 400);

    /// <inheritdoc cref="WhenHttp(int, string, HttpStatusCode?)"/>
    /// <param name="port">Its port, on the container's loopback interface.</param>
    /// <param name="path">The path, with its query if any.</param>
    /// <param name="accepts">Says whether an answer counts. It sees status and headers; the content has not been read.</param>
    public static Ready WhenHttp(int port, string path, Func<HttpResponseMessage, bool> accepts)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(accepts);
        return path[0] == '/'
            ? new HttpCondition(RequirePort(port), path, accepts)
            : throw new ArgumentException($"The path of a web server's page begins with '/', and '{path}' does not.", nameof(path));
    }

    /// <summary>When a file, directory or anything else is there.</summary>
    /// <param name="path">Its absolute path as the container sees it.</param>
    public static Ready WhenExists(string path)
    {
        ContainerPath.RequireAbsolute(path);
        return new FunctionCondition(
            $"'{path}' does not exist",
            (running, cancellationToken) => running.Files.ExistsAsync(path, cancellationToken));
    }

    /// <summary>When a program, run in the container, exits with code 0. It is run again 20 ms after it has failed, and killed when it takes more than 10 seconds.</summary>
    /// <param name="command">The program and its arguments.</param>
    public static Ready WhenCommand(params string[] command)
    {
        ArgumentNullException.ThrowIfNull(command);
        ArgumentOutOfRangeException.ThrowIfZero(command.Length);
        string[] copy = [.. command];
        return new CommandCondition(copy);
    }

    /// <summary>
    /// When its health check (<see cref="ContainerBuilder.WithHealthCheck"/>, or the image's) has succeeded: it is run at once, and then every <see cref="HealthCheck.StartInterval"/>. A container
    /// without one is an <see cref="InvalidOperationException"/>.
    /// </summary>
    public static Ready WhenHealthy() => new HealthCondition();

    /// <summary>When a function says so. It is asked again 20 ms after it said no, or failed as connections do.</summary>
    /// <param name="condition">The function. It gets the container and a token that ends with the wait.</param>
    /// <remarks>
    /// Of its exceptions a <see cref="ContainerKitException"/>, an <see cref="IOException"/>, a <see cref="SocketException"/> and an <see cref="HttpRequestException"/> count as "not yet";
    /// any other ends the wait.
    /// </remarks>
    public static Ready When(Func<RunningContainer, CancellationToken, Task<bool>> condition)
    {
        ArgumentNullException.ThrowIfNull(condition);
        return new FunctionCondition("the caller's condition does not hold", condition);
    }

    /// <summary>When both hold, whichever comes first. Each has to be seen once; it is not looked at again.</summary>
    public Ready And(Ready other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new BothCondition(this, other);
    }

    /// <summary>When one of them holds.</summary>
    public Ready Or(Ready other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new EitherCondition(this, other);
    }

    /// <summary>The same, but only within a time from the moment at which the wait begins.</summary>
    /// <param name="time">The time; <see cref="Timeout.InfiniteTimeSpan"/> for as long as the program runs.</param>
    public Ready Within(TimeSpan time) => time > TimeSpan.Zero && time <= TimeSpan.FromDays(20) || time == Timeout.InfiniteTimeSpan
        ? new LimitedCondition(this, time)
        : throw new ArgumentOutOfRangeException(nameof(time), $"A container cannot become ready within {time}: the time is more than none, and 20 days at most.");

    /// <summary>Waits for it.</summary>
    /// <returns>False when it can no longer come.</returns>
    internal abstract Task<bool> WaitAsync(ReadinessWait wait, CancellationToken cancellationToken);

    /// <summary>What is missing, as a clause; null when nothing is.</summary>
    internal abstract string? WhatIsMissing(ReadinessWait wait);

    private static int RequirePort(int port)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(port, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, IPEndPoint.MaxPort);
        return port;
    }
}
