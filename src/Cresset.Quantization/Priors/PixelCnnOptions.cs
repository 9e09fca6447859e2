using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A prior of masked convolutions over maps of codes.</summary>
public sealed record PixelCnnOptions : PriorOptions
{
    /// <summary>Channels.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Layers, the first of type A.</summary>
    public int Layers { get; init; } = 6;

    /// <summary>Kernel of the first layer, odd.</summary>
    public int FirstKernel { get; init; } = 7;

    /// <summary>Kernel of the other layers, odd.</summary>
    public int Kernel { get; init; } = 3;

    /// <summary>Channels of the layer before the logits.</summary>
    public int OutputWidth { get; init; } = 512;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => Common()
        .AtLeast(Width, 1)
        .AtLeast(Layers, 1)
        .Must(FirstKernel % 2 == 1 && FirstKernel >= 3, FirstKernel, "an odd number from 3", "A kernel of 1 of type A sees nothing.",
            nameof(FirstKernel))
        .Must(Kernel % 2 == 1 && Kernel >= 1, Kernel, "an odd number", field: nameof(Kernel))
        .AtLeast(OutputWidth, 1);
}
