using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Generates with cached keys and values: each position costs one column instead of the whole sequence.</summary>
internal sealed class CodeTransformerSession : CodeSession
{
    private readonly CodeTransformer _model;
    private readonly KeyValueCache _cache;
    private Tensor _token;

    public CodeTransformerSession(CodeTransformer model, long batch, long height, long width, Tensor? labels)
        : base(model, batch, height, width)
    {
        _model = model;
        var options = model.Options;
        _cache = new KeyValueCache(model.Blocks.Count, batch, options.Heads, height * width, options.Width / options.Heads,
            model.parameters().First());
        _token = model.Start(batch, labels).DetachFromDisposeScope();
    }

    private protected override Tensor Compute()
    {
        _cache.Length = Position;
        var x = _model.Embed(_token, Position).unsqueeze(1);
        for (var i = 0; i < _model.Blocks.Count; i++) x = _model.Blocks[i].Forward(x, cache: _cache, layer: i);
        return _model.Head(x.squeeze(1));
    }

    private protected override void Store(ReadOnlySpan<long> codes)
    {
        _token.Dispose();
        _token = tensor(codes.ToArray()).DetachFromDisposeScope();
    }

    private protected override void Dispose(bool disposing)
    {
        _cache.Dispose();
        _token.Dispose();
    }
}
