using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Cresset.Cli.Commands;
using Cresset.Cli.Terminal;
using Cresset.Distributed;
using Cresset.Numerics;

namespace Cresset.Cli;

/// <summary>All verbs. A new verb group is one file in Commands and one line here.</summary>
internal static class CommandTree
{
    public static RootCommand Create(PartCatalog parts)
    {
        var root = new RootCommand("Train, score and look at models without Python.")
        {
            ListCommand.Create(parts),
            ShowCommand.Create(parts),
            TrainCommand.Create(parts),
            LaunchCommand.Create(),
            SweepCommand.Create(parts),
            EvalCommand.Create(parts),
            SampleCommand.Create(parts),
            PredictCommand.Create(parts),
            ExportCommand.Create(parts),
            Sd3Command.Create(),
            RunsCommand.Create(),
            ServeCommand.Create(parts),
            ComputeCommand.Create(parts),
            InspectCommand.Create(),
            ConvertCommand.Create(),
            DetectCommand.Create(),
            RlCommand.Create(parts),
            ActivationsCommand.Create(),
            UpsamplingCommand.Create(),
            OptimCommand.Create(),
            SaCommand.Create(),
            VqCommand.Create(),
            DoctorCommand.Create(),
            CompletionCommand.Create(),
        };
        foreach (var verb in root.Subcommands) JsonEverywhere.Add(verb);
        PlainNumbers.Require(root);
        root.SetAction(_ => FirstPage());
        foreach (var help in root.Options.OfType<HelpOption>()) help.Action = new ShortHelp((HelpAction)help.Action!);
        return root;
    }

    private static int FirstPage()
    {
        Console.Out.WriteLine("""
            cresset trains, scores and shows models without Python.

            Try first
              cresset train                     learn to draw digits from words, and see the pictures
              cresset list                      all recipes by subject

            Then
              cresset train NAME key=value      run a recipe with settings of your own
              cresset runs                      what was recorded; eval, sample and train --resume go on with it
              cresset serve                     the runs in a browser, live: curves, pictures, comparisons
              cresset show NAME                 what a recipe or part can be told
              cresset detect eval GT RESULTS    score a detector as COCO, VOC, LVIS ... do

            cresset --help lists every verb, cresset VERB --help says more; cresset doctor: this machine.
            """);
        return ExitCode.Success;
    }

    /// <summary>Parses and runs; usage errors return 2.</summary>
    public static int Run(this ParseResult result)
    {
        if (result.Errors.Count > 0)
        {
            // All ranks have the same command line: one says what is wrong with it.
            if (RankPlace.OfEnvironment().Rank > 0) return ExitCode.Usage;
            foreach (var text in result.Errors.Select(UsageText.Of).Distinct()) Console.Error.WriteLine("cresset: " + text);
            // A mistyped verb is an unmatched word of the command that has the verbs.
            var verbs = result.CommandResult.Command.Subcommands.Select(c => c.Name).ToList();
            if (verbs.Count > 0 && result.UnmatchedTokens.Select(t => NearestName.Find(t, verbs)).FirstOrDefault(n => n is not null) is { } verb) Console.Error.WriteLine($"cresset: did you mean '{verb}'?");
            var name = string.Join(' ', Path(result.CommandResult.Command).Reverse());
            Console.Error.WriteLine($"cresset: see '{name} --help'.");
            return ExitCode.Usage;
        }
        return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    // In the list of a command's verbs each has one line; its examples are for its own help.
    private sealed class ShortHelp(HelpAction inner) : SynchronousCommandLineAction
    {
        // Whoever asks for help has not given the arguments yet.
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            foreach (var verb in parseResult.CommandResult.Command.Subcommands) verb.Description = verb.Description?.Split(['\r', '\n'])[0];
            return inner.Invoke(parseResult);
        }
    }

    private static IEnumerable<string> Path(Command command)
    {
        for (Command? current = command; current is not null; current = current.Parents.OfType<Command>().FirstOrDefault()) yield return current is RootCommand ? "cresset" : current.Name;
    }
}
