using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// Answers what is asked of a run whose job has no ear for it: stopping works for every job, by the same way as Ctrl-C; what only the
/// trainer can do is refused with a sentence.
/// </summary>
internal sealed class UnheardRequests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private readonly Run _run;
    private readonly string _job;
    private readonly IProgress<TrainingReport> _progress;
    private readonly CancellationTokenSource _stop;
    private readonly Timer _timer;

    public UnheardRequests(Run run, string job, IProgress<TrainingReport> progress, CancellationToken cancellation)
    {
        (_run, _job, _progress) = (run, job, progress);
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _timer = new Timer(_ => Answer(), null, Patience, Patience);
    }

    /// <summary>The caller's wish to end, or that of somebody who asked the run to stop.</summary>
    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        using (var ended = new ManualResetEvent(false))
        {
            if (_timer.Dispose(ended)) ended.WaitOne();
        }
        _stop.Dispose();
    }

    private void Answer()
    {
        try
        {
            foreach (var request in _run.UnheardRequests(Patience))
            {
                var answer = request.Command == RunRequest.Stop ? "finishes its current part, saves and stops."
                    : $"a run of '{_job}' takes only {RunRequest.Stop}.";
                _run.Answer(request, answer);
                _progress.Report(new NoticeReport($"Asked to {request.Command}: {answer}"));
                if (request.Command == RunRequest.Stop) _stop.Cancel();
            }
        }
        catch (Exception e) when (e is RunStoreException or ObjectDisposedException)
        {
            // The run ends, or its store failed: the recording thread reports that.
        }
    }
}
