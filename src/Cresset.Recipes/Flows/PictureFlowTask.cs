using System.Globalization;
using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Maximum likelihood of pictures with Gaussian noise by a class-conditional <see cref="TarFlow"/>; draws with guidance and takes the noise
/// away by the model's own score. The figure is that of noisy held-out pictures, in nats per dimension: the less, the better.
/// </summary>
internal sealed class PictureFlowTask : DataTask
{
    private const int MeasuredAtOnce = 250, DrawnAtOnce = 100;
    private readonly PictureFlowOptions _options;
    private readonly TarFlow _flow;
    private readonly long _dimensions;

    /// <summary>Takes the data over.</summary>
    internal PictureFlowTask(PictureFlowOptions options, DataSplit data)
        : base(data, "nats_per_dimension", higherIsBetter: false)
    {
        _options = options.ThrowIfInvalid();
        var shape = data.Facts.Shape;
        if (shape[1] % options.Patch != 0 || shape[2] % options.Patch != 0)
        {
            throw new DataMismatchException(
                $"{data.Facts.Name}: pictures of {shape[2]}x{shape[1]} are not cut into patches of {options.Patch}; choose a patch that "
                    + $"divides both sides (model.patch), or other sizes (data.size).");
        }
        _dimensions = shape.Aggregate(1L, (a, b) => a * b);
        _flow = new TarFlow(options.Model(shape, data.Facts.Classes.Count));
    }

    /// <inheritdoc/>
    public override nn.Module Module => _flow;

    /// <inheritdoc/>
    public override Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        var labels = batch.Targets!;
        var none = full_like(labels, _flow.Options.Classes);
        var kept = where(rand(labels.size(0), generator: step.Generator).to(labels.device) < _options.LabelDropout, none, labels);
        return -_flow.LogProb(Noisy(batch.Inputs, step.Generator), kept).mean() / _dimensions;
    }

    /// <inheritdoc/>
    public override IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return Draw([.. Data.Facts.Classes.Take(10)], 10, 1, context.Generator, context.Device, context.Cancellation).Pictures;
    }

    /// <summary>Pictures of the classes, all of them where none is named: one row per class.</summary>
    internal Drawing Draw(IReadOnlyList<string> classes, int each, double temperature, Generator generator, Device device,
        CancellationToken cancellation)
    {
        var facts = Data.Facts;
        var chosen = classes.Count == 0 ? facts.Classes : classes;
        long[] indices = [.. chosen.Select(Index)];
        using var scope = NewDisposeScope();
        var labels = tensor(indices).repeat_interleave(each).to(device);
        var parts = labels.split(DrawnAtOnce).Select(part =>
        {
            cancellation.ThrowIfCancellationRequested();
            using var round = NewDisposeScope();
            var noisy = _options.Guidance > 0
                ? _flow.SampleGuided(part.size(0), part, _options.Guidance, temperature, generator)
                : _flow.Sample(part.size(0), part, temperature, generator);
            return ((_flow.Denoise(noisy, _options.Noise, part).cpu() + 1) / 2).clamp(0, 1).MoveToOuterDisposeScope();
        }).ToArray();
        var pictures = cat(parts).contiguous();
        int channels = (int)facts.Shape[0], height = (int)facts.Shape[1], width = (int)facts.Shape[2];
        var title = string.Create(CultureInfo.InvariantCulture,
            $"Drawn with guidance {_options.Guidance:0.##}, temperature {temperature:0.##}");
        var grid = ImageGrid.Render(pictures.data<float>().ToArray(), (int)pictures.size(0), channels, height, width,
            new ImageGridOptions { Columns = each, Title = title, RowLabels = [.. chosen], Scale = height < 16 ? 5 : 2 });
        return new Drawing([new TaskPicture("samples", grid.ToPng(), "One row per class.")],
            pictures.MoveToOuterDisposeScope())
        { Labels = [.. chosen.SelectMany(name => Enumerable.Repeat(name, each))] };

        long Index(string name)
        {
            for (var i = 0; i < facts.Classes.Count; i++)
            {
                if (string.Equals(facts.Classes[i], name, StringComparison.OrdinalIgnoreCase)) return i;
            }
            throw new ArgumentException(
                $"\"{name}\" is not a class.{NearestName.Suggest(name, facts.Classes)} Classes: {string.Join(", ", facts.Classes)}.");
        }
    }

    private protected override IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context) =>
        Report(part, context);

    private protected override IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context)
    {
        var sums = context.Measure(part, MeasuredAtOnce, (batch, stream) =>
        {
            var log = _flow.LogProb(Noisy(batch.Inputs.to(context.Device), stream), batch.Targets!.to(context.Device));
            return [-log.to(ScalarType.Float64).sum().ToDouble(), log.size(0)];
        });
        return [("nats_per_dimension", sums.Sum(s => s[0]) / (sums.Sum(s => s[1]) * _dimensions))];
    }

    private Tensor Noisy(Tensor pictures, Generator generator)
        => (pictures * 2) - 1 + (randn(pictures.shape, generator: generator).to(pictures.device) * _options.Noise);
}
