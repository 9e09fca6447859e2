using System.Globalization;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>What the second stage trains: a prior in raster order, or MaskGIT. One face for both.</summary>
/// <param name="options">How it is trained and drawn from.</param>
/// <param name="codebookSize">Codes a position chooses from.</param>
/// <param name="classes">Class labels it is conditioned on; 0 for none.</param>
internal abstract class CodeModel(CodePriorOptions options, int codebookSize, int classes) : IDisposable
{
    public abstract nn.Module Module { get; }

    /// <summary>Name of the figure in nats per code.</summary>
    public abstract string Metric { get; }

    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize => codebookSize;

    /// <summary>Class labels it is conditioned on; 0 for none.</summary>
    public int Classes => classes;

    /// <summary>How it is trained and drawn from.</summary>
    protected CodePriorOptions Options => options;

    /// <summary>Mean loss in nats per code; the generator hides codes, and in training classes, where the model needs it.</summary>
    public abstract Tensor Loss(Tensor codes, Tensor? labels, Generator generator);

    /// <summary>New maps int64 [N, H, W].</summary>
    /// <param name="count">Maps.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="labels">int64 [N]; null where there are no classes.</param>
    /// <param name="sampling">Temperature, top-k, top-p.</param>
    /// <param name="known">Codes int64 [N, H, W] that stay; -1 where one is wanted.</param>
    /// <exception cref="ArgumentException">The model cannot fill holes that lie so.</exception>
    public abstract Tensor Sample(long count, long height, long width, ulong seed, Tensor? labels, CodeSampling sampling,
        Tensor? known = null);

    /// <summary>Scores of every code of maps, as a program without this library asks for them.</summary>
    public virtual IReadOnlyList<ExportedGraph> Graphs(long height, long width)
    {
        using var generator = new Generator(0);
        var codes = randint(CodebookSize, [2, height, width], dtype: ScalarType.Int64, generator: generator);
        var isConditional = Classes > 0;
        return
        [
            new("scores", Module, x => [Scores(x[0], isConditional ? x[1] : null)],
                isConditional ? [codes, tensor(new long[] { 0, Classes - 1 })] : [codes],
                isConditional ? ["codes", "labels"] : ["codes"], ["scores"])
            { Metadata = new Dictionary<string, string> { ["codes"] = CodebookSize.ToString(CultureInfo.InvariantCulture) } },
        ];
    }

    public void Dispose() => Module.Dispose();

    /// <summary>Scores of maps int64 [N, H, W], [N, K, H, W] (of the delay pattern [N, L, S, K]).</summary>
    protected abstract Tensor Scores(Tensor codes, Tensor? labels);

    /// <summary>
    /// Labels of a training step, some of them hidden: replaced by the class of maps without one, which follows the others.
    /// </summary>
    protected Tensor? Hidden(Tensor? labels, Generator generator) => labels is null || options.ClassDropout == 0 || !Module.training
        ? labels
        : labels.masked_fill((rand([labels.size(0)], generator: generator) < options.ClassDropout).to(labels.device), Classes);

    /// <summary>The labels that guidance goes away from; null without guidance.</summary>
    protected Tensor? NoClass(Tensor? labels) => labels is null || options.Guidance == 0 ? null : full_like(labels, (long)Classes);
}

/// <summary>A prior in raster order. With classes that are hidden in training it has one class more, that of maps without any.</summary>
internal sealed class RasterCodeModel(CodePrior prior, CodePriorOptions options, int classes)
    : CodeModel(options, prior.CodebookSize, classes)
{
    public CodePrior Prior => prior;

    public override nn.Module Module => prior;

    public override string Metric => "nats_per_code";

    public override Tensor Loss(Tensor codes, Tensor? labels, Generator generator) =>
        prior.NegativeLogLikelihood(codes, Hidden(labels, generator)).mean();

    public override IReadOnlyList<ExportedGraph> Graphs(long height, long width) => prior is CodeTransformer transformer
        ? [.. base.Graphs(height, width), Step(transformer)]
        : base.Graphs(height, width);

    protected override Tensor Scores(Tensor codes, Tensor? labels) => prior.call(codes, labels);

    private static ExportedGraph Step(CodeTransformer transformer)
    {
        var (shape, codes) = (transformer.StepShape(2), transformer.CodebookSize);
        using var generator = new Generator(0);
        Tensor keys = randn(shape, generator: generator), values = randn(shape, generator: generator);
        return new("step", transformer, x =>
            {
                var (scores, after, carried) = transformer.Step(x[0], x[1], x[2], x[3]);
                return [scores, after, carried];
            }, [tensor(new long[] { codes, 1 }), tensor(new long[] { 0, shape[3] - 1 }), keys, values],
            ["token", "place", "keys", "values"], ["scores", "next_keys", "next_values"])
        {
            Metadata = new Dictionary<string, string>
            {
                ["codes"] = codes.ToString(CultureInfo.InvariantCulture),
                ["step"] = "token at place 0 is codes + class, later the code before; keys and values come back for the next step, zeros "
                    + "first",
            }
        };
    }

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? labels, CodeSampling sampling,
        Tensor? known = null)
    {
        using var none = NoClass(labels);
        return prior.Sample(count, height, width, seed, labels, sampling, known is null ? null : Prefix(known),
            none is null ? 0 : Options.Guidance, none);
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
internal sealed class MaskedCodeModel(MaskedCodeTransformer transformer, MaskGitPrior options, int classes)
    : CodeModel(options, transformer.CodebookSize, classes)
{
    public override nn.Module Module => transformer;

    public override string Metric => "nats_per_hidden_code";

    public override Tensor Loss(Tensor codes, Tensor? labels, Generator generator) => transformer.Loss(codes, labels, generator);

    protected override Tensor Scores(Tensor codes, Tensor? labels) => transformer.call(codes, labels);

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? labels, CodeSampling sampling,
        Tensor? known = null)
        => transformer.Sample(count, height, width, seed, labels, options.SamplingSteps, options.Schedule, options.ChoiceTemperature,
            sampling, options.Order, labels is null ? 0 : options.Guidance, known);
}

/// <summary>Residual codes in the delay pattern, their stages side by side in the maps.</summary>
internal sealed class DelayedCodeModel(DelayedCodeTransformer transformer, CodePriorOptions options, int classes)
    : CodeModel(options, transformer.CodebookSize, classes)
{
    public override nn.Module Module => transformer;

    public override string Metric => "nats_per_code";

    public override Tensor Loss(Tensor codes, Tensor? labels, Generator generator) =>
        transformer.NegativeLogLikelihood(codes.reshape(codes.size(0), -1, transformer.Stages), Hidden(labels, generator)).mean();

    protected override Tensor Scores(Tensor codes, Tensor? labels)
        => transformer.call(codes.reshape(codes.size(0), -1, transformer.Stages), labels);

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? labels, CodeSampling sampling,
        Tensor? known = null)
    {
        if (known is not null)
            throw new ArgumentException(
                "This prior (delayed-transformer) fills no holes; a transformer goes on from the rows above, mask-git fills holes "
                    + "anywhere.");
        using var scope = NewDisposeScope();
        var away = NoClass(labels);
        return transformer.Sample(count, height * width / transformer.Stages, seed, labels, sampling, away is null ? 0 : Options.Guidance,
            away).reshape(count, height, width).MoveToOuterDisposeScope();
    }
}
