using System.Runtime.InteropServices;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// The next token of a few texts behind a cache, in float32 on the processor, as one pass over the weights: some two hundred calls of
/// libtorch, each on a few hundred numbers, cost ten times as much as the numbers. It takes blocks of LLaMA's kind; whatever else there is
/// (layer norms, other activations, packed weights, adapters, other types and devices, dropout) goes the way of whole texts.
/// </summary>
internal sealed unsafe class TokenPass : IDisposable
{
    // From more texts on the products of whole batches win.
    private const long MostTexts = 4;

    // A hand-out to other threads costs more than a smaller product.
    private const long SharedWork = 1 << 18;

    private readonly DecoderOptions _options;
    private readonly KeyValueCache _cache;
    private readonly long _depth;
    private readonly long _hidden;
    private readonly long _seen;
    private readonly float* _stream;
    private readonly float* _normed;
    private readonly float* _query;
    private readonly float* _mixed;
    private readonly float* _gate;
    private readonly float* _value;
    private readonly float* _shares;

    /// <summary>Working memory for the token behind those of <paramref name="cache"/>.</summary>
    public TokenPass(DecoderOptions options, KeyValueCache cache)
    {
        (_options, _cache, _depth) = (options, cache, options.ActualHeadWidth);
        _hidden = options.FeedForward.HiddenFor(options.Width);
        _seen = TokenKernels.Scratch(cache.Length + 1);
        long queries = options.Heads * _depth, between = Math.Max(_hidden, options.Groups * _depth);
        _stream = (float*)NativeMemory.AlignedAlloc(
            (nuint)(((2 * options.Width) + (2 * queries) + (2 * between) + (options.Heads * _seen)) * sizeof(float)), 64);
        _normed = _stream + options.Width;
        _query = _normed + options.Width;
        _mixed = _query + queries;
        _gate = _mixed + queries;
        _value = _gate + between;
        _shares = _value + between;
    }

    /// <summary>Whether the pass computes what this model is.</summary>
    public static bool Fits(DecoderOptions options, IEnumerable<TransformerBlock> blocks, nn.Module norm, Tensor tokens, Tensor? places,
        Projection? head, long texts, bool training)
        => texts <= MostTexts && IsPlain(norm) && !(training && (options.Dropout > 0 || options.FeedForward.Dropout > 0))
            && TensorView.IsDense<float>(tokens) && (places is null || TensorView.IsDense<float>(places))
            && (head is null || IsPlain(head)) && blocks.All(Fits);

    private static bool Fits(TransformerBlock block) =>
        block.Parts is { FeedForward.IsSwiGlu: true, Attention: { Key: not null } attention } && block.Projections.All(IsPlain)
            && IsPlain(block.Norms.Attention) && IsPlain(block.Norms.FeedForward)
            && (attention.QueryNorm is null || (IsPlain(attention.QueryNorm) && IsPlain(attention.KeyNorm!)));

    private static bool IsPlain(nn.Module norm) => norm is RmsNorm { Weight: { } weight } && TensorView.IsDense<float>(weight);

    private static bool IsPlain(Projection layer) =>
        layer.IsPlain && TensorView.IsDense<float>(layer.Weight) && (layer.Bias is null || TensorView.IsDense<float>(layer.Bias));

    /// <summary>A token's vector, and that of its place where places have some.</summary>
    public void Begin(Tensor tokens, Tensor? places, long token)
    {
        var width = _options.Width;
        using var table = TensorView.Dense<float>(tokens);
        new Span<float>(table.Start + (token * width), width).CopyTo(new Span<float>(_stream, width));
        if (places is null) return;
        using var vectors = TensorView.Dense<float>(places);
        for (var i = 0; i < width; i++) _stream[i] += vectors.Start[(_cache.Length * width) + i];
    }

