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
    private readonly PriorWords? _words;
    private readonly PictureJudge? _judge;

    /// <summary>Encodes the pictures with a trained tokenizer, which the task owns from then on.</summary>
    internal CodePriorTask(CodePriorOptions options, Tokenizer tokenizer, DataSplit data, int padding, ulong seed)
    {
        _options = options.ThrowIfInvalid();
        _tokenizer = tokenizer;
        _tokenizer.eval();
        Data = data;
        if (options.Condition.IsText)
        {
            _words = PriorWords.Of(data.Facts);
            _judge = PictureJudge.Of(data.Facts);
        }
        if (options.Guidance > 0 && options.Condition.IsClass && data.Facts.Classes.Count == 0)
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
            _layout.Scales, _words?.Tokenizer);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <summary>The prior in raster order; null for MaskGIT.</summary>
    public CodePrior? Prior => (_prior as RasterCodeModel)?.Prior;

    /// <summary>Class labels it is conditioned on; 0 for none.</summary>
    public int Classes => _prior.Classes;

    /// <summary>Whether it is told a class or a caption.</summary>
    public bool IsConditional => _prior.IsConditional;

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
        return _prior.Loss(batch.Inputs, Condition(batch.Targets, step.Generator), step.Generator);
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
        if (_judge is not null && context.IsFinal)
        {
            var (accepted, distance) = Obeyed(_judge);
            (metrics["accepted"], metrics["distance"]) = (accepted, distance);
        }
        metrics["raw_bits_per_image"] = BitPacking.BitsFor(_prior.CodebookSize) * (double)_layout.Height * _layout.Width;
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        yield return Draw(_prior.IsConditional ? 4 : 40, [], 1, (ulong)context.Step).Pictures[0];
    }

    /// <inheritdoc/>
    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        var graphs = _prior.Graphs(_layout.Height, _layout.Width);
        return _words is null ? graphs
            : [.. graphs.Select(g => g with { Metadata = new Dictionary<string, string>(g.Metadata) { ["words"] = _words.Meaning } })];
    }

    /// <summary>New pictures.</summary>
    /// <param name="count">How many (of each class or prompt, when the prior is told one).</param>
    /// <param name="asked">Classes or prompts; empty for all classes, or for the first prompts that it learned from.</param>
    /// <param name="temperature">Temperature of the codes.</param>
    /// <param name="seed">Seed of the draw.</param>
    /// <param name="guidance">How far to go beyond the condition; null for the recipe's guidance.</param>
    internal Drawing Draw(int count, IReadOnlyList<string> asked, double temperature, ulong seed, double? guidance = null)
    {
        using var scope = NewDisposeScope();
        CheckGuidance(guidance);
        var (condition, names, rows) = Asked(count, asked);
        var total = names?.Count ?? count;
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var codes = _prior.Sample(total, _layout.Height, _layout.Width, seed, condition,
            new() { Temperature = temperature, TopK = _options.TopK, TopP = _options.TopP }, guidance: guidance);
        var seconds = clock.Elapsed.TotalSeconds;
        LastDraw = new Dictionary<string, double>
        {
            ["seconds"] = seconds,
            ["pictures_per_second"] = total / seconds,
            ["codes_per_second"] = total * (double)_layout.Height * _layout.Width / seconds
        };
        var pictures = _tokenizer.Decode(_layout.Split(codes)).contiguous();
        if (Data.Facts.Sound is { } sound)
            return new Drawing([Curves(pictures, sound)], pictures.MoveToOuterDisposeScope()) { Labels = names };
        pictures = pictures.clamp(0, 1);
        var grid = ImageGrid.Render(pictures.data<float>().ToArray(), total, (int)pictures.size(1), (int)pictures.size(2),
            (int)pictures.size(3), new ImageGridOptions
            {
                Columns = names is null ? 0 : count,
                Scale = pictures.size(2) < 16 ? 6 : 2,
                RowLabels = rows,
                Title = string.Create(CultureInfo.InvariantCulture, $"{total} new pictures, temperature {temperature}"),
            });
        var picture = new TaskPicture("samples", grid.ToPng(), names is null ? "Drawn from the prior."
            : _words is null ? "Drawn from the prior, one row per class." : "Drawn from the prior, one row per prompt.");
        return new Drawing([picture], pictures.MoveToOuterDisposeScope()) { Labels = names };
    }

    private void CheckGuidance(double? guidance)
    {
        if (guidance is not { } wanted) return;
        if (!(wanted >= 0) || double.IsInfinity(wanted))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"--guidance is {wanted}; allowed: 0 (none) or more."));
        if (wanted > 0 && (!_prior.IsConditional || _options.Condition.Hidden == 0))
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"--guidance is {wanted}; this prior ")
                + (_prior.IsConditional ? "never saw pictures of which it was told nothing (model.condition.dropout is 0)"
                    : "is told nothing of a picture") + ", and has nothing to go away from: leave it out.");
    }

    // Conditions of the pictures, the name of each, and what stands beside the rows of the drawing.
    private (Tensor? Condition, IReadOnlyList<string>? Names, IReadOnlyList<string>? Rows) Asked(int count, IReadOnlyList<string> asked)
    {
        if (_words is not null)
        {
            var prompts = asked.Count == 0 ? _words.First : asked;
            return (_words.Ids(prompts).repeat_interleave(count, 0), [.. prompts.SelectMany(p => Enumerable.Repeat(p, count))], prompts);
        }
        if (_prior.Classes == 0 && asked.Count > 0)
            throw new ArgumentException(
                $"The prior is told nothing of a picture (model.condition: none), and \"{asked[0]}\" was asked for: name none.");
        if (_prior.Classes == 0) return (null, null, null);
        long[] chosen = asked.Count == 0 ? [.. Enumerable.Range(0, _prior.Classes).Select(c => (long)c)] : [.. asked.Select(Class)];
        long[] labels = [.. chosen.SelectMany(c => Enumerable.Repeat(c, count))];
        return (tensor(labels), [.. labels.Select(c => c < Data.Facts.Classes.Count ? Data.Facts.Classes[(int)c]
            : c.ToString(CultureInfo.InvariantCulture))], null);
    }

    // Of drawings for each name, the share that a classifier of the real pictures reads as what was asked for, and how far they lie from
    // the real ones.
    private (double Accepted, double Distance) Obeyed(PictureJudge judge)
    {
        const int Each = 60;
        using var scope = NewDisposeScope();
        var names = _words!.Names;
        var pictures = Draw(Each, [.. Enumerable.Range(0, names.Count).Select(_words.Prompt)], 1, 1).Values!;
        return judge.Score(pictures, arange(names.Count, ScalarType.Int64).repeat_interleave(Each));
    }

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
        _words?.Dispose();
        _judge?.Dispose();
        foreach (var part in new[] { _train, _validation, _test })
            if (part is { IsValueCreated: true }) part.Value.Dispose();
        Data.Dispose();
    }

    private double Nats(TensorDataset part, EvaluationContext context)
    {
        return context.Measure(part, 512, Record).Sum(record => record[0]) / part.Count;

        double[] Record(Batch batch, Generator stream)
            => [_prior.Loss(batch.Inputs.to(context.Device), Condition(batch.Targets, null)?.to(context.Device), stream).ToDouble()
                * batch.Size];
    }

    private long Class(string text) =>
        Data.Facts.Classes.ToList().IndexOf(text) is >= 0 and var named ? named
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var c) && c < _prior.Classes
        ? c
        : throw new ArgumentException(
            $"\"{text}\" is not a class, and this prior is told classes, not words (model.condition); allowed: 0 to {_prior.Classes - 1}, "
                + $"or {string.Join(", ", Data.Facts.Classes)}.");

    // Captions in one of their wordings, drawn where there is a stream, else the first.
    private Tensor? Condition(Tensor? targets, Generator? generator)
        => _words is not null ? _words.Ids(targets!, generator) : _prior.Classes == 0 ? null : targets;

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
