using Cresset.Nn;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Convolutions of one or two dimensions by one name.</summary>
internal static class Convolutions
{
    public static nn.Module<Tensor, Tensor> Same(int dimensions, long inChannels, long outChannels, long kernel) => dimensions == 1
        ? nn.Conv1d(inChannels, outChannels, kernel, padding: kernel / 2)
        : nn.Conv2d(inChannels, outChannels, kernel, padding: kernel / 2);

    public static nn.Module<Tensor, Tensor> Halve(int dimensions, long inChannels, long outChannels) => dimensions == 1
        ? nn.Conv1d(inChannels, outChannels, 4, stride: 2, padding: 1)
        : nn.Conv2d(inChannels, outChannels, 4, stride: 2, padding: 1);

    public static nn.Module<Tensor, Tensor> Double(int dimensions, UpsamplerOptions kind, long inChannels, long outChannels) =>
        dimensions == 2
        ? kind.Build(inChannels, outChannels)
        : kind is TransposedUpsampler
            ? nn.ConvTranspose1d(inChannels, outChannels, 4, stride: 2, padding: 1)
            : nn.Sequential(nn.Upsample(scale_factor: [2.0], mode: UpsampleMode.Nearest),
                nn.Conv1d(inChannels, outChannels, 3, padding: 1));
}

/// <summary>x + conv1(relu(conv3(relu(x)))).</summary>
internal sealed class ResidualUnit : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv1")]
    private readonly nn.Module<Tensor, Tensor> _wide;
    [ComponentName(Name = "conv2")]
    private readonly nn.Module<Tensor, Tensor> _narrow;

    public ResidualUnit(int dimensions, long width, long inner)
        : base(nameof(ResidualUnit))
    {
        _wide = Convolutions.Same(dimensions, width, inner, 3);
        _narrow = Convolutions.Same(dimensions, inner, width, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return (input + _narrow.call(_wide.call(input.relu()).relu())).MoveToOuterDisposeScope();
    }
}
