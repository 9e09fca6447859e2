using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cresset.Data;
using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Transformer flows, flow matching with and without transport, and diffusion on the same pictures: bits per dimension, what a classifier
/// says of drawn pictures, by evaluations and seconds, as one table (comparison.md) and one picture.
/// </summary>
[Part("picture-comparison")]
internal sealed class PictureComparisonJob : StudyJob<PictureComparisonOptions, PictureComparisonJob.Row>
{
    private const int DrawnAtOnce = 100, Shown = 30;
    private static readonly string[] Names = ["TarFlow over uniform noise", "TarFlow over Gaussian noise", "flow matching",
        "OT flow matching", "diffusion"];

    /// <inheritdoc/>
    public override string Name => "picture-comparison";

    /// <inheritdoc/>
    public override string Summary => "Normalizing flow, flow matching and diffusion on the same pictures: one table, one figure.";

    internal override bool ComputesInLibtorch => true;

    /// <inheritdoc/>
    protected override string Section => "study";

    /// <inheritdoc/>
    protected override string CellWord => "model";

    /// <inheritdoc/>
    protected override IReadOnlyList<string> Cells(PictureComparisonOptions options) => Names;

    /// <inheritdoc/>
    protected override Row Measure(PictureComparisonOptions options, StudyCell<Row> cell)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cell);
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)((options.Seed * 100) + cell.Index + 1));
        using var data = options.Data.Open(new DataUse(TargetKind.Class, NeedsPictures: true));
        cell.LearnsFrom(data);
        var facts = data.Facts;
        var held = data.Reported.Spread(2000);
        using var judge = new LearnedJudge(data.Train, held, facts.Classes.Count, options.JudgeSteps, (ulong)options.Seed,
            cell.Cancellation);
        using var contender = Make(options, cell.Index, facts);
        var module = contender.Module;
        Initialize(module, generator);
        var watch = Environment.CpuUsage.TotalTime;
        Train(contender, data.Train, options, generator, cell);
        var seconds = (Environment.CpuUsage.TotalTime - watch).TotalSeconds;
        module.eval();
        using var quiet = no_grad();
        var labels = arange(options.Samples, ScalarType.Int64).remainder(facts.Classes.Count);
        List<Point> points = [];
        byte[] pictures = [];
        foreach (var (sampler, evaluations, draw) in contender.Samplers())
        {
            var clock = Stopwatch.StartNew();
            var drawn = cat([.. labels.split(DrawnAtOnce).Select(part =>
            {
                cell.Cancellation.ThrowIfCancellationRequested();
                using var round = NewDisposeScope();
                return draw(part, generator).MoveToOuterDisposeScope();
            })]);
            var perHundred = clock.Elapsed.TotalSeconds * 100 / options.Samples;
            var (accepted, distance) = judge.Score(drawn, labels);
            points.Add(new Point(sampler, evaluations, perHundred, accepted, distance));
            pictures =
                [.. (drawn.narrow(0, 0, Math.Min(Shown, drawn.size(0))) * 255).round().contiguous().data<float>().Select(v => (byte)v)];
        }
        var asked = data.Reported.Spread(options.LikelihoodPictures);
        var likelihood = contender.Likelihood(asked.Inputs, asked.Targets!, generator);
        var row = new Row(cell.Name, module.parameters().Sum(p => p.numel()), contender.Steps, seconds, likelihood?.Bits,
            likelihood?.Evaluations ?? 0, judge.Accuracy, points, pictures, [.. facts.Shape]);
        cell.Scalar($"distance/{row.Name}", 0, points.Min(p => p.Distance));
        cell.Notice(
            string.Create(CultureInfo.InvariantCulture,
                $"{row.Name}: distance {points.Min(p => p.Distance):0.00}, accepted {points.Max(p => p.Accepted):0.000}, {seconds:0} s"));
        return row;
    }

    private static PictureContender Make(PictureComparisonOptions o, int index, DataFacts facts)
    {
        long[] shape = [.. facts.Shape];
        var classes = facts.Classes.Count;
        if (shape[1] % o.Patch != 0 || shape[2] % o.Patch != 0 || shape[1] % 2 != 0 || shape[2] % 2 != 0)
        {
            throw new DataMismatchException(
                $"{facts.Name}: pictures of {shape[2]}x{shape[1]}; the comparison takes even sides that the patch of {o.Patch} divides "
                    + $"(study.patch, study.data.size).");
        }
        TarFlow Flow(int inner, int bins) => new(new TarFlowOptions
        {
            Channels = (int)shape[0],
            Size = (int)shape[1],
            Columns = (int)shape[2],
            Patch = o.Patch,
            Width = o.FlowWidth,
            Classes = classes,
            Blocks = bins > 0 ? 2 : 4,
            Layers = bins > 0 ? 4 : 2,
            Inner = inner,
            Bins = bins,
        });
        PictureField Field() => new((int)shape[0], classes, o.Width);
        return index switch
        {
            0 => new TarFlowContender(Flow(64, 8), o.FlowSteps, 0, o.Guidance),
            1 => new TarFlowContender(Flow(0, 0), o.FlowSteps, 0.1, o.Guidance),
            2 => new PictureMatchingContender(Field(), o.RegressionSteps, transport: false, o.Guidance, shape),
            3 => new PictureMatchingContender(Field(), o.RegressionSteps, transport: true, o.Guidance, shape),
            _ => new PictureDiffusionContender(Field(), o.RegressionSteps, o.Guidance, shape),
        };
    }

    // A flow starts as the identity, which a draw of all weights would undo.
    private static void Initialize(nn.Module module, Generator generator)
    {
        if (module is not TarFlow)
        {
            Cresset.Tensors.Initialize.Reset(module, generator);
            return;
        }
        using var noGrad = no_grad();
        foreach (var (name, parameter) in module.named_parameters())
        {
            if (name.Contains(".blocks.", StringComparison.Ordinal) && parameter.dim() == 2)
                Cresset.Tensors.Initialize.XavierUniform(parameter, 1, generator);
            else if (name.EndsWith(".token.weight", StringComparison.Ordinal))
                Cresset.Tensors.Initialize.XavierUniform(parameter, 1, generator);
            else if (name.EndsWith(".positions", StringComparison.Ordinal) || name.EndsWith(".start", StringComparison.Ordinal)
                || name.EndsWith(".classes.weight", StringComparison.Ordinal))
                Cresset.Tensors.Initialize.Normal(parameter, 0, 0.02, generator);
            else if (name.Contains(".inner.0.weight", StringComparison.Ordinal))
                Cresset.Tensors.Initialize.XavierUniform(parameter, 1, generator);
            else if ((name.Contains(".blocks.", StringComparison.Ordinal) && name.EndsWith(".bias", StringComparison.Ordinal))
                || name.EndsWith(".token.bias", StringComparison.Ordinal) || name.EndsWith(".inner.0.bias", StringComparison.Ordinal))
                parameter.zero_();
        }
    }

    private static void Train(PictureContender contender, IDataset train, PictureComparisonOptions options, Generator generator,
        StudyCell<Row> cell)
    {
        using var optimizer = new Optimizer(contender.Module, new AdamRule { LearningRate = options.LearningRate });
        var schedule = new Scheduler(optimizer, new CosineSchedule { Steps = contender.Steps });
        for (var step = 0; step < contender.Steps; step++)
        {
            cell.Cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var batch = PictureBatches.Draw(train, options.BatchSize, generator);
            optimizer.ZeroGrad();
            var loss = contender.Loss(batch.Inputs, batch.Targets!, generator);
            loss.backward();
            optimizer.Step(GradientClipping.Norm(1));
            schedule.Step();
            if (step % 50 == 0) cell.Scalar($"loss/{cell.Name}", step, loss.ToDouble());
        }
    }

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, PictureComparisonOptions options, IReadOnlyList<Row> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(cells);
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture,
            $"The judge knows the class of {cells[0].JudgeAccuracy:0.000} of held-out pictures. Distance: Frechet, of its features; "
                + $"accepted: pictures of the class asked for.");
        text.AppendLine()
            .AppendLine(
                "| model | parameters | training steps | processor s | bits/dim (evaluations) | distance, accepted (evaluations per "
                    + "picture, seconds per hundred) |");
        text.AppendLine("| --- | --- | --- | --- | --- | --- |");
        foreach (var r in cells)
        {
            var bits = r.Bits is { } b ? string.Create(CultureInfo.InvariantCulture, $"{b:0.000} ({r.LikelihoodEvaluations})") : "-";
            var quality = string.Join("; ",
                r.Points.Select(
                    p => string.Create(CultureInfo.InvariantCulture,
                        $"{p.Distance:0.00}, {p.Accepted:0.000} ({p.Sampler}, {p.Evaluations}, {p.Seconds:0.0})")));
            text.AppendLine(CultureInfo.InvariantCulture,
                $"| {r.Name} | {r.Parameters} | {r.Steps} | {r.Seconds:0} | {bits} | {quality} |");
        }
        AtomicFile.WriteText(Path.Combine(context.Folder, "comparison.md"), text.ToString());
        context.Recorder.Text("comparison", 0, text.ToString());
        var shape = cells[0].Shape;
        float[] pixels = [.. cells.SelectMany(r => r.Pictures.Select(p => p / 255f))];
        var columns = (int)(cells[0].Pictures.Length / (shape[0] * shape[1] * shape[2]));
        var png = ImageGrid.Render(pixels, columns * cells.Count, (int)shape[0], (int)shape[1], (int)shape[2],
            new ImageGridOptions { Columns = columns, RowLabels = [.. cells.Select(r => r.Name)], Scale = shape[1] < 16 ? 4 : 1 }).ToPng();
        var path = context.Recorder.Picture("comparison", 0, png, "Pictures of each model, class after class, at its last setting.");
        var metrics = new Dictionary<string, double> { ["best_distance"] = cells.Min(r => r.Points.Min(p => p.Distance)) };
        foreach (var r in cells)
        {
            metrics[$"distance/{r.Name}"] = r.Points.Min(p => p.Distance);
            metrics[$"accepted/{r.Name}"] = r.Points.Max(p => p.Accepted);
            if (r.Bits is { } b) metrics[$"bits/{r.Name}"] = b;
        }
        return new JobOutcome(true, metrics, path is null ? [] : [path]) { Table = text.ToString() };
    }

    /// <summary>One way of drawing.</summary>
    /// <param name="Sampler">Its name.</param>
    /// <param name="Evaluations">Evaluations of the network a picture.</param>
    /// <param name="Seconds">Seconds for a hundred pictures.</param>
    /// <param name="Accepted">Share of pictures judged to be of the class asked for.</param>
    /// <param name="Distance">Distance of the judge's features to those of held-out pictures.</param>
    public sealed record Point(string Sampler, long Evaluations, double Seconds, double Accepted, double Distance);

    /// <summary>One model.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Parameters">Parameters.</param>
    /// <param name="Steps">Training steps.</param>
    /// <param name="Seconds">Processor seconds of training.</param>
    /// <param name="Bits">Bits per dimension of held-out pictures; null where the model has no density of them.</param>
    /// <param name="LikelihoodEvaluations">Evaluations they cost.</param>
    /// <param name="JudgeAccuracy">Share of held-out pictures whose class the judge knows.</param>
    /// <param name="Points">Ways of drawing.</param>
    /// <param name="Pictures">Some pictures of the last way, as bytes.</param>
    /// <param name="Shape">C, H and W.</param>
    public sealed record Row(
        string Name, long Parameters, int Steps, double Seconds, double? Bits, long LikelihoodEvaluations, double JudgeAccuracy,
        List<Point> Points, byte[] Pictures, long[] Shape);
}
