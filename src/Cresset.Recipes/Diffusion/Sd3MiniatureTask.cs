using System.Globalization;
using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Teaches a <see cref="Miniature"/> to draw what a prompt names, by rectified flow.</summary>
internal sealed class Sd3MiniatureTask : ITrainingTask, ILearnsFromData, IExportsGraphs
{
    // Small batches stay in the processor's cache.
    private const int DrawnAtOnce = 100, HeldAtOnce = 64, EncodedAtOnce = 100;

    private readonly Sd3MiniatureOptions _options;
    private readonly TrainingTimes _times;
    private readonly PictureJudge? _judge;
    private readonly Tensor _promptIds;
    private readonly MiniatureWords _words;
    private TensorDataset? _latents;

    /// <summary>Builds the model and takes the data over; initial weights follow <paramref name="seed"/>.</summary>
    public Sd3MiniatureTask(Sd3MiniatureOptions options, DataSplit data, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(data);
        _options = options.ThrowIfInvalid();
        Data = data;
        _times = new TrainingTimes(options.Times);
        var facts = data.Facts;
        if (facts.Shape[0] != 1 || facts.Shape[1] != facts.Shape[2]
            || (options.Autoencoder.Length == 0 && facts.Shape[1] % options.PatchSize != 0))
        {
            throw new DataMismatchException(
                $"{facts.Name}: pictures of {facts.Shape[2]}x{facts.Shape[1]} with {facts.Shape[0]} channels; the miniature draws square "
                    + $"grey ones whose side {options.PatchSize} divides (data.channels=1 data.size=16).");
        }
        _words = MiniatureWords.Of(facts, options.Encoders);
        Side = (int)facts.Shape[1];
        using var generator = new Generator(seed);
        var autoencoder = options.Autoencoder switch { "" => null, "garments" => VaeFolder.Garments(), var path => VaeFolder.Load(path) };
        try
        {
            // Latents are cut into whole patches: a border goes around pictures whose side does not divide, and is cut off what is drawn.
            var unit = options.PatchSize * (autoencoder?.Options.Downscale ?? 1);
            Model = new Miniature(new MiniatureOptions
            {
                PictureSize = (Side + unit - 1) / unit * unit,
                PatchSize = options.PatchSize,
                Width = options.Width,
                Heads = options.Heads,
                Layers = options.Layers,
                Encoders = options.Encoders,
                TextWidth = options.TextWidth,
            }, _words.Tokenizer, generator, autoencoder);
        }
        catch
        {
            autoencoder?.Dispose();
            throw;
        }
        using var scope = NewDisposeScope();
        // Runs of the first versions over garments have no judge: their best checkpoint was chosen by the loss.
        _judge = facts.Name == "fashion" && options.Encoders == MiniatureEncoders.Clip ? null : PictureJudge.Of(facts);
        _promptIds = Model.Encode(_words.All).DetachFromDisposeScope();
        Headline = _judge is null ? new HeadlineMetric("loss", HigherIsBetter: false)
            : new HeadlineMetric("accepted", HigherIsBetter: true);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <summary>The model's sizes, and how it draws.</summary>
    internal Sd3MiniatureOptions Options => _options;

    /// <summary>The model.</summary>
    public Miniature Model { get; }

    /// <summary>Side of the pictures.</summary>
    internal int Side { get; }

    /// <inheritdoc/>
    public nn.Module Module => Model;

    /// <inheritdoc/>
    public IDataset TrainingData => Model.Autoencoder is null ? Data.Train : _latents ??= EncodeAll(Data.Train);

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        using var scope = NewDisposeScope();
        var latents = Model.Autoencoder is null ? (batch.Inputs * 2) - 1 : batch.Inputs;
        return LossOf(latents, batch.Targets!, step.Generator, _options.PromptDropout).MoveToOuterDisposeScope();
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
            return [LossOf(LatentsOf(held.Inputs.narrow(0, start, count)), held.Targets!.narrow(0, start, count), stream, 0).ToDouble()
                * count];
        }
        var metrics = new Dictionary<string, double> { ["loss"] = context.Share(parts, Losses).Sum(l => l[0]) / held.Size };
        if (_judge is null) return metrics;
        var draws = context.IsFinal ? _options.FinalDraws : 100;
        var classes = _words.Names.Count;
        string[][] prompts = [.. Enumerable.Range(0, draws).Select(i => _words.Prompt(i % classes)).Chunk(DrawnAtOnce)];
        double[] Drawn(int part, Generator stream) =>
            [.. Draw(prompts[part], stream, context.Cancellation).contiguous().data<float>().Select(v => (double)v)];
        float[] pixels = [.. context.Share(prompts.Length, Drawn).SelectMany(p => p).Select(v => (float)v)];
        var pictures = tensor(pixels).reshape(draws, 1, Side, Side);
        var (accepted, distance) = _judge.Score(pictures, arange(draws, ScalarType.Int64).remainder(classes));
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
        var shown = Math.Min(10, _words.Names.Count);
        var pictures = Draw([.. Enumerable.Range(0, shown).SelectMany(i => Enumerable.Repeat(_words.Prompt(i), 10))], context.Generator,
            context.Cancellation);
        return [Grid(pictures, 10, [.. Enumerable.Range(0, shown).Select(_words.Label)], null,
            $"Drawn from words after {context.Step} steps")];
    }

    /// <summary>Draws prompts into one picture: one row per prompt.</summary>
    public Drawing Draw(IReadOnlyList<string> prompts, int each, Generator generator, double? guidance = null)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        foreach (var prompt in prompts) _words.Check(prompt, "miniature");
        if (guidance is { } wanted && !(wanted >= 1 && double.IsFinite(wanted)))
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"--guidance is {wanted}; allowed: 1 (the plain model) or more."),
                nameof(guidance));
        string[] asked = [.. prompts.SelectMany(p => Enumerable.Repeat(p, each))];
        var pictures = Draw(asked, generator, CancellationToken.None, guidance);
        return new Drawing([Grid(pictures, each, prompts, null, "")], pictures) { Labels = asked };
    }

    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        using var generator = new Generator(0);
        var latents = Model.Autoencoder?.Options;
        var side = Model.Options.PictureSize / (latents?.Downscale ?? 1);
        var (state, time) = (randn([2, latents?.LatentChannels ?? 1, side, side], generator: generator), rand(2, generator: generator));
        var prompts = _promptIds.narrow(0, 0, 2);
        return
        [
            new("", Model, x => [Model.call(x[0], x[1], x[2])], [state, time, prompts], ["state", "time", "prompt"], ["velocity"])
            {
                Metadata =
                    new Dictionary<string, string> { ["input"] =
                        "state, time in 0..1 (1 is noise), ids of the prompt's words; what solves dx/dt = velocity down to time 0 is the "
                            + "picture, or its latent" },
            },
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        _latents?.Dispose();
        Data.Dispose();
        _judge?.Dispose();
        _promptIds.Dispose();
    }

    /// <summary>The words that stand for the classes.</summary>
    public IReadOnlyList<string> Names => _words.Names;

    /// <summary>A picture without the border that its patches needed, [N, 1, S, S].</summary>
    internal Tensor Cropped(Tensor pictures)
    {
        var before = (Model.Options.PictureSize - Side) / 2;
        return before == 0 && Model.Options.PictureSize == Side ? pictures : pictures.narrow(2, before, Side).narrow(3, before, Side);
    }

    // [N, 1, S, S] in 0..1 as the transformer sees them.
    private Tensor LatentsOf(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        int border = Model.Options.PictureSize - Side, before = border / 2;
        var whole = border == 0 ? pictures : nn.functional.pad(pictures, [before, border - before, before, border - before]);
        return Model.Latents((whole * 2) - 1).MoveToOuterDisposeScope();
    }

    // Once, before training: the autoencoder is finished, so a picture's latent never changes.
    private TensorDataset EncodeAll(IDataset pictures)
    {
        using var scope = NewDisposeScope();
        var (latents, labels) = (new List<Tensor>(), new List<Tensor>());
        foreach (var part in Enumerable.Range(0, pictures.Count).Chunk(EncodedAtOnce))
        {
            using var inner = NewDisposeScope();
            var batch = pictures.Prepare(new BatchRequest(part, 0, 0)).ToBatch();
            latents.Add(LatentsOf(batch.Inputs).MoveToOuterDisposeScope());
            labels.Add(batch.Targets!.MoveToOuterDisposeScope());
        }
        return new TensorDataset(cat(latents), cat(labels));
    }

    private Tensor LossOf(Tensor latents, Tensor labels, Generator generator, double dropout)
    {
        using var scope = NewDisposeScope();
        // Each picture gets one of the ways to ask for it.
        var wording = randint(0, _words.Ways, [labels.size(0)], dtype: ScalarType.Int64, generator: generator);
        var ids = _promptIds.index_select(0, (labels.cpu() * _words.Ways) + wording);
        return Model.Loss(latents, ids, dropout, _times, generator).MoveToOuterDisposeScope();
    }

    private Tensor Draw(IReadOnlyList<string> prompts, Generator generator, CancellationToken cancellation, double? guidance = null)
    {
        using var scope = NewDisposeScope();
        var parts = prompts.Chunk(DrawnAtOnce).Select(part =>
        {
            cancellation.ThrowIfCancellationRequested();
            return Cropped(
                Model.Sample(part, _options.DrawSteps, guidance ?? _options.Guidance, generator, sampler: _options.Sampler,
                    cancellation: cancellation));
        }).ToArray();
        return cat(parts).add_(1).div_(2).clamp_(0, 1).MoveToOuterDisposeScope();
    }

    // Distance to the nearest training picture, against that of real pictures to each other: near 0 would be copies, 1 is as different as
    // they are.
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
        var count = (int)pictures.size(0);
        var grid = ImageGrid.Render(pictures.contiguous().data<float>().ToArray(), count, 1, Side, Side,
            new ImageGridOptions { Columns = columns, Scale = Side < 16 ? 6 : 2, RowLabels = rows, Captions = captions, Title = title });
        return new TaskPicture("samples", grid.ToPng(), "One row per word.");
    }
}
