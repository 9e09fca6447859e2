using System.CommandLine;
using System.Reflection;
using System.Text;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset compute</c>: answers questions as JSON lines; the dashboard's subject pages ask them.</summary>
internal static class ComputeCommand
{
    public const string Summary = "Answer computations as lines of JSON on standard input: what the dashboard's subject pages ask for.";

    private const string Name = "compute";

    public static Command Create(PartCatalog parts)
    {
        var runs = SharedOptions.RunsFolder();
        var with = new PartsOption(parts);
        var command = new Command(Name, Summary) { with.Option, runs };
        command.SetAction(result =>
        {
            // Loaded once: a type of an assembly that is loaded twice is two types.
            var known = with.Of(result);
            using var context = new LiveContext(result.GetValue(runs)!, new RecipeCatalog(known));
            using var questions = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
            using var answers = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
            LiveWorker.Run(questions, answers, context, known);
            return ExitCode.Success;
        });
        return command.WithExamples("echo '{\"what\": \"activation-curves\", \"names\": [\"gelu\"]}' | cresset compute");
    }

    /// <summary>How this very program is started to compute for the runs of a folder.</summary>
    public static IReadOnlyList<string> CommandLine(string folder, IReadOnlyList<string> own)
    {
        if (Environment.ProcessPath is not { } program) return [];
        var entry = Assembly.GetEntryAssembly()?.Location;
        var isHost = Path.GetFileNameWithoutExtension(program).Equals("dotnet", StringComparison.OrdinalIgnoreCase);
        // Under `dotnet X.dll` the program is the host, and the assembly must be named.
        return isHost && string.IsNullOrEmpty(entry) ? []
            : [program, .. isHost ? [entry!] : Array.Empty<string>(), Name, "--runs", Path.GetFullPath(folder),
                .. own.SelectMany(file => new[] { "--with", Path.GetFullPath(file) })];
    }
}
