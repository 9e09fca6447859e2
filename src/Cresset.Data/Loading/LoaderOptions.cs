using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>How a dataset is cut into batches.</summary>
public sealed record LoaderOptions : IOptionsRecord
{
    /// <summary>Examples per batch.</summary>
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

    /// <summary>
    /// Pieces that a batch is handed out in, one after the other or one per process: piece q of Q has the examples q, q + Q, q + 2 Q, ...
    /// of the batch.
    /// Together the pieces are the batch, whatever their number.
    /// </summary>
    public int Parts { get; init; } = 1;

    /// <summary>Which of <see cref="Ranks"/> processes this is: it gets the pieces Rank, Rank + Ranks, ... of each batch.</summary>
    public int Rank { get; init; }

    /// <summary>
    /// Processes that share the batches, as PyTorch's DistributedSampler shares them out: example i of an epoch goes to process i mod
    /// Ranks.
    /// </summary>
    public int Ranks { get; init; } = 1;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(BatchSize, 1)
        .Within(Workers, 0, 256)
        .Within(Prefetch, 0, 1024)
        .AtLeast(Parts, 1)
        .Must(Parts < 1 || BatchSize % Parts == 0, Parts, $"a divisor of BatchSize ({BatchSize})", field: nameof(Parts))
        .Must(Parts == 1 || DropLast, Parts, "1 where the smaller last batch is kept (DropLast = false)", field: nameof(Parts))
        .AtLeast(Ranks, 1)
        .Must(Ranks < 1 || Parts % Ranks == 0, Ranks, $"a divisor of Parts ({Parts})", field: nameof(Ranks))
        .Within(Rank, 0, Math.Max(0, Ranks - 1));
}
