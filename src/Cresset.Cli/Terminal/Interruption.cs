using System.Runtime.InteropServices;
using Spectre.Console;

namespace Cresset.Cli.Terminal;

/// <summary>
/// Signals that ask work to stop: Ctrl-C, SIGTERM, a closed terminal (SIGHUP) and a batch system's warning (SIGUSR1) let the current step
/// finish and save; SIGUSR2 saves and goes on. A second Ctrl-C ends the process at once; the others may come as often as they like, since
/// closing a terminal sends its signal more than once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly string _note;
    private readonly Action? _again;
    private int _asked;

    /// <param name="note">What is done about it, after "cresset: "; empty says nothing.</param>
    /// <param name="save">Saves and goes on, for SIGUSR2; null leaves that signal to the system.</param>
    /// <param name="again">What a second Ctrl-C does before it ends the process.</param>
    public Interruption(string note, Action? save = null, Action? again = null)
    {
        (_note, _again) = (note, again);
        On(PosixSignal.SIGINT, context => Stop(context, mayQuit: true));
        On(PosixSignal.SIGTERM, context => Stop(context, mayQuit: false));
        On(PosixSignal.SIGHUP, context =>
        {
            // The terminal may be gone, and a line written to it must not stop what is being saved.
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Null);
            AnsiConsole.Console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) });
            Stop(context, mayQuit: false);
        });
        if (UserSignal(1) is { } first) On(first, context => Stop(context, mayQuit: false));
        if (save is null || UserSignal(2) is not { } second) return;
        On(second, context =>
        {
            context.Cancel = true;
            save();
        });
    }

    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private void Stop(PosixSignalContext context, bool mayQuit)
    {
        var isFirst = Interlocked.Exchange(ref _asked, 1) == 0;
        if (!isFirst && mayQuit)
        {
            _again?.Invoke();
            return;
        }
        context.Cancel = true;
        if (!isFirst) return;
        if (_note.Length > 0)
        {
            Console.Error.WriteLine();
            Console.Error.WriteLine("cresset: " + _note);
        }
        _source.Cancel();
    }

    private void On(PosixSignal signal, Action<PosixSignalContext> work) =>
        _registrations.Add(PosixSignalRegistration.Create(signal, work));

    // The numbers differ between systems; where they are not known the signals stay what they are.
    private static PosixSignal? UserSignal(int number) => number switch
    {
        _ when OperatingSystem.IsLinux() => (PosixSignal)(number == 1 ? 10 : 12),
        _ when OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD() => (PosixSignal)(number == 1 ? 30 : 31),
        _ => null,
    };
}
