using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;

namespace Cresset.Recipes;

/// <summary>What the transformers over codes have in common.</summary>
internal abstract record TransformersPrior : CodePriorOptions
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

    internal override bool TakesSequences => true;

    /// <summary>A model's options with the sizes of this part.</summary>
    private protected T Sized<T>(T model, int codes, int classes)
        where T : TransformerPriorOptions
        => (T)((TransformerPriorOptions)model with
        {
            CodebookSize = codes,
            Classes = classes,
            Width = Width,
            Layers = Layers,
            Heads = Heads,
            Dropout = Dropout
        });
}

/// <summary>A transformer that predicts each code from those before it, with a cache.</summary>
[Part("transformer", "Esser et al. 2020, arXiv:2012.09841")]
internal sealed record TransformerPrior : TransformersPrior
{
    private protected override PriorOptions Model(int codes, int classes, int positions)
        => Sized(new CodeTransformerOptions { MaxLength = positions }, codes, classes);

    private protected override CodeModel Build(PriorOptions model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new CodeTransformer((CodeTransformerOptions)model, generator), this, model, classes);
}

/// <summary>MaskGIT: a transformer that fills in hidden codes, a few steps a map.</summary>
[Part("mask-git", "Chang et al. 2022, arXiv:2202.04200", Aliases = ["maskgit"])]
internal sealed record MaskGitPrior : TransformersPrior
{
    /// <summary>Parallel steps in which a map is drawn.</summary>
    public int SamplingSteps { get; init; } = 8;

    /// <summary>How many codes stay masked over the steps.</summary>
    public MaskSchedule Schedule { get; init; } = MaskSchedule.Cosine;

    /// <summary>Which codes are kept first: the surest, or those of a sequence that spreads evenly.</summary>
    public MaskOrder Order { get; init; } = MaskOrder.Confidence;

    /// <summary>Scale of the noise in the choice of the surest, falling to 0 over the steps.</summary>
    public double ChoiceTemperature { get; init; } = 4.5;

    private protected override bool HasClassForNone => false;

    private protected override PriorOptions Model(int codes, int classes, int positions)
        => Sized(new CodeTransformerOptions { MaxLength = positions, ClassDropout = Condition?.Hidden ?? 0 }, codes, classes);

    private protected override CodeModel Build(PriorOptions model, int classes, torch.Generator generator)
        => new MaskedCodeModel(new MaskedCodeTransformer((CodeTransformerOptions)model, generator), this, model, classes);

    private protected override IEnumerable<OptionProblem> More() =>
        new OptionChecks().Within(SamplingSteps, 1, 4096).Defined(Schedule).Defined(Order).AtLeast(ChoiceTemperature, 0);
}

/// <summary>
/// A transformer that makes all stages of residual codes at once, each a step later than the one before: the delay pattern of MusicGen.
/// </summary>
[Part("delayed-transformer", "Copet et al. 2023, arXiv:2306.05284", Aliases = ["delay"])]
internal sealed record DelayedTransformerPrior : TransformersPrior
{
    private protected override PriorOptions Model(int codes, int classes, int positions) => Model(codes, classes, positions, 1);

    private protected override PriorOptions Model(int codes, int classes, int positions, int stages)
        => Sized(new DelayedCodeTransformerOptions { MaxLength = positions / stages, Stages = stages }, codes, classes);

    private protected override CodeModel Build(PriorOptions model, int classes, torch.Generator generator)
        => new DelayedCodeModel(new DelayedCodeTransformer((DelayedCodeTransformerOptions)model, generator), this, model, classes);
}

/// <summary>
/// VAR: a transformer that predicts all codes of a scale at once from those of the coarser ones; a map takes as many passes as scales.
/// </summary>
[Part("next-scale", "Tian et al. 2024, arXiv:2404.02905", Aliases = ["var"])]
internal sealed record NextScalePrior : TransformersPrior
{
    internal override bool PredictsScales => true;

    // A map of one scale, where none are told.
    private protected override PriorOptions Model(int codes, int classes, int positions)
        => Model(codes, classes, positions, 1, [(int)Math.Round(Math.Sqrt(positions))]);

    private protected override PriorOptions Model(int codes, int classes, int positions, int stages, IReadOnlyList<int> scales)
        => scales.Count == 0 ? Model(codes, classes, positions)
            : Sized(new NextScaleTransformerOptions { Scales = scales }, codes, classes);

    private protected override CodeModel Build(PriorOptions model, int classes, torch.Generator generator) =>
        new RasterCodeModel(new NextScaleTransformer((NextScaleTransformerOptions)model, generator), this, model, classes);
}
