using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace ContainerKit.Benchmarks.Forwarding;

/// <summary>
/// How many bytes a second a published port carries, beside a plain connection over loopback, in turn, round after round. Both ends are
/// threads of this process: the same at both, so that only the way between them differs.
/// </summary>
internal static class ForwardingComparison
{
    private const long Bytes = 1L << 30;
    private const int Port = 7;

    public static async Task RunAsync(int rounds)
    {
        var directory = Directory.CreateTempSubdirectory("containerkit-bench-").FullName;
        try
        {
            await using var host = await ContainerHost.OpenAsync(new ContainerHostOptions { StoreDirectory = directory });
            var image = await host.BuildFromScratch().AddHostProgram("sleep").BuildAsync("bench:1");
            await using var container = await host.Container(image).WithCommand("sleep", "100000").WithPublishedPort(0, Port).StartAsync();
            await using var inside = await container.ListenTcpAsync(Port);
            using var outside = new TcpListener(IPAddress.Loopback, 0);
            outside.Start();

            List<double> plain = [], published = [], direct = [];
            for (var round = -1; round < rounds; round++)
            {
                var one = await MeasureAsync(async () => await ConnectAsync(((IPEndPoint)outside.LocalEndpoint).Port), async () => (await outside.AcceptTcpClientAsync()).GetStream());
                var two = await MeasureAsync(async () => await ConnectAsync(container.GetPublishedPort(Port)), () => inside.AcceptAsync());
                var three = await MeasureAsync(() => container.OpenTcpAsync(Port), () => inside.AcceptAsync());
                if (round >= 0)
                {
                    plain.Add(one);
                    published.Add(two);
                    direct.Add(three);
                }
            }

            Print("loopback", plain, plain);
            Print("OpenTcpAsync", direct, plain);
            Print("published port", published, plain);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<Stream> ConnectAsync(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        return client.GetStream();
    }

    /// <returns>Mebibytes a second, from the first byte that is written to the last that is read.</returns>
    private static async Task<double> MeasureAsync(Func<Task<Stream>> connect, Func<Task<Stream>> accept)
    {
        var accepting = accept();
        await using var writer = await connect();
        await using var reader = await accepting;
        var watch = Stopwatch.StartNew();
        var writing = Task.Factory.StartNew(() => Write(writer), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        await Task.Factory.StartNew(() => Read(reader), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var seconds = watch.Elapsed.TotalSeconds;
        await writing;
        return Bytes / seconds / (1 << 20);
    }

    private static void Write(Stream stream)
    {
        var buffer = new byte[128 << 10];
        for (var left = Bytes; left > 0; left -= buffer.Length)
        {
            stream.Write(buffer);
        }
    }

    private static void Read(Stream stream)
    {
        var buffer = new byte[128 << 10];
        for (var left = Bytes; left > 0;)
        {
            left -= stream.Read(buffer) is var count and > 0 ? count : throw new EndOfStreamException();
        }
    }

    private static void Print(string name, List<double> speeds, List<double> plain)
    {
        var (median, best) = (speeds.Order().ElementAt(speeds.Count / 2), speeds.Max());
        var ratios = speeds.Zip(plain, (speed, other) => speed / other).Order().ToArray();
        Console.WriteLine($"{name,-16} median {median,6:0} MiB/s, best {best,6:0}; ratio to loopback in the same round: median {ratios[ratios.Length / 2]:0.00}, {ratios[0]:0.00} to {ratios[^1]:0.00}");
    }
}
