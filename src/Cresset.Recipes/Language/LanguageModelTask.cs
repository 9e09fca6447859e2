using System.Diagnostics;
using System.Globalization;
using System.Text;
using Cresset.Data;
using Cresset.Nn;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// The next token by maximum likelihood. Figures are over the whole held-out part, each token once, seen from the beginning of its block:
/// nats per token, perplexity, and where tokens are not characters nats per character; of some blocks of it dead units and gradient norms
/// of the layers.
/// </summary>
internal sealed class LanguageModelTask : ITrainingTask, ILearnsFromData, IExportsGraphs
{
    private const int ShownLength = 200;
    // Some thousand tokens: a unit that answers none of them differs from a rare one.
    private const int WatchedBlocks = 32;
    private readonly DecoderTransformer _model;
    private readonly TextTokenizer _tokenizer;
    private double _written;
    private double _seconds;

    /// <summary>Takes the data over.</summary>
    internal LanguageModelTask(DecoderOptions options, DataSplit data)
    {
        Data = data;
        _tokenizer = data.Facts.Text!.Open();
        _model = new DecoderTransformer(_tokenizer.Count, options);
        Headline = new HeadlineMetric(data.Validation is not null && data.Test is not null ? "validation_nats" : "nats",
            HigherIsBetter: false);
    }

    /// <inheritdoc/>
    public DataSplit Data { get; }

    /// <inheritdoc/>
    public nn.Module Module => _model;

    /// <inheritdoc/>
    public IDataset TrainingData => Data.Train;

    /// <inheritdoc/>
    public HeadlineMetric Headline { get; }

    /// <summary>What a text from nothing goes on from: a line end, or the first character of a vocabulary without one.</summary>
    internal string Nothing => _tokenizer.Facts.Characters is { Length: > 0 } known && !known.Contains('\n', StringComparison.Ordinal)
        ? known.EnumerateRunes().First().ToString() : "\n";

    /// <summary>Tokens per second of the last texts.</summary>
    internal IReadOnlyDictionary<string, double> WritingSpeed =>
        new Dictionary<string, double> { ["tokens_per_second"] = _written / Math.Max(_seconds, 1e-9) };

