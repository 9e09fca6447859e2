using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Convolution to scale^2 times the channels, then pixel shuffle: [N, in, H, W] to [N, out, scale H, scale W].
/// Shi et al. 2016. The weights start by ICNR (Aitken et al. 2017), so that the first output is a nearest-neighbour enlargement and free of
/// checkerboards. Key: <c>conv</c>.
/// </summary>
public sealed class SubPixelConv2d : nn.Module<Tensor, Tensor>, IOwnInitialization
{
    [ComponentName(Name = "conv")]
    private readonly Conv2d _conv;

    private readonly long _input;
    private readonly int _scale;
    private readonly bool _icnr;

    /// <summary>Builds the layer.</summary>
    /// <param name="inChannels">Channels in.</param>
    /// <param name="outChannels">Channels out.</param>
    /// <param name="scale">Enlargement.</param>
    /// <param name="kernel">Kernel size, odd.</param>
    /// <param name="icnr">Start by ICNR; false leaves each sub-kernel its own random start.</param>
    /// <param name="generator">Draws the weights; null uses TorchSharp's global one.</param>
    public SubPixelConv2d(long inChannels, long outChannels, int scale = 2, long kernel = 3, bool icnr = true, Generator? generator = null)
        : base(nameof(SubPixelConv2d))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        if (kernel < 1 || kernel % 2 == 0)
            throw new ArgumentOutOfRangeException(nameof(kernel), kernel,
                "SubPixelConv2d: the kernel must be odd, so that the size stays.");
        (_input, _scale) = (inChannels, scale);
        _conv = nn.Conv2d(inChannels, outChannels * scale * scale, kernel, padding: kernel / 2);
        RegisterComponents();
        _icnr = icnr;
        if (generator is not null) Initialize.Reset(this, generator);
        else DrawWeights(null);
    }

    /// <summary>Makes the weights, as they are now, start by ICNR (unless it was built without).</summary>
    public void DrawWeights(Generator? generator)
    {
        if (_icnr) UpsamplingInit.Icnr(_conv.weight!, _scale, _conv.bias);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _input));
        using var scope = NewDisposeScope();
        return PixelShuffle.Apply(_conv.call(input), _scale).MoveToOuterDisposeScope();
    }
}
