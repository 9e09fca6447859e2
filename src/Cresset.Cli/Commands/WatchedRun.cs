using Cresset.Cli.Commands;
using Cresset.Dashboard;

namespace Cresset.Cli.Terminal;

/// <summary>The dashboard that lives beside a training run of the same process.</summary>
internal sealed class WatchedRun(string folder, IReadOnlyList<string> own) : IDisposable
{
    private readonly DashboardServer _server =
        Task.Run(() => DashboardServer.Start(ServeCommand.Options(folder, null, own), ServeCommand.Pages(own))).GetAwaiter().GetResult();

    /// <summary>The page of a run.</summary>
    public string AddressOf(string id) => new Uri(_server.Address, "run?id=" + Uri.EscapeDataString(id)).ToString();

    /// <summary>Leaves the page up for somebody at the terminal until a key or Ctrl-C; a script goes on at once.</summary>
    public void Linger(CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested || Console.IsInputRedirected || Console.IsOutputRedirected) return;
        Console.Out.WriteLine($"The dashboard stays at {_server.Address} until you press Enter.");
        while (!cancellation.IsCancellationRequested)
        {
            if (Console.KeyAvailable && Console.ReadKey(intercept: true).Key == ConsoleKey.Enter) return;
            Thread.Sleep(100);
        }
    }

    public void Dispose() => _server.DisposeAsync().AsTask().GetAwaiter().GetResult();
}
