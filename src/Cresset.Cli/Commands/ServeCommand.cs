using System.CommandLine;
using System.Reflection;
using Cresset.Cli.Terminal;
using Cresset.Dashboard;
using Cresset.Numerics;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset serve</c>: the dashboard.</summary>
internal static class ServeCommand
{
    public const string Summary = "Show all runs in a browser, live: curves, pictures, settings, comparisons.";

    public static Command Create(PartCatalog parts)
    {
        var with = new PartsOption(parts);
        with.Option.Description = "An assembly of your own with pages (embedded as page/subjects/NAME.js) and what they let compute; can "
            + "be given several times.";
        var folder = new Argument<string?>(
            "FOLDER")
        {
            Description = "Folder of runs, or one with TensorBoard event files below it (default: the folder of --runs).",
            Arity = ArgumentArity.ZeroOrOne
        };
        var port = new Option<int?>("--port",
            "-p")
        { Description = $"Port (default: {DashboardOptions.DefaultPort} or the next free one; 0 for any).", HelpName = "N" };
        var address = new Option<string>("--address")
        {
            Description = "Address to listen on; all but loopback ask for a token.",
            DefaultValueFactory = _ => "127.0.0.1",
            HelpName = "IP"
        };
        var hosts = new Option<string[]>(
            "--allow-host")
        {
            Description = "A further host name by which the page may be asked for, such as that of a proxy.",
            HelpName = "NAME"
        };
        var token = new Option<bool>("--token") { Description = "Ask for a token on this machine too." };
        var readOnly = new Option<bool>("--read-only") { Description = "Show only: no notes, tags or requests to runs." };
        var runs = SharedOptions.RunsFolder();
        // Its answer must come while it runs.
        var json = SharedOptions.Json();
        var command = new Command("serve", Summary) { folder, port, address, hosts, token, readOnly, with.Option, runs, json };
        command.SetAction(result =>
        {
            var own = result.GetValue(with.Option) ?? [];
            var options = Options(result.GetValue(folder) ?? result.GetValue(runs)!, result.GetValue(port), own) with
            {
                Address = result.GetValue(address)!,
                AllowedHosts = result.GetValue(hosts) ?? [],
                AlwaysAskToken = result.GetValue(token),
                ReadOnly = result.GetValue(readOnly),
            };
            // A mistyped folder would show as one without runs.
            if (result.GetValue(folder) is { } named && !Directory.Exists(named))
                throw new DirectoryNotFoundException($"There is no folder '{Path.GetFullPath(named)}'.");
            return Serve(options, Pages(own), result.GetValue(json));
        });
        return command.WithExamples("cresset serve", "cresset serve experiments/runs --port 8080", "cresset serve lightning_logs",
            "cresset serve --address 0.0.0.0", "cresset serve --allow-host lab.example.org",
            "cresset serve --with bin/Release/net10.0/My.dll");
    }

    /// <summary>Options of a dashboard whose port the user named or left open.</summary>
    public static DashboardOptions Options(string folder, int? port, IReadOnlyList<string> own)
        => new()
        {
            Folder = folder,
            Port = port ?? DashboardOptions.DefaultPort,
            FurtherPorts = port is null ? 20 : 0,
            ComputeCommand = ComputeCommand.CommandLine(folder, own)
        };

    /// <summary>Where further pages are embedded: the program itself and the given assemblies.</summary>
    public static IReadOnlyList<Assembly> Pages(IReadOnlyList<string> own) =>
        [.. Assembly.GetEntryAssembly() is { } program ? [program] : Array.Empty<Assembly>(), .. own.Select(OwnAssembly.Load)];

    private static int Serve(DashboardOptions options, IReadOnlyList<Assembly> pages, bool json)
    {
        using var interruption = new Interruption("the dashboard ends.");
        return Run().GetAwaiter().GetResult();

        async Task<int> Run()
        {
            var server = await DashboardServer.Start(options, pages, interruption.Token).ConfigureAwait(false);
            await using (server.ConfigureAwait(false))
            {
                if (json)
                {
                    Output.Json(new { Dashboard = server.Link, Runs = Path.GetFullPath(options.Folder) });
                }
                else
                {
                    Console.Out.WriteLine($"dashboard  {server.Link}");
                    Console.Out.WriteLine($"runs in    {Path.GetFullPath(options.Folder)}");
                    Console.Out.WriteLine("Ctrl-C ends it.");
                }
                await DashboardServer.WaitUntil(interruption.Token).ConfigureAwait(false);
            }
            return ExitCode.Success;
        }
    }
}
