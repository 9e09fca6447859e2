using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Recipes;

/// <summary>Three convolutions with batch normalisation, one pooling, two linear layers: [N, 1, 8, 8] in 0..1 to logits [N, 10].</summary>
public sealed class DigitsClassifierNet : Module<Tensor, Tensor>
{
    [ComponentName(Name = "features")]
    private readonly Sequential _features;

    [ComponentName(Name = "head")]
    private readonly Sequential _head;

    /// <summary>Builds the net.</summary>
    public DigitsClassifierNet(DigitsClassifierOptions options)
        : base(nameof(DigitsClassifierNet))
    {
        options.ThrowIfInvalid();
        int width = options.Width, wide = 2 * options.Width;
        _features = Sequential(
            Conv2d(1, width, 3, padding: 1, bias: false), BatchNorm2d(width), ReLU(),
            Conv2d(width, wide, 3, padding: 1, bias: false), BatchNorm2d(wide), ReLU(),
            MaxPool2d(2),
            Conv2d(wide, wide, 3, padding: 1, bias: false), BatchNorm2d(wide), ReLU(),
            Flatten());
        _head = Sequential(Dropout(options.Dropout), Linear(wide * 16, options.Hidden), ReLU(), Dropout(options.Dropout), Linear(options.Hidden, 10));
        RegisterComponents();
    }

    /// <summary>Logits [N, 10] of images [N, 1, 8, 8].</summary>
    public override Tensor forward(Tensor images)
    {
        Shape.Expect(images, "N 1 8 8");
        using var features = _features.call(images);
        return _head.call(features);
    }
}