    /// <summary>One block; the token's keys and values go into the cache, whose length stays.</summary>
    /// <param name="block">The block.</param>
    /// <param name="layer">Its number in the cache.</param>
    /// <param name="text">The text's number in the cache.</param>
    /// <param name="turns">Cosines and sines [capacity, depth] of all places; null without rotary positions.</param>
    public void Block(TransformerBlock block, int layer, long text, (Tensor Cosine, Tensor Sine)? turns)
    {
        var (attention, feed) = block.Parts;
        Norm((RmsNorm)block.Norms.Attention, _stream, _normed, 1, _options.Width);
        Product(attention.Query, _normed, _query);
        Product(attention.Key!, _normed, _gate);
        Product(attention.Value!, _normed, _value);
        if (attention.QueryNorm is { } queryNorm) Norm(queryNorm, _query, _query, _options.Heads, _depth);
        if (attention.KeyNorm is { } keyNorm) Norm(keyNorm, _gate, _gate, _options.Groups, _depth);
        if (turns is { } t)
        {
            using TensorView<float> cosine = TensorView.Dense<float>(t.Cosine), sine = TensorView.Dense<float>(t.Sine);
            var at = _cache.Length * _depth;
            TokenKernels.Turn(_query, cosine.Start + at, sine.Start + at, _options.Heads, _depth / 2);
            TokenKernels.Turn(_gate, cosine.Start + at, sine.Start + at, _options.Groups, _depth / 2);
        }
        Attend(layer, text);
        Product(attention.Joining, _mixed, _stream, adds: true);
        Norm((RmsNorm)block.Norms.FeedForward, _stream, _normed, 1, _options.Width);
        Product(feed.Gate!, _normed, _gate);
        Product(feed.Up, _normed, _value);
        ActivationLoops<SiluKernel>.Gate(default, _gate, _value, _gate, _hidden, stream: false);
        Product(feed.Down, _gate, _stream, adds: true);
    }

    /// <summary>The last norm and the scores, one for each row of <paramref name="weight"/>.</summary>
    public void End(RmsNorm norm, Tensor weight, Tensor? bias, float* scores)
    {
        Norm(norm, _stream, _normed, 1, _options.Width);
        Product(weight, bias, _normed, scores, adds: false);
    }

    /// <summary>Frees the working memory.</summary>
    public void Dispose() => NativeMemory.AlignedFree(_stream);

    private void Attend(int layer, long text)
    {
        var (keyRoom, valueRoom) = _cache.Whole(layer);
        using TensorView<float> keys = TensorView.Dense<float>(keyRoom), values = TensorView.Dense<float>(valueRoom);
        long groups = _options.Groups, served = _options.Heads / groups, room = _cache.Capacity * _depth, here = _cache.Length * _depth;
        float* firstKey = keys.Start + (text * groups * room), firstValue = values.Start + (text * groups * room);
        for (long group = 0; group < groups; group++)
        {
            new Span<float>(_gate + (group * _depth), (int)_depth).CopyTo(new Span<float>(firstKey + (group * room) + here, (int)_depth));
            new Span<float>(_value + (group * _depth), (int)_depth).CopyTo(
                new Span<float>(firstValue + (group * room) + here, (int)_depth));
        }
        TensorWork.Chunks(_options.Heads, (start, count) =>
        {
            for (var head = start; head < start + count; head++)
            {
                var group = head / served * room;
                TokenKernels.Attend(_query + (head * _depth), firstKey + group, firstValue + group, _mixed + (head * _depth),
                    _cache.Length + 1, _depth, _shares + (head * _seen));
            }
        }, 2 * (_cache.Length + 1) * _depth);
    }

    private static void Norm(RmsNorm norm, float* x, float* y, long count, long width)
    {
        using var weight = TensorView.Dense<float>(norm.Weight!, width);
        RootMeanSquare.Norm(x, weight.Start, y, count, width, norm.Epsilon);
    }

    private static void Product(Projection layer, float* x, float* y, bool adds = false) => Product(layer.Weight, layer.Bias, x, y, adds);

    private static void Product(Tensor weight, Tensor? bias, float* x, float* y, bool adds)
    {
        using var matrix = TensorView.Dense<float>(weight);
        using TensorView<float> added = bias is null ? default : TensorView.Dense<float>(bias);
        long rows = weight.size(0), width = weight.size(1);
        if (rows * width < SharedWork)
        {
            VectorProduct.Multiply(matrix.Start, added.Start, x, y, rows, width, adds);
            return;
        }
        float* from = matrix.Start, plus = added.Start;
        TensorWork.Chunks(rows, (start, count) => VectorProduct.Multiply(from + (start * width), plus == null ? null : plus + start, x,
            y + start, count, width, adds), width);
    }
}
