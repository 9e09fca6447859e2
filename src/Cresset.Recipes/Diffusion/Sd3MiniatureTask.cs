using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Teaches a <see cref="Miniature"/> to draw what a prompt names, by rectified flow.</summary>
public sealed class Sd3MiniatureTask : ITrainingTask, ILearnsFromData, IExportsGraphs
{
    private static readonly string[] Digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    private static readonly string[] Garments = ["tshirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot"];
    private static readonly string[] DigitPrompts = ["a handwritten {0}", "{0}", "the digit {0}", "a {0}"];
    private static readonly string[] GarmentPrompts = ["a photo of a {0}", "{0}", "a {0}", "the {0}"];

    // Small batches stay in the processor's cache.
    private const int DrawnAtOnce = 100, HeldAtOnce = 64;

    private readonly Sd3MiniatureOptions _options;
    private readonly TrainingTimes _times;
    private readonly DigitsJudge? _judge;
    private readonly Tensor _promptIds;
    private readonly string[] _names;
    private readonly string[] _prompts;

    /// <summary>Builds the model and takes the data over; initial weights follow <paramref name="seed"/>.</summary>
    public Sd3MiniatureTask(Sd3MiniatureOptions options, DataSplit data, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        _options = options.ThrowIfInvalid();
        Data = data;
        _times = new TrainingTimes(options.Times);
        var facts = data.Facts;
        if (facts.Shape[0] != 1 || facts.Shape[1] != facts.Shape[2] || facts.Shape[1] % options.PatchSize != 0)
        {
            throw new DataMismatchException($"{facts.Name}: pictures of {facts.Shape[2]}x{facts.Shape[1]} with {facts.Shape[0]} channels; the miniature draws square grey ones "
                + $"whose side {options.PatchSize} divides (data.channels=1 data.size=16).");
        }
        var isDigits = facts.Name == "digits";
        (_names, _prompts) = isDigits || facts.Name == "fashion" ? Wordings(isDigits) : ([.. facts.Captions!], ["{0}"]);
        using var generator = new Generator(seed);
        Model = new Miniature(new MiniatureOptions
        {
            PictureSize = (int)facts.Shape[1],
            PatchSize = options.PatchSize,
            Width = options.Width,
            Heads = options.Heads,
            Layers = options.Layers,
            TextWidth = options.TextWidth,
        }, TokenizerFor(_names, _prompts), generator);
        using var scope = NewDisposeScope();
        if (isDigits) _judge = new DigitsJudge();
        _promptIds = Model.Encode(_names.SelectMany(name => _prompts.Select(p => Wording(p, name)))).DetachFromDisposeScope();
        Headline = isDigits ? new HeadlineMetric("accepted", HigherIsBetter: true) : new HeadlineMetric("loss", HigherIsBetter: false);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <summary>The model's sizes, and how it draws.</summary>
    internal Sd3MiniatureOptions Options => _options;

    /// <summary>The model.</summary>
    public Miniature Model { get; }

    /// <inheritdoc/>
    public nn.Module Module => Model;

    /// <inheritdoc/>
    public IDataset TrainingData => Data.Train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        return LossOf(batch.Inputs, batch.Targets!, step.Generator, _options.PromptDropout);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        var held = Data.Choosing.Spread(512);
        var parts = (int)((held.Size + HeldAtOnce - 1) / HeldAtOnce);
        double[] Losses(int part, Generator stream)
        {
            var (start, count) = (part * (long)HeldAtOnce, Math.Min(HeldAtOnce, held.Size - (part * (long)HeldAtOnce)));
            return [LossOf(held.Inputs.narrow(0, start, count), held.Targets!.narrow(0, start, count), stream, 0).ToDouble() * count];
        }
        var metrics = new Dictionary<string, double> { ["loss"] = context.Share(parts, Losses).Sum(l => l[0]) / held.Size };
        if (_judge is null) return metrics;
        var draws = context.IsFinal ? _options.FinalDraws : 100;
        string[][] prompts = [.. Enumerable.Range(0, draws).Select(i => Prompt(i % 10)).Chunk(DrawnAtOnce)];
        double[] Drawn(int part, Generator stream) => [.. Draw(prompts[part], stream, context.Cancellation).contiguous().data<float>().Select(v => (double)v)];
        float[] pixels = [.. context.Share(prompts.Length, Drawn).SelectMany(p => p).Select(v => (float)v)];
        var side = Model.Options.PictureSize;
        var pictures = tensor(pixels).reshape(draws, 1, side, side);
        var (accepted, distance) = _judge.Score(pictures, arange(draws, ScalarType.Int64).remainder(10));
        metrics["accepted"] = accepted;
        if (!context.IsFinal) return metrics;
        metrics["distance"] = distance;
        metrics["novelty"] = Novelty(pictures);
        return metrics;
    }

