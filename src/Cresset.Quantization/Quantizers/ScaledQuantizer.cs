using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A quantizer on a finer grid: quantizes z / scale and multiplies the value by the scale. Stages of a residual FSQ or LFQ shrink so.
/// </summary>
internal sealed class ScaledQuantizer : Quantizer
{
    [ComponentName(Name = "inner")]
    private readonly Quantizer _inner;
    private readonly double _scale;

    /// <summary>Wraps <paramref name="inner"/>.</summary>
    public ScaledQuantizer(Quantizer inner, double scale)
        : base(nameof(ScaledQuantizer))
    {
        ArgumentNullException.ThrowIfNull(inner);
        if (!(scale > 0) || !double.IsFinite(scale))
            throw new ArgumentOutOfRangeException(nameof(scale), scale, "The scale must be greater than 0 and finite.");
        _inner = inner;
        _scale = scale;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _inner.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => _inner.CodebookSizes;

    internal override bool AcceptsFewerStages => _inner.AcceptsFewerStages;

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var result = _inner.QuantizeRows(batch with { Rows = batch.Rows / _scale });
        return result with { Values = result.Values * _scale, Codes = result.Codes is null ? null : result.Codes * _scale, Error = null };
    }

    internal override Tensor CrossEntropyOfRows(Tensor rows, Tensor indices) => _inner.CrossEntropyOfRows(rows / _scale, indices);

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return (_inner.DecodeRows(indices) * _scale).MoveToOuterDisposeScope();
    }
}

/// <summary>Makes a <see cref="ScaledQuantizer"/>. Not a part: only stages are scaled.</summary>
internal sealed record ScaledQuantizerOptions(QuantizerOptions Inner, double Scale) : QuantizerOptions
{
    public override Quantizer Build(Generator? generator = null) => new ScaledQuantizer(Inner.Build(generator), Scale);

    public override IEnumerable<OptionProblem> Validate() => Inner.Validate();
}
