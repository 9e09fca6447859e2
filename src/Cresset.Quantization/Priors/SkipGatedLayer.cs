using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A gated PixelCNN layer with factorised vertical kernels (1 x k, then k/2+1 x 1) and a skip output, the variant that sums skips of all
/// layers.
/// The vertical stack sees the rows strictly above through its kernels, so its link never looks at the current row.
/// </summary>
/// <remarks>
/// State-dict keys: <c>vstack_1xN</c>, <c>vstack_Nx1</c>, <c>vstack_1x1</c>, <c>link</c>, <c>hstack_1xN</c>, <c>hstack_residual</c>,
/// <c>hstack_skip</c>.
/// </remarks>
internal sealed class SkipGatedLayer : nn.Module
{
    [ComponentName(Name = "vstack_1xN")]
    private readonly Conv2d _across;
    [ComponentName(Name = "vstack_Nx1")]
    private readonly Conv2d _down;
    [ComponentName(Name = "vstack_1x1")]
    private readonly Conv2d _here;
    [ComponentName(Name = "link")]
    private readonly Conv2d _link;
    [ComponentName(Name = "hstack_1xN")]
    private readonly Conv2d _left;
    [ComponentName(Name = "hstack_residual")]
    private readonly Conv2d _residual;
    [ComponentName(Name = "hstack_skip")]
    private readonly Conv2d _skip;
    private readonly bool _isFirst;
    private readonly long _half;

    /// <summary>Draws weights from the generator (seed 0 when null).</summary>
    public SkipGatedLayer(long inChannels, long outChannels, long kernel, MaskKind kind, Generator? generator = null)
        : base(nameof(SkipGatedLayer))
    {
        if (kernel < 1 || kernel % 2 == 0) throw new ArgumentOutOfRangeException(nameof(kernel), kernel, "The kernel must be odd.");
        if (kind == MaskKind.B && inChannels != outChannels)
            throw new ArgumentException($"A type B layer adds its input to its output: {inChannels} channels in, {outChannels} out.",
                nameof(outChannels));
        using var own = generator is null ? new Generator(0) : null;
        _half = kernel / 2;
        _isFirst = kind == MaskKind.A;
        var down = _half + 1;
        _across = nn.Conv2d(inChannels, outChannels, (1, kernel), stride: (1, 1), padding: (0, _half));
        _down = nn.Conv2d(outChannels, 2 * outChannels, (down, 1), stride: (1, 1), padding: (down, 0));
        _here = nn.Conv2d(inChannels, 2 * outChannels, 1);
        _link = nn.Conv2d(2 * outChannels, 2 * outChannels, 1);
        _left = nn.Conv2d(inChannels, 2 * outChannels, (1, down), stride: (1, 1), padding: (0, _isFirst ? down : _half));
        _residual = nn.Conv2d(outChannels, outChannels, 1);
        _skip = nn.Conv2d(outChannels, outChannels, 1);
        foreach (var module in new nn.Module[] { _across, _down, _here, _link, _left, _residual, _skip })
            Initialize.Reset(module, generator ?? own!);
        RegisterComponents();
    }

    /// <summary>Both stacks one layer on, and the skip output; all [N, out, H, W].</summary>
    public (Tensor Vertical, Tensor Horizontal, Tensor Skip) Apply(Tensor vertical, Tensor horizontal)
    {
        Shape.Expect(vertical, "N C H W", ("C", _here.weight!.size(1)));
        Shape.Expect(horizontal, "N C H W", ("C", _here.weight.size(1)));
        using var scope = NewDisposeScope();
        var v = _down.call(_across.call(vertical)).narrow(2, 0, vertical.size(2));
        var link = _link.call(v);
        var outV = GatedMaskedLayer.Gate(v + _here.call(vertical));
        var gated = GatedMaskedLayer.Gate(link + _left.call(horizontal).narrow(3, 0, horizontal.size(3)));
        var skip = _skip.call(gated);
        var outH = _residual.call(gated);
        if (!_isFirst) outH = outH + horizontal;
        return (outV.MoveToOuterDisposeScope(), outH.MoveToOuterDisposeScope(), skip.MoveToOuterDisposeScope());
    }
}
