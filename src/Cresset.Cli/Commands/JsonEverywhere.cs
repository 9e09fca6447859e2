using System.CommandLine;
using System.CommandLine.Invocation;
using Cresset.Cli.Commands;

namespace Cresset.Cli.Terminal;

/// <summary>
/// Gives <c>--json</c> to every verb that has no answer of its own for machines: what it prints for people comes as the lines of one JSON
/// object. What goes wrong is said on the other stream, as always, and nothing is printed on this one.
/// </summary>
internal static class JsonEverywhere
{
    public static void Add(Command command)
    {
        foreach (var verb in command.Subcommands) Add(verb);
        if (command.Action is not SynchronousCommandLineAction action || command.Options.Any(o => o.Name == "--json")) return;
        var json = SharedOptions.Json();
        command.Options.Add(json);
        command.SetAction(result => result.GetValue(json) ? Lines(command, () => action.Invoke(result)) : action.Invoke(result));
    }

    private static int Lines(Command command, Func<int> verb)
    {
        var output = Console.Out;
        using var text = new StringWriter();
        int code;
        Console.SetOut(text);
        try
        {
            code = verb();
        }
        finally
        {
            Console.SetOut(output);
        }
        var lines = text.ToString().Split('\n').Select(line => line.TrimEnd('\r', ' ')).Where(line => line.Length > 0);
        Output.Json(new { Verb = Name(command), ExitCode = code, Output = lines });
        return code;
    }

    private static string Name(Command command)
        => command.Parents.OfType<Command>().FirstOrDefault(p => p is not RootCommand) is { } parent ? $"{Name(parent)} {command.Name}"
            : command.Name;
}
