using System.Diagnostics;
using System.Globalization;

namespace Cresset.Benchmarks.Optim;

/// <summary>
/// The other side as a process that waits for a line, makes one step and answers with its milliseconds, so both sides can take turns.
/// </summary>
internal sealed class PeerProcess : IDisposable
{
    private readonly Process _process;

    /// <param name="command">What starts Python.</param>
    /// <param name="script">A script of bench/peers.</param>
    /// <param name="arguments">Its arguments.</param>
    public PeerProcess(string command, string script, params string[] arguments)
    {
        script = Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "bench", "peers", script);
        var parts = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var start = new ProcessStartInfo(parts[0]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var part in parts[1..]) start.ArgumentList.Add(part);
        // The script goes in as text, so that the interpreter may live in another root.
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(File.ReadAllText(script));
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        _process = Process.Start(start) ?? throw new InvalidOperationException($"\"{command}\" did not start.");
    }

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
