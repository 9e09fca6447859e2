using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Flow matching between two clouds in the plane, or from noise to digits.</summary>
public sealed record MatchingOptions : IOptionsRecord
{
    /// <summary>Learn class-conditional digits with a U-Net; otherwise eight Gaussians to moons with a perceptron.</summary>
    public bool Digits { get; init; }

    /// <summary>Pair each batch by exact optimal transport (inside each class where there are classes).</summary>
    public bool OptimalTransport { get; init; } = true;

    /// <summary>Noise added to the points of the path.</summary>
    public double Sigma { get; init; } = 0.1;

    /// <summary>Width of the network.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Share of labels dropped in training, for guidance.</summary>
    public double LabelDropout { get; init; } = 0.1;

    /// <summary>Guidance scale of pictures.</summary>
    public double Guidance { get; init; } = 2;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Sigma, 0)
        .Within(Width, 8, 4096)
        .Within(LabelDropout, 0, 1, includeMax: false)
        .AtLeast(Guidance, 0);
}
