using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Generates with cached keys and values: each position costs one column instead of the whole sequence.</summary>
internal sealed class CodeTransformerSession : CodeSession
{
    private readonly CodeTransformer _model;
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;
    private Tensor _token;

    public CodeTransformerSession(CodeTransformer model, long batch, long height, long width, Tensor? labels)
        : base(model, batch, height, width)
    {
        _model = model;
        var heads = model.Options.Heads;
        var like = model.parameters().First();
        long[] shape = [batch, heads, height * width, model.Options.Width / heads];
        _keys = [.. model.Blocks.Select(_ => zeros(shape, dtype: like.dtype, device: like.device).DetachFromDisposeScope())];
        _values = [.. model.Blocks.Select(_ => zeros(shape, dtype: like.dtype, device: like.device).DetachFromDisposeScope())];
        _token = model.Start(batch, labels).DetachFromDisposeScope();
    }

    private protected override Tensor Compute()
    {
        var x = _model.Embed(_token, Position);
        for (var i = 0; i < _keys.Length; i++) x = _model.Blocks[i].Step(x, _keys[i], _values[i], Position);
        return _model.Head(x);
    }

    private protected override void Store(ReadOnlySpan<long> codes)
    {
        _token.Dispose();
        _token = tensor(codes.ToArray()).DetachFromDisposeScope();
    }

    private protected override void Dispose(bool disposing)
    {
        foreach (var tensor in _keys.Concat(_values)) tensor.Dispose();
        _token.Dispose();
    }
}
