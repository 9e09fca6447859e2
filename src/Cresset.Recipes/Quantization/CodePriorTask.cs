using System.Globalization;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Learns which maps of codes are likely, and draws new pictures: codes from the prior, pixels from the tokenizer's decoder.
/// </summary>
internal sealed class CodePriorTask : ITrainingTask, ILearnsFromData, IExportsGraphs
{
    private readonly Tokenizer _tokenizer;
    private readonly CodeModel _prior;
    private readonly CodePriorOptions _options;
    private readonly Lazy<TensorDataset> _train;
    private readonly Lazy<TensorDataset>? _validation;
    private readonly Lazy<TensorDataset> _test;
    private readonly CodeLayout _layout;

    /// <summary>Encodes the pictures with a trained tokenizer, which the task owns from then on.</summary>
    internal CodePriorTask(CodePriorOptions options, Tokenizer tokenizer, DataSplit data, int padding, ulong seed)
    {
        _options = options.ThrowIfInvalid();
        _tokenizer = tokenizer;
        _tokenizer.eval();
        Data = data;
        if (options.Guidance > 0 && data.Facts.Classes.Count == 0)
            throw new DataMismatchException(
                $"{data.Facts.Name} has no classes; model.guidance goes away from maps without one: set it to 0.");
        _layout = CodeLayout.Of(tokenizer, [.. data.Facts.Shape.Skip(1).Select(side => side + (2 * padding))], options.Factors);
        Lazy<TensorDataset> Codes(IDataset part)
        {
            var codes = new Lazy<TensorDataset>(() => Encode(PaddedPictures.Of(part, padding)));
            // A prior that only draws needs no codes of examples.
            if (!LateExamples.Are(data)) _ = codes.Value;
            return codes;
        }
        _train = Codes(data.Train);
        _validation = data.Validation is { } validation && data.Test is not null ? Codes(validation) : null;
        _test = Codes(data.Reported);
        using var generator = new Generator(seed);
        _prior = options.Build(_layout.Codes, data.Facts.Classes.Count, _layout.Height, _layout.Width, generator, _layout.Stages,
            _layout.Scales);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <summary>The prior in raster order; null for MaskGIT.</summary>
    public CodePrior? Prior => (_prior as RasterCodeModel)?.Prior;

    /// <summary>Class labels it is conditioned on; 0 for none.</summary>
    public int Classes => _prior.Classes;

    /// <summary>What the last draw cost: seconds, pictures and codes per second. Empty before the first.</summary>
    public IReadOnlyDictionary<string, double> LastDraw { get; private set; } = new Dictionary<string, double>();

    /// <summary>The tokenizer, in evaluation mode.</summary>
    public Tokenizer Tokenizer => _tokenizer;

    /// <inheritdoc/>
    public nn.Module Module => _prior.Module;

    /// <inheritdoc/>
    public IDataset TrainingData => _train.Value;

    /// <inheritdoc/>
    public HeadlineMetric Headline => new(_validation is null ? _prior.Metric : $"validation_{_prior.Metric}", HigherIsBetter: false);

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        return _prior.Loss(batch.Inputs, Labels(batch.Targets), step.Generator);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        var nats = Nats(_test.Value, context);
        if (_validation is not null) metrics[Headline.Name] = Nats(_validation.Value, context);
        metrics[_prior.Metric] = nats;
        if (_prior is not MaskedCodeModel)
        {
            metrics["bits_per_code"] = nats / Math.Log(2);
            metrics["bits_per_image"] = nats / Math.Log(2) * _layout.Height * _layout.Width;
        }
        metrics["raw_bits_per_image"] = BitPacking.BitsFor(_prior.CodebookSize) * (double)_layout.Height * _layout.Width;
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        yield return Draw(_prior.Classes == 0 ? 40 : 4, [], 1, (ulong)context.Step).Pictures[0];
    }

    /// <inheritdoc/>
    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs() => _prior.Graphs(_layout.Height, _layout.Width);

