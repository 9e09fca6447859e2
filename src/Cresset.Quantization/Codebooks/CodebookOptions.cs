using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A learned table of codes. The defaults keep every code alive.</summary>
public sealed record CodebookOptions : IOptionsRecord
{
    /// <summary>Codes, K.</summary>
    public int Size { get; init; } = 256;

    /// <summary>Numbers per code, D.</summary>
    public int Width { get; init; } = 64;

    /// <summary>By moving averages or by gradient.</summary>
    public CodebookLearning Learning { get; init; } = CodebookLearning.MovingAverage;

    /// <summary>Decay of the moving averages of counts and sums; 0 makes each code the mean of its last batch.</summary>
    public double Decay { get; init; } = 0.99;

    /// <summary>Laplace smoothing of the counts.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Where the moving averages start.</summary>
    public AverageStart AverageStart { get; init; } = AverageStart.Codes;

    /// <summary>
    /// A code whose average count falls below this share of an even spread (vectors per batch over codes) is dead and moves to a vector of
    /// the batch, far from the codes rather than near; 0 never restarts. A code that was moved begins at the even spread: unchosen, it
    /// stays ln(1/share) / (1 - decay) batches.
    /// </summary>
    public double RestartShare { get; init; } = 0.2;

    /// <summary>Lloyd iterations on the first training batch, among which the codes then lie; 0 keeps the random start.</summary>
    public int KMeansIterations { get; init; } = 10;

    /// <summary>Distance or angle.</summary>
    public CodeSimilarity Similarity { get; init; } = CodeSimilarity.Euclidean;

    /// <summary>How initial codes are drawn.</summary>
    public CodebookStart Start { get; init; } = CodebookStart.KaimingUniform;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Size, 2)
        .AtLeast(Width, 1)
        .Defined(Learning)
        .Within(Decay, 0, 1, includeMax: false)
        .AtLeast(Epsilon, 0)
        .Defined(AverageStart)
        .Within(RestartShare, 0, 1, includeMax: false, hint: "0 switches restarts off; 0.2 suits batches of any size.")
        .Must(RestartShare == 0 || AverageStart != AverageStart.Debiased, AverageStart, "Codes while RestartShare is above 0",
            "Debiased averages have no count to restart from: set RestartShare = 0 or AverageStart = Codes.", nameof(AverageStart))
        .AtLeast(KMeansIterations, 0)
        .Defined(Similarity)
        .Defined(Start);
}
