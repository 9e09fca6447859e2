using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The affine coupling of the image RealNVP (Dinh et al. 2017): z = (x + t) exp(s), s = rescale * tanh(raw), over a checkerboard or over
/// channel halves of images [N, C, H, W]. Keys as in the common PyTorch port.
/// </summary>
public sealed class ImageCoupling : FlowTransform
{
    private readonly bool _checkerboard;
    private readonly bool _reverse;
    private readonly long _channels;
    private readonly long _context;
    [ComponentName(Name = "st_net")]
    private readonly RealNvpConditioner _network;
    [ComponentName(Name = "rescale")]
    private readonly Rescale _rescale;

    /// <summary>Makes a coupling.</summary>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="width">Channels inside the network.</param>
    /// <param name="blocks">Residual blocks of the network.</param>
    /// <param name="checkerboard">Mask by a checkerboard; otherwise by channel halves.</param>
    /// <param name="reverse">The other half of the mask.</param>
    /// <param name="context">Features of a context; 0 for none.</param>
    public ImageCoupling(int channels, int width, int blocks, bool checkerboard, bool reverse, int context = 0)
        : base(nameof(ImageCoupling))
    {
        if (!checkerboard && channels % 2 != 0)
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "Channel halves need an even number of channels.");
        ArgumentOutOfRangeException.ThrowIfNegative(context);
        (_channels, _checkerboard, _reverse, _context) = (channels, checkerboard, reverse, context);
        var inputs = checkerboard ? channels : channels / 2;
        _network = new RealNvpConditioner(inputs, width, 2 * inputs, blocks, checkerboard, context);
        _rescale = new Rescale(inputs);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => _context > 0;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null) => Apply(x, context, forward: true);

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null) => Apply(z, context, forward: false);

    private (Tensor, Tensor) Apply(Tensor value, Tensor? context, bool forward)
    {
        if (_context == 0) RefuseContext(context);
        Cresset.Tensors.Shape.Expect(value, "N C H W", ("C", _channels));
        using var scope = NewDisposeScope();
        if (_checkerboard)
        {
            var kept = FeatureMasks.Checkerboard(value.size(2), value.size(3), _reverse, value.dtype, value.device);
            var open = 1 - kept;
            var (s, t) = Parameters(value * kept, context);
            var (log, shift) = (s * open, t * open);
            return forward ? Move((value + shift) * log.exp(), SumPerSample(log)) : Move(value * (-log).exp() - shift, -SumPerSample(log));
        }
        var halves = value.chunk(2, 1);
        var (same, changed) = _reverse ? (halves[0], halves[1]) : (halves[1], halves[0]);
        var (scale, offset) = Parameters(same, context);
        var mapped = forward ? (changed + offset) * scale.exp() : changed * (-scale).exp() - offset;
        var joined = _reverse ? cat([same, mapped], 1) : cat([mapped, same], 1);
        return Move(joined, forward ? SumPerSample(scale) : -SumPerSample(scale));
    }

    private (Tensor S, Tensor T) Parameters(Tensor input, Tensor? context)
    {
        var parts = _network.call(input, context).chunk(2, 1);
        return (_rescale.call(parts[0].tanh()), parts[1]);
    }

    private sealed class Rescale : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "weight_g")]
        private readonly Parameter _length;
        [ComponentName(Name = "weight_v")]
        private readonly Parameter _direction;

        public Rescale(long channels)
            : base(nameof(Rescale))
        {
            _length = new Parameter(ones(channels, 1, 1).DetachFromDisposeScope());
            _direction = new Parameter(ones(channels, 1, 1).DetachFromDisposeScope());
            RegisterComponents();
        }

        // Weight norm over one number per channel: the length times the sign, with its gradient to both.
        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return (input * (_direction * (_length / _direction.square().sqrt()))).MoveToOuterDisposeScope();
        }
    }
}
