using System.Diagnostics;
using System.Text;

namespace Cresset.Dashboard;

/// <summary>
/// The process that computes for the subject pages: started by the first question, one question at a time, ended when nobody asks for a
/// while, and started anew when it died. The dashboard itself never loads libtorch.
/// </summary>
internal sealed class ComputeWorker(IReadOnlyList<string> command) : IAsyncDisposable
{
    private const int MostStart = 400;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(5);
    private readonly SemaphoreSlim _turn = new(1);
    private readonly StringBuilder _said = new();
    private Process? _process;
    private Timer? _idle;
    private long _asked;

    public bool IsThere => command.Count > 0;

    /// <summary>The answer to one line of JSON.</summary>
    /// <exception cref="InvalidOperationException">There is no such process, it died, or it took too long.</exception>
    public async Task<string> Ask(string question, CancellationToken cancellation)
    {
        if (!IsThere) throw new InvalidOperationException("This server only shows what was recorded; 'cresset serve' computes, too.");
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            _asked = Stopwatch.GetTimestamp();
            var process = Running();
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(Patience);
            try
            {
                await process.StandardInput.WriteLineAsync(question.ReplaceLineEndings(" ").AsMemory(), limit.Token).ConfigureAwait(false);
                await process.StandardInput.FlushAsync(limit.Token).ConfigureAwait(false);
                return await process.StandardOutput.ReadLineAsync(limit.Token).ConfigureAwait(false)
                    ?? throw new EndOfStreamException("it ended");
            }
            catch (OperationCanceledException)
            {
                // Its answer would be taken for that of the next question.
                End();
                cancellation.ThrowIfCancellationRequested();
                throw new InvalidOperationException($"The computation took more than {Patience.TotalMinutes} minutes and was ended.");
            }
            catch (IOException e)
            {
                End();
                throw new InvalidOperationException($"The process that computes ended ({e.Message}). {Said()}");
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_idle is not null) await _idle.DisposeAsync().ConfigureAwait(false);
        End();
        _turn.Dispose();
    }

    private Process Running()
    {
        if (_process is { HasExited: false }) return _process;
        End();
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            UseShellExecute = false,
        };
        lock (_said) _said.Clear();
        _process = Process.Start(start) ?? throw new InvalidOperationException($"'{command[0]}' does not start.");
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_said)
            {
                if (_said.Length < MostStart && line.Data is { } text) _said.Append(text).Append(' ');
            }
        };
        _process.BeginErrorReadLine();
        _idle ??= new Timer(_ => EndIdle(), null, Idle, Idle);
        return _process;
    }

    private string Said()
    {
        lock (_said) return _said.ToString().Trim();
    }

    private void EndIdle()
    {
        if (Stopwatch.GetElapsedTime(_asked) < Idle || !_turn.Wait(0)) return;
        try
        {
            End();
        }
        finally
        {
            _turn.Release();
        }
    }

    private void End()
    {
        if (_process is not { } process) return;
        _process = null;
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (InvalidOperationException)
        {
            // It ended by itself in between.
        }
        process.Dispose();
    }
}
