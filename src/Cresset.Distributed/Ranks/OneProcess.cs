namespace Cresset.Distributed;

/// <summary>A single process as a communicator: everything is its own already.</summary>
public sealed class OneProcess : ICommunicator
{
    private OneProcess()
    {
    }

    /// <summary>The only one; it holds nothing.</summary>
    public static OneProcess Instance { get; } = new();

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public int LocalRank => 0;

    /// <inheritdoc/>
    public int LocalSize => 1;

    /// <inheritdoc/>
    public string Description => "one process";

    /// <inheritdoc/>
    public TimeSpan WaitLimit
    {
        get => Timeout.InfiniteTimeSpan;
        set => _ = value;
    }

    /// <inheritdoc/>
    public void AllReduce(Span<float> values, Reduction reduction = Reduction.Sum) => Check(reduction);

    /// <inheritdoc/>
    public void AllReduce(Span<double> values, Reduction reduction = Reduction.Sum) => Check(reduction);

    /// <inheritdoc/>
    public IReductionUnderWay StartSum(Memory<float> values) => Done.Instance;

    /// <inheritdoc/>
    public void Broadcast(Span<byte> bytes, int root = 0)
    {
        if (root != 0) throw new ArgumentOutOfRangeException(nameof(root), root, "There is rank 0 alone.");
    }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> part) => [part.ToArray()];

    /// <inheritdoc/>
    public void Barrier()
    {
    }

    /// <summary>Does nothing: a single process ends by its own error.</summary>
    public void Abort(int exitCode)
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class Done : IReductionUnderWay
    {
        public static Done Instance { get; } = new();

        public bool Poke() => true;

        public void Wait()
        {
        }
    }

    private static void Check(Reduction reduction)
    {
        if (!Enum.IsDefined(reduction)) throw new ArgumentOutOfRangeException(nameof(reduction), reduction, "Allowed: Sum, Max.");
    }
}
