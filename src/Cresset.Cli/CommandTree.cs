using System.CommandLine;
using System.CommandLine.Help;
using Cresset.Cli.Commands;

namespace Cresset.Cli;

/// <summary>All verbs. A new verb group is one file in Commands and one line here.</summary>
internal static class CommandTree
{
    public static RootCommand Create()
    {
        var root = new RootCommand("Train, score and look at models without Python.")
        {
            ListCommand.Create(),
            TrainCommand.Create(),
            EvalCommand.Create(),
            SampleCommand.Create(),
            Sd3Command.Create(),
            RunsCommand.Create(),
            DetectCommand.Create(),
            RlCommand.Create(),
            ActivationsCommand.Create(),
            UpsamplingCommand.Create(),
            OptimCommand.Create(),
            SaCommand.Create(),
            VqCommand.Create(),
            DoctorCommand.Create(),
            CompletionCommand.Create(),
        };
        return root;
    }

    /// <summary>Parses and runs; usage errors return 2.</summary>
    public static int Run(this ParseResult result)
    {
        if (result.Errors.Count > 0)
        {
            foreach (var error in result.Errors) Console.Error.WriteLine("cresset: " + error.Message);
            var name = string.Join(' ', Path(result.CommandResult.Command).Reverse());
            Console.Error.WriteLine($"cresset: see '{name} --help'.");
            return ExitCode.Usage;
        }
        return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    private static IEnumerable<string> Path(Command command)
    {
        for (Command? current = command; current is not null; current = current.Parents.OfType<Command>().FirstOrDefault()) yield return current is RootCommand ? "cresset" : current.Name;
    }
}
