using System.Diagnostics;
using Cresset.Training;
using Spectre.Console;

namespace Cresset.Cli.Terminal;

/// <summary>Shows training: a bar with rate, remaining time and latest figures on a terminal, plain lines elsewhere.</summary>
/// <param name="quiet">Show nothing.</param>
/// <param name="plain">Plain lines even on a terminal: mpirun gives ranks one that nobody sits at.</param>
internal sealed class TrainingView(bool quiet, bool plain = false) : IProgress<TrainingReport>, IDisposable
{
    private static readonly TimeSpan BarInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LineInterval = TimeSpan.FromSeconds(5);
    private readonly bool _live = !plain && !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;
    private readonly Stopwatch _sinceShown = Stopwatch.StartNew();
    private string _latest = "";
    private bool _barIsUp;
    private bool _first = true;

    public void Report(TrainingReport value)
    {
        if (quiet) return;
        switch (value)
        {
            case StepReport step:
                Step(step);
                break;
            case WorkReport work:
                Advance(work.Part, work.Done, work.Total, work.Figures, work.Remaining);
                break;
            case EvaluationReport evaluation:
                _latest = string.Join("  ", evaluation.Metrics.Select(m => $"{m.Key} {Output.Number(m.Value)}"));
                Line($"step {evaluation.Step,6}  {_latest}{(evaluation.IsBest ? "  best so far" : "")}",
                    evaluation.IsBest ? "green" : null);
                break;
            case PictureReport { Path: { } path }:
                Line($"picture      {Relative(path)}", "grey");
                break;
            case TextReport text:
                Line($"{text.Tag} at step {text.Step}", "grey");
                foreach (var line in text.Text.TrimEnd().Split('\n')) Line("  " + line, null);
                break;
            case NoticeReport notice:
                Line(notice.Text, "yellow");
                break;
        }
    }

    public void Dispose() => ClearBar();

    public static string Relative(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return relative.StartsWith("..", StringComparison.Ordinal) ? path : relative;
    }

    private void Step(StepReport step)
        => Advance("step", step.Step, step.TotalSteps,
            $"loss {Output.Number(step.Loss)}  {Output.Number(step.StepsPerSecond)} steps/s  {step.ExamplesPerSecond:0} examples/s",
            step.Remaining);

    private void Advance(string part, int done, int total, string figures, TimeSpan remaining)
    {
        var last = done == total;
        if (!_first && !last && _sinceShown.Elapsed < (_live ? BarInterval : LineInterval)) return;
        _first = false;
        _sinceShown.Restart();
        if (!_live)
        {
            Console.Out.WriteLine($"{part} {done,6}/{total}  {figures}  {Output.Duration(remaining)} left");
            return;
        }
        var width = Math.Clamp(AnsiConsole.Profile.Width - 90, 8, 40);
        var filled = (int)((long)done * width / total);
        var bar = new string('━', filled) + new string('─', width - filled);
        var text = $"{bar} {done}/{total}  {figures}  {Output.Duration(remaining)} left  {_latest}";
        Console.Out.Write("\r\u001b[2K" + text[..Math.Min(text.Length, Math.Max(20, AnsiConsole.Profile.Width - 1))]);
        Console.Out.Flush();
        _barIsUp = true;
    }

    private void Line(string text, string? color)
    {
        ClearBar();
        if (color is null || !_live) Console.Out.WriteLine(text);
        else AnsiConsole.MarkupLine($"[{color}]{Markup.Escape(text)}[/]");
    }

    private void ClearBar()
    {
        if (_barIsUp) Console.Out.Write("\r\u001b[2K");
        _barIsUp = false;
    }
}
