using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Cresset.Numerics;
using Cresset.Runs;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Cresset.Dashboard;

/// <summary>The dashboard of one folder of runs as a web server of this process.</summary>
public sealed class DashboardServer : IAsyncDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);
    private readonly WebApplication _app;
    private readonly IRunSource _source;
    private readonly ComputeWorker _worker;
    private readonly CancellationTokenSource _ending;
    private readonly Task _watch;
    private int _ended;

    private DashboardServer(WebApplication app, IRunSource source, ComputeWorker worker, CancellationTokenSource ending, Task watch,
        Uri address, string? token)
    {
        (_app, _source, _worker, _ending, _watch, Address) = (app, source, worker, ending, watch, address);
        Link = token is null ? address : new Uri(address, "#token=" + token);
    }

    /// <summary>Address of the page.</summary>
    public Uri Address { get; }

    /// <summary>The address to print and open: with the token where one is asked for.</summary>
    public Uri Link { get; }

    /// <summary>Starts the server and returns when it answers.</summary>
    /// <exception cref="InvalidOptionsException">An option holds what is not allowed.</exception>
    /// <exception cref="IOException">The port is taken, or the address is not one of this machine.</exception>
    public static Task<DashboardServer> Start(DashboardOptions options, CancellationToken cancellation = default) =>
        Start(options, [], cancellation);

    /// <summary>
    /// The same with pages of other assemblies: each file that one embeds as <c>page/subjects/NAME.js</c> is a page of Explore.
    /// </summary>
    /// <exception cref="InvalidOptionsException">An option holds what is not allowed.</exception>
    /// <exception cref="ArgumentException">An assembly embeds a file of a name that is taken.</exception>
    /// <exception cref="IOException">The port is taken, or the address is not one of this machine.</exception>
    public static async Task<DashboardServer> Start(DashboardOptions options, IReadOnlyList<Assembly> pages,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pages);
        ArgumentNullException.ThrowIfNull(options);
        var problems = options.Validate().ToList();
        if (problems.Count > 0) throw new InvalidOptionsException(nameof(DashboardOptions), problems);
        var files = new PageFiles(pages);
        for (var port = options.Port; ; port++)
        {
            try
            {
                return await StartAt(options, files, port, cancellation).ConfigureAwait(false);
            }
            catch (IOException e) when (e.InnerException is AddressInUseException)
            {
                if (port >= options.Port + options.FurtherPorts || port == 65535)
                    throw new IOException(
                        $"Port {options.Port}{(options.FurtherPorts > 0 ? $" to {port}" : "")} of {options.Address} is taken; name another "
                            + $"with --port, or --port 0 for any.", e);
            }
            catch (SocketException e)
            {
                throw new IOException($"The dashboard cannot listen on {options.Address}: {e.Message}", e);
            }
        }
    }

    /// <summary>Waits until <paramref name="cancellation"/> asks for the end.</summary>
    public static async Task WaitUntil(CancellationToken cancellation)
    {
        var end = new TaskCompletionSource();
        var registration = cancellation.Register(end.SetResult);
        await using (registration.ConfigureAwait(false)) await end.Task.ConfigureAwait(false);
    }

    /// <summary>Ends the server: open streams are closed at once.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0) return;
        await _ending.CancelAsync().ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
        using (var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1)))
            await _app.StopAsync(patience.Token).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        await _worker.DisposeAsync().ConfigureAwait(false);
        _source.Dispose();
        _ending.Dispose();
    }

    private static async Task<DashboardServer> StartAt(DashboardOptions options, PageFiles files, int port, CancellationToken cancellation)
    {
        // Bound before anything is mapped, so that a token's cookie can carry the port.
        if (port == 0) port = FreePort(options);
        var token = options.IsOpenToOthers || options.AlwaysAskToken ? new AccessToken(port) : null;
        // An empty builder: no settings come from the folder or the environment that the command happens to run in.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        // So that a wrong number in an address is answered with a sentence, too.
        builder.Services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = true);
        builder.WebHost.ConfigureKestrel(kestrel => Limit(kestrel, options, port));
        var app = builder.Build();
        var source = SourceOf(options);
        var worker = new ComputeWorker(options.ComputeCommand);
        var ending = new CancellationTokenSource();
        try
        {
            var feed = new LiveFeed(source, LookEvery);
            app.Use(next => context => new Gate(options, token).Pass(context, next));
            app.Use(next => context => Boundary.Pass(context, next));
            app.UseRouting();
            files.Map(app);
            ComputeApi.Map(app, worker, files);
            EnterApi.Map(app, token);
            RunsApi.Map(app, source, feed);
            SeriesApi.Map(app, source);
            MediaApi.Map(app, source);
            LogApi.Map(app, source);
            EditsApi.Map(app, source, new EditRate(60, TimeSpan.FromSeconds(10)));
            LiveApi.Map(app, feed, ending.Token);
            app.MapFallback(() => Answers.Problem(404, "There is no such page."));
            await app.StartAsync(cancellation).ConfigureAwait(false);
            var host = options.Address is "0.0.0.0" or "::" ? Dns.GetHostName() : options.Address.Contains(':', StringComparison.Ordinal)
                ? $"[{options.Address}]" : options.Address;
            return new DashboardServer(app, source, worker, ending, Task.Run(() => feed.Watch(ending.Token), CancellationToken.None),
                new Uri(FormattableString.Invariant($"http://{host}:{port}/")), token?.Text);
        }
        catch
        {
            await app.DisposeAsync().ConfigureAwait(false);
            await worker.DisposeAsync().ConfigureAwait(false);
            source.Dispose();
            ending.Dispose();
            throw;
        }
    }

    private static IRunSource SourceOf(DashboardOptions options) =>
        !RunStore.Exists(options.Folder) && EventFolderSource.Holds(options.Folder)
        ? new EventFolderSource(options.Folder)
        : new StoreSource(options.Folder, options.ReadOnly);

    private static void Limit(KestrelServerOptions kestrel, DashboardOptions options, int port)
    {
        kestrel.AddServerHeader = false;
        kestrel.AllowSynchronousIO = false;
        kestrel.Limits.MaxConcurrentConnections = 256;
        kestrel.Limits.MaxRequestBodySize = Gate.MostBytes;
        // Two hundred run ids of fifty letters fit, not much more.
        kestrel.Limits.MaxRequestLineSize = 16 << 10;
        kestrel.Limits.MaxRequestHeadersTotalSize = 32 << 10;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        kestrel.Limits.MinRequestBodyDataRate = new MinDataRate(240, TimeSpan.FromSeconds(5));
        if (options.Address == "localhost") kestrel.ListenLocalhost(port, listen => listen.Protocols = HttpProtocols.Http1);
        else kestrel.Listen(IPAddress.Parse(options.Address), port, listen => listen.Protocols = HttpProtocols.Http1);
    }

    private static int FreePort(DashboardOptions options)
    {
        using var probe = new TcpListener(options.Address == "localhost" ? IPAddress.Loopback : IPAddress.Parse(options.Address), 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
