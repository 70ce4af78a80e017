using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;

namespace ContainerKit.Tests.Shared.Registry;

/// <summary>An HTTP server on a port of its own at 127.0.0.1, whose answers go wrong as its faults say, and who remembers what it was asked.</summary>
internal abstract class HttpServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<HttpRequest> _requests = new();
    private readonly ConcurrentDictionary<Task, bool> _connections = new();
    private readonly ConcurrentQueue<Waiter> _waiters = new();
    private readonly X509Certificate2? _certificate;
    private readonly bool _wantsCertificate;
    private readonly Task _accepting;

    /// <param name="certificate">Makes it speak TLS.</param>
    /// <param name="wantsCertificate">Turns clients away that show no certificate.</param>
    protected HttpServer(X509Certificate2? certificate, bool wantsCertificate)
    {
        _certificate = certificate;
        _wantsCertificate = wantsCertificate;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>Host and port, as image names have them.</summary>
    public string Host => $"127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    /// <summary>Where it is, with the scheme and without a slash at the end.</summary>
    public string Address => $"{(_certificate is null ? "http" : "https")}://{Host}";

    public FaultList Faults { get; } = new();

    /// <summary>What was asked, in the order in which it came.</summary>
    public IReadOnlyList<HttpRequest> Requests => [.. _requests];

    /// <summary>Forgets what was asked.</summary>
    public void Forget() => _requests.Clear();

    /// <summary>Waits until so many requests have come that are of a kind; they may not be answered yet.</summary>
    public Task SeenAsync(Func<HttpRequest, bool> isOfTheKind, int count = 1)
    {
        var waiter = new Waiter(isOfTheKind, count, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        _waiters.Enqueue(waiter);
        Tell(waiter);
        return waiter.Source.Task;
    }

    public async ValueTask DisposeAsync()
    {
        // A test may end a server before its fixture does.
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_connections.Keys);
        _stop.Dispose();
    }

    protected abstract HttpAnswer Answer(HttpRequest request);

    /// <summary>What becomes of a request of which only the beginning came.</summary>
    protected abstract void TakeBeginning(HttpRequest request);

    private void Tell(Waiter waiter)
    {
        if (_requests.Count(waiter.IsOfTheKind) >= waiter.Count)
        {
            waiter.Source.TrySetResult();
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var connection = ServeAsync(await _listener.AcceptSocketAsync(_stop.Token));
                _connections[connection] = true;
                _ = connection.ContinueWith(ended => _connections.TryRemove(ended, out _), TaskScheduler.Default);
            }
            catch (SocketException) when (!_stop.IsCancellationRequested)
            {
                // A client that left before its turn came; the next may stay.
                continue;
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        // Off the loop that accepts.
        await Task.Yield();
        socket.NoDelay = true;
        try
        {
            using var connection = new HttpConnection(socket, await OpenAsync(socket), _stop.Token);
            while (await connection.ReadHeadAsync() is { } head && await ServeAsync(connection, head))
            {
                // One request after another, for as long as both want.
            }
        }
        catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException or AuthenticationException)
        {
            // A client that leaves is nothing that a server minds.
            socket.Dispose();
        }
    }

    private async Task<bool> ServeAsync(HttpConnection connection, HttpRequest head)
    {
        var fault = Faults.Meet(head.Method, head.Path);
        var request = head with { Body = await connection.ReadBodyAsync(head, fault?.ResetsRequestAfter) };
        _requests.Enqueue(request);
        foreach (var waiter in _waiters)
        {
            Tell(waiter);
        }

        if (fault is { ResetsRequestAfter: not null })
        {
            TakeBeginning(request);
            connection.Reset();
            return false;
        }

        if (fault is not null)
        {
            await fault.Until.WaitAsync(_stop.Token);
        }

        var answer = Spoil(fault is { Status: { } status } ? HttpAnswer.Error(status, "UNKNOWN") : Answer(Seen(request, fault)), fault);
        request.Status = answer.Status;
        return await connection.AnswerAsync(request, answer, fault);
    }

    private static HttpRequest Seen(HttpRequest request, Fault? fault) => fault is { IgnoresRange: true }
        ? request with { Headers = request.Headers.Where(header => header.Key != "Range").ToDictionary(StringComparer.OrdinalIgnoreCase) }
        : request;

    private static HttpAnswer Spoil(HttpAnswer answer, Fault? fault)
    {
        answer = fault?.Headers.Aggregate(answer, (spoiled, header) => spoiled.With(header.Key, header.Value)) ?? answer;
        return fault is { Body: { } body } ? answer with { Body = body } : answer;
    }

    private async Task<Stream> OpenAsync(Socket socket)
    {
        var stream = new NetworkStream(socket, ownsSocket: true);
        if (_certificate is null)
        {
            return stream;
        }

        var tls = new SslStream(stream);
        await tls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions
            {
                ServerCertificate = _certificate,
                ClientCertificateRequired = _wantsCertificate,
                RemoteCertificateValidationCallback = (_, shown, _, _) => !_wantsCertificate || shown is not null,
            },
            _stop.Token);
        return tls;
    }

    private sealed record Waiter(Func<HttpRequest, bool> IsOfTheKind, int Count, TaskCompletionSource Source);
}
