using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Generates with cached keys and values: each position costs one column instead of the whole sequence.</summary>
internal sealed class CodeTransformerSession : CodeSession
{
    private readonly CodeTransformer _model;
    private readonly KeyValueCache _cache;
    private readonly Tensor? _told;
    private Tensor _token;

    public CodeTransformerSession(CodeTransformer model, long batch, long height, long width, Tensor? condition)
        : base(model, batch, height, width)
    {
        _model = model;
        _cache = model.NewCache(batch, height * width);
        using var noGrad = no_grad();
        _told = model.Told(condition)?.DetachFromDisposeScope();
        _token = model.Start(batch, condition).DetachFromDisposeScope();
    }

    private protected override Tensor Compute()
    {
        _cache.Length = Position;
        var input = _model.Embed(_token, Position);
        return _model.Next(_told is null ? input : input + _told, _cache);
    }

    private protected override void Store(ReadOnlySpan<long> codes)
    {
        _token.Dispose();
        _token = tensor(codes.ToArray()).DetachFromDisposeScope();
    }

    private protected override void Dispose(bool disposing)
    {
        _cache.Dispose();
        _told?.Dispose();
        _token.Dispose();
    }
}
