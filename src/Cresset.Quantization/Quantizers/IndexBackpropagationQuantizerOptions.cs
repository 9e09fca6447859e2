using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Index backpropagation quantization (IBQ, Shi et al. 2024): a straight-through one-hot over softmax(z·c) gives every code a gradient in
/// every step.
/// </summary>
[Part("index-backpropagation", "Shi et al. 2024, arXiv:2412.02692", Aliases = ["ibq"])]
public sealed record IndexBackpropagationQuantizerOptions : QuantizerOptions
{
    /// <summary>Codes.</summary>
    public int Size { get; init; } = 1024;

    /// <summary>Numbers per vector.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Scales vectors and codes to length one before their product.</summary>
    public bool Normalize { get; init; }

    /// <summary>Weight beta of the term that moves the chosen codes to their vectors.</summary>
    public double CodebookWeight { get; init; } = 0.25;

    /// <summary>Weight of the entropy term E H(p) - H(E p).</summary>
    public double EntropyWeight { get; init; } = 0.05;

    /// <summary>Temperature of the assignment in the entropy term.</summary>
    public double EntropyTemperature { get; init; } = 0.01;

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new IndexBackpropagationQuantizer(this, generator);

    internal override QuantizerOptions? WithCodes(int codes) => this with { Size = codes };

    internal override QuantizerOptions? WithWidth(int width) => this with { Width = width };

    internal override bool HasOwnGradient => true;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Size, 2)
        .AtLeast(Width, 1)
        .AtLeast(CodebookWeight, 0)
        .AtLeast(EntropyWeight, 0)
        .Positive(EntropyTemperature);
}