    /// <inheritdoc/>
    public Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Nats(batch, nn.Reduction.Mean);
    }

    /// <inheritdoc/>
    public bool EvaluatesInShares => true;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var metrics = new Dictionary<string, double>();
        if (Data.Validation is not null && Data.Test is not null) metrics["validation_nats"] = Nats(Data.Validation, context).ForToken;
        var part = Data.Test ?? Data.Validation ?? ((TextBlocks)Data.Train).Once();
        var (forToken, forCharacter) = Nats(part, context);
        metrics["nats"] = forToken;
        metrics["perplexity"] = Math.Exp(forToken);
        if (_tokenizer is not CharacterTokenizer) metrics["nats_per_character"] = forCharacter;
        AddLayers(metrics, part, context.Device);
        return metrics;
    }

    // The first blocks of the part alone: it is the layers that are compared, on the same tokens.
    private void AddLayers(Dictionary<string, double> metrics, IDataset part, Device device)
    {
        using var batch = Loader.Once(part, WatchedBlocks).First();
        using var scope = NewDisposeScope();
        var figures = LayerFigures.Of(_model, batch.Inputs.to(device), batch.Targets!.to(device));
        metrics["dead_units"] = figures.DeadUnits.Average();
        foreach (var (layer, norm) in figures.GradientNorms.Index())
            metrics[string.Create(CultureInfo.InvariantCulture, $"gradient_norm/{layer + 1}")] = norm;
        foreach (var (layer, share) in figures.DeadUnits.Index())
            metrics[string.Create(CultureInfo.InvariantCulture, $"dead_units/{layer + 1}")] = share;
    }

    /// <inheritdoc/>
    public IEnumerable<(string Tag, string Text)> Texts(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        yield return ("text", Write(Nothing, ShownLength, new TokenChoice { Temperature = 0.8 }, context.Generator, null).Trim());
    }

    /// <summary>
    /// Goes on from a beginning for <paramref name="length"/> tokens; <paramref name="written"/> gets the text piece by piece.
    /// </summary>
    /// <exception cref="ArgumentException">The beginning is empty, or holds a character that the model does not know.</exception>
    internal string Write(string beginning, int length, TokenChoice choice, Generator generator, Action<string>? written)
    {
        if (beginning.Length == 0)
            throw new ArgumentException("A text begins with at least one character; leave the prompt out for a text from nothing.",
                nameof(beginning));
        var tokens = _tokenizer.Encode(beginning).Select(t => (long)t).ToList();
        var text = new StringBuilder();
        // A character may come in several tokens: what is incomplete waits.
        var decoder = Encoding.UTF8.GetDecoder();
        void Piece(ReadOnlySpan<byte> bytes)
        {
            var characters = new char[Encoding.UTF8.GetMaxCharCount(bytes.Length)];
            var count = decoder.GetChars(bytes, characters, flush: false);
            text.Append(characters, 0, count);
            if (count > 0) written?.Invoke(new string(characters, 0, count));
        }
        // What a text from nothing begins with is not part of it.
        if (beginning != Nothing) Piece(Encoding.UTF8.GetBytes(beginning));
        var clock = Stopwatch.StartNew();
        foreach (var token in choice.Continue(_model, tokens, length, generator)) Piece(_tokenizer.Bytes((int)token));
        _written += length;
        _seconds += clock.Elapsed.TotalSeconds;
        return text.ToString();
    }

    /// <inheritdoc/>
    IReadOnlyList<ExportedGraph> IExportsGraphs.Graphs()
    {
        var options = _model.Options;
        using var generator = new Generator(0);
        var tokens = randint(_tokenizer.Count, [2, options.Context], dtype: ScalarType.Int64, generator: generator);
        var shape = _model.StepShape(2);
        Tensor keys = randn(shape, generator: generator), values = randn(shape, generator: generator);
        var metadata = DataExports.Metadata(Data.Facts);
        metadata["scores"] = "no token sees later ones: texts shorter than the context are filled up at their end";
        metadata["step"] = "token int64 [batch] at place int64 [batch] from 0; keys and values come back for the next step, zeros first";
        return
        [
            new("scores", _model, x => [_model.call(x[0])], [tokens], ["tokens"], ["scores"]) { Metadata = metadata },
            new("step", _model, x =>
                {
                    var (scores, after, carried) = _model.Step(x[0], x[1], x[2], x[3]);
                    return [scores, after, carried];
                }, [tokens.select(1, 0).contiguous(), tensor(new long[] { options.Context - 1, options.Context / 2 }), keys, values],
                ["token", "place", "keys", "values"], ["scores", "next_keys", "next_values"]) { Metadata = metadata },
        ];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _model.Dispose();
        Data.Dispose();
    }

    private (double ForToken, double ForCharacter) Nats(IDataset part, EvaluationContext context)
    {
        double sum = 0, count = 0;
        foreach (var record in context.Measure(part, 64, batch => Record(batch, context.Device)))
            (sum, count) = (sum + record[0], count + record[1]);
        return (sum / count, sum / ((TextBlocks)part).Characters);
    }

    private double[] Record(Batch batch, Device device)
    {
        using var moved = new Batch(batch.Inputs.to(device), batch.Targets!.to(device));
        return [Nats(moved, nn.Reduction.Sum).ToDouble(), batch.Targets!.ne(-1).sum().ToDouble()];
    }

    private Tensor Nats(Batch batch, nn.Reduction reduction)
    {
        using var scope = NewDisposeScope();
        var scores = _model.call(batch.Inputs).flatten(0, 1);
        return nn.functional.cross_entropy(scores, batch.Targets!.flatten(), ignore_index: -1, reduction: reduction)
            .MoveToOuterDisposeScope();
    }
}
