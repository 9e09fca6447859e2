using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>Size of a flow over vectors [N, D].</summary>
public sealed record VectorFlowOptions : IOptionsRecord
{
    /// <summary>D.</summary>
    public int Features { get; init; } = 2;

    /// <summary>Context features; 0 for none.</summary>
    public int Context { get; init; }

    /// <summary>Number of transforms.</summary>
    public int Transforms { get; init; } = 8;

    /// <summary>Widths of the hidden layers of each network.</summary>
    public int[] Hidden { get; init; } = [128, 128];

    /// <summary>Activation of the networks.</summary>
    public ActivationOptions Activation { get; init; } = new ReluActivation();

    /// <summary>The scale of affine transforms.</summary>
    public AffineScale Scale { get; init; } = AffineScale.SoftClip;

    /// <summary>The spline of spline transforms.</summary>
    public SplineOptions Spline { get; init; } = new();

    /// <summary>Seed of random masks and orders; 0 for alternating ones.</summary>
    public int OrderSeed { get; init; }

    /// <summary>Win activations back by inversion instead of keeping them.</summary>
    public bool RecomputeActivations { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Features, 1, 1_000_000)
        .AtLeast(Context, 0)
        .Within(Transforms, 1, 1000)
        .Must(Hidden is { Length: > 0 } && Hidden.All(h => h > 0), Hidden, "at least one width, all greater than 0")
        .Must(LayerActivation.Refuses(Activation) is null, Activation, LayerActivation.Allowed)
        .Defined(Scale)
        .AtLeast(OrderSeed, 0)
        .Nested(Spline);
}
