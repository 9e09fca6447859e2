using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Cresset.Cli.Launch;
using Cresset.Cli.Terminal;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset launch</c>: a command on several ranks, here or on other hosts.</summary>
internal static class LaunchCommand
{
    /// <summary>
    /// Names the file that holds the run that was begun: <c>train</c> writes it, and goes on with the run that it finds there.
    /// </summary>
    public const string RunFileVariable = "CRESSET_LAUNCHED_RUN";

    private static readonly TimeSpan HostPause = TimeSpan.FromSeconds(5), HostPatience = TimeSpan.FromMinutes(10);
    private static readonly string[] Verbs = ["train", "sweep"];

    public const string Summary = "Train on several processes or hosts: mpirun with the right binding, saves on Ctrl-C, restarts.";

    public static Command Create()
    {
        var ranks = new Option<int>("--ranks", "-n")
        {
            Description = "Processes that train together.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
            HelpName = "N"
        };
        var hosts = new Option<string?>("--host") { Description = "Where, shared out evenly; this machine without it.", HelpName = "A,B" };
        var restarts = new Option<int>(
            "--restarts")
        {
            Description =
                "Start again from the last good checkpoint after a rank died or a link was cut, at most this many times.",
            HelpName = "R"
        };
        var wait = new Option<double>(
            "--wait-limit")
        {
            Description = "Seconds that a rank waits for the others in a step before it ends the job.",
            DefaultValueFactory = _ => RankedWork.DefaultWait,
            HelpName = "SECONDS"
        };
        var oversubscribe = new Option<bool>("--oversubscribe") { Description = "Allow more ranks than cores, which wait for each other." };
        // Its own, so that what the started command prints for machines stays the only output.
        var json = SharedOptions.Json();
        var words = new Argument<string[]>("COMMAND")
        {
            Description = "train or sweep with everything that belongs to it.",
            Arity = ArgumentArity.ZeroOrMore
        };
        var command = new Command("launch", Summary) { ranks, hosts, restarts, wait, oversubscribe, words, json };
        // What follows belongs to the command that is started.
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(result =>
        {
            var own = new Option[] { ranks, hosts, restarts, wait }.SelectMany(o => o.Aliases.Append(o.Name)).ToHashSet();
            var started = Started([.. result.Tokens.Select(t => t.Value)], own, [oversubscribe.Name, json.Name]);
            if (result.GetValue(json) && started.Length > 0 && !started.Contains(json.Name)) started = [.. started, json.Name];
            var names = (result.GetValue(hosts) ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            Check(result.GetValue(ranks), names, result.GetValue(restarts), result.GetValue(wait), result.GetValue(oversubscribe), started);
            var plan = new LaunchPlan(result.GetValue(ranks), names, result.GetValue(oversubscribe),
                [RankedWork.WaitVariable, RunFileVariable]);
            return Run(plan, result.GetValue(restarts), result.GetValue(wait), started);
        });
        return command.WithExamples(
            "cresset launch -n 4 train sd3-fashion",
            "cresset launch -n 4 --restarts 3 train mine.yaml trainer.batch_size=256 --runs /shared/runs",
            "cresset launch -n 16 --host node1,node2 train mine.yaml",
            "cresset launch -n 4 sweep mine.yaml lr=log:1e-4..1e-2:8      (each rank runs cells)",
            "mpirun -n 4 cresset train mine.yaml      (the same without restarts)");
    }

    private static string[] Started(string[] tokens, HashSet<string> withValue, string[] flags)
    {
        var at = Array.IndexOf(tokens, "launch") + 1;
        while (at < tokens.Length && (withValue.Contains(tokens[at]) || flags.Contains(tokens[at])))
            at += flags.Contains(tokens[at]) ? 1 : 2;
        return at < tokens.Length && tokens[at] == "--" ? tokens[(at + 1)..] : tokens[Math.Min(at, tokens.Length)..];
    }

    private static void Check(int ranks, string[] hosts, int restarts, double wait, bool oversubscribe, string[] started)
    {
        if (ranks < 1) throw new ArgumentException($"-n is {ranks}; allowed: 1 or more.");
        if (restarts < 0) throw new ArgumentException($"--restarts is {restarts}; allowed: 0 or more.");
        if (!(wait > 0) || wait > 1e7)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"--wait-limit is {wait}; allowed: seconds above 0."));
        if (hosts.Distinct(StringComparer.OrdinalIgnoreCase).Count() < hosts.Length)
            throw new ArgumentException($"--host names a host twice: {string.Join(',', hosts)}.");
        // The names go to ssh and mpirun, which would take such a one for an option.
        if (hosts.FirstOrDefault(h => h[0] == '-' || h.Any(c => char.IsWhiteSpace(c) || char.IsControl(c))) is { } odd)
            throw new ArgumentException($"--host names '{odd}', which is not a host.");
        if (hosts.Length > ranks)
            throw new ArgumentException($"-n is {ranks} for {hosts.Length} hosts; allowed: at least one rank a host.");
        if (started.Length == 0)
            throw new ArgumentException("launch needs a command to start, such as 'cresset launch -n 4 train sd3-digits'.");
        if (!Verbs.Contains(started[0]) && started is not ["detect", "eval", ..])
            throw new ArgumentException(
                $"launch starts 'train' and 'sweep', and 'detect eval'; '{string.Join(' ', started.Take(started[0] == "detect" ? 2 : 1))}' "
                    + $"runs in one process.");
        if (hosts.Length == 0 && ranks > Environment.ProcessorCount && !oversubscribe)
            throw new ArgumentException(
                $"{ranks} ranks on {Environment.ProcessorCount} cores would wait for each other; allowed: -n {Environment.ProcessorCount} "
                    + $"or less here, --host for more machines, or --oversubscribe to do it all the same.");
    }

    private static int Run(LaunchPlan plan, int restarts, double wait, string[] started)
    {
        var starter = plan.Ranks > 1 ? MpiStarter.Find(plan.Ranks) : null;
        HostCheck.Reach(plan.Hosts);
        var folder = Directory.CreateTempSubdirectory("cresset-launch-");
        try
        {
            var variables = Variables(plan, wait, Path.Combine(folder.FullName, "run"));
            var job = new LaunchedJob();
            using var interruption = new Interruption("asking all ranks to save and end; press Ctrl-C again to end them at once.",
                again: job.Kill);
            using var asked = interruption.Token.Register(job.Save);
            var (program, own) = OwnProgram.Arguments;
            string[] arguments = [.. own, .. started];
            var awaited = new Stopwatch();
            for (var left = restarts; ; left--)
            {
                var code = starter is null ? job.Run(program, arguments, variables)
                    : job.Run(starter.Path, starter.Arguments(plan, [program, .. arguments]), variables);
                if (interruption.Token.IsCancellationRequested) return code == ExitCode.Success ? code : ExitCode.Interrupted;
                if (job.CouldNotStart && left < restarts && awaited.Elapsed < HostPatience)
                {
                    // A link that was cut or a host that went down comes back when it does: no restart is used up meanwhile.
                    awaited.Start();
                    Console.Error.WriteLine(
                        string.Create(CultureInfo.InvariantCulture,
                            $"cresset: trying again in {HostPause.TotalSeconds:0} s, for at most {HostPatience.TotalMinutes:0} minutes."));
                    interruption.Token.WaitHandle.WaitOne(HostPause);
                    if (interruption.Token.IsCancellationRequested) return ExitCode.Interrupted;
                    left++;
                    continue;
                }
                awaited.Reset();
                if (!Restart.MayHelp(code)) return code;
                if (left == 0)
                {
                    var next = restarts > 0
                        ? $", and {restarts} restarts are used up"
                        : "; --restarts 3 would go on from the last checkpoint";
                    Console.Error.WriteLine($"cresset: {Restart.Words(code)}{next}.");
                    return ExitCode.Failure;
                }
                Console.Error.WriteLine(
                    $"cresset: {Restart.Words(code)}: starting again from the last checkpoint ({left - 1} more "
                        + $"{(left == 2 ? "restart" : "restarts")} left).");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, string> Variables(LaunchPlan plan, double wait, string runFile)
    {
        var threads = Math.Max(1, Environment.ProcessorCount / plan.RanksOnHost).ToString(CultureInfo.InvariantCulture);
        var variables = new Dictionary<string, string>
        {
            [RankedWork.WaitVariable] = wait.ToString("R", CultureInfo.InvariantCulture),
            [RunFileVariable] = runFile,
            ["OMP_NUM_THREADS"] = Environment.GetEnvironmentVariable("OMP_NUM_THREADS") is { Length: > 0 } given ? given : threads,
            ["DOTNET_PROCESSOR_COUNT"] = threads,
            ["TERM"] = "dumb",
        };
        if (Environment.UserName == "root") variables["OMPI_ALLOW_RUN_AS_ROOT"] = variables["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        return variables;
    }
}
