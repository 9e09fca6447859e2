using Cresset.Nn;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>The residual blocks of one resolution and the step to the next one.</summary>
internal sealed class ResolutionBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResidualBlock> _residuals;

    [ComponentName(Name = "downsamplers")]
    private readonly ModuleList<Resampler>? _down;

    [ComponentName(Name = "upsamplers")]
    private readonly ModuleList<Resampler>? _up;

    public ResolutionBlock(int inputs, int outputs, int layers, int groups, bool down, bool up, WeightPlace place)
        : base(nameof(ResolutionBlock))
    {
        _residuals =
            new ModuleList<ResidualBlock>(
                [.. Enumerable.Range(0, layers).Select(i => new ResidualBlock(i == 0 ? inputs : outputs, outputs, groups, place))]);
        if (down) _down = new ModuleList<Resampler>(new Resampler(outputs, isDown: true, place));
        if (up) _up = new ModuleList<Resampler>(new Resampler(outputs, isDown: false, place));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input;
        for (var i = 0; i < _residuals.Count; i++)
        {
            var next = _residuals[i].call(x);
            // Pictures are large: give each one back as soon as the next is there.
            if (!ReferenceEquals(x, input)) x.Dispose();
            x = next;
        }
        var step = _down ?? _up;
        return (step is null ? x : step[0].call(x)).MoveToOuterDisposeScope();
    }
}

/// <summary>Half or double resolution with a 3x3 convolution.</summary>
internal sealed class Resampler : nn.Module<Tensor, Tensor>
{
    private readonly bool _isDown;

    [ComponentName(Name = "conv")]
    private readonly SquareConvolution _conv;

    public Resampler(int channels, bool isDown, WeightPlace place)
        : base(nameof(Resampler))
    {
        _isDown = isDown;
        _conv = new SquareConvolution(channels, channels, 3, place, stride: isDown ? 2 : 1, padding: isDown ? 0 : 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        // Downwards one row and column are added at the far ends only.
        var x = _isDown ? nn.functional.pad(input, [0, 1, 0, 1])
            : Nn.Upsample.Apply(input, scaleFactor: [2]);
        return _conv.call(x).MoveToOuterDisposeScope();
    }
}
