using Cresset.Numerics;
using Cresset.Quantization;

namespace Cresset.Recipes;

/// <summary>Which prior is learned.</summary>
public enum PriorKind
{
    /// <summary>Gated PixelCNN.</summary>
    PixelCnn,

    /// <summary>Causal convolutions and attention.</summary>
    PixelSnail,

    /// <summary>Decoder-only transformer with a cache.</summary>
    Transformer,

    /// <summary>A transformer that fills in hidden codes, a few steps a map (MaskGIT).</summary>
    MaskGit,
}

/// <summary>A prior over the codes of a tokenizer.</summary>
public sealed record CodePriorOptions : IOptionsRecord
{
    /// <summary>The kind of prior.</summary>
    public PriorKind Kind { get; init; } = PriorKind.PixelCnn;

    /// <summary>Channels.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Layers (blocks of PixelSNAIL).</summary>
    public int Layers { get; init; } = 6;

    /// <summary>Conditions on the class.</summary>
    public bool ByClass { get; init; } = true;

    /// <summary>Parallel steps in which MaskGIT draws a map.</summary>
    public int SamplingSteps { get; init; } = 8;

    /// <summary>Top-k of samples; 0 for all codes.</summary>
    public int TopK { get; init; }

    /// <summary>Top-p of samples; 1 for all codes.</summary>
    public double TopP { get; init; } = 0.95;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Defined(Kind)
        .Within(Width, 4, 4096)
        .Must(Kind == PriorKind.PixelCnn || Width % 4 == 0, Width, "a multiple of 4 (attention has four heads)", field: nameof(Width))
        .Within(Layers, 1, 64)
        .Within(SamplingSteps, 1, 4096)
        .AtLeast(TopK, 0)
        .Within(TopP, 0, 1, includeMin: false);

    /// <summary>Makes the model over maps of [height, width] codes.</summary>
    internal CodeModel Build(int codes, int classes, int height, int width, TorchSharp.torch.Generator generator)
    {
        classes = ByClass ? classes : 0;
        var transformer = new CodeTransformerOptions { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers, MaxLength = height * width };
        return Kind switch
        {
            PriorKind.PixelCnn => new RasterCodeModel(new GatedPixelCnn(new() { CodebookSize = codes, Classes = classes, Width = Width, Layers = Layers }, generator)),
            PriorKind.PixelSnail => new RasterCodeModel(new PixelSnail(new() { CodebookSize = codes, Classes = classes, Width = Width, Blocks = Layers }, generator)),
            PriorKind.Transformer => new RasterCodeModel(new CodeTransformer(transformer, generator)),
            PriorKind.MaskGit => new MaskedCodeModel(new MaskedCodeTransformer(transformer, generator), classes, SamplingSteps),
            _ => throw new InvalidOperationException($"Unknown prior {Kind}."),
        };
    }
}
