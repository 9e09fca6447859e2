namespace Cresset.Data;

/// <summary>Some examples of a dataset, in an order of their own.</summary>
internal sealed class ChosenExamples(IDataset all, int[] chosen) : IDataset
{
    /// <inheritdoc/>
    public int Count => chosen.Length;

    /// <inheritdoc/>
    public IPreparedBatch Prepare(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return all.Prepare(request with { Indices = [.. request.Indices.Select(i => chosen[i])] });
    }
}
