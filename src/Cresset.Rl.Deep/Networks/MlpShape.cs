using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Layers of a fully connected network with ReLU between them.</summary>
public sealed record MlpShape : IOptionsRecord
{
    /// <summary>Values that go in.</summary>
    public int Inputs { get; init; } = 4;

    /// <summary>Units of the hidden layers, first to last.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [120, 84];

    /// <summary>Values that come out; no activation follows.</summary>
    public int Outputs { get; init; } = 2;

    /// <summary>Normalize each hidden layer before its ReLU (Ba et al. 2016).</summary>
    public bool LayerNorm { get; init; }

    /// <summary>All layers behind the first are noisy (Fortunato et al. 2018, factorised noise).</summary>
    public bool Noisy { get; init; }

    /// <summary>Starting size of the noise: sigma is this over the root of the layer's inputs.</summary>
    public double NoiseScale { get; init; } = 0.5;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Inputs, 1, 1 << 20)
        .Must(Hidden is not null && Hidden.All(h => h is >= 1 and <= 65_536), Hidden is null ? null : string.Join(", ", Hidden), "positive widths", "for example 256,256", nameof(Hidden))
        .Within(Outputs, 1, 1 << 20)
        .Positive(NoiseScale);
}
