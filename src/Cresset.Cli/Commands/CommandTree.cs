using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Cresset.Cli.Commands;
using Cresset.Cli.Terminal;
using Cresset.Distributed;
using Cresset.Numerics;

namespace Cresset.Cli;

/// <summary>All verbs. A new verb group is one file in Commands and one line here.</summary>
internal static class CommandTree
{
    /// <summary>The verbs that a command line can mean: the one that it names, or all.</summary>
    /// <param name="parts">What recipes may name.</param>
    /// <param name="words">The command line. Building every verb takes longer than most of them run.</param>
    public static RootCommand Create(PartCatalog parts, params IReadOnlyList<string> words)
    {
        var verbs = Verbs(parts, words);
        if (words.Count > 0 && verbs.FirstOrDefault(v => v.IsNamed(words[0])) is { } named) return Assemble([named.Create()]);
        // The page of all verbs has a line of each.
        var pageOnly = words is [] or ["--help" or "-h" or "-?"];
        return Assemble(verbs.Select(verb => pageOnly ? verb.Named() : verb.Create()));
    }

    /// <summary>Every verb with all that it takes, whatever the command line says.</summary>
    public static RootCommand Whole(PartCatalog parts) => Assemble(Verbs(parts, []).Select(verb => verb.Create()));

    private static RootCommand Assemble(IEnumerable<Command> verbs)
    {
        var root = new RootCommand("Train, score and look at models without Python.");
        foreach (var verb in verbs) root.Add(verb);
        foreach (var verb in root.Subcommands)
        {
            JsonEverywhere.Add(verb);
            Overwriting.Add(verb);
        }
        PlainNumbers.Require(root);
        root.SetAction(_ => FirstPage());
        foreach (var help in root.Options.OfType<HelpOption>()) help.Action = new ShortHelp((HelpAction)help.Action!);
        return root;
    }

    private static Verb[] Verbs(PartCatalog parts, IReadOnlyList<string> words) =>
    [
        new("list", ListCommand.Summary, () => ListCommand.Create(parts, () => Whole(parts))) { OtherName = "recipes" },
        new("show", ShowCommand.Summary, () => ShowCommand.Create(parts)),
        new("train", TrainCommand.Summary, () => TrainCommand.Create(parts)),
        new("launch", LaunchCommand.Summary, LaunchCommand.Create),
        new("sweep", SweepCommand.Summary, () => SweepCommand.Create(parts)),
        new("eval", EvalCommand.Summary, () => EvalCommand.Create(parts)),
        new("sample", SampleCommand.Summary, () => SampleCommand.Create(parts)),
        new("predict", PredictCommand.Summary, () => PredictCommand.Create(parts)),
        new("export", ExportCommand.Summary, () => ExportCommand.Create(parts)),
        new("sd3", Sd3Command.Summary, Sd3Command.Create),
        new("runs", RunsCommand.Summary, RunsCommand.Create),
        new("serve", ServeCommand.Summary, () => ServeCommand.Create(parts)),
        new("compute", ComputeCommand.Summary, () => ComputeCommand.Create(parts)),
        new("inspect", InspectCommand.Summary, InspectCommand.Create),
        new("convert", ConvertCommand.Summary, ConvertCommand.Create),
        new("detect", DetectCommand.Summary, () => DetectCommand.Create(words.Count > 1 ? words[1] : null)),
        new("rl", RlCommand.Summary, () => RlCommand.Create(parts)),
        new("activations", ActivationsCommand.Summary, ActivationsCommand.Create),
        new("upsampling", UpsamplingCommand.Summary, UpsamplingCommand.Create),
        new("optim", OptimCommand.Summary, OptimCommand.Create),
        new("sa", SaCommand.Summary, SaCommand.Create),
        new("vq", VqCommand.Summary, () => VqCommand.Create(parts)),
        new("doctor", DoctorCommand.Summary, DoctorCommand.Create),
        new("completion", CompletionCommand.Summary, CompletionCommand.Create),
    ];

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
            // A mistyped verb makes the parser take the next word for one: what it says of that would lead astray.
            var all = result.RootCommandResult.Command.Subcommands.Select(c => c.Name).ToList();
            if (all.Count > 1 && result.Tokens is [{ Type: TokenType.Argument, Value: [not '-', ..] mistyped }, ..])
            {
                Console.Error.WriteLine($"cresset: There is no verb '{mistyped}'.");
                if (NearestName.Find(mistyped, all) is { } near) Console.Error.WriteLine($"cresset: did you mean '{near}'?");
                Console.Error.WriteLine("cresset: see 'cresset --help'.");
                return ExitCode.Usage;
            }
            foreach (var text in result.Errors.Select(UsageText.Of).Distinct()) Console.Error.WriteLine("cresset: " + text);
            // A mistyped verb is an unmatched word of the command that has the verbs.
            var verbs = result.CommandResult.Command.Subcommands.Select(c => c.Name).ToList();
            if (verbs.Count > 0
                && result.UnmatchedTokens.Select(t => NearestName.Find(t, verbs)).FirstOrDefault(n => n is not null) is { } verb)
                Console.Error.WriteLine($"cresset: did you mean '{verb}'?");
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

    // A verb before it is built: its name and its line in the list.
    private sealed record Verb(string Name, string Summary, Func<Command> Create)
    {
        public string? OtherName { get; init; }

        public bool IsNamed(string word) => word == Name || word == OtherName;

        public Command Named()
        {
            var command = new Command(Name, Summary);
            if (OtherName is not null) command.Aliases.Add(OtherName);
            return command;
        }
    }

    private static IEnumerable<string> Path(Command command)
    {
        for (Command? current = command; current is not null; current = current.Parents.OfType<Command>().FirstOrDefault())
            yield return current is RootCommand ? "cresset" : current.Name;
    }
}
