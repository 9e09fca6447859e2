using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// Passes reports on and writes them down for those who were not at the terminal: every line with its time into <c>log.txt</c> of the run's
/// folder, and notices as texts of the run.
/// </summary>
internal sealed class RunLog : IProgress<TrainingReport>, IDisposable
{
    public const string FileName = "log.txt";
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);
    private readonly Run _run;
    private readonly IProgress<TrainingReport>? _inner;
    // Requests are answered from another thread.
    private readonly Lock _gate = new();
    private readonly List<string> _said = [];
    private StreamWriter? _file;
    private long _lastProgress;
    private int _step;
    private int _saidAt;

    public RunLog(Run run, IProgress<TrainingReport>? inner)
    {
        (_run, _inner) = (run, inner);
        Guard(() =>
            _file = new StreamWriter(
                new FileStream(Path.Combine(run.Folder, FileName), FileMode.Append, FileAccess.Write,
                    FileShare.ReadWrite | FileShare.Delete), new UTF8Encoding(false))
            { AutoFlush = true });
        Line(run.WasResumed ? "goes on" : "begins");
    }

    public void Report(TrainingReport value)
    {
        _inner?.Report(value);
        lock (_gate) Write(value);
    }

    /// <summary>A line of its own.</summary>
    public void Line(string text)
    {
        lock (_gate)
            Guard(() =>
                _file?.WriteLine(
                    string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:yyyy-MM-dd HH:mm:ss}  {text.ReplaceLineEndings(" ")}")));
    }

    public void Dispose()
    {
        lock (_gate)
        {
            Guard(() =>
            {
                var file = _file;
                _file = null;
                file?.Dispose();
            });
        }
    }

    private void Write(TrainingReport value)
    {
        switch (value)
        {
            case StepReport step:
                _step = step.Step;
                Progress(step.Step, step.TotalSteps, "step", $"loss {Number(step.Loss)}  {Number(step.StepsPerSecond)} steps/s",
                    step.Remaining);
                break;
            case WorkReport work:
                Progress(work.Done, work.Total, work.Part, work.Figures, work.Remaining);
                break;
            case EvaluationReport evaluation:
                Line($"step {evaluation.Step}  {string.Join("  ", evaluation.Metrics.Select(m => $"{m.Key} {Number(m.Value)}"))}"
                    + $"{(evaluation.IsBest ? "  best so far" : "")}");
                break;
            case PictureReport { Path: { } path }:
                Line($"picture {Path.GetRelativePath(_run.Folder, path)}");
                break;
            case TextReport text:
                Line($"{text.Tag} at step {text.Step}");
                foreach (var line in text.Text.TrimEnd().Split('\n')) Line("  " + line);
                break;
            case CheckpointReport saved:
                Line($"saved step {saved.Checkpoint.Step}");
                break;
            case NoticeReport notice:
                Line(notice.Text);
                Keep(notice.Text);
                break;
        }
    }

    private void Progress(int done, int total, string part, string figures, TimeSpan remaining)
    {
        var now = Stopwatch.GetTimestamp();
        if (_lastProgress != 0 && done != total && Stopwatch.GetElapsedTime(_lastProgress, now) < Pause) return;
        _lastProgress = now;
        Line(string.Create(CultureInfo.InvariantCulture, $"{part} {done}/{total}  {figures}  {remaining.TotalSeconds:0} s left"));
    }

    // One text a step: what was said at the same step stands in it line by line.
    private void Keep(string text)
    {
        if (_saidAt != _step) _said.Clear();
        _saidAt = _step;
        _said.Add(text);
        _run.Text("notices", _step, string.Join('\n', _said));
    }

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);

    // A log that cannot be written is no reason to lose a training; that it ends is said once.
    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _file = null;
            _inner?.Report(new NoticeReport($"{FileName} ends here: {e.Message}"));
        }
    }
}
