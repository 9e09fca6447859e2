using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>How a dataset is cut into batches.</summary>
public sealed record LoaderOptions : IOptionsRecord
{
    /// <summary>Examples a batch.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Draw a new order every epoch from seed + epoch, as PyTorch's DistributedSampler does; otherwise dataset order.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Leave out the last batch of an epoch when it is smaller.</summary>
    public bool DropLast { get; init; } = true;

    /// <summary>Seed of order and augmentation.</summary>
    public ulong Seed { get; init; }

    /// <summary>Batches prepared at once in the background; 0 prepares on the calling thread. Never changes the result.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Finished batches held ready beyond the workers' own.</summary>
    public int Prefetch { get; init; } = 2;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(BatchSize, 1).Within(Workers, 0, 256).Within(Prefetch, 0, 1024);
}
