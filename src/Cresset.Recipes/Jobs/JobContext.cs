using Cresset.Numerics;
using Cresset.Runs;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>What a job works with.</summary>
/// <param name="Recipe">The resolved recipe.</param>
/// <param name="Recorder">Where values and pictures go.</param>
/// <param name="Folder">The run's folder.</param>
/// <param name="Progress">Who watches.</param>
/// <param name="Cancellation">Finish the current step, save and stop.</param>
public sealed record JobContext(ResolvedRecipe Recipe, IRunRecorder Recorder, string Folder, IProgress<TrainingReport>? Progress, CancellationToken Cancellation)
{
    /// <summary>The run's checkpoints.</summary>
    public CheckpointFolder Checkpoints { get; } = new(Path.Combine(Folder, "checkpoints"));

    /// <summary>The options of a section.</summary>
    public T Options<T>(string section)
        where T : IOptionsRecord => (T)Recipe.Options[section];
}

/// <summary>What came out of a job.</summary>
/// <param name="Completed">False when it was cancelled before its end.</param>
/// <param name="Metrics">Final figures by name, the headline first.</param>
/// <param name="Pictures">Files that were written, in the order to look at them.</param>
public sealed record JobOutcome(bool Completed, IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<string> Pictures);
