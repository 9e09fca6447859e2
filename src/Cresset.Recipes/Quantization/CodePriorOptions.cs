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

    /// <summary>Conditions on the class.</summary>
    public bool ByClass { get; init; } = true;

    /// <summary>Share of training maps whose class is hidden, which makes <see cref="Guidance"/> possible; 0.1 is usual.</summary>
    public double ClassDropout { get; init; }

    /// <summary>
    /// How far samples go beyond what their class says, away from no class: c + guidance (c - u) in logits, 0 for none (Ho and Salimans
    /// 2022). Needs <see cref="ClassDropout"/>.
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
            .AtLeast(TopK, 0)
            .Within(TopP, 0, 1, includeMin: false)
            .Within(ClassDropout, 0, 1, includeMax: false)
            .AtLeast(Guidance, 0)
            .Must(Guidance == 0 || (ClassDropout > 0 && ByClass), Guidance, "0 while class_dropout is 0 or by_class is false",
                "Guidance goes away from maps without a class, which the prior must have seen: set class_dropout=0.1.", nameof(Guidance))
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
        IReadOnlyList<int>? scales = null)
    {
        var own = ByClass ? classes : 0;
        var all = own == 0 ? 0 : own + (HasClassForNone && ClassDropout > 0 ? 1 : 0);
        return Build(Model(codes, all, checked(height * width), stages, scales ?? []), own, generator);
    }

    private protected virtual IOptionsRecord Model(int codes, int classes, int positions, int stages, IReadOnlyList<int> scales)
        => Model(codes, classes, positions, stages);

    private protected virtual IOptionsRecord Model(int codes, int classes, int positions, int stages) => Model(codes, classes, positions);

    /// <summary>Whether maps without a class are one class more of the model.</summary>
    private protected virtual bool HasClassForNone => true;

    private protected abstract IOptionsRecord Model(int codes, int classes, int positions);

    private protected abstract CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator);

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

    private protected override IOptionsRecord Model(int codes, int classes, int positions) =>
        Library with { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers };

    private protected override CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new PixelCnn((PixelCnnOptions)model, generator), this, classes);
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

    private protected override IOptionsRecord Model(int codes, int classes, int positions) =>
        Library with { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers };

    private protected override CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new GatedPixelCnn((PixelCnnOptions)model, generator), this, classes);
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

    private protected override IOptionsRecord Model(int codes, int classes, int positions)
        => Library with { CodebookSize = codes, Classes = classes, Width = Width, Blocks = Layers, Heads = Heads };

    private protected override CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new PixelSnail((PixelSnailOptions)model, generator), this, classes);
}

/// <summary>A transformer that predicts each code from those before it, with a cache.</summary>
[Part("transformer", "Esser et al. 2020, arXiv:2012.09841")]
internal sealed record TransformerPrior : CodePriorOptions
{
    private static readonly CodeTransformerOptions Library = new();

    /// <summary>Channels; a multiple of the heads.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = Library.Layers;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = Library.Heads;

    /// <summary>Dropout after attention and feed-forward.</summary>
    public double Dropout { get; init; } = Library.Dropout;

    private protected override IOptionsRecord Model(int codes, int classes, int positions)
        => Library with
        {
            CodebookSize = codes,
            Classes = classes,
            MaxLength = positions,
            Width = Width,
            Layers = Layers,
            Heads = Heads,
            Dropout = Dropout
        };

    internal override bool TakesSequences => true;

    private protected override CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new CodeTransformer((CodeTransformerOptions)model, generator), this, classes);
}

/// <summary>MaskGIT: a transformer that fills in hidden codes, a few steps a map.</summary>
[Part("mask-git", "Chang et al. 2022, arXiv:2202.04200", Aliases = ["maskgit"])]
internal sealed record MaskGitPrior : CodePriorOptions
{
    private static readonly CodeTransformerOptions Library = new();

    /// <summary>Channels; a multiple of the heads.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = Library.Layers;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = Library.Heads;

    /// <summary>Dropout after attention and feed-forward.</summary>
    public double Dropout { get; init; } = Library.Dropout;

