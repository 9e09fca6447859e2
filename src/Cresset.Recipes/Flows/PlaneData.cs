using Cresset.Data;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Endless samples of a density: each epoch draws new ones.</summary>
internal sealed class PlaneData : IDataset
{
    private readonly PlaneDensity _density;

    /// <summary>Makes the dataset.</summary>
    public PlaneData(PlaneDensity density, int count = 65_536)
    {
        ArgumentNullException.ThrowIfNull(density);
        _density = density;
        Count = count;
    }

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public IPreparedBatch Prepare(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        // One stream a batch: its first index tells batches of an epoch apart.
        return new Prepared(_density, request.Indices.Count,
            unchecked((int)(request.Seed * 1_000_003UL) + (request.Epoch * 7919) + (request.Indices[0] * 31)));
    }

    private sealed class Prepared(PlaneDensity density, int count, int seed) : IPreparedBatch
    {
        public Batch ToBatch() => new(density.Draw(count, seed));
    }
}
