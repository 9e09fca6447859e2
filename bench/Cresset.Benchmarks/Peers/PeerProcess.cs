using System.Diagnostics;
using System.Globalization;

namespace Cresset.Benchmarks.Peers;

/// <summary>
/// The other side as a process that waits for a line, makes one step and answers with its milliseconds, so both sides can take turns.
/// </summary>
internal sealed class PeerProcess : IDisposable
{
    private readonly Process _process;

    private PeerProcess(PeerPython python, string script, object[] arguments) => _process = python.Start(script, arguments, listens: true);

    /// <summary>Starts the other side; null where nothing says how.</summary>
    /// <param name="arguments">The benchmark's, which end with the command that starts Python.</param>
    /// <param name="index">Where that command begins.</param>
    /// <param name="script">A script of bench/peers.</param>
    /// <param name="scriptArguments">Its arguments.</param>
    public static PeerProcess? Of(string[] arguments, int index, string script, params object[] scriptArguments)
        => PeerPython.Of(arguments, index) is { } python ? new PeerProcess(python, script, scriptArguments) : null;

    public (double Wall, double Cpu) Step(string kind)
    {
        _process.StandardInput.WriteLine(kind);
        _process.StandardInput.Flush();
        string[] answer;
        // Libraries under the interpreter may print lines of their own.
        do
        {
            answer = (_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The other side ended early.")).Split(' ');
        }
        while (answer[0] != "missing" && (answer.Length != 2 || !double.TryParse(answer[0], CultureInfo.InvariantCulture, out _)));
        if (answer[0] == "missing")
            throw new InvalidOperationException($"The other side cannot run {kind}: {string.Join(' ', answer[1..])}");
        return (double.Parse(answer[0], CultureInfo.InvariantCulture), double.Parse(answer[1], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit(5000);
        _process.Dispose();
    }
}
