using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>The package that wrote a checkpoint of a flow.</summary>
public enum FlowLibrary
{
    /// <summary>Told from the keys.</summary>
    Auto,

    /// <summary>nflows, and what is built on it (sbi): couplings, masked autoregressive transforms, LU maps, permutations.</summary>
    Nflows,

    /// <summary>zuko: NICE, RealNVP, MAF, NSF.</summary>
    Zuko,

    /// <summary>normflows: masked affine flows, affine coupling blocks, autoregressive flows, neural spline flows.</summary>
    Normflows,

    /// <summary>glow-pytorch (rosinality).</summary>
    GlowPytorch,

    /// <summary>FrEIA: chains of coupling blocks, all-in-one blocks, permutations.</summary>
    Freia,
}

/// <summary>What a checkpoint of another package does not say about its flow.</summary>
public sealed record FlowCheckpointOptions : IOptionsRecord
{
    /// <summary>Who wrote it.</summary>
    public FlowLibrary Library { get; init; }

    /// <summary>Splines act on [-bound, bound]; 0 takes the package's default (nflows 1, normflows 3, zuko 5).</summary>
    public double Bound { get; init; }

    /// <summary>Height of a Glow's pictures, and their width unless <see cref="PictureColumns"/> says otherwise.</summary>
    public int PictureSize { get; init; }

    /// <summary>Width of pictures that are not square; 0 takes <see cref="PictureSize"/>.</summary>
    public int PictureColumns { get; init; }

    /// <summary>
    /// How affine couplings scale, where it is not the package's default (nflows <see cref="AffineScale.SigmoidOffset"/>, normflows "exp"):
    /// <see cref="AffineScale.ClampedSoftplus"/>
    /// for nflows' general scale, <see cref="AffineScale.InverseSigmoid"/> for normflows' "sigmoid", <see cref="AffineScale.Sigmoid"/> for
    /// its "sigmoid_inv".
    /// </summary>
    public AffineScale? CouplingScale { get; init; }

    /// <summary>
    /// Number of flows of a normflows model with <c>Permute(mode="swap")</c>, which leaves no trace in a file: numbers below it that the
    /// file lacks are such swaps. 0 where there are none.
    /// </summary>
    public int FlowsWithSwaps { get; init; }

    /// <summary>Activation of networks without residual blocks.</summary>
    public ActivationOptions Activation { get; init; } = new ReluActivation();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Library)
        .AtLeast(Bound, 0)
        .AtLeast(PictureSize, 0)
        .AtLeast(PictureColumns, 0)
        .Must(CouplingScale is not { } scale || Enum.IsDefined(scale), CouplingScale, "a scale, or nothing for the package's")
        .Within(FlowsWithSwaps, 0, 10_000)
        .Must(LayerActivation.Refuses(Activation) is null, Activation, LayerActivation.Allowed);
}