    /// <summary>New pictures.</summary>
    /// <param name="count">How many (of each class, when the prior has classes).</param>
    /// <param name="classes">Class numbers to draw; empty for all.</param>
    /// <param name="temperature">Temperature of the codes.</param>
    /// <param name="seed">Seed of the draw.</param>
    internal Drawing Draw(int count, IReadOnlyList<string> classes, double temperature, ulong seed)
    {
        using var scope = NewDisposeScope();
        long[]? labels = null;
        if (_prior.Classes > 0)
        {
            var chosen = classes.Count == 0 ? [.. Enumerable.Range(0, _prior.Classes).Select(c => (long)c)]
                : classes.Select(Class).ToArray();
            labels = [.. chosen.SelectMany(c => Enumerable.Repeat(c, count))];
        }
        else if (classes.Count > 0)
        {
            throw new ArgumentException("The prior was trained without classes (by_class: false): name none.");
        }
        var total = labels?.Length ?? count;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var codes = _prior.Sample(total, _layout.Height, _layout.Width, seed, labels is null ? null : tensor(labels),
            new() { Temperature = temperature, TopK = _options.TopK, TopP = _options.TopP });
        var seconds = clock.Elapsed.TotalSeconds;
        LastDraw = new Dictionary<string, double>
        {
            ["seconds"] = seconds,
            ["pictures_per_second"] = total / seconds,
            ["codes_per_second"] = total * (double)_layout.Height * _layout.Width / seconds
        };
        var pictures = _tokenizer.Decode(_layout.Split(codes)).contiguous();
        if (Data.Facts.Sound is { } sound)
            return new Drawing([Curves(pictures, sound)], pictures.MoveToOuterDisposeScope()) { Labels = Names(labels) };
        pictures = pictures.clamp(0, 1);
        var grid = ImageGrid.Render(pictures.data<float>().ToArray(), total, (int)pictures.size(1), (int)pictures.size(2),
            (int)pictures.size(3), new ImageGridOptions
            {
                Columns = labels is null ? 0 : count,
                Scale = pictures.size(2) < 16 ? 6 : 2,
                Title = string.Create(CultureInfo.InvariantCulture, $"{total} new pictures, temperature {temperature}"),
            });
        var picture = new TaskPicture("samples", grid.ToPng(),
            labels is null ? "Drawn from the prior." : "Drawn from the prior, one row per class.");
        return new Drawing([picture], pictures.MoveToOuterDisposeScope()) { Labels = Names(labels) };
    }

    private IReadOnlyList<string>? Names(long[]? labels)
        => labels is null ? null
            : [.. labels.Select(c => c < Data.Facts.Classes.Count ? Data.Facts.Classes[(int)c] : c.ToString(CultureInfo.InvariantCulture))];

    // A few milliseconds of the first sounds, one below the other.
    private static TaskPicture Curves(Tensor sounds, SoundFacts facts)
    {
        var count = (int)Math.Min(sounds.size(2), 1200);
        double[] times = [.. Enumerable.Range(0, count).Select(i => i * 1000.0 / facts.Rate)];
        var chart = new Chart(new ChartOptions { Title = "New sounds", XLabel = "milliseconds", YLabel = "samples, a sound a line" });
        for (var i = 0; i < Math.Min(4, sounds.size(0)); i++)
        {
            double[] line = [.. sounds[i, 0].narrow(0, 0, count).cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray()
                .Select(v => v - i)];
            chart.Line<double, double>(null, times, line, new LineOptions { Color = 0, Width = 1 });
        }
        return new TaskPicture("samples", chart.ToPng(), "Drawn from the prior.");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _prior.Dispose();
        _tokenizer.Dispose();
        foreach (var part in new[] { _train, _validation, _test })
            if (part is { IsValueCreated: true }) part.Value.Dispose();
        Data.Dispose();
    }

    private double Nats(TensorDataset part, EvaluationContext context)
    {
        return context.Measure(part, 512, Record).Sum(record => record[0]) / part.Count;

        double[] Record(Batch batch, Generator stream)
            => [_prior.Loss(batch.Inputs.to(context.Device), Labels(batch.Targets)?.to(context.Device), stream).ToDouble() * batch.Size];
    }

    private long Class(string text) =>
        Data.Facts.Classes.ToList().IndexOf(text) is >= 0 and var named ? named
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var c) && c < _prior.Classes
        ? c
        : throw new ArgumentException(
            $"\"{text}\" is not a class; allowed: 0 to {_prior.Classes - 1}, or {string.Join(", ", Data.Facts.Classes)}.");

    private Tensor? Labels(Tensor? targets) => _prior.Classes == 0 ? null : targets;

    private TensorDataset Encode(IDataset data)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        List<Tensor> parts = [], labels = [];
        foreach (var batch in Loader.Once(data, 256))
        {
            using var inner = NewDisposeScope();
            using var inputs = batch.Inputs;
            parts.Add(_layout.Join(_tokenizer.Encode(inputs)).MoveToOuterDisposeScope());
            if (batch.Targets is { } targets) labels.Add(targets);
        }
        return new TensorDataset(cat(parts), labels.Count == 0 ? null : cat(labels));
    }
}
