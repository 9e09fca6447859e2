using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The vectors of one call that take part: finite, not masked, float32 or float64, as a matrix.</summary>
/// <param name="Rows">Vectors [N, D].</param>
/// <param name="Kept">Their positions among all vectors of the call; null when all take part.</param>
/// <param name="PerSample">Vectors per sample (entry of the input's first dimension).</param>
/// <param name="SampleCount">Samples in the batch.</param>
public sealed record RowBatch(Tensor Rows, long[]? Kept, long PerSample, int SampleCount)
{
    /// <summary>
    /// True for a stage of a residual quantizer, which gives the sum of its stages one gradient estimator: values are then the codes
    /// themselves.
    /// </summary>
    public bool IsStage { get; init; }

    /// <summary>Codes chosen beforehand, int64 [N], by a search over all stages; null to choose the nearest.</summary>
    public Tensor? Given { get; init; }

    /// <summary>The sample that vector <paramref name="row"/> belongs to.</summary>
    public int SampleOf(long row) => (int)((Kept is null ? row : Kept[row]) / PerSample);

    /// <summary>Only the given vectors.</summary>
    public RowBatch Select(Tensor rows, IReadOnlyList<long> chosen) =>
        this with { Rows = rows, Kept = [.. chosen.Select(row => Kept is null ? row : Kept[row])] };
}

/// <summary>Where the gradient of a residual stage comes from.</summary>
public enum StageGradient
{
    /// <summary>From the estimator that the residual quantizer applies to the sum of its stages.</summary>
    OfTheSum,

    /// <summary>The values are the vectors moved along a direction: the moves add up on the input, whose gradient passes once.</summary>
    Directed,

    /// <summary>From the values themselves, which reach parameters that learn from the reconstruction: they add up as they are.</summary>
    Own,
}

/// <summary>What a quantizer makes of a <see cref="RowBatch"/>.</summary>
/// <param name="Values">Values [N, D] with the gradient of the estimator.</param>
/// <param name="Indices">Indices [N, S], int64.</param>
/// <param name="Terms">Loss terms.</param>
public sealed record RowResult(Tensor Values, Tensor Indices, IReadOnlyList<LossTerm> Terms)
{
    /// <summary>
    /// The codes behind <see cref="Values"/> [N, D], where an estimator made the values something else; null when they are the values.
    /// </summary>
    public Tensor? Codes { get; init; }

    /// <summary>How the gradient of <see cref="Values"/> is used when the quantizer is a stage of a residual one.</summary>
    public StageGradient Gradient { get; init; }

    /// <summary>
    /// Teaches the codebook, in training mode only. Called when every stage and head has read its codes: two of them may share a codebook.
    /// </summary>
    public Func<LearnedCodes>? Learn { get; init; }

    /// <summary>Mean squared difference of vectors and values where it was computed anyway.</summary>
    public double? Error { get; init; }
}

/// <summary>What a codebook made of a batch.</summary>
/// <param name="Restarted">Codes that were moved to a vector of the batch.</param>
/// <param name="Warnings">Messages for the user.</param>
public sealed record LearnedCodes(int Restarted, IReadOnlyList<string> Warnings)
{
    /// <summary>What several codebooks made of their shares, each message with the name of its codebook.</summary>
    public static LearnedCodes Together(IEnumerable<(string Name, LearnedCodes Learned)> parts)
    {
        var all = parts.ToList();
        return new(all.Sum(p => p.Learned.Restarted), [.. all.SelectMany(p => p.Learned.Warnings.Select(w => $"{p.Name}: {w}"))]);
    }
}
