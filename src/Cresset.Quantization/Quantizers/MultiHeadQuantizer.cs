using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Cuts a vector in equal parts and quantizes each: product quantization (Jégou et al. 2011) with a quantizer a head, or one quantizer
/// shared by all heads. With residual quantizers as heads it is grouped residual quantization (HiFi-Codec).
/// </summary>
public sealed class MultiHeadQuantizer : Quantizer
{
    [ComponentName(Name = "heads")]
    private readonly ModuleList<Quantizer> _heads;
    private readonly bool _shared;

    /// <summary>One quantizer a head; all of the same width.</summary>
    public MultiHeadQuantizer(IReadOnlyList<Quantizer> heads)
        : base(nameof(MultiHeadQuantizer))
    {
        ArgumentNullException.ThrowIfNull(heads);
        if (heads.Count == 0) throw new ArgumentException("There must be at least one head.", nameof(heads));
        if (heads.Any(h => h.Width != heads[0].Width))
            throw new ArgumentException($"All heads must have one width; they have {string.Join(", ", heads.Select(h => h.Width))}.",
                nameof(heads));
        _heads = new ModuleList<Quantizer>([.. heads]);
        HeadCount = heads.Count;
        RegisterComponents();
    }

    /// <summary>One quantizer for all heads.</summary>
    public MultiHeadQuantizer(Quantizer shared, int heads)
        : base(nameof(MultiHeadQuantizer))
    {
        ArgumentNullException.ThrowIfNull(shared);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(heads);
        _heads = new ModuleList<Quantizer>(shared);
        _shared = true;
        HeadCount = heads;
        RegisterComponents();
    }

    /// <summary>Parts a vector is cut in.</summary>
    public int HeadCount { get; }

    /// <inheritdoc/>
    public override long Width => _heads[0].Width * HeadCount;

    /// <summary>The heads' sizes one after another: indices [..., heads * indices a head].</summary>
    public override IReadOnlyList<long> CodebookSizes => [.. Enumerable.Range(0, HeadCount).SelectMany(h => Head(h).CodebookSizes)];

    /// <summary>The quantizer of a head.</summary>
    public Quantizer Head(int head) => _heads[_shared ? 0 : head];

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var width = _heads[0].Width;
        var count = batch.Rows.size(0);
        if (_shared)
        {
            var kept = batch.Kept?.SelectMany(row => Enumerable.Range(0, HeadCount).Select(h => (row * HeadCount) + h)).ToArray();
            var one = _heads[0].QuantizeRows(
                new RowBatch(batch.Rows.reshape(-1, width), kept, batch.PerSample * HeadCount, batch.SampleCount));
            return one with
            {
                Values = one.Values.reshape(count, Width),
                Indices = one.Indices.reshape(count, -1),
                Codes = one.Codes?.reshape(count, Width)
            };
        }
        var results = new RowResult[HeadCount];
        var terms = new List<LossTerm>();
        for (var h = 0; h < HeadCount; h++)
        {
            results[h] = _heads[h].QuantizeRows(batch with { Rows = batch.Rows.narrow(1, h * width, width) });
            // Averaged, so that weights mean the same whatever the number of heads.
            terms.AddRange(results[h].Terms.Select(term => term with { Name = $"{term.Name}.{h}", Weight = term.Weight / HeadCount }));
        }
        return new RowResult(cat([.. results.Select(r => r.Values)], 1), cat([.. results.Select(r => r.Indices)], 1), terms)
        {
            Gradient = results.Max(r => r.Gradient),
            Codes = results.Any(r => r.Codes is not null) ? cat([.. results.Select(r => r.Codes ?? r.Values)], 1) : null,
            Learn = results.Any(r => r.Learn is not null)
                ? () => LearnedCodes.Together(results.Select((r, h) => ($"Head {h}", r.Learn?.Invoke() ?? new(0, [])))) : null,
        };
    }

    internal override Tensor CrossEntropyOfRows(Tensor rows, Tensor indices)
    {
        var each = indices.size(1) / HeadCount;
        var parts = Enumerable.Range(0, HeadCount)
            .Select(
                h => (Rows: rows.narrow(1, h * Head(h).Width, Head(h).Width), Indices: indices.narrow(1, h * each, each), Head: Head(h)))
            .Where(part => part.Indices.ge(0).any().ToBoolean()).Select(part => part.Head.CrossEntropyOfRows(part.Rows, part.Indices))
            .ToList();
        return parts.Aggregate((a, b) => a + b) / parts.Count;
    }

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        var parts = indices.chunk(HeadCount, 1).Select((part, h) => Head(h).DecodeRows(part)).ToArray();
        return cat(parts, 1).MoveToOuterDisposeScope();
    }
}
