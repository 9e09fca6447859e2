using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>A convolution that keeps raster order: [N, in, H, W] to [N, out, H, W], odd square kernel, padding kernel / 2.</summary>
/// <remarks>
/// The mask multiplies the weights in every pass instead of being written into them, so weight decay and momentum cannot fill masked taps.
/// State-dict keys: <c>weight</c>, <c>bias</c>.
/// </remarks>
internal sealed class MaskedConv2d : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;
    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;
    [ComponentName(Name = "mask")]
    private readonly Tensor _mask;
    private readonly long _padding;

    /// <summary>Draws weights as PyTorch's convolutions do, from the generator (seed 0 when null).</summary>
    /// <param name="inChannels">Channels in.</param>
    /// <param name="outChannels">Channels out.</param>
    /// <param name="kernel">Odd width of the kernel.</param>
    /// <param name="kind">A or B.</param>
    /// <param name="generator">Source of the weights.</param>
    /// <param name="groups">Colour groups: at the current position a group sees the groups before it, and itself under B.</param>
    public MaskedConv2d(long inChannels, long outChannels, long kernel, MaskKind kind, Generator? generator = null, long groups = 1)
        : base(nameof(MaskedConv2d))
    {
        if (kernel < 1 || kernel % 2 == 0)
            throw new ArgumentOutOfRangeException(nameof(kernel), kernel, "The kernel must be odd, so that it has a centre.");
        if (groups < 1 || inChannels % groups != 0 || outChannels % groups != 0)
            throw new ArgumentException($"{inChannels} channels in and {outChannels} out do not split in {groups} groups.", nameof(groups));
        using var own = generator is null ? new Generator(0) : null;
        var bound = 1 / Math.Sqrt(inChannels * kernel * kernel);
        _weight = new Parameter(Initialize.Uniform(empty(outChannels, inChannels, kernel, kernel), -bound, bound, generator ?? own));
        _bias = new Parameter(Initialize.Uniform(empty(outChannels), -bound, bound, generator ?? own));
        _weight.DetachFromDisposeScope();
        _bias.DetachFromDisposeScope();
        _mask = Mask(inChannels, outChannels, kernel, kind, groups).DetachFromDisposeScope();
        _padding = kernel / 2;
        RegisterComponents();
    }

    /// <summary>The mask [out, in, kernel, kernel] of zeros and ones.</summary>
    public static Tensor Mask(long inChannels, long outChannels, long kernel, MaskKind kind, long groups = 1)
    {
        using var scope = NewDisposeScope();
        var mask = ones(outChannels, inChannels, kernel, kernel);
        var centre = kernel / 2;
        mask.narrow(2, centre + 1, kernel - centre - 1).zero_();
        mask.select(2, centre).narrow(2, centre + 1, kernel - centre - 1).zero_();
        var to = arange(outChannels).div(outChannels / groups, RoundingMode.floor).unsqueeze(1);
        var from = arange(inChannels).div(inChannels / groups, RoundingMode.floor).unsqueeze(0);
        mask.select(2, centre).select(2, centre).copy_(kind == MaskKind.A ? to > from : to >= from);
        return mask.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _weight.size(1)));
        using var scope = NewDisposeScope();
        return nn.functional.conv2d(input, _weight * _mask, _bias, padding: [_padding, _padding]).MoveToOuterDisposeScope();
    }
}
