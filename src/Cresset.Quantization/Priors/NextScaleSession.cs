using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Generates scale by scale: the logits of all places of one are made at its first, with the keys and values of those before.
/// </summary>
internal sealed class NextScaleSession : CodeSession
{
    private readonly NextScaleTransformer _model;
    private readonly KeyValueCache _cache;
    private readonly Tensor _start;
    private readonly Tensor _codes;
    private Tensor? _logits;
    private int _scale = -1;

    public NextScaleSession(NextScaleTransformer model, long batch, long height, long width, Tensor? condition)
        : base(model, batch, height, width)
    {
        _model = model;
        _cache = model.NewCache(batch);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        _start = model.Start(batch, condition).DetachFromDisposeScope();
        _codes = zeros(batch, model.Grid.Codes, dtype: ScalarType.Int64).DetachFromDisposeScope();
    }

    private protected override Tensor Compute()
    {
        var starts = _model.Grid.Starts;
        if (_scale < 0 || Position == starts[_scale + 1])
        {
            _scale++;
            _logits?.Dispose();
            var first = starts[_scale];
            _logits = _model.Step(_codes.narrow(1, 0, first), _start, first, starts[_scale + 1] - first, _cache)
                .DetachFromDisposeScope();
        }
        return _logits!.select(1, Position - starts[_scale]);
    }

    private protected override void Store(ReadOnlySpan<long> codes)
    {
        var all = TensorSpans.Of<long>(_codes);
        for (var b = 0; b < codes.Length; b++) all[(b * _model.Grid.Codes) + (int)Position] = codes[b];
    }

    private protected override void Dispose(bool disposing)
    {
        _cache.Dispose();
        _start.Dispose();
        _codes.Dispose();
        _logits?.Dispose();
    }
}
