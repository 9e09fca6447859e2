using System.Globalization;
using Cresset.Nn;
using Cresset.Optim;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Pictures that show what upsamplers do to real images.</summary>
public static class UpsamplingPictures
{
    private const int Scale = 2;

    /// <summary>Layers compared for checkerboards, 4 channels to 1, twice the size.</summary>
    private static readonly (string Name, Func<nn.Module<Tensor, Tensor>> Create)[] Layers =
    [
        ("transposed, kernel 3", () => nn.ConvTranspose2d(4, 1, 3, stride: 2, padding: 1, output_padding: 1)),
        ("transposed, kernel 4", () => Upsamplers.Transposed(4, 1, Scale)),
        ("pixel shuffle", () => new SubPixelConv2d(4, 1, Scale, icnr: false)),
        ("pixel shuffle, ICNR", () => new SubPixelConv2d(4, 1, Scale)),
        ("resize, then convolution", () => new ResizeConv2d(4, 1, Scale)),
    ];

    /// <summary>
    /// A small crop of a real picture enlarged by <paramref name="factor"/>: nearest, bilinear with half-pixel places and with aligned
    /// corners, bicubic in both, and the differences of the two conventions.
    /// </summary>
    /// <param name="name">One of <see cref="RealPictures.Names"/>.</param>
    /// <param name="edge">Edge of the crop in pixels, 4 to 64.</param>
    /// <param name="factor">Enlargement, 2 to 32.</param>
    public static Picture Corners(string name = "astronaut", int edge = 12, int factor = 14)
    {
        if (edge is < 4 or > 64) throw new ArgumentOutOfRangeException(nameof(edge), edge, "The crop's edge must be 4 to 64 pixels.");
        if (factor is < 2 or > 32) throw new ArgumentOutOfRangeException(nameof(factor), factor, "The enlargement must be 2 to 32.");
        using var scope = NewDisposeScope();
        var small = Crop(name, edge);
        Tensor Enlarge(ResizeMode mode, bool? align = null) =>
            Upsample.Apply(small, scaleFactor: [factor, factor], mode: mode, alignCorners: align).clamp(0, 1);
        var (half, aligned) = (Enlarge(ResizeMode.Bilinear, false), Enlarge(ResizeMode.Bilinear, true));
        var (cubicHalf, cubicAligned) = (Enlarge(ResizeMode.Bicubic, false), Enlarge(ResizeMode.Bicubic, true));
        (string Caption, Tensor Values)[] cells =
        [
            ("nearest", Enlarge(ResizeMode.Nearest)), ("bilinear, half-pixel", half), ("bilinear, aligned corners", aligned),
            ("difference x 3", Difference(half, aligned)),
            ("area", Enlarge(ResizeMode.Area)), ("bicubic, half-pixel", cubicHalf), ("bicubic, aligned corners", cubicAligned),
            ("difference x 3", Difference(cubicHalf, cubicAligned)),
        ];
        return ImageGrid.Render([.. cells.Select(c => ToPicture(c.Values))], new ImageGridOptions
        {
            Columns = 4,
            Scale = 1,
            Captions = [.. cells.Select(c => c.Caption)],
            Title = string.Create(CultureInfo.InvariantCulture, $"{edge} x {edge} pixels, {factor} times"),
        });
    }

    /// <summary>
    /// Checkerboards: for each layer its answer to a constant picture with fresh weights, and its answer to a real picture after
    /// <paramref name="steps"/> steps of learning to enlarge. The scores are <see cref="Checkerboard.Score"/> of the fresh and of the
    /// trained layer (0 is even).
    /// </summary>
    public static (Picture Picture, IReadOnlyList<(string Name, double Fresh, double Trained)> Scores) Checkerboards(string name = "camera",
        int steps = 25, ulong seed = 4)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        using var scope = NewDisposeScope();
        var large = Crop(name, 96);
        var small = nn.functional.avg_pool2d(large, Scale).expand(1, 4, -1, -1);
        var flat = ones(1, 4, 24, 24);
        var scores = new List<(string, double, double)>();
        var (fresh, trained) = (new List<Picture>(), new List<Picture>());
        foreach (var (layerName, create) in Layers)
        {
            using var generator = new Generator(seed);
            using var layer = create();
            Initialize.Reset(layer, generator);
            // Small weights of one sign, as a layer has that passes brightness on: what remains visible is the overlap.
            using (no_grad())
            {
                foreach (var p in layer.parameters()) p.abs_();
            }
            var before = Checkerboard.Score(layer.call, 4);
            fresh.Add(ToPicture(Even(layer.call(flat)), 4));
            using var optimizer = new Optimizer(layer, new AdamWRule { LearningRate = 5e-3, WeightDecay = 0 });
            for (var step = 0; step < steps; step++)
            {
                using var inner = NewDisposeScope();
                optimizer.ZeroGrad();
                nn.functional.mse_loss(layer.call(small), large).backward();
                optimizer.Step();
            }
            using var quiet = no_grad();
            scores.Add((layerName, before, Checkerboard.Score(layer.call, 4)));
            trained.Add(ToPicture(layer.call(small).clamp(0, 1), 2));
        }
        var sheet = ImageGrid.Render([.. fresh, .. trained], new ImageGridOptions
        {
            Columns = Layers.Length,
            Scale = 1,
            Captions = [.. scores.Select(s => Caption(s.Item1, s.Item2)), .. scores.Select(s => Caption(s.Item1, s.Item3))],
            RowLabels = ["constant, fresh", "picture, trained"],
            Title = string.Create(CultureInfo.InvariantCulture,
                $"Checkerboards: fresh layers on a constant picture, and after {steps} steps on a real one"),
        });
        return (sheet, scores);

        static string Caption(string layer, double score) => string.Create(CultureInfo.InvariantCulture, $"{layer}: {score:0.00}");
    }

    private static Tensor Crop(string name, int edge)
    {
        var picture = RealPictures.Luminance(name);
        var (top, left) = ((picture.size(2) - edge) / 3, (picture.size(3) - edge) / 2);
        if (top < 0 || left < 0)
            throw new ArgumentOutOfRangeException(nameof(edge), edge,
                $"Picture '{name}' is {picture.size(3)} x {picture.size(2)} pixels only.");
        return picture.narrow(2, top, edge).narrow(3, left, edge).contiguous();
    }

    private static Tensor Difference(Tensor a, Tensor b) => ((a - b).abs() * 3).clamp(0, 1);

    /// <summary>The inside of an answer to a constant picture around mid-grey, its mean at 0.5.</summary>
    private static Tensor Even(Tensor y)
    {
        var inside = y.detach().narrow(2, 8, 32).narrow(3, 8, 32);
        return (inside / (2 * inside.mean().clamp_min(1e-6))).clamp(0, 1);
    }

    private static Picture ToPicture(Tensor values, int enlarge = 1)
        => Picture.FromPlanes(values.to(ScalarType.Float32).contiguous().data<float>().ToArray(), 1, (int)values.size(2),
            (int)values.size(3)).Enlarge(enlarge);
}
