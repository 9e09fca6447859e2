using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Gated causal residual units, then causal attention over the positions so far; [N, C, H, W] to the same shape.</summary>
internal sealed class PixelSnailBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "first")]
    private readonly ModuleList<Conv2d> _first = [];
    [ComponentName(Name = "second")]
    private readonly ModuleList<Conv2d> _second = [];
    [ComponentName(Name = "qkv")]
    private readonly Conv2d _projection;
    [ComponentName(Name = "merge")]
    private readonly Conv2d _merge;
    private readonly int _heads;

    public PixelSnailBlock(long width, int units, int heads, Generator generator)
        : base(nameof(PixelSnailBlock))
    {
        _heads = heads;
        for (var i = 0; i < units; i++)
        {
            _first.Add(nn.Conv2d(width, width, 2));
            _second.Add(nn.Conv2d(width, 2 * width, 2));
        }
        // Two coordinates tell attention where it is.
        _projection = nn.Conv2d(width + 2, 3 * width, 1);
        _merge = nn.Conv2d(width, width, 1);
        RegisterComponents();
        Initialize.Reset(this, generator);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input;
        for (var i = 0; i < _first.Count; i++)
        {
            var h = _first[i].call(Causal(nn.functional.elu(x, 1)));
            h = _second[i].call(Causal(nn.functional.elu(h, 1)));
            var half = h.size(1) / 2;
            x = x + (h.narrow(1, 0, half) * h.narrow(1, half, half).sigmoid());
        }
        long batch = x.size(0), channels = x.size(1), height = x.size(2), width = x.size(3);
        var rows = (arange(height, dtype: x.dtype, device: x.device) / height).sub(0.5).reshape(1, 1, height, 1)
            .expand(batch, 1, height, width);
        var columns = (arange(width, dtype: x.dtype, device: x.device) / width).sub(0.5).reshape(1, 1, 1, width)
            .expand(batch, 1, height, width);
        var parts = _projection.call(cat([x, rows, columns], 1)).flatten(2).reshape(batch, 3, _heads, channels / _heads, height * width)
            .transpose(3, 4);
        var attended = Attention.ScaledDotProduct(parts.select(1, 0), parts.select(1, 1), parts.select(1, 2), causal: true);
        var merged = _merge.call(attended.transpose(2, 3).reshape(batch, channels, height, width));
        return (x + merged).MoveToOuterDisposeScope();
    }

    // One row above and one column to the left, the position itself included: x is already shifted.
    private static Tensor Causal(Tensor x) => nn.functional.pad(x, [1, 0, 1, 0]);
}
