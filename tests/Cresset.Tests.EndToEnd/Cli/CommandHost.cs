using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>
/// A process that runs one command after the other, as many as are asked for at a time: most of what a command costs in a test is its
/// start.
/// Tests of the process itself (signals, kills, its environment, own assemblies) start the command.
/// </summary>
internal sealed class CommandHost
{
    private const char End = '\u001f';
    private static readonly ConcurrentBag<CommandHost> Idle = [];
    private readonly Process _process;

    private CommandHost(Process process) => _process = process;

    public static (int Code, string Output, string Error) Run(Func<Process> start, string folder, IReadOnlyList<string> arguments)
    {
        if (!Idle.TryTake(out var host)) host = new CommandHost(start());
        var result = host.Ask(folder, arguments);
        if (host._process.HasExited) host._process.Dispose();
        else Idle.Add(host);
        return result;
    }

    private (int Code, string Output, string Error) Ask(string folder, IReadOnlyList<string> arguments)
    {
        _process.StandardInput.WriteLine(JsonSerializer.Serialize(arguments.Prepend(folder)));
        _process.StandardInput.Flush();
        var error = Task.Run(() => Read(_process.StandardError));
        var output = Read(_process.StandardOutput);
        if (output.Code is not { } code)
        {
            // It died in the middle of a command: what a user would see of it.
            _process.WaitForExit();
            code = _process.ExitCode;
        }
        return (code, output.Text, error.Result.Text);
    }

    // All that comes until the separator and its code, or the end of the stream.
    private static (int? Code, string Text) Read(StreamReader stream)
    {
        var text = new StringBuilder();
        int c;
        while ((c = stream.Read()) is not -1 and not End) text.Append((char)c);
        return (c < 0 ? null : int.Parse(stream.ReadLine()!, CultureInfo.InvariantCulture), text.ToString());
    }
}
