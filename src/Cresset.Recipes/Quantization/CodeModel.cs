using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>What the second stage trains: a prior in raster order, or MaskGIT. One face for both.</summary>
internal abstract class CodeModel(int codebookSize, int classes) : IDisposable
{
    public abstract nn.Module Module { get; }

    /// <summary>Name of the figure in nats a code.</summary>
    public abstract string Metric { get; }

    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize => codebookSize;

    /// <summary>Class labels it is conditioned on; 0 for none.</summary>
    public int Classes => classes;

    /// <summary>Mean loss in nats a code; the generator hides codes where the model needs it.</summary>
    public abstract Tensor Loss(Tensor codes, Tensor? labels, Generator generator);

    /// <summary>New maps int64 [N, H, W].</summary>
    public abstract Tensor Sample(long count, long height, long width, ulong seed, Tensor? labels, CodeSampling sampling);

    public void Dispose() => Module.Dispose();
}

/// <summary>A prior in raster order.</summary>
internal sealed class RasterCodeModel(CodePrior prior) : CodeModel(prior.CodebookSize, prior.Classes)
{
    public CodePrior Prior => prior;

    public override nn.Module Module => prior;

    public override string Metric => "nats_per_code";

    public override Tensor Loss(Tensor codes, Tensor? labels, Generator generator) => prior.NegativeLogLikelihood(codes, labels).mean();

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? labels, CodeSampling sampling) => prior.Sample(count, height, width, seed, labels, sampling);
}

/// <summary>MaskGIT. Its figure is the cross-entropy of hidden codes, not a likelihood.</summary>
internal sealed class MaskedCodeModel(MaskedCodeTransformer transformer, int classes, int steps) : CodeModel(transformer.CodebookSize, classes)
{
    public override nn.Module Module => transformer;

    public override string Metric => "nats_per_hidden_code";

    public override Tensor Loss(Tensor codes, Tensor? labels, Generator generator) => transformer.Loss(codes, labels, generator);

    public override Tensor Sample(long count, long height, long width, ulong seed, Tensor? labels, CodeSampling sampling) => transformer.Sample(count, height, width, seed, labels, steps, sampling: sampling);
}
