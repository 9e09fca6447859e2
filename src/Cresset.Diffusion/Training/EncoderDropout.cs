using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Replaces the output of each text encoder by zeros with the same probability, each on its own (46.4% in the paper, so that a tenth of the
/// prompts is empty). It is what lets encoders be absent later.
/// </summary>
public static class EncoderDropout
{
    private const int ClipTokens = 77;

    /// <summary>New tensors with some encoders zeroed, sample by sample.</summary>
    /// <param name="context">[N, 77 + T, D]: CLIP-L and CLIP-G side by side in the first 77 tokens, T5 behind.</param>
    /// <param name="pooled">[N, wL + wG].</param>
    /// <param name="clipLWidth">Width of CLIP-L.</param>
    /// <param name="clipGWidth">Width of CLIP-G.</param>
    /// <param name="probability">Of each encoder.</param>
    /// <param name="generator">Source of the choice.</param>
    public static (Tensor Context, Tensor Pooled) Apply(Tensor context, Tensor pooled, int clipLWidth, int clipGWidth, double probability,
        Generator generator)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(pooled);
        using var scope = NewDisposeScope();
        var keep = rand([context.size(0), 3], generator: generator).ge(probability).to(context.dtype).to(context.device);
        Tensor l = keep.select(1, 0).view(-1, 1, 1), g = keep.select(1, 1).view(-1, 1, 1), t = keep.select(1, 2).view(-1, 1, 1);
        var clip = context.narrow(1, 0, ClipTokens);
        var rest = context.size(2) - clipLWidth - clipGWidth;
        var kept = cat([clip.narrow(2, 0, clipLWidth) * l, clip.narrow(2, clipLWidth, clipGWidth) * g,
            clip.narrow(2, clipLWidth + clipGWidth, rest)], 2);
        var words = cat([kept, context.narrow(1, ClipTokens, context.size(1) - ClipTokens) * t], 1);
        var both = cat([pooled.narrow(1, 0, clipLWidth) * l.squeeze(2), pooled.narrow(1, clipLWidth, clipGWidth) * g.squeeze(2)], 1);
        return (words.MoveToOuterDisposeScope(), both.MoveToOuterDisposeScope());
    }
}
