using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Dashboard;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset serve</c>: the dashboard.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var folder = new Argument<string?>("FOLDER") { Description = "Folder of runs, or one with TensorBoard event files below it (default: the folder of --runs).", Arity = ArgumentArity.ZeroOrOne };
        var port = new Option<int?>("--port", "-p") { Description = $"Port (default: {DashboardOptions.DefaultPort} or the next free one; 0 for any).", HelpName = "N" };
        var address = new Option<string>("--address") { Description = "Address to listen on; all but loopback ask for a token.", DefaultValueFactory = _ => "127.0.0.1", HelpName = "IP" };
        var hosts = new Option<string[]>("--allow-host") { Description = "A further host name by which the page may be asked for, such as that of a proxy.", HelpName = "NAME" };
        var token = new Option<bool>("--token") { Description = "Ask for a token on this machine too." };
        var readOnly = new Option<bool>("--read-only") { Description = "Show only: no notes, tags or requests to runs." };
        var runs = SharedOptions.RunsFolder();
        // Its answer must come while it runs.
        var json = SharedOptions.Json();
        var command = new Command("serve", "Show all runs in a browser, live: curves, pictures, settings, comparisons.") { folder, port, address, hosts, token, readOnly, runs, json };
        command.SetAction(result =>
        {
            var options = Options(result.GetValue(folder) ?? result.GetValue(runs)!, result.GetValue(port)) with
            {
                Address = result.GetValue(address)!,
                AllowedHosts = result.GetValue(hosts) ?? [],
                AlwaysAskToken = result.GetValue(token),
                ReadOnly = result.GetValue(readOnly),
            };
            // A mistyped folder would show as one without runs.
            if (result.GetValue(folder) is { } named && !Directory.Exists(named)) throw new DirectoryNotFoundException($"There is no folder '{Path.GetFullPath(named)}'.");
            return Serve(options, result.GetValue(json));
        });
        return command.WithExamples("cresset serve", "cresset serve experiments/runs --port 8080", "cresset serve lightning_logs", "cresset serve --address 0.0.0.0", "cresset serve --allow-host lab.example.org");
    }

    /// <summary>Options of a dashboard whose port the user named or left open.</summary>
    public static DashboardOptions Options(string folder, int? port)
        => new() { Folder = folder, Port = port ?? DashboardOptions.DefaultPort, FurtherPorts = port is null ? 20 : 0, ComputeCommand = ComputeCommand.CommandLine(folder) };

    private static int Serve(DashboardOptions options, bool json)
    {
        using var interruption = new Interruption("the dashboard ends.");
        return Run().GetAwaiter().GetResult();

        async Task<int> Run()
        {
            var server = await DashboardServer.Start(options, interruption.Token).ConfigureAwait(false);
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
