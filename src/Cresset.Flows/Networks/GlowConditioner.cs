using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Glow's zero-initialised convolution: padded with ones, scaled by exp(3 scale).</summary>
public sealed class ZeroConvolution : nn.Module<Tensor, Tensor>
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

    /// <summary>[N, C, H, W] to [N, O, H, W].</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var padded = nn.functional.pad(input, [1, 1, 1, 1], PaddingModes.Constant, 1);
        return (_conv.call(padded) * (_scale * 3).exp()).MoveToOuterDisposeScope();
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

    /// <summary>[N, C, H, W] and a context (or null) to [N, O, H, W].</summary>
    public override Tensor forward(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        var h = _first.call(Join(x, context, _context)).relu_();
        return _last.call(_second.call(h).relu_()).MoveToOuterDisposeScope();
    }
}
