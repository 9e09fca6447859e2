using System.Globalization;
using Cresset.Data;
using Cresset.Nn;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns to enlarge a data set's pictures: patches of their luminance, shrunk by antialiased bicubic, against the patches themselves;
/// judged beside bicubic enlargement.
/// </summary>
internal sealed class EnlargementTask : DataTask, IExportsGraphs
{
    private const int Shown = 4;
    private readonly EspcnRecipeOptions _options;
    private readonly Espcn _net;

    /// <summary>Takes the data over.</summary>
    internal EnlargementTask(EspcnRecipeOptions options, DataSplit data)
        : base(data, "psnr", higherIsBetter: true)
    {
        _options = options;
        var side = Math.Min(data.Facts.Shape[1], data.Facts.Shape[2]);
        if (side < options.Patch)
            throw new DataMismatchException(
                $"{data.Facts.Name}: pictures of {data.Facts.Shape[2]}x{data.Facts.Shape[1]} are smaller than a patch of {options.Patch}; "
                    + $"say model.patch={side / options.Scale * options.Scale} or a larger data.size.");
        _net = new Espcn(options.Net());
    }

    /// <inheritdoc/>
    public override nn.Module Module => _net;

    /// <inheritdoc/>
    public override Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var all = Luma(batch.Inputs);
        long Place(long room) => randint(0, room + 1, 1, dtype: ScalarType.Int64, generator: step.Generator).ToInt64();
        var large = all.narrow(2, Place(all.size(2) - _options.Patch), _options.Patch)
            .narrow(3, Place(all.size(3) - _options.Patch), _options.Patch);
        return _options.Loss.Of(_net.call(EspcnTask.Shrink(large.contiguous(), _options.Scale)), large) * 1000;
    }

    /// <inheritdoc/>
    public override IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        yield return Grid("side-by-side", Data.Reported.Spread(Shown), $"Enlarged {_options.Scale} times",
            "Held-out pictures: nearest, bicubic, ESPCN, original.", context);
        // Where the net gives least over bicubic, or takes away.
        int[] worst = [.. Quality(Data.Reported, context).Index().OrderBy(q => q.Item.Ours - q.Item.Bicubic).Take(Shown)
            .Select(q => q.Index)];
        yield return Grid("worst", Data.Reported.Prepare(new BatchRequest(worst, 0, 0)).ToBatch(),
            $"Enlarged {_options.Scale} times, the worst first", "The held-out pictures with the least gain over bicubic.", context);
    }

    private TaskPicture Grid(string tag, Batch batch, string title, string caption, EvaluationContext context)
    {
        using var scope = NewDisposeScope();
        using var taken = batch;
        var large = Whole(batch.Inputs);
        var small = EspcnTask.Shrink(large, _options.Scale);
        var rows = new List<Picture>();
        var captions = new List<string>();
        for (long i = 0; i < large.size(0); i++)
        {
            var (one, truth) = (small.narrow(0, i, 1), large.narrow(0, i, 1));
            foreach (var (kind, t) in new[] { ("nearest", Upsample.Apply(one, scaleFactor: [_options.Scale])), ("bicubic", Bicubic(one)),
                ("ESPCN", Enlarge(one, context.Device)), ("original", truth) })
            {
                rows.Add(Picture.FromPlanes(t.cpu().contiguous().data<float>().ToArray(), 1, (int)t.size(2), (int)t.size(3)));
                captions.Add(kind == "original" ? kind
                    : string.Create(CultureInfo.InvariantCulture, $"{kind}: {ImageQuality.Psnr(t, truth, Border):0.00} dB"));
            }
        }
        var grid = ImageGrid.Render(rows,
            new ImageGridOptions { Columns = 4, Scale = large.size(2) < 96 ? 2 : 1, Captions = captions, Title = title });
        return new TaskPicture(tag, grid.ToPng(), caption);
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs() => GraphsOf(_net);

    // Pictures of any size.
    internal static IReadOnlyList<ExportedGraph> GraphsOf(Espcn net)
    {
        using var generator = new Generator(0);
        return
        [
            new("", net, x => [net.call(x[0]).clamp(0, 1)], [rand([2, 1, 12, 16], generator: generator)], ["luminance"], ["enlarged"])
            {
                VaryingSizes = new Dictionary<string, int> { ["height"] = 2, ["width"] = 3 },
                Metadata = new Dictionary<string, string> { ["input"] = "[batch, 1, height, width] in 0..1: 0.299 R + 0.587 G + 0.114 B" },
            },
        ];
    }

    private protected override IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context) =>
        [("psnr", Quality(part, context).Average(q => q.Ours))];

    private protected override IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context)
    {
        var quality = Quality(part, context);
        var (ours, bicubic) = (quality.Average(q => q.Ours), quality.Average(q => q.Bicubic));
        return [("psnr", ours), ("psnr_bicubic", bicubic), ("gain_db", ours - bicubic)];
    }

    /// <summary>Luminance [N, 1, H, W] (ITU-R BT.601) of grey or RGB pictures.</summary>
    internal static Tensor Luma(Tensor pictures)
        => pictures.size(1) == 1 ? pictures
            : (pictures.narrow(1, 0, 1) * 0.299) + (pictures.narrow(1, 1, 1) * 0.587) + (pictures.narrow(1, 2, 1) * 0.114);

    private int Border => _options.Scale + 2;

    private Tensor Enlarge(Tensor small, Device device) => _net.call(small.to(device)).cpu().clamp(0, 1);

    private Tensor Bicubic(Tensor small) => Upsample.Apply(small, scaleFactor: [_options.Scale], mode: ResizeMode.Bicubic).clamp(0, 1);

    private Tensor Whole(Tensor pictures)
    {
        var luma = Luma(pictures);
        return luma.narrow(2, 0, luma.size(2) / _options.Scale * _options.Scale)
            .narrow(3, 0, luma.size(3) / _options.Scale * _options.Scale).contiguous();
    }

    // Decibels of each picture, whose mean is what papers report; a picture without an error counts 100.
    private List<(double Ours, double Bicubic)> Quality(IDataset part, EvaluationContext context)
    {
        var all = new List<(double, double)>();
        foreach (var record in context.Measure(part, 16, batch => Decibels(batch, context.Device)))
        {
            for (var i = 0; i < record.Length; i += 2)
            {
                all.Add((record[i], record[i + 1]));
            }
        }
        return all;
    }

    // Of each picture ours and bicubic's.
    private double[] Decibels(Batch batch, Device device)
    {
        var large = Whole(batch.Inputs);
        var small = EspcnTask.Shrink(large, _options.Scale);
        var (a, b) = (Enlarge(small, device), Bicubic(small));
        var values = new List<double>();
        for (long i = 0; i < large.size(0); i++)
        {
            values.Add(Math.Min(100, ImageQuality.Psnr(a.narrow(0, i, 1), large.narrow(0, i, 1), Border)));
            values.Add(Math.Min(100, ImageQuality.Psnr(b.narrow(0, i, 1), large.narrow(0, i, 1), Border)));
        }
        return [.. values];
    }
}
