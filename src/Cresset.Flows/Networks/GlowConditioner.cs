using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Glow's zero-initialised convolution: padded with ones, scaled by exp(3 scale).</summary>
internal sealed class ZeroConvolution : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Conv2d _conv;
    [ComponentName(Name = "scale")]
    private readonly Parameter _scale;

    /// <summary>Makes a 3x3 convolution that starts at zero.</summary>
    public ZeroConvolution(long inputs, long outputs)
        : base(nameof(ZeroConvolution))
    {
        _conv = nn.Conv2d(inputs, outputs, 3);
        using (no_grad())
        {
            _conv.weight.zero_();
            _conv.bias!.zero_();
        }
        _scale = new Parameter(zeros(1, outputs, 1, 1).DetachFromDisposeScope());
        RegisterComponents();
    }

    internal Tensor Like => _scale;

    /// <summary>[N, C, H, W] to [N, O, H, W].</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        // The scale goes into the small weights instead of the large result.
        var scale = (_scale * 3).exp();
        var weight = _conv.weight!.to(input.dtype) * scale.transpose(0, 1);
        // Padding with ones is padding with zeros plus what a frame of ones adds: the same for every sample, and for every input channel of
        // a sum of weights.
        var frame = nn.functional.pad(zeros([1, 1, input.size(2), input.size(3)], dtype: input.dtype, device: input.device), [1, 1, 1, 1],
            PaddingModes.Constant, 1);
        var border = nn.functional.conv2d(frame, weight.sum(1, keepdim: true), _conv.bias!.to(input.dtype) * scale.flatten());
        return (nn.functional.conv2d(input, weight, padding: [1, 1]) + border).MoveToOuterDisposeScope();
    }
}

/// <summary>Glow's coupling network: 3x3, 1x1, zero-initialised 3x3 (Kingma and Dhariwal 2018, appendix B).</summary>
public sealed class GlowConditioner : Conditioner
{
    private readonly long _context;
    // The numbers of a sequence that also counts its activations.
    [ComponentName(Name = "0")]
    private readonly Conv2d _first;
    [ComponentName(Name = "2")]
    private readonly Conv2d _second;
    [ComponentName(Name = "4")]
    private readonly ZeroConvolution _last;

    /// <summary>Makes the network.</summary>
    public GlowConditioner(long inputs, long outputs, int width, long context = 0)
        : base(nameof(GlowConditioner))
    {
        _context = context;
        _first = nn.Conv2d(inputs + context, width, 3, padding: 1);
        _second = nn.Conv2d(width, width, 1);
        using (no_grad())
        {
            foreach (var conv in new[] { _first, _second })
            {
                conv.weight.normal_(0, 0.05);
                conv.bias!.zero_();
            }
        }
        _last = new ZeroConvolution(width, outputs);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => _context > 0;

    /// <summary>[N, C, H, W] and a context (or null) to [N, O, H, W].</summary>
    public override Tensor forward(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        // Channels last in memory: convolutions are faster so, and the 1x1 convolution is one matrix product.
        var given = Join(x, context, _context).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
        var h = _first.call(given).relu_().permute(0, 2, 3, 1);
        h = nn.functional.linear(h, _second.weight.to(h.dtype).flatten(1), _second.bias!.to(h.dtype)).relu_().permute(0, 3, 1, 2);
        return _last.call(h).MoveToOuterDisposeScope();
    }
}
