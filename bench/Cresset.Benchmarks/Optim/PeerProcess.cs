using System.Diagnostics;
using System.Globalization;

namespace Cresset.Benchmarks.Optim;

/// <summary>The other side as a process that waits for a line, makes one step and answers with its milliseconds, so both sides can take turns.</summary>
internal sealed class PeerProcess : IDisposable
{
    private readonly Process _process;

    public PeerProcess(string command, string scenario, long[] sizes, int threads)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "..", "..", "..", "..", "bench", "peers", "adamw_steps.py");
        var parts = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var start = new ProcessStartInfo(parts[0]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var part in parts[1..]) start.ArgumentList.Add(part);
        // The script goes in as text, so that the interpreter may live in another root.
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(File.ReadAllText(script));
        start.ArgumentList.Add(scenario);
        start.ArgumentList.Add(threads.ToString(CultureInfo.InvariantCulture));
        start.ArgumentList.Add(string.Join(',', sizes));
        _process = Process.Start(start) ?? throw new InvalidOperationException($"\"{command}\" did not start.");
    }

    public (double Wall, double Cpu) Step(string kind)
    {
        _process.StandardInput.WriteLine(kind);
        _process.StandardInput.Flush();
        var answer = (_process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("The other side ended early.")).Split(' ');
        return (double.Parse(answer[0], CultureInfo.InvariantCulture), double.Parse(answer[1], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit(5000);
        _process.Dispose();
    }
}
