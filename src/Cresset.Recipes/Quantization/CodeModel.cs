using System.Globalization;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>What the second stage trains: a prior in raster order, or MaskGIT. One face for both.</summary>
/// <param name="options">How it is trained and drawn from.</param>
/// <param name="sizes">Its sizes.</param>
/// <param name="classes">Class labels it is conditioned on; 0 for none.</param>
internal abstract class CodeModel(CodePriorOptions options, PriorOptions sizes, int classes) : IDisposable
{
    public abstract nn.Module Module { get; }

    /// <summary>Name of the figure in nats per code.</summary>
    public abstract string Metric { get; }

    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize => sizes.CodebookSize;

    /// <summary>Class labels it is conditioned on; 0 for none.</summary>
    public int Classes => classes;

    /// <summary>How captions are read; null when it is not conditioned on them.</summary>
    public CaptionEncoderOptions? Captions => sizes.Captions;

    /// <summary>Whether it is told something of a map.</summary>
    public bool IsConditional => classes > 0 || Captions is not null;

    /// <summary>How it is trained and drawn from.</summary>
    protected CodePriorOptions Options => options;

    /// <summary>Mean loss in nats per code; the generator hides codes, and in training conditions, where the model needs it.</summary>
    public abstract Tensor Loss(Tensor codes, Tensor? condition, Generator generator);

    /// <summary>New maps int64 [N, H, W].</summary>
    /// <param name="count">Maps.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="condition">Classes int64 [N] or captions int64 [N, T]; null where there are none.</param>
    /// <param name="sampling">Temperature, top-k, top-p.</param>
    /// <param name="known">Codes int64 [N, H, W] that stay; -1 where one is wanted.</param>
    /// <param name="guidance">In place of <see cref="CodePriorOptions.Guidance"/>.</param>
    /// <exception cref="ArgumentException">The model cannot fill holes that lie so.</exception>
    public abstract Tensor Sample(long count, long height, long width, ulong seed, Tensor? condition, CodeSampling sampling,
        Tensor? known = null, double? guidance = null);

    /// <summary>Scores of every code of maps, as a program without this library asks for them.</summary>
    public virtual IReadOnlyList<ExportedGraph> Graphs(long height, long width)
    {
        using var generator = new Generator(0);
        var codes = randint(CodebookSize, [2, height, width], dtype: ScalarType.Int64, generator: generator);
        Tensor[] told = Example() is { } condition ? [condition] : [];
        return
        [
            new("scores", Module, x => [Scores(x[0], x.Count > 1 ? x[1] : null)], [codes, .. told], ["codes", .. InputNames()],
                ["scores"])
            { Metadata = new Dictionary<string, string> { ["codes"] = CodebookSize.ToString(CultureInfo.InvariantCulture) } },
        ];
    }

    public void Dispose() => Module.Dispose();

    /// <summary>Scores of maps int64 [N, H, W], [N, K, H, W] (of the delay pattern [N, L, S, K]).</summary>
    protected abstract Tensor Scores(Tensor codes, Tensor? condition);

    /// <summary>Two conditions, for an exported function; null where there are none.</summary>
    protected Tensor? Example()
    {
        if (Captions is not { } captions) return Classes > 0 ? tensor(new long[] { 0, Classes - 1 }) : null;
        var words = zeros([2, captions.MaxLength], dtype: ScalarType.Int64);
        words[0, 0] = tensor(captions.Vocabulary - 1L);
        return words;
    }

    /// <summary>The name of the condition among the inputs of an exported function.</summary>
    protected IReadOnlyList<string> InputNames() => Captions is not null ? ["words"] : Classes > 0 ? ["labels"] : [];

    /// <summary>Conditions of a training step, some of them hidden: replaced by what stands for none.</summary>
    protected Tensor? Hidden(Tensor? condition, Generator generator)
    {
        if (condition is null || options.Condition.Hidden == 0 || !Module.training) return condition;
        var isHidden = (rand([condition.size(0)], generator: generator) < options.Condition.Hidden).to(condition.device);
        return condition.masked_fill(condition.dim() == 1 ? isHidden : isHidden.unsqueeze(1), NoneNumber);
    }

    /// <summary>The conditions that guidance goes away from; null without guidance.</summary>
    protected Tensor? Nothing(Tensor? condition, double guidance) =>
        condition is null || guidance == 0 ? null : full_like(condition, NoneNumber);

    // The class of maps without one follows the others; a caption without words is zeros.
    private long NoneNumber => Captions is null ? Classes : 0;
}

