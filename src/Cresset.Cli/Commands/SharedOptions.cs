using System.CommandLine;

namespace Cresset.Cli.Commands;

/// <summary>Options that several verbs have.</summary>
internal static class SharedOptions
{
    public const string RunsVariable = "CRESSET_RUNS";

    public static Option<bool> Json() => new("--json") { Description = "Print JSON for machines instead of text for people." };

    public static Option<bool> Force() => new("--force") { Description = "Replace files that exist." };

    public static Option<string> RunsFolder() => new("--runs")
    {
        Description = $"Folder that holds the runs (default: ${RunsVariable} or ./runs).",
        DefaultValueFactory = _ => Environment.GetEnvironmentVariable(RunsVariable) is { Length: > 0 } folder ? folder : "runs",
        HelpName = "FOLDER",
    };

    public static Argument<string> Run()
        => new Argument<string>(
            "RUN")
        {
            Description =
                "A run: its id, the beginning of it, its name (then the newest), or the path of its folder."
        }.CompletesRun();

    /// <summary>Adds examples below a verb's help.</summary>
    public static Command WithExamples(this Command command, params string[] examples)
    {
        command.Description += Environment.NewLine + Environment.NewLine + "Examples:" + Environment.NewLine
            + string.Join(Environment.NewLine, examples.Select(e => "  " + e));
        return command;
    }
}
