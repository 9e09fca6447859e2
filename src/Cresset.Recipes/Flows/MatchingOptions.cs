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

    /// <summary>After this many steps the field in the plane makes pairs and is trained on them (2-rectified flow, Liu et al. 2023); 0 never.</summary>
    public int ReflowAfter { get; init; }

    /// <summary>Pairs made for that.</summary>
    public int ReflowPairs { get; init; } = 20_000;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Sigma, 0)
        .Within(Width, 8, 4096)
        .Within(LabelDropout, 0, 1, includeMax: false)
        .AtLeast(ReflowAfter, 0)
        .Must(!(Digits && ReflowAfter > 0), ReflowAfter, "0 with Digits", "Reflow is shown in the plane.")
        .Within(ReflowPairs, 1, 10_000_000)
        .AtLeast(Guidance, 0);
}
