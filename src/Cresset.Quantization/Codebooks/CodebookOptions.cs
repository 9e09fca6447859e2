using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A learned table of codes. The defaults keep every code alive.</summary>
public sealed record CodebookOptions : IOptionsRecord
{
    /// <summary>Codes, K.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Numbers a code, D.</summary>
    public int Width { get; init; } = 64;

    /// <summary>By moving averages or by gradient.</summary>
    public CodebookLearning Learning { get; init; } = CodebookLearning.MovingAverage;

    /// <summary>Decay of the moving averages of counts and sums; 0 makes each code the mean of its last batch.</summary>
    public double Decay { get; init; } = 0.99;

    /// <summary>Laplace smoothing of the counts.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Where the moving averages start.</summary>
    public AverageStart AverageStart { get; init; } = AverageStart.Codes;

    /// <summary>A code whose average count falls below this is dead and moves to a vector of the batch; 0 never restarts.</summary>
    public double RestartThreshold { get; init; } = 2;

    /// <summary>Lloyd iterations on the first training batch; 0 keeps the random start.</summary>
    public int KMeansIterations { get; init; }

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
        .AtLeast(RestartThreshold, 0, hint: "0 switches restarts off; 2 suits most batches.")
        .Must(RestartThreshold == 0 || AverageStart != AverageStart.Debiased, AverageStart, "Codes while RestartThreshold is above 0", "Debiased averages have no count to restart from: set RestartThreshold = 0 or AverageStart = Codes.", nameof(AverageStart))
        .AtLeast(KMeansIterations, 0)
        .Defined(Similarity)
        .Defined(Start);
}
