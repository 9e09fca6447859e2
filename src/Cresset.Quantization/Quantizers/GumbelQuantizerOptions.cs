using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Gumbel-softmax quantization (Jang et al. 2016; DALL-E's tokenizer): a classifier over codes, sampled in training.</summary>
[Part("gumbel", "Jang et al. 2016, arXiv:1611.01144")]
public sealed record GumbelQuantizerOptions : QuantizerOptions
{
    /// <summary>Codes.</summary>
    public int Size { get; init; } = 512;

    /// <summary>Numbers per vector, in and out.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Temperature of the relaxed sample; anneal it with <see cref="GumbelQuantizer.Temperature"/>.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>In training passes on one code instead of a mixture, with the mixture's gradient.</summary>
    public bool Hard { get; init; } = true;

    /// <summary>Weight of the divergence of the assignment from the uniform distribution.</summary>
    public double PriorWeight { get; init; } = 5e-4;

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null) => new GumbelQuantizer(this, generator);

    internal override QuantizerOptions? WithCodes(int codes) => this with { Size = codes };

    internal override QuantizerOptions? WithWidth(int width) => this with { Width = width };

    internal override bool HasOwnGradient => true;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Size, 2)
        .AtLeast(Width, 1)
        .Positive(Temperature)
        .AtLeast(PriorWeight, 0);
}
