using Cresset.Diffusion;
using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;

namespace Cresset.Recipes;

/// <summary>A prior over the codes of a tokenizer.</summary>
[PartKind("prior")]
public abstract record CodePriorOptions : IOptionsRecord
{
    // A prior has a logit for each code at each position.
    private const long MostCodes = 1 << 20;

    /// <summary>What it is told of a picture: the class, the words of a caption, or nothing.</summary>
    public ConditionOptions Condition { get; init; } = new ClassCondition();

    /// <summary>
    /// How far samples go beyond what the condition says, away from none: c + guidance (c - u) in logits, 0 for none (Ho and Salimans
    /// 2022). Needs the condition's dropout.
    /// </summary>
    public double Guidance { get; init; }

    /// <summary>
    /// Digits in which a code is predicted, one after the other: 2 for 2^18 codes makes two choices of 2^9 (Luo et al. 2024,
    /// arXiv:2409.04410). 1 predicts codes whole.
    /// </summary>
    public int Factors { get; init; } = 1;

    /// <summary>Top-k of samples; 0 for all codes.</summary>
    public int TopK { get; init; }

    /// <summary>Top-p of samples; 1 for all codes.</summary>
    public double TopP { get; init; } = 0.95;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        // The sizes that the tokenizer will fix are any that are allowed.
        // The library calls PixelSNAIL's layers blocks.
        var model = Model(2, 0, 1).Validate()
            .Select(p => p.Field == nameof(PixelSnailOptions.Blocks) ? p with { Field = nameof(PixelSnailPrior.Layers) } : p);
        return new OptionChecks()
            .Must(Condition is not null, Condition, "class, text or none (cresset list --conditions)")
            .Nested(Condition)
            .AtLeast(TopK, 0)
            .Within(TopP, 0, 1, includeMin: false)
            .AtLeast(Guidance, 0)
            .Must(Guidance == 0 || Condition is null or { Hidden: > 0 }, Guidance, "0 while the condition's dropout is 0",
                "Guidance goes away from maps that are told nothing, which the prior must have seen: set model.condition.dropout=0.1.",
                nameof(Guidance))
            .Within(Factors, 1, 8)
            .Concat(model).Concat(More());
    }

    /// <summary>
    /// Whether it learns any row of codes, and so those of several levels or of a sound; else it looks at neighbours in a map.
    /// </summary>
    internal virtual bool TakesSequences => false;

    /// <summary>Whether it learns the codes of a quantizer over scales, and no others.</summary>
    internal virtual bool PredictsScales => false;

    /// <summary>Codes that a prior chooses from at a place.</summary>
    /// <exception cref="ArgumentException">There are too many.</exception>
    internal static int Codes(long most)
        => most <= MostCodes ? (int)most
            : throw new ArgumentException(
                $"tokenizer.quantizer has {most:N0} codes at a position; a prior has a logit for each, at most {MostCodes:N0}. Use "
                    + $"model.factors, fewer bits or levels, or several small codes: residual or heads.");

    /// <summary>Makes the model over maps of [height, width] codes.</summary>
    internal CodeModel Build(int codes, int classes, int height, int width, torch.Generator generator, int stages = 1,
        IReadOnlyList<int>? scales = null, WordTokenizer? words = null)
    {
        var own = Condition.IsClass ? classes : 0;
        var all = own == 0 ? 0 : own + (HasClassForNone && Condition.Hidden > 0 ? 1 : 0);
        return Build(Condition.With(Model(codes, all, checked(height * width), stages, scales ?? []), words), own, generator);
    }

    private protected virtual PriorOptions Model(int codes, int classes, int positions, int stages, IReadOnlyList<int> scales)
        => Model(codes, classes, positions, stages);

    private protected virtual PriorOptions Model(int codes, int classes, int positions, int stages) => Model(codes, classes, positions);

    /// <summary>Whether maps without a class are one class more of the model.</summary>
    private protected virtual bool HasClassForNone => true;

    private protected abstract PriorOptions Model(int codes, int classes, int positions);

    private protected abstract CodeModel Build(PriorOptions model, int classes, torch.Generator generator);

    private protected virtual IEnumerable<OptionProblem> More() => [];
}

/// <summary>A PixelCNN without gates: masked convolutions over the map of codes.</summary>
[Part("plain-pixel-cnn", "van den Oord et al. 2016, arXiv:1601.06759")]
internal sealed record PlainPixelCnnPrior : CodePriorOptions
{
    private static readonly PixelCnnOptions Library = new();

    /// <summary>Channels.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers, the first of type A.</summary>
    public int Layers { get; init; } = Library.Layers;

    private protected override PriorOptions Model(int codes, int classes, int positions) =>
        Library with { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers };

    private protected override CodeModel Build(PriorOptions model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new PixelCnn((PixelCnnOptions)model, generator), this, model, classes);
}

/// <summary>The gated PixelCNN, whose two stacks see everything above and to the left.</summary>
[Part("pixel-cnn", "van den Oord et al. 2016, arXiv:1606.05328", Aliases = ["gated-pixel-cnn"])]
internal sealed record GatedPixelCnnPrior : CodePriorOptions
{
    private static readonly PixelCnnOptions Library = new();

    /// <summary>Channels.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers, the first of type A.</summary>
    public int Layers { get; init; } = Library.Layers;

    private protected override PriorOptions Model(int codes, int classes, int positions) =>
        Library with { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers };

    private protected override CodeModel Build(PriorOptions model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new GatedPixelCnn((PixelCnnOptions)model, generator), this, model, classes);
}

/// <summary>PixelSNAIL: causal convolutions and causal attention over positions.</summary>
[Part("pixel-snail", "Chen et al. 2017, arXiv:1712.09763")]
internal sealed record PixelSnailPrior : CodePriorOptions
{
    private static readonly PixelSnailOptions Library = new();

    /// <summary>Channels; a multiple of the heads.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Blocks of residual units and one attention each.</summary>
    public int Layers { get; init; } = Library.Blocks;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = Library.Heads;

    private protected override PriorOptions Model(int codes, int classes, int positions)
        => Library with { CodebookSize = codes, Classes = classes, Width = Width, Blocks = Layers, Heads = Heads };

    private protected override CodeModel Build(PriorOptions model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new PixelSnail((PixelSnailOptions)model, generator), this, model, classes);
}
