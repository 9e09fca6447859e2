using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Two 3x3 convolutions with norm and activation, [N, in, H, W] to [N, out, H, W], optionally residual, optionally conditioned on a vector
/// [N, embeddingDim] by scale and shift between them (Dhariwal and Nichol 2021).
/// </summary>
internal sealed class UNetBlock : nn.Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "norm1")]
    private readonly nn.Module<Tensor, Tensor> _norm1;

    [ComponentName(Name = "conv1")]
    private readonly SquareConvolution _conv1;

    [ComponentName(Name = "norm2")]
    private readonly nn.Module<Tensor, Tensor> _norm2;

    [ComponentName(Name = "conv2")]
    private readonly SquareConvolution _conv2;

    [ComponentName(Name = "embedding")]
    private readonly Projection? _embedding;

    [ComponentName(Name = "shortcut")]
    private readonly SquareConvolution? _shortcut;

    [ComponentName(Name = "act")]
    private readonly nn.Module<Tensor, Tensor> _activation;

    private readonly UNetOptions _options;

    internal UNetBlock(long inChannels, long outChannels, UNetOptions options)
        : base(nameof(UNetBlock))
    {
        _options = options;
        var residual = options.Residual;
        // A convolution that batch or instance norm follows needs no bias of its own.
        var bias = residual || !options.Norm.RemovesBias;
        _norm1 = options.Norm.Build(residual ? inChannels : outChannels);
        _conv1 = new SquareConvolution(inChannels, outChannels, 3, WeightPlace.Cpu, padding: 1, hasBias: bias);
        _norm2 = options.Norm.Build(outChannels);
        _conv2 = new SquareConvolution(outChannels, outChannels, 3, WeightPlace.Cpu, padding: 1, hasBias: bias);
        _activation = options.Activation.Build();
        if (options.EmbeddingDim > 0) _embedding = new Projection(options.EmbeddingDim, 2 * outChannels, true, WeightPlace.Cpu);
        if (residual && inChannels != outChannels) _shortcut = new SquareConvolution(inChannels, outChannels, 1, WeightPlace.Cpu);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor? embedding)
    {
        using var scope = NewDisposeScope();
        return (_options.Residual ? Residual(input, embedding) : Plain(input, embedding)).MoveToOuterDisposeScope();
    }

    private Tensor Residual(Tensor x, Tensor? embedding)
    {
        var h = _conv1.call(_activation.call(_norm1.call(x)));
        h = Drop(_activation.call(Condition(_norm2.call(h), embedding)));
        return _conv2.call(h) + (_shortcut is null ? x : _shortcut.call(x));
    }

    private Tensor Plain(Tensor x, Tensor? embedding)
    {
        var h = _activation.call(Condition(_norm1.call(_conv1.call(x)), embedding));
        return _activation.call(_norm2.call(_conv2.call(Drop(h))));
    }

    private Tensor Condition(Tensor h, Tensor? embedding)
    {
        if (_embedding is null) return h;
        var parts = _embedding.call(nn.functional.silu(embedding!)).unsqueeze(-1).unsqueeze(-1).chunk(2, 1); // two of [N, out, 1, 1]
        return h * (parts[0] + 1) + parts[1];
    }

    private Tensor Drop(Tensor h) => _options.Dropout > 0 ? nn.functional.dropout(h, _options.Dropout, training) : h;
}
