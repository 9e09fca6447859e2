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

    /// <summary>Top-k of samples; 0 for all codes.</summary>
    public int TopK { get; init; }

    /// <summary>Top-p of samples; 1 for all codes.</summary>
    public double TopP { get; init; } = 0.95;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        // The sizes that the tokenizer will fix are any that are allowed.
        // The library calls PixelSNAIL's layers blocks.
        var model = Model(2, 0, 1).Validate().Select(p => p.Field == nameof(PixelSnailOptions.Blocks) ? p with { Field = nameof(PixelSnailPrior.Layers) } : p);
        return new OptionChecks().AtLeast(TopK, 0).Within(TopP, 0, 1, includeMin: false).Concat(model).Concat(More());
    }

    /// <summary>Codes that a prior over a quantizer's indices chooses from.</summary>
    /// <exception cref="ArgumentException">There are too many.</exception>
    internal static int Codes(Quantizer quantizer)
    {
        var most = quantizer.CodebookSizes.Max();
        return most <= MostCodes ? (int)most : throw new ArgumentException($"tokenizer.quantizer has {most:N0} codes at a position; a prior has a logit for each, at most {MostCodes:N0}. Use fewer bits or levels, or several small codes: residual or heads.");
    }

    /// <summary>Makes the model over maps of [height, width] codes.</summary>
    internal CodeModel Build(int codes, int classes, int height, int width, torch.Generator generator)
        => Build(Model(codes, ByClass ? classes : 0, checked(height * width)), generator);

    private protected abstract IOptionsRecord Model(int codes, int classes, int positions);

    private protected abstract CodeModel Build(IOptionsRecord model, torch.Generator generator);

    private protected virtual IEnumerable<OptionProblem> More() => [];
}

/// <summary>A PixelCNN without gates: masked convolutions over the map of codes.</summary>
[Part("plain-pixel-cnn", "van den Oord et al. 2016, arXiv:1601.06759")]
public sealed record PlainPixelCnnPrior : CodePriorOptions
{
    private static readonly PixelCnnOptions Library = new();

    /// <summary>Channels.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers, the first of type A.</summary>
    public int Layers { get; init; } = Library.Layers;

    private protected override IOptionsRecord Model(int codes, int classes, int positions) => Library with { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers };

    private protected override CodeModel Build(IOptionsRecord model, torch.Generator generator) => new RasterCodeModel(new PixelCnn((PixelCnnOptions)model, generator));
}

/// <summary>The gated PixelCNN, whose two stacks see everything above and to the left.</summary>
[Part("pixel-cnn", "van den Oord et al. 2016, arXiv:1606.05328", Aliases = ["gated-pixel-cnn"])]
public sealed record GatedPixelCnnPrior : CodePriorOptions
{
    private static readonly PixelCnnOptions Library = new();

    /// <summary>Channels.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers, the first of type A.</summary>
    public int Layers { get; init; } = Library.Layers;

    private protected override IOptionsRecord Model(int codes, int classes, int positions) => Library with { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers };

    private protected override CodeModel Build(IOptionsRecord model, torch.Generator generator) => new RasterCodeModel(new GatedPixelCnn((PixelCnnOptions)model, generator));
}

/// <summary>PixelSNAIL: causal convolutions and causal attention over positions.</summary>
[Part("pixel-snail", "Chen et al. 2017, arXiv:1712.09763")]
public sealed record PixelSnailPrior : CodePriorOptions
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

    private protected override CodeModel Build(IOptionsRecord model, torch.Generator generator) => new RasterCodeModel(new PixelSnail((PixelSnailOptions)model, generator));
}

/// <summary>A transformer that predicts each code from those before it, with a cache.</summary>
[Part("transformer", "Esser et al. 2020, arXiv:2012.09841")]
public sealed record TransformerPrior : CodePriorOptions
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
        => Library with { CodebookSize = codes, Classes = classes, MaxLength = positions, Width = Width, Layers = Layers, Heads = Heads, Dropout = Dropout };

    private protected override CodeModel Build(IOptionsRecord model, torch.Generator generator) => new RasterCodeModel(new CodeTransformer((CodeTransformerOptions)model, generator));
}

/// <summary>MaskGIT: a transformer that fills in hidden codes, a few steps a map.</summary>
[Part("mask-git", "Chang et al. 2022, arXiv:2202.04200", Aliases = ["maskgit"])]
public sealed record MaskGitPrior : CodePriorOptions
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

    private protected override IOptionsRecord Model(int codes, int classes, int positions)
        => Library with { CodebookSize = codes, Classes = classes, MaxLength = positions, Width = Width, Layers = Layers, Heads = Heads, Dropout = Dropout };

    private protected override CodeModel Build(IOptionsRecord model, torch.Generator generator)
    {
        var options = (CodeTransformerOptions)model;
        return new MaskedCodeModel(new MaskedCodeTransformer(options, generator), options.Classes, SamplingSteps);
    }

    private protected override IEnumerable<OptionProblem> More() => new OptionChecks().Within(SamplingSteps, 1, 4096);
}
