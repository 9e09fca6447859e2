using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Recipes;

/// <summary>
/// Three convolutions with batch normalisation, one pooling, two linear layers: [N, C, H, W] in 0..1 to logits [N, classes].
/// </summary>
internal sealed class DigitsClassifierNet : Module<Tensor, Tensor>
{
    [ComponentName(Name = "features")]
    private readonly Sequential _features;

    [ComponentName(Name = "head")]
    private readonly Sequential _head;

    private readonly long _channels;
    private readonly long _height;
    private readonly long _width;

    /// <summary>Builds the net for images of <paramref name="height"/> x <paramref name="width"/> pixels, both at least 2.</summary>
    public DigitsClassifierNet(DigitsClassifierOptions options, long height = 8, long width = 8, long channels = 1, int classes = 10)
        : base(nameof(DigitsClassifierNet))
    {
        options.ThrowIfInvalid();
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 2);
        (_channels, _height, _width) = (channels, height, width);
        int narrow = options.Width, wide = 2 * options.Width;
        _features = Sequential(
            Conv2d(channels, narrow, 3, padding: 1, bias: false), BatchNorm2d(narrow), ReLU(),
            Conv2d(narrow, wide, 3, padding: 1, bias: false), BatchNorm2d(wide), ReLU(),
            MaxPool2d(2),
            Conv2d(wide, wide, 3, padding: 1, bias: false), BatchNorm2d(wide), ReLU(),
            Flatten());
        _head = Sequential(Dropout(options.Dropout), Linear(wide * (height / 2) * (width / 2), options.Hidden), ReLU(),
            Dropout(options.Dropout), Linear(options.Hidden, classes));
        RegisterComponents();
    }

    /// <summary>Logits [N, classes] of images [N, C, H, W].</summary>
    public override Tensor forward(Tensor images)
    {
        Shape.Expect(images, "N C H W", [("C", _channels), ("H", _height), ("W", _width)]);
        using var scope = NewDisposeScope();
        return _head.call(_features.call(ChannelsLast.Of(images))).MoveToOuterDisposeScope();
    }
}
