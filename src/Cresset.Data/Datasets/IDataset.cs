namespace Cresset.Data;

/// <summary>
/// Examples by index. A batch is made in two halves: <see cref="Prepare"/> may run on any thread and touches no tensors (they would not
/// join the training thread's scope), <see cref="IPreparedBatch.ToBatch"/> runs on the training thread.
/// </summary>
public interface IDataset
{
    /// <summary>Number of examples.</summary>
    int Count { get; }

    /// <summary>Reads and decodes examples; randomness (augmentation) must depend on the request's seed, epoch and indices alone.</summary>
    IPreparedBatch Prepare(BatchRequest request);
}

/// <summary>Which examples make up a batch.</summary>
/// <param name="Indices">Positions in the dataset, in order.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="Epoch">Passes over the data before this one.</param>
public sealed record BatchRequest(IReadOnlyList<int> Indices, ulong Seed, int Epoch);

/// <summary>A batch whose slow part is done.</summary>
public interface IPreparedBatch
{
    /// <summary>Makes the tensors, in the caller's scope.</summary>
    Batch ToBatch();
}
