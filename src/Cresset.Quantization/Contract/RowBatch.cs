using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The vectors of one call that take part: finite, not masked, float32 or float64, as a matrix.</summary>
/// <param name="Rows">Vectors [N, D].</param>
/// <param name="Kept">Their positions among all vectors of the call; null when all take part.</param>
/// <param name="PerSample">Vectors a sample (entry of the input's first dimension).</param>
/// <param name="SampleCount">Samples in the batch.</param>
internal sealed record RowBatch(Tensor Rows, long[]? Kept, long PerSample, int SampleCount)
{
    /// <summary>The sample that vector <paramref name="row"/> belongs to.</summary>
    public int SampleOf(long row) => (int)((Kept is null ? row : Kept[row]) / PerSample);

    /// <summary>Only the given vectors.</summary>
    public RowBatch Select(Tensor rows, IReadOnlyList<long> chosen) => new(rows, [.. chosen.Select(row => Kept is null ? row : Kept[row])], PerSample, SampleCount);
}

/// <summary>What a quantizer makes of a <see cref="RowBatch"/>.</summary>
/// <param name="Values">Values [N, D] with the gradient of the estimator.</param>
/// <param name="Indices">Indices [N, S], int64.</param>
/// <param name="Terms">Loss terms.</param>
internal sealed record RowResult(Tensor Values, Tensor Indices, IReadOnlyList<LossTerm> Terms)
{
    /// <summary>Codes restarted.</summary>
    public int Restarted { get; init; }

    /// <summary>Messages for the user.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Mean squared difference of vectors and values where it was computed anyway.</summary>
    public double? Error { get; init; }
}
