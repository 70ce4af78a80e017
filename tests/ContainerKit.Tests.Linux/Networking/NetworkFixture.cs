using System.Net.Sockets;
using System.Text;
using ContainerKit.Tests.Linux.Containers;
using ContainerKit.Tests.Linux.Support;

namespace ContainerKit.Tests.Linux.Networking;

/// <summary>A host with an image <c>net</c>, whose only program is busybox: it has nc and httpd.</summary>
internal abstract class NetworkFixture : ContainerFixture
{
    protected Image Net { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task MakeNetworkImage()
    {
        Needs.Program("busybox");
        Net = await Host.BuildFromScratch().AddHostProgram("busybox")
            .AddFile("/etc/passwd", "root:x:0:0:root:/:/bin/sh\n")
            .AddFile("/www/index.html", "from inside\n")
            .BuildAsync("net:1");
    }

    /// <summary>A container that answers every connection to a port with what it is sent.</summary>
    protected ContainerBuilder Echo(int port) => Busybox("nc", "-ll", "-p", $"{port}", "-e", "busybox", "cat");

    protected ContainerBuilder Busybox(params string[] command) => Host.Container(Net).WithCommand(["busybox", .. command]);

    /// <summary>Connects as soon as something listens.</summary>
    protected static async Task<Stream> Connect(Func<Task<Stream>> connect)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return await connect();
            }
            catch (NetworkException e) when (e.SocketError == SocketError.ConnectionRefused && attempt < 500)
            {
                await Task.Delay(20);
            }
        }
    }

    protected static Task<Stream> Connect(RunningContainer container, int port) => Connect(() => container.OpenTcpAsync(port));

    /// <summary>Says something, ends this direction, and reads all that comes back.</summary>
    protected static async Task<string> Say(Stream stream, string text)
    {
        await stream.WriteAsync(Encoding.UTF8.GetBytes(text));
        ((NetworkStream)stream).Socket.Shutdown(SocketShutdown.Send);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20));
    }
}