    /// <summary>Parallel steps in which a map is drawn.</summary>
    public int SamplingSteps { get; init; } = 8;

    /// <summary>How many codes stay masked over the steps.</summary>
    public MaskSchedule Schedule { get; init; } = MaskSchedule.Cosine;

    /// <summary>Which codes are kept first: the surest, or those of a sequence that spreads evenly.</summary>
    public MaskOrder Order { get; init; } = MaskOrder.Confidence;

    /// <summary>Scale of the noise in the choice of the surest, falling to 0 over the steps.</summary>
    public double ChoiceTemperature { get; init; } = 4.5;

    internal override bool TakesSequences => true;

    private protected override bool HasClassForNone => false;

    private protected override IOptionsRecord Model(int codes, int classes, int positions)
        => Library with
        {
            CodebookSize = codes,
            Classes = classes,
            MaxLength = positions,
            Width = Width,
            Layers = Layers,
            Heads = Heads,
            Dropout = Dropout,
            ClassDropout = ClassDropout
        };

    private protected override CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator)
    {
        var options = (CodeTransformerOptions)model;
        return new MaskedCodeModel(new MaskedCodeTransformer(options, generator), this, classes);
    }

    private protected override IEnumerable<OptionProblem> More() =>
        new OptionChecks().Within(SamplingSteps, 1, 4096).Defined(Schedule).Defined(Order).AtLeast(ChoiceTemperature, 0);
}

/// <summary>
/// A transformer that makes all stages of residual codes at once, each a step later than the one before: the delay pattern of MusicGen.
/// </summary>
[Part("delayed-transformer", "Copet et al. 2023, arXiv:2306.05284", Aliases = ["delay"])]
internal sealed record DelayedTransformerPrior : CodePriorOptions
{
    private static readonly DelayedCodeTransformerOptions Library = new();

    /// <summary>Channels; a multiple of the heads.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = Library.Layers;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = Library.Heads;

    /// <summary>Dropout after attention and feed-forward.</summary>
    public double Dropout { get; init; } = Library.Dropout;

    internal override bool TakesSequences => true;

    private protected override IOptionsRecord Model(int codes, int classes, int positions) => Model(codes, classes, positions, 1);

    private protected override IOptionsRecord Model(int codes, int classes, int positions, int stages)
        => Library with
        {
            CodebookSize = codes,
            Classes = classes,
            MaxLength = positions / stages,
            Stages = stages,
            Width = Width,
            Layers = Layers,
            Heads = Heads,
            Dropout = Dropout
        };

    private protected override CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator)
        => new DelayedCodeModel(new DelayedCodeTransformer((DelayedCodeTransformerOptions)model, generator), this, classes);
}

/// <summary>
/// VAR: a transformer that predicts all codes of a scale at once from those of the coarser ones; a map takes as many passes as scales.
/// </summary>
[Part("next-scale", "Tian et al. 2024, arXiv:2404.02905", Aliases = ["var"])]
internal sealed record NextScalePrior : CodePriorOptions
{
    private static readonly NextScaleTransformerOptions Library = new();

    /// <summary>Channels; a multiple of the heads.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers.</summary>
    public int Layers { get; init; } = Library.Layers;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = Library.Heads;

    /// <summary>Dropout after attention and feed-forward.</summary>
    public double Dropout { get; init; } = Library.Dropout;

    internal override bool TakesSequences => true;

    internal override bool PredictsScales => true;

    // A map of one scale, where none are told.
    private protected override IOptionsRecord Model(int codes, int classes, int positions)
        => Model(codes, classes, positions, 1, [(int)Math.Round(Math.Sqrt(positions))]);

    private protected override IOptionsRecord Model(int codes, int classes, int positions, int stages, IReadOnlyList<int> scales)
        => scales.Count == 0 ? Model(codes, classes, positions) : Library with
        {
            CodebookSize = codes,
            Classes = classes,
            Scales = scales,
            Width = Width,
            Layers = Layers,
            Heads = Heads,
            Dropout = Dropout
        };

    private protected override CodeModel Build(IOptionsRecord model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new NextScaleTransformer((NextScaleTransformerOptions)model, generator), this, classes);
}
