using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/losses.md.</summary>
internal static class LossSnippets
{
    public static void Compare()
    {
        using var scope = NewDisposeScope();
        var (logits, masks) = (randn(2, 3, 8, 8), randint(3, [2, 8, 8], dtype: ScalarType.Int64));
        var (anchor, positive, negative) = (randn(4, 16), randn(4, 16), randn(4, 16));
        var focal = new FocalLossRule { Gamma = 2, IgnoreIndex = 255 };
        var loss = focal.Of(logits, masks);                                   // logits [N, C, H, W], masks [N, H, W]
        var each = (focal with { Reduction = LossReduction.None }).Of(logits, masks);
        var both = new SumLossRule { First = focal, Second = new DiceLossRule { IgnoreIndex = 255 }, Weight = 0.5 };
        var apart = Losses.Triplet(anchor, positive, negative, margin: 0.2);
        Console.WriteLine(
            $"{loss.ToDouble():0.000} (apart {Cresset.Tensors.Shape.Text(each)}), {both.Of(logits, masks).ToDouble():0.000}, "
                + $"{apart.ToDouble():0.000}");
    }
}
