using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Generates with a gated PixelCNN at the cost of one column per position: the vertical stack is computed once per row, the horizontal
/// stack at the current position alone, from what the layers below left in their rows.
/// </summary>
internal sealed class GatedPixelCnnSession : CodeSession
{
    private readonly GatedPixelCnn _model;
    private readonly Tensor[] _vertical;
    private readonly Tensor[] _horizontal;
    private readonly Tensor[] _flat;
    private readonly Tensor?[] _conditions;
    private readonly Tensor[] _links;

    public GatedPixelCnnSession(GatedPixelCnn model, long batch, long height, long width, Tensor? condition)
        : base(model, batch, height, width)
    {
        _model = model;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var layers = model.Layers;
        _vertical = new Tensor[layers.Count];
        _horizontal = new Tensor[layers.Count];
        _flat = new Tensor[layers.Count];
        _conditions = new Tensor?[layers.Count];
        _links = new Tensor[layers.Count];
        var like = model.parameters().First();
        var told = model.Told(condition?.to(like.device));
        var channels = model.Embed(zeros(1, dtype: ScalarType.Int64, device: like.device)).size(1);
        for (var i = 0; i < layers.Count; i++)
        {
            var half = layers[i].Kernel / 2;
            // Inputs of layer i, padded above and to the left with the zeros that the convolution would see.
            _vertical[i] = zeros(batch, channels, height + half, width, dtype: like.dtype, device: like.device).DetachFromDisposeScope();
            _horizontal[i] = zeros(batch, channels, width + half, dtype: like.dtype, device: like.device).DetachFromDisposeScope();
            _flat[i] = layers[i].FlatHorizontalWeight(_horizontal[i]).clone().DetachFromDisposeScope();
            _conditions[i] = told[i]?.clone().DetachFromDisposeScope();
            _links[i] = zeros(1).DetachFromDisposeScope();
        }
    }

    private protected override Tensor Compute()
    {
        var column = Position % Width;
        if (column == 0) StartRow(Position / Width);
        var layers = _model.Layers;
        Tensor? output = null;
        for (var i = 0; i < layers.Count; i++)
        {
            var half = layers[i].Kernel / 2;
            if (output is not null) _horizontal[i].select(2, column + half).copy_(output);
            output = layers[i].HorizontalStep(_horizontal[i].narrow(2, column, half + 1), _links[i].select(2, column), _conditions[i],
                _flat[i]);
        }
        return _model.Head(output!.unsqueeze(2).unsqueeze(3)).flatten(1);
    }

    private protected override void Store(ReadOnlySpan<long> codes)
    {
        using var scope = NewDisposeScope();
        long row = Position / Width, column = Position % Width;
        var embedded = _model.Embed(tensor(codes.ToArray(), device: _vertical[0].device));
        var half = _model.Layers[0].Kernel / 2;
        // Written after its logits were made: the type A layer masks the current position, so the zero seen there had no effect.
        _vertical[0].select(3, column).select(2, row + half).copy_(embedded);
        _horizontal[0].select(2, column + half).copy_(embedded);
    }

    private void StartRow(long row)
    {
        var layers = _model.Layers;
        for (var i = 0; i < layers.Count; i++)
        {
            var half = layers[i].Kernel / 2;
            _horizontal[i].zero_();
            var (v, link) = layers[i].VerticalRow(_vertical[i].narrow(2, row, half + 1));
            _links[i].Dispose();
            _links[i] = link.squeeze(2).DetachFromDisposeScope();
            if (i + 1 == layers.Count) break;
            if (_conditions[i] is { } condition) v = v + condition.unsqueeze(2).unsqueeze(3);
            _vertical[i + 1].select(2, row + (layers[i + 1].Kernel / 2)).copy_(GatedMaskedLayer.Gate(v).squeeze(2));
        }
    }

    private protected override void Dispose(bool disposing)
    {
        foreach (var tensor in _vertical.Concat(_horizontal).Concat(_flat).Concat(_links)) tensor.Dispose();
        foreach (var tensor in _conditions) tensor?.Dispose();
    }
}
