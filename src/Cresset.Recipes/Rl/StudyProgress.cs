using System.Diagnostics;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Counts the parts of a study and tells how long the rest will take.</summary>
/// <param name="watcher">Who watches.</param>
/// <param name="total">Number of parts.</param>
/// <param name="part">What a part is, in one word.</param>
internal sealed class StudyProgress(IProgress<TrainingReport>? watcher, int total, string part)
{
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private int _done;

    /// <summary>One more part is done.</summary>
    /// <param name="figures">The latest figures, or empty.</param>
    public void Advance(string figures = "")
    {
        _done++;
        watcher?.Report(new WorkReport(_done, total, part, figures, _watch.Elapsed / _done * Math.Max(0, total - _done)));
    }
}
