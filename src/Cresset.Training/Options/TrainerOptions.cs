using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Training;

/// <summary>How long to train and what to keep.</summary>
public sealed record TrainerOptions : IOptionsRecord
{
    /// <summary>Optimizer steps.</summary>
    public int Steps { get; init; } = 1000;

    /// <summary>Examples per step (over all accumulated parts).</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Parts that a batch is computed in, one after the other, to save memory.</summary>
    public int Accumulate { get; init; } = 1;

    /// <summary>
    /// Keep less for the backward pass and compute parts of the network again there (gradient checkpointing): less memory, about a third
    /// more time, the same bits.
    /// </summary>
    public bool Recompute { get; init; }

    /// <summary>Largest gradient norm; 0 leaves gradients alone.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>Decay of the moving average of the weights that is evaluated and saved; 0 for none.</summary>
    public double EmaDecay { get; init; }

    /// <summary>Number format of the weights and the arithmetic.</summary>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <summary>Where to train: "auto" (a GPU when there is one), "cpu", "cuda", "cuda:1"...</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Steps between evaluations; 0 evaluates at the end only.</summary>
    public int EvaluateEvery { get; init; } = 200;

    /// <summary>Steps between pictures; 0 makes them at the end only.</summary>
    public int PicturesEvery { get; init; }

    /// <summary>Steps between checkpoints; 0 saves at the end only.</summary>
    public int CheckpointEvery { get; init; } = 200;

    /// <summary>Minutes after which a checkpoint is saved in any case; 0 leaves it to the steps.</summary>
    public double CheckpointMinutes { get; init; } = 10;

    /// <summary>Write checkpoints while training goes on, from a copy of the state in memory. The files are the same either way.</summary>
    public bool BackgroundCheckpoints { get; init; } = true;

    /// <summary>Minutes after which training saves and stops, to be resumed later; 0 for no limit.</summary>
    public double TimeLimitMinutes { get; init; }

    /// <summary>Newest checkpoints to keep.</summary>
    public int KeepLast { get; init; } = 2;

    /// <summary>Keep the checkpoint with the best headline metric too.</summary>
    public bool KeepBest { get; init; } = true;

    /// <summary>Stop after this many evaluations without improvement; 0 never does.</summary>
    public int Patience { get; init; }

    /// <summary>Steps between recorded losses.</summary>
    public int LogEvery { get; init; } = 1;

    /// <summary>A run, its folder, a checkpoint or a model file whose weights training begins with; empty begins with new ones.</summary>
    public string InitFrom { get; init; } = "";

    /// <summary>Beginnings of the keys that are taken from there, such as [encoder, head.0]; empty takes all.</summary>
    public IReadOnlyList<string> InitKeys { get; init; } = [];

    /// <summary>Beginnings of the names of parameters that keep their values, such as [encoder].</summary>
    public IReadOnlyList<string> Freeze { get; init; } = [];

    /// <summary>Batches prepared in the background; 0 for none. Never changes the result.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>
    /// With several ranks: batch normalisation by mean and variance of the whole batch instead of each rank's part, at two small messages a
    /// layer each way.
    /// </summary>
    public bool SyncBatchNorm { get; init; }

    /// <summary>
    /// With several ranks: add up gradients while backward still runs, in a copy of them all. Without it they are added up afterwards.
    /// </summary>
    public bool Overlap { get; init; } = true;

    /// <summary>Threads of libtorch; 0 takes all cores, with several ranks a host's cores shared among them.</summary>
    public int Threads { get; init; }

    /// <summary>Fixes initial weights, data order, dropout and sampling.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Steps, 1)
        .AtLeast(BatchSize, 1)
        .Within(Accumulate, 1, Math.Max(1, BatchSize))
        .Must(Accumulate < 1 || BatchSize % Accumulate == 0, Accumulate, $"a divisor of BatchSize ({BatchSize})", field: nameof(Accumulate))
        .AtLeast(ClipNorm, 0)
        .Within(EmaDecay, 0, 1, includeMax: false)
        .Defined(Precision)
        .Must(ComputeDevice.IsName(Device, out _), Device, ComputeDevice.Names, field: nameof(Device))
        .AtLeast(EvaluateEvery, 0)
        .AtLeast(PicturesEvery, 0)
        .AtLeast(CheckpointEvery, 0)
        .AtLeast(CheckpointMinutes, 0)
        .AtLeast(TimeLimitMinutes, 0)
        .AtLeast(KeepLast, 1)
        .AtLeast(Patience, 0)
        .AtLeast(LogEvery, 1)
        .Must(InitFrom is not null, InitFrom, "a run, a folder or a file; empty for none", field: nameof(InitFrom))
        .Must(InitKeys is not null && InitKeys.All(k => !string.IsNullOrWhiteSpace(k)), InitKeys, "beginnings of keys",
            field: nameof(InitKeys))
        .Must(InitKeys is not { Count: > 0 } || !string.IsNullOrEmpty(InitFrom), InitKeys, "empty without InitFrom",
            field: nameof(InitKeys))
        .Must(Freeze is not null && Freeze.All(k => !string.IsNullOrWhiteSpace(k)), Freeze, "beginnings of parameters' names",
            field: nameof(Freeze))
        .Within(Workers, 0, 256)
        .Within(Threads, 0, 1024);

    /// <summary>Refuses a batch that ranks cannot share evenly.</summary>
    /// <param name="ranks">How many train together.</param>
    /// <exception cref="ArgumentException">They cannot.</exception>
    public void CheckFor(int ranks)
    {
        var parts = Accumulate * ranks;
        if (BatchSize % parts == 0) return;
        throw new ArgumentException(
            $"trainer.batch_size is {BatchSize}, which {ranks} ranks{(Accumulate > 1 ? $" with trainer.accumulate={Accumulate}" : "")} "
                + $"cannot share evenly; allowed: a multiple of {parts}, such as {(BatchSize + parts - 1) / parts * parts}.");
    }
}
