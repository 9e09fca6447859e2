using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>What follows each hidden layer.</summary>
public enum MlpActivation
{
    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>The hyperbolic tangent: bounded, so that values learned from their own estimates do not run away.</summary>
    Tanh,
}

/// <summary>Layers of a fully connected network with an activation between them.</summary>
internal sealed record MlpShape : IOptionsRecord
{
    /// <summary>Values that go in.</summary>
    public int Inputs { get; init; } = 4;

    /// <summary>Units of the hidden layers, first to last.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [120, 84];

    /// <summary>Values that come out; no activation follows.</summary>
    public int Outputs { get; init; } = 2;

    /// <summary>What follows each hidden layer.</summary>
    public MlpActivation Activation { get; init; } = MlpActivation.Relu;

    /// <summary>Normalize each hidden layer before its activation (Ba et al. 2016).</summary>
    public bool LayerNorm { get; init; }

    /// <summary>All layers behind the first are noisy (Fortunato et al. 2018, factorised noise).</summary>
    public bool Noisy { get; init; }

    /// <summary>Starting size of the noise: sigma is this over the root of the layer's inputs.</summary>
    public double NoiseScale { get; init; } = 0.5;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Inputs, 1, 1 << 20)
        .Must(Hidden is not null && Hidden.All(h => h is >= 1 and <= 65_536), Hidden is null ? null : string.Join(", ", Hidden),
            "positive widths", "for example 256,256", nameof(Hidden))
        .Within(Outputs, 1, 1 << 20)
        .Defined(Activation)
        .Positive(NoiseScale);
}
