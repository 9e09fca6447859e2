using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A quantizer between two learned linear maps: narrow codes for wide vectors (ViT-VQGAN, DAC), or any width for quantizers that fix their
/// own.
/// </summary>
[Part("projected", "Yu et al. 2021, arXiv:2110.04627")]
public sealed record ProjectedQuantizerOptions : QuantizerOptions
{
    /// <summary>Numbers per vector, in and out.</summary>
    public int Width { get; init; } = 64;

    /// <summary>The quantizer between the maps.</summary>
    public QuantizerOptions Inner { get; init; } = new FiniteScalarQuantizerOptions();

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null)
    {
        this.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        return new ProjectedQuantizer(Inner.Build(generator ?? own), Width, generator ?? own);
    }

    internal override QuantizerOptions? WithCodes(int codes) => Inner.WithCodes(codes) is { } inner ? this with { Inner = inner } : null;

    internal override QuantizerOptions? WithWidth(int width) => this with { Width = width };

    internal override bool HasOwnGradient => true;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Width, 1)
        .Nested(Inner)
        .Must(Inner is not { TakesWholeMaps: true }, "a quantizer over scales", "a quantizer of single vectors",
            "A quantizer over scales has a width of its own: set codebook.width, or latent_width of a recipe.", nameof(Inner));
}

/// <summary>
/// Product quantization (Jégou et al. 2011): the vector is cut in equal parts, each quantized by itself. With residual heads: grouped
/// residual quantization (HiFi-Codec).
/// </summary>
[Part("heads", "Jégou et al. 2011")]
public sealed record MultiHeadQuantizerOptions : QuantizerOptions
{
    /// <summary>Parts a vector is cut in.</summary>
    public int Heads { get; init; } = 2;

    /// <summary>The quantizer of a part; the vector is as wide as all parts together.</summary>
    public QuantizerOptions Head { get; init; } = new VectorQuantizerOptions { Codebook = new() { Width = 32 } };

    /// <summary>One quantizer serves all parts.</summary>
    public bool Shared { get; init; }

    /// <inheritdoc/>
    public override Quantizer Build(Generator? generator = null)
    {
        this.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        if (Shared) return new MultiHeadQuantizer(Head.Build(generator ?? own), Heads);
        return new MultiHeadQuantizer([.. Enumerable.Range(0, Heads).Select(_ => Head.Build(generator ?? own))]);
    }

    internal override QuantizerOptions? WithCodes(int codes) => Head.WithCodes(codes) is { } head ? this with { Head = head } : null;

    internal override QuantizerOptions? WithWidth(int width)
        => width % Heads == 0 && Head.WithWidth(width / Heads) is { } head ? this with { Head = head } : null;

    internal override bool HasOwnGradient => Head.HasOwnGradient;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Heads, 1)
        .Nested(Head)
        .Must(Head is not { TakesWholeMaps: true }, "a quantizer over scales", "a quantizer of single vectors",
            "A quantizer over scales codes whole maps: use it by itself.", nameof(Head));
}
