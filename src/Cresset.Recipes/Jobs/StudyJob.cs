using System.Diagnostics;
using Cresset.Numerics;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>
/// A job that measures: named cells, one after the other, each saved when it is done, then a report over all of them. A study that was
/// killed goes on with its next cell; what finished cells recorded is recorded again from their files, so that each point stands in the run
/// once.
/// </summary>
/// <typeparam name="TOptions">The record of the study's section.</typeparam>
/// <typeparam name="TCell">What a cell brings; a record that JSON can hold, numbers exactly.</typeparam>
public abstract class StudyJob<TOptions, TCell> : Job
    where TOptions : class, IOptionsRecord, new()
    where TCell : class
{
    /// <summary>Name of the study's section.</summary>
    protected abstract string Section { get; }

    /// <summary>What a cell is, in one word.</summary>
    protected virtual string CellWord => "cell";

    /// <inheritdoc/>
    public override IReadOnlyList<OptionsSection> Sections => [new(Section, new TOptions())];

    /// <inheritdoc/>
    public override string Evaluates => "the table and figures that the study measured";

    /// <summary>Names of the cells in the order they are measured in; no two alike.</summary>
    protected abstract IReadOnlyList<string> Cells(TOptions options);

    /// <summary>Measures one cell. It depends on options, name and earlier cells alone.</summary>
    protected abstract TCell Measure(TOptions options, StudyCell<TCell> cell);

    /// <summary>Tables, pictures and figures of all cells, in their order.</summary>
    protected abstract JobOutcome Report(JobContext context, TOptions options, IReadOnlyList<TCell> cells);

    /// <inheritdoc/>
    protected sealed override JobOutcome Work(JobContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var options = context.Options<TOptions>(Section);
        var names = Cells(options);
        var files = new CellFiles<TCell>(context);
        // Everything is recorded anew: finished cells from their files.
        context.Recorder.TruncateAfter(-1);
        context.Begun?.Invoke();
        var (values, measured) = (new List<TCell>(), 0);
        var watch = Stopwatch.StartNew();
        foreach (var (index, name) in names.Index())
        {
            if (files.Find(index, name) is { } known)
            {
                foreach (var point in known.Points) context.Recorder.Scalar(point.Tag, point.Step, point.Value);
                values.Add(known.Value);
                continue;
            }
            context.Cancellation.ThrowIfCancellationRequested();
            if (values.Count > 0 && measured == 0)
                context.Progress?.Report(new NoticeReport($"Resumed: {values.Count} of {names.Count} {CellWord}s were done."));
            var cell = new StudyCell<TCell>(index, name, values, context);
            var value = Measure(options, cell);
            files.Save(index, name, value, cell.Points);
            values.Add(value);
            measured++;
            context.Progress
                ?.Report(
                    new WorkReport(index + 1, names.Count, CellWord, cell.Figures, watch.Elapsed / measured * (names.Count - index - 1)));
        }
        return Report(context, options, values);
    }
}
