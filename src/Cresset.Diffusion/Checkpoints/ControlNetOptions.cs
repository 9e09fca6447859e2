using Cresset.Numerics;

namespace Cresset.Diffusion;

/// <summary>Sizes of a ControlNet for Stable Diffusion 3.</summary>
public sealed record ControlNetOptions : IOptionsRecord
{
    /// <summary>Sizes shared with the transformer; <see cref="MmDitOptions.Layers"/> counts the ControlNet's own blocks.</summary>
    public MmDitOptions Transformer { get; init; } = new() { Layers = 12 };

    /// <summary>
    /// Joint blocks that read the text and patches of its own (the nets for SD3 medium). Otherwise blocks over image tokens only, which
    /// start from the transformer's patches (Stability's nets for SD3.5 large).
    /// </summary>
    public bool ReadsText { get; init; } = true;

    /// <summary>Patch and position embedding of its own.</summary>
    public bool HasPatches { get; init; } = true;

    /// <summary>Channels beside the latent's in the control input (a mask for inpainting nets).</summary>
    public int ExtraChannels { get; init; }

    /// <summary>Feed zeros as pooled text and encode the control picture without the shift (the nets for SD3 medium).</summary>
    public bool ZeroPooled { get; init; } = true;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Nested(Transformer).AtLeast(ExtraChannels, 0);
}
