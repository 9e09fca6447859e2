using Cresset.Data;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns to enlarge real pictures: patches of all but a few pictures, shrunk by antialiased bicubic, against the patches themselves;
/// evaluated on the pictures held out, beside bicubic enlargement.
/// </summary>
internal sealed class EspcnTask : DataTask, IExportsGraphs
{
    private readonly EspcnRecipeOptions _options;
    private readonly Espcn _net;
    private readonly TensorDataset _patches;
    private readonly List<(string Name, Tensor Large, Tensor Small)> _heldOut = [];

    /// <summary>Builds net and patches; takes <paramref name="data"/>, the set's own division, over.</summary>
    public EspcnTask(EspcnRecipeOptions options, DataSplit data)
        : base(data, "psnr", higherIsBetter: true)
    {
        _options = options.ThrowIfInvalid();
        _net = new Espcn(options.Net());
        using var scope = NewDisposeScope();
        var patches = new List<Tensor>();
        foreach (var name in RealPictures.Names)
        {
            var large = Whole(RealPictures.Luminance(name), options.Scale);
            if (options.HeldOut.Contains(name))
            {
                _heldOut.Add((name, Own(large.DetachFromDisposeScope()), Own(Shrink(large, options.Scale).DetachFromDisposeScope())));
                continue;
            }
            for (long y = 0; y + options.Patch <= large.size(2); y += options.Patch / 2)
            {
                for (long x = 0; x + options.Patch <= large.size(3); x += options.Patch / 2)
                    patches.Add(large.narrow(2, y, options.Patch).narrow(3, x, options.Patch));
            }
        }
        _patches = Own(new TensorDataset(cat(patches, 0).DetachFromDisposeScope()));
    }

    /// <inheritdoc/>
    public override nn.Module Module => _net;

    /// <inheritdoc/>
    public override IDataset TrainingData => _patches;

    /// <inheritdoc/>
    public override Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        // Turns and mirror images make eight pictures of one; libtorch draws them from the run's stream.
        var draws = randint(0, 2, 3, dtype: ScalarType.Int64, generator: step.Generator).data<long>().ToArray();
        var large = batch.Inputs;
        if (draws[0] == 1) large = large.flip(2);
        if (draws[1] == 1) large = large.flip(3);
        if (draws[2] == 1) large = large.transpose(2, 3).contiguous();
        return _options.Loss.Of(_net.call(Shrink(large, _options.Scale)), large) * 1000;
    }

    // The held-out pictures are named by the recipe: there is no validation part among them.
    private protected override IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context) =>
        Report(part, context);

    private protected override IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context)
    {
        var metrics = new Dictionary<string, double>();
        var (border, count) = (_options.Scale + 2, (double)_heldOut.Count);
        void Add(string key, double value) => metrics[key] = metrics.GetValueOrDefault(key) + (value / count);
        double[] Quality(int picture)
        {
            var (_, large, small) = _heldOut[picture];
            var (ours, bicubic) = (Enlarge(small, context.Device), Bicubic(small));
            return [ImageQuality.Psnr(ours, large, border), ImageQuality.Psnr(bicubic, large, border),
                ImageQuality.Ssim(ours, large, border), ImageQuality.Ssim(bicubic, large, border)];
        }
        foreach (var (i, found) in context.Share(_heldOut.Count, (picture, _) => Quality(picture)).Index())
        {
            Add("psnr", found[0]);
            Add("psnr_bicubic", found[1]);
            Add("ssim", found[2]);
            Add("ssim_bicubic", found[3]);
            metrics[$"gain_db/{_heldOut[i].Name}"] = found[0] - found[1];
        }
        metrics["gain_db"] = metrics["psnr"] - metrics["psnr_bicubic"];
        return metrics.Select(m => (m.Key, m.Value));
    }

    /// <inheritdoc/>
    public override IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var (pictures, captions) = (new List<Picture>(), new List<string>());
        foreach (var (name, large, small) in _heldOut)
        {
            using var scope = NewDisposeScope();
            var border = _options.Scale + 2;
            var (nearest, bicubic, ours) = (Upsample.Apply(small, scaleFactor: [_options.Scale]), Bicubic(small),
                Enlarge(small, context.Device));
            foreach (var (kind, t) in new[] { ("nearest", nearest), ("bicubic", bicubic), ("ESPCN", ours), ("original", large) })
            {
                pictures.Add(Picture.FromPlanes(t.cpu().contiguous().data<float>().ToArray(), 1, (int)t.size(2), (int)t.size(3)));
                captions.Add(kind == "original" ? $"{name}, original"
                    : string.Create(System.Globalization.CultureInfo.InvariantCulture,
                        $"{kind}: {ImageQuality.Psnr(t, large, border):0.00} dB"));
            }
        }
        yield return new TaskPicture("side-by-side",
            ImageGrid.Render(pictures,
                new ImageGridOptions { Columns = 4, Scale = 1, Captions = captions, Title = $"Enlarged {_options.Scale} times" }).ToPng(),
                "Held-out pictures: nearest, bicubic, ESPCN, original.");
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs() => EnlargementTask.GraphsOf(_net);

    private Tensor Enlarge(Tensor small, Device device) => _net.call(small.to(device)).cpu().clamp(0, 1);

    private Tensor Bicubic(Tensor small) => Upsample.Apply(small, scaleFactor: [_options.Scale], mode: ResizeMode.Bicubic).clamp(0, 1);

    internal static Tensor Shrink(Tensor large, int scale) =>
        Upsample.Apply(large, [large.size(2) / scale, large.size(3) / scale], mode: ResizeMode.Bicubic, antialias: true).clamp(0, 1);

    private static Tensor Whole(Tensor t, int scale) =>
        t.narrow(2, 0, t.size(2) - (t.size(2) % scale)).narrow(3, 0, t.size(3) - (t.size(3) % scale)).contiguous();
}
