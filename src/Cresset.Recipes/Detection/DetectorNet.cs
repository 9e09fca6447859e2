using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Recipes;

/// <summary>
/// A detector of one map (after Tian et al. 2019, arXiv:1904.01355): pictures [N, 1, H, W] to logits of classes [N, classes, H/4, W/4],
/// distances in pixels from each cell to the left, top, right and bottom of its box [N, 4, H/4, W/4], and logits of ink [N, 1, H, W].
/// H and W are multiples of 4.
/// </summary>
internal sealed class DetectorNet : Module<Tensor, (Tensor Classes, Tensor Sides, Tensor Ink)>
{
    /// <summary>Pixels of the picture along a cell's edge.</summary>
    public const int Stride = 4;

    // A cell is a centre in one of a hundred cases: without this the many empty cells would rule the first steps.
    private static readonly double RareBias = -Math.Log((1 - 0.01) / 0.01);

    [ComponentName(Name = "stem")]
    private readonly Sequential _stem;

    [ComponentName(Name = "body")]
    private readonly Sequential _body;

    [ComponentName(Name = "blocks")]
    private readonly ModuleList<Sequential> _blocks;

    [ComponentName(Name = "classes")]
    private readonly Sequential _classes;

    [ComponentName(Name = "sides")]
    private readonly Sequential _sides;

    [ComponentName(Name = "rise")]
    private readonly Sequential _rise;

    [ComponentName(Name = "ink")]
    private readonly Sequential _ink;

    /// <summary>Builds the net.</summary>
    /// <param name="options">Width and depth.</param>
    /// <param name="classes">Number of classes.</param>
    public DetectorNet(DetectorOptions options, int classes = 10)
        : base(nameof(DetectorNet))
    {
        options.ThrowIfInvalid();
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 1);
        int wide = options.Width, narrow = options.Width / 2;
        _stem = Sequential(Conv2d(1, narrow, 3, stride: 2, padding: 1), Norm(narrow), ReLU());
        _body = Sequential(Conv2d(narrow, wide, 3, stride: 2, padding: 1), Norm(wide), ReLU());
        _blocks = new ModuleList<Sequential>();
        for (var i = 0; i < options.Blocks; i++)
        {
            _blocks.Add(Sequential(Conv2d(wide, wide, 3, padding: 1), Norm(wide), ReLU(), Conv2d(wide, wide, 3, padding: 1), Norm(wide)));
        }
        var last = Conv2d(wide, classes, 1);
        _classes = Sequential(Conv2d(wide, wide, 3, padding: 1), Norm(wide), ReLU(), last);
        _sides = Sequential(Conv2d(wide, wide, 3, padding: 1), Norm(wide), ReLU(), Conv2d(wide, 4, 1));
        _rise = Sequential(Conv2d(wide, 4 * narrow, 1), PixelShuffle(2), ReLU());
        _ink = Sequential(Conv2d(2 * narrow, narrow, 3, padding: 1), ReLU(), Conv2d(narrow, 4, 1), PixelShuffle(2));
        RegisterComponents();
        using var quiet = no_grad();
        last.bias!.fill_(RareBias);
    }

    /// <inheritdoc/>
    public override (Tensor Classes, Tensor Sides, Tensor Ink) forward(Tensor pictures)
    {
        Shape.Expect(pictures, "N C H W", [("C", 1)]);
        if (pictures.size(2) % Stride != 0 || pictures.size(3) % Stride != 0)
        {
            throw new ShapeException($"Pictures are {pictures.size(3)}x{pictures.size(2)} pixels; multiples of {Stride} are needed.");
        }
        var fine = _stem.call(pictures);
        var map = _body.call(fine);
        foreach (var block in _blocks) map = (map + block.call(map)).relu();
        // Distances grow with the exponent, so that none is negative; beyond e^4 cells nothing is left of a picture.
        var sides = _sides.call(map).clamp_max(4).exp() * Stride;
        var ink = _ink.call(cat([fine, _rise.call(map)], 1));
        return (_classes.call(map), sides, ink);
    }

    private static Module<Tensor, Tensor> Norm(int channels) => new GroupNormOptions { Groups = channels % 8 == 0 ? 8 : 2 }.Build(channels);
}
