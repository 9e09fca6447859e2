using Cresset.Numerics;

namespace Cresset.Quantization;

/// <summary>A prior of causal convolutions and causal attention over positions (PixelSNAIL, Chen et al. 2017, arXiv:1712.09763).</summary>
public sealed record PixelSnailOptions : PriorOptions
{
    /// <summary>Channels.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Blocks of residual units and one attention each.</summary>
    public int Blocks { get; init; } = 2;

    /// <summary>Gated residual units a block.</summary>
    public int ResidualUnits { get; init; } = 2;

    /// <summary>Attention heads; divides <see cref="Width"/>.</summary>
    public int Heads { get; init; } = 4;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => Common()
        .AtLeast(Width, 1)
        .AtLeast(Blocks, 1)
        .AtLeast(ResidualUnits, 1)
        .AtLeast(Heads, 1)
        .Must(Heads < 1 || Width % Heads == 0, Width, $"a multiple of Heads ({Heads})", field: nameof(Width));
}
