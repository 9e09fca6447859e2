using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// Reads pictures as DQN does (Mnih et al. 2015): three convolutions with ReLU. Pictures of at least 36 pixels per side get the published
/// sizes (8 by 8 stride 4, 4 by 4 stride 2, 3 by 3), smaller ones 3 by 3 throughout.
/// </summary>
public sealed class ConvEncoder : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv1")]
    private readonly Conv2d _conv1;
    [ComponentName(Name = "conv2")]
    private readonly Conv2d _conv2;
    [ComponentName(Name = "conv3")]
    private readonly Conv2d _conv3;
    private readonly long _channels;
    private readonly long _height;
    private readonly long _width;
    private readonly double _scale;

    /// <summary>An encoder for pictures [channels, height, width].</summary>
    /// <param name="channels">Channels of a picture.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="scale">What values are multiplied by before the first convolution: 1/255 for pictures of 0 to 255.</param>
    public ConvEncoder(long channels, long height, long width, double scale = 1)
        : base(nameof(ConvEncoder))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (!(scale > 0) || !double.IsFinite(scale))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "Allowed: greater than 0.");
        (_channels, _height, _width, _scale) = (channels, height, width, scale);
        if (Math.Min(height, width) >= 36)
        {
            (_conv1, _conv2, _conv3) = (nn.Conv2d(channels, 32, 8, stride: 4), nn.Conv2d(32, 64, 4, stride: 2), nn.Conv2d(64, 64, 3));
            static long After(long side) => (((((side - 8) / 4) + 1 - 4) / 2) + 1) - 2;
            Features = 64 * After(height) * After(width);
        }
        else
        {
            (_conv1, _conv2, _conv3) = (nn.Conv2d(channels, 16, 3, padding: 1), nn.Conv2d(16, 32, 3, stride: 2, padding: 1),
                nn.Conv2d(32, 32, 3, padding: 1));
            Features = 32 * ((height + 1) / 2) * ((width + 1) / 2);
        }
        RegisterComponents();
    }

    /// <summary>Values that come out.</summary>
    public long Features { get; }

    /// <summary>[batch, channels * height * width] (pictures laid out flat) to [batch, Features].</summary>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N S", ("S", _channels * _height * _width));
        using var scope = NewDisposeScope();
        var x = input.view(-1, _channels, _height, _width);
        if (_scale != 1) x = x * _scale;
        x = nn.functional.relu(_conv1.call(x));
        x = nn.functional.relu(_conv2.call(x));
        x = nn.functional.relu(_conv3.call(x));
        return x.flatten(1).MoveToOuterDisposeScope();
    }
}
