using Cresset.Distributed;
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
public sealed record JobContext(ResolvedRecipe Recipe, IRunRecorder Recorder, string Folder, IProgress<TrainingReport>? Progress,
    CancellationToken Cancellation)
{
    /// <summary>The run's checkpoints.</summary>
    public CheckpointFolder Checkpoints { get; } = new(Path.Combine(Folder, "checkpoints"));

    /// <summary>The processes that do the job together. Every rank but 0 records nothing and writes no file.</summary>
    public ICommunicator Ranks { get; init; } = OneProcess.Instance;

    /// <summary>Figures that the store has of the run, for runs that keep none in their folder.</summary>
    public IReadOnlyDictionary<string, double> Summary { get; init; } = new Dictionary<string, double>();

    /// <summary>The folder of a run of the same store; throws where there is none.</summary>
    internal Func<string, string>? FolderOfRun { get; init; }

    /// <summary>Called once the saved state was taken up, from which on the run is another one.</summary>
    internal Action? Begun { get; init; }

    /// <summary>What <see cref="Job.Prepare"/> brought; whoever takes it owns it.</summary>
    internal Preparation? Prepared { get; init; }

    /// <summary>The task that was made before the run was begun, once; null where none was, or it was taken.</summary>
    internal ITrainingTask? TakePrepared() => Prepared?.Take() as ITrainingTask;

    /// <summary>The options of a section.</summary>
    public T Options<T>(string section)
        where T : IOptionsRecord => (T)Recipe.Options[section];

    /// <summary>
    /// The context of one stage of several: its series are named <c>stage/…</c>, its files lie in the folder of that name, and what it
    /// forgets when it is resumed is its own.
    /// </summary>
    internal JobContext Stage(string name) =>
        new(Recipe, new StageRecorder(Recorder, $"{name}/", []), Path.Combine(Folder, name), Progress, Cancellation)
        {
            Begun = Begun,
            FolderOfRun = FolderOfRun,
            Ranks = Ranks,
            Prepared = Prepared
        };

    /// <summary>The context of the last stage, which has the run's own names, beside earlier ones.</summary>
    internal JobContext LastStage(params string[] earlier)
        => new(Recipe, new StageRecorder(Recorder, "", [.. earlier.Select(e => $"{e}/")]), Folder, Progress, Cancellation)
        {
            Begun = Begun,
            FolderOfRun = FolderOfRun,
            Summary = Summary,
            Ranks = Ranks
        };
}

/// <summary>What was opened before a run was begun, until the run's work takes it over.</summary>
internal sealed class Preparation(IDisposable? opened) : IDisposable
{
    private IDisposable? _opened = opened;

    /// <summary>The caller's from here on; null the second time.</summary>
    public IDisposable? Take()
    {
        var taken = _opened;
        _opened = null;
        return taken;
    }

    public void Dispose() => _opened?.Dispose();
}

/// <summary>What came out of a job.</summary>
/// <param name="Completed">False when it was stopped before its end.</param>
/// <param name="Metrics">Final figures by name, the headline first.</param>
/// <param name="Pictures">Files that were written, in the order to look at them.</param>
public sealed record JobOutcome(bool Completed, IReadOnlyDictionary<string, double> Metrics, IReadOnlyList<string> Pictures)
{
    /// <summary>Stopped before the end.</summary>
    public static JobOutcome Stopped { get; } = new(false, new Dictionary<string, double>(), []);

    /// <summary>A table in Markdown that says more than the figures; null without one.</summary>
    public string? Table { get; init; }
}