/// <summary>A prior in raster order. With classes that are hidden in training it has one class more, that of maps without any.</summary>
internal sealed class RasterCodeModel(CodePrior prior, CodePriorOptions options, PriorOptions sizes, int classes)
    : CodeModel(options, sizes, classes)
{
    public CodePrior Prior => prior;

    public override nn.Module Module => prior;

    public override string Metric => "nats_per_code";

    public override Tensor Loss(Tensor codes, Tensor? condition, Generator generator) =>
        prior.NegativeLogLikelihood(codes, Hidden(condition, generator)).mean();

    public override IReadOnlyList<ExportedGraph> Graphs(long height, long width) => prior is CodeTransformer transformer
        ? [.. base.Graphs(height, width), Step(transformer)]
        : base.Graphs(height, width);

    protected override Tensor Scores(Tensor codes, Tensor? condition) => prior.call(codes, condition);

    private ExportedGraph Step(CodeTransformer transformer)
    {
        var (shape, codes) = (transformer.StepShape(2), transformer.CodebookSize);
        using var generator = new Generator(0);
        Tensor keys = randn(shape, generator: generator), values = randn(shape, generator: generator);
        // A class is the first token; a caption is told at each step.
        Tensor[] words = Captions is not null ? [Example()!] : [];
        return new("step", transformer, x =>
            {
                var (scores, after, carried) = transformer.Step(x[0], x[1], x[2], x[3], x.Count > 4 ? x[4] : null);
                return [scores, after, carried];
            }, [tensor(new long[] { codes, 1 }), tensor(new long[] { 0, shape[3] - 1 }), keys, values, .. words],
            ["token", "place", "keys", "values", .. words.Length > 0 ? InputNames() : []], ["scores", "next_keys", "next_values"])
        {
            Metadata = new Dictionary<string, string>
            {
                ["codes"] = codes.ToString(CultureInfo.InvariantCulture),
                ["step"] = "token at place 0 is codes + class, later the code before; keys and values come back for the next step, zeros "
                    + "first",
            }
        };
    }

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? condition, CodeSampling sampling,
        Tensor? known = null, double? guidance = null)
    {
        var strength = guidance ?? Options.Guidance;
        using var none = Nothing(condition, strength);
        return prior.Sample(count, height, width, seed, condition, sampling, known is null ? null : Prefix(known),
            none is null ? 0 : strength, none);
    }

    // What is known must be the beginning: a code depends on those before it alone.
    private static Tensor Prefix(Tensor known)
    {
        var flat = known.flatten(1);
        var wanted = flat.lt(0).any(0).to(ScalarType.Int64);
        var length = wanted.any().ToBoolean() ? wanted.argmax().ToInt64() : flat.size(1);
        if (flat.narrow(1, length, flat.size(1) - length).ge(0).any().ToBoolean())
            throw new ArgumentException(
                "The hole does not reach to the end of the picture, and this prior goes on from what stands before alone: take a hole of "
                    + "whole rows down to the lower edge, or a prior that fills holes (mask-git).");
        return flat.narrow(1, 0, length);
    }
}

/// <summary>MaskGIT. Its figure is the cross-entropy of hidden codes, not a likelihood.</summary>
internal sealed class MaskedCodeModel(MaskedCodeTransformer transformer, MaskGitPrior options, PriorOptions sizes, int classes)
    : CodeModel(options, sizes, classes)
{
    public override nn.Module Module => transformer;

    public override string Metric => "nats_per_hidden_code";

    public override Tensor Loss(Tensor codes, Tensor? condition, Generator generator) => transformer.Loss(codes, condition, generator);

    protected override Tensor Scores(Tensor codes, Tensor? condition) => transformer.call(codes, condition);

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? condition, CodeSampling sampling,
        Tensor? known = null, double? guidance = null)
        => transformer.Sample(count, height, width, seed, condition, options.SamplingSteps, options.Schedule, options.ChoiceTemperature,
            sampling, options.Order, condition is null ? 0 : guidance ?? options.Guidance, known);
}

/// <summary>Residual codes in the delay pattern, their stages side by side in the maps.</summary>
internal sealed class DelayedCodeModel(DelayedCodeTransformer transformer, CodePriorOptions options, PriorOptions sizes, int classes)
    : CodeModel(options, sizes, classes)
{
    public override nn.Module Module => transformer;

    public override string Metric => "nats_per_code";

    public override Tensor Loss(Tensor codes, Tensor? condition, Generator generator) =>
        transformer.NegativeLogLikelihood(codes.reshape(codes.size(0), -1, transformer.Stages), Hidden(condition, generator)).mean();

    protected override Tensor Scores(Tensor codes, Tensor? condition)
        => transformer.call(codes.reshape(codes.size(0), -1, transformer.Stages), condition);

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? condition, CodeSampling sampling,
        Tensor? known = null, double? guidance = null)
    {
        if (known is not null)
            throw new ArgumentException(
                "This prior (delayed-transformer) fills no holes; a transformer goes on from the rows above, mask-git fills holes "
                    + "anywhere.");
        using var scope = NewDisposeScope();
        var strength = guidance ?? Options.Guidance;
        var away = Nothing(condition, strength);
        return transformer.Sample(count, height * width / transformer.Stages, seed, condition, sampling, away is null ? 0 : strength,
            away).reshape(count, height, width).MoveToOuterDisposeScope();
    }
}