    /// <inheritdoc/>
    public IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var pictures = Draw([.. _names.Take(10).SelectMany(name => Enumerable.Repeat(Wording(_prompts[0], name), 10))], context.Generator, context.Cancellation);
        return [Grid(pictures, 10, [.. _names.Take(10)], null, $"Drawn from words after {context.Step} steps")];
    }

    /// <summary>Draws prompts into one picture: a row a prompt.</summary>
    public Drawing Draw(IReadOnlyList<string> prompts, int each, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        foreach (var prompt in prompts)
        {
            Model.Tokenizer.Encode(prompt, out var unknown);
            var words = prompt.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length;
            if (words > Model.Tokenizer.ContextLength - 2) throw new ArgumentException($"The prompt \"{prompt}\" has {words} words; the miniature reads at most {Model.Tokenizer.ContextLength - 2}. Ask for example for \"{Prompt(7)}\".", nameof(prompts));
            if (unknown.Count > 0) throw new ArgumentException($"The miniature does not know the word \"{unknown[0]}\".{NearestName.Suggest(unknown[0], Model.Tokenizer.Words)} It knows: {string.Join(", ", Model.Tokenizer.Words)}.", nameof(prompts));
        }
        string[] asked = [.. prompts.SelectMany(p => Enumerable.Repeat(p, each))];
        var pictures = Draw(asked, generator, CancellationToken.None);
        return new Drawing([Grid(pictures, each, prompts, null, "")], pictures) { Labels = asked };
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        using var generator = new Generator(0);
        var side = Model.Options.PictureSize;
        var (state, time) = (randn([2, 1, side, side], generator: generator), rand(2, generator: generator));
        var prompts = _promptIds.narrow(0, 0, 2);
        return
        [
            new("", Model, x => [Model.call(x[0], x[1], x[2])], [state, time, prompts], ["state", "time", "prompt"], ["velocity"])
            {
                Metadata = new Dictionary<string, string> { ["input"] = "state, time in 0..1 (1 is noise), ids of the prompt's words; the picture at time 0 solves dx/dt = velocity backwards" },
            },
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        Data.Dispose();
        _judge?.Dispose();
        _promptIds.Dispose();
    }

    /// <summary>The words that stand for the ten classes.</summary>
    public IReadOnlyList<string> Names => _names;

    /// <summary>Names of the classes, and the ways to ask for one.</summary>
    internal static (string[] Names, string[] Prompts) Wordings(bool isDigits) => isDigits ? (Digits, DigitPrompts) : (Garments, GarmentPrompts);

    /// <summary>The words of all prompts; room for start, end and every word of the longest, since a cut prompt would lose its noun.</summary>
    internal static WordTokenizer TokenizerFor(string[] names, string[] prompts)
    {
        string[] known = ["a", "the", "handwritten", "digit", "photo", "of"];
        var words = known.Concat(names.SelectMany(WordTokenizer.WordsOf)).Distinct();
        var longest = prompts.Max(p => names.Max(n => WordTokenizer.WordsOf(Wording(p, n)).Count));
        return new([.. words], Math.Max(new MiniatureOptions().ContextLength, longest + 2));
    }

    private string Prompt(int digit) => Wording(_prompts[0], _names[digit]);

    private static string Wording(string prompt, string name) => prompt.Replace("{0}", name, StringComparison.Ordinal);

    private Tensor LossOf(Tensor pictures, Tensor labels, Generator generator, double dropout)
    {
        using var scope = NewDisposeScope();
        // Each picture gets one of the ways to ask for it.
        var wording = randint(0, _prompts.Length, [labels.size(0)], dtype: ScalarType.Int64, generator: generator);
        var ids = _promptIds.index_select(0, (labels * _prompts.Length) + wording);
        return Model.Loss((pictures * 2) - 1, ids, dropout, _times, generator).MoveToOuterDisposeScope();
    }

    private Tensor Draw(IReadOnlyList<string> prompts, Generator generator, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var parts = prompts.Chunk(DrawnAtOnce).Select(part =>
        {
            cancellation.ThrowIfCancellationRequested();
            return Model.Sample(part, _options.DrawSteps, _options.Guidance, generator, sampler: _options.Sampler);
        }).ToArray();
        return cat(parts).add_(1).div_(2).clamp_(0, 1).MoveToOuterDisposeScope();
    }

    // Distance to the nearest training picture, against that of real pictures to each other: near 0 would be copies, 1 is as different as they are.
    private double Novelty(Tensor pictures)
    {
        var real = Data.Train.Take(1797).Inputs.flatten(1);
        var count = real.size(0);
        var drawn = cdist(pictures.flatten(1), real).amin([1]).mean();
        var among = (cdist(real, real) + (eye(count) * 1e6)).amin([1]).mean();
        return (drawn / among).item<float>();
    }

    private TaskPicture Grid(Tensor pictures, int columns, IReadOnlyList<string>? rows, IReadOnlyList<string>? captions, string title)
    {
        int side = Model.Options.PictureSize, count = (int)pictures.size(0);
        var grid = ImageGrid.Render(pictures.contiguous().data<float>().ToArray(), count, 1, side, side, new ImageGridOptions { Columns = columns, Scale = side == 8 ? 6 : 2, RowLabels = rows, Captions = captions, Title = title });
        return new TaskPicture("samples", grid.ToPng(), "One row a word.");
    }
}
