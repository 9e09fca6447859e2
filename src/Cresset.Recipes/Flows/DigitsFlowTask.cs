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
/// Maximum likelihood of the 8x8 digits (values 0 to 16), uniformly dequantized, in logit space: index mod 5 = 4 tests, index mod 10 = 3
/// chooses the checkpoint, the rest trains. Figures in bits per dimension; a mixture of ten Gaussians reaches 2.262.
/// </summary>
internal sealed class DigitsFlowTask : ITrainingTask, IExportsGraphs
{
    private const int Levels = 17, Pixels = 64, NoiseDraws = 6;
    private readonly DigitsFlowOptions _options;
    private readonly DensityModel _flow;
    private readonly LogitPreprocessing _logit = new();
    private readonly TensorDataset _train;
    private readonly Tensor _validation;
    private readonly Tensor _test;

    /// <summary>Builds flow and data.</summary>
    public DigitsFlowTask(DigitsFlowOptions options)
    {
        _options = options.ThrowIfInvalid();
        _flow = Flow(options);
        using var scope = NewDisposeScope();
        var (first, second) = ImageClassification.Digits();
        // The data comes scaled to [0, 1].
        var counts = Counts(cat([first.Inputs, second.Inputs]));
        var index = arange(counts.size(0));
        Tensor Rows(Tensor mask) => counts.index_select(0, mask.nonzero().flatten()).DetachFromDisposeScope();
        Tensor test = index.remainder(5) == 4, validation = index.remainder(10) == 3;
        _test = Rows(test);
        _validation = Rows(validation);
        _train = new TensorDataset(Rows((test | validation).logical_not()));
        first.Dispose();
        second.Dispose();
        using var noGrad = no_grad();
        if (_flow is Nice nice) nice.InitializeScale(Space(_train.Inputs, null).Values.flatten(1));
    }

    /// <inheritdoc/>
    public nn.Module Module => _flow;

    /// <inheritdoc/>
    public IDataset TrainingData => _train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; } = new("validation_bpd", HigherIsBetter: false);

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        return Bits(batch.Inputs, step.Generator);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        // The mean over draws of the noise between the grey levels.
        double Mean(Tensor counts) =>
            context.Share(NoiseDraws, (_, stream) => [Bits(counts.to(context.Device), stream).ToDouble()]).Average(b => b[0]);
        return new Dictionary<string, double> { ["validation_bpd"] = Mean(_validation), ["test_bpd"] = Mean(_test) };
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        const int columns = 12;
        List<Tensor> rows = [
            .. _options.Temperatures.Select(t => Images(_flow.Sample(columns, temperature: t, generator: context.Generator)))];
        yield return Grid("samples", cat(rows), columns, "Samples by temperature",
            [.. _options.Temperatures.Select(t => t.ToString("0.##", CultureInfo.InvariantCulture))]);
        yield return Interpolation(columns, context.Generator, context.Device);
    }

    /// <summary>New digits at one temperature, and paths between digits of the test part.</summary>
    internal Drawing Draw(int count, double temperature, Generator generator, Device device)
    {
        const int columns = 12;
        var images = Images(_flow.Sample(count, temperature: temperature, generator: generator));
        var title = string.Create(CultureInfo.InvariantCulture, $"{count} samples at temperature {temperature:0.##}");
        return new Drawing([Grid("samples", images, columns, title, null), Interpolation(columns, generator, device)],
            images.reshape(count, 1, 8, 8));
    }

    private TaskPicture Interpolation(int columns, Generator generator, Device device)
    {
        const int pairs = 6;
        Tensor Some(int start) => Space(_test.narrow(0, start, pairs).to(device), generator).Values;
        var between = _flow.Interpolate(Some(0), Some(40), columns);
        return Grid("interpolation", Images(between.transpose(0, 1).reshape(pairs * columns, Pixels)), columns,
            "Between two test digits, through the latent", null);
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs() => FlowExports.Of(_flow, _options.Flow.TakesPicturesOnly ? [1, 8, 8] : [Pixels]);

    /// <inheritdoc/>
    public void Dispose()
    {
        _flow.Dispose();
        _logit.Dispose();
        _train.Dispose();
        _validation.Dispose();
        _test.Dispose();
    }

    /// <summary>The flow without its weights.</summary>
    internal static DensityModel Flow(DigitsFlowOptions options) =>
        options.Flow.TakesPicturesOnly ? options.Flow.Build(1, 8, 8) : options.Flow.Build(Pixels);

    /// <summary>Grey levels [N, 64] of pictures in 0..1.</summary>
    internal static Tensor Counts(Tensor pictures) => (pictures.reshape(-1, Pixels) * (Levels - 1)).round();

    /// <summary>Bits per dimension of each digit, [N].</summary>
    internal static Tensor Bits(DensityModel flow, LogitPreprocessing logit, Tensor counts, Generator? generator)
    {
        var (x, log) = Space(flow, logit, counts, generator);
        return -(flow.LogProb(x) + log) / (Pixels * Math.Log(2)) + Math.Log2(Levels);
    }

    // The mean first: the order of these operations is that of documented figures.
    private Tensor Bits(Tensor counts, Generator generator)
    {
        var (x, log) = Space(counts, generator);
        return -(_flow.LogProb(x) + log).mean() / (Pixels * Math.Log(2)) + Math.Log2(Levels);
    }

    private (Tensor Values, Tensor LogAbsDet) Space(Tensor counts, Generator? generator) => Space(_flow, _logit, counts, generator);

    private static (Tensor Values, Tensor LogAbsDet) Space(DensityModel flow, LogitPreprocessing logit, Tensor counts, Generator? generator)
    {
        var (z, log) = logit.Forward(Dequantization.Uniform(counts, Levels, generator));
        return (flow.TakesPictures() ? z.reshape(-1, 1, 8, 8) : z, log);
    }

    private Tensor Images(Tensor logits) => _logit.Inverse(logits.cpu().reshape(-1, Pixels)).Output.clamp(0, 1);

    private static TaskPicture Grid(string tag, Tensor images, int columns, string title, string[]? rows)
        => new(tag,
            ImageGrid.Render(images.contiguous().to(ScalarType.Float32).data<float>().ToArray(), (int)images.size(0), 1, 8, 8,
                new ImageGridOptions { Columns = columns, Title = title, RowLabels = rows, Scale = 5 }).ToPng(), title);
}
