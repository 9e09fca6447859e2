using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A transformer's feed-forward block, [..., dim] to [..., dim]: (act(x W) * (x V)) W2, or act(x V) W2 when not gated.
/// Keys: <c>gate_proj</c> (W), <c>up_proj</c> (V), <c>down_proj</c> (W2), as Hugging Face's LLaMA.
/// </summary>
public sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "gate_proj")]
    private readonly Linear? _gate;

    [ComponentName(Name = "up_proj")]
    private readonly Linear _up;

    [ComponentName(Name = "down_proj")]
    private readonly Linear _down;

    [ComponentName(Name = "act")]
    private readonly nn.Module<Tensor, Tensor> _activation;

    private readonly FeedForwardOptions _options;
    private readonly FusedFunction? _fused;

    /// <summary>Builds the block.</summary>
    /// <param name="dim">Width of input and output.</param>
    /// <param name="options">Everything else; null takes LLaMA's.</param>
    /// <param name="generator">Draws the weights from it; null leaves TorchSharp's own initial weights.</param>
    /// <exception cref="InvalidOptionsException">An option is not allowed.</exception>
    public FeedForward(long dim, FeedForwardOptions? options = null, Generator? generator = null)
        : base(nameof(FeedForward))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dim);
        _options = (options ?? new FeedForwardOptions()).ThrowIfInvalid();
        Dim = dim;
        Hidden = _options.HiddenFor(dim);
        if (_options.Gated) _gate = nn.Linear(dim, Hidden, _options.Bias);
        _up = nn.Linear(dim, Hidden, _options.Bias);
        _down = nn.Linear(Hidden, dim, _options.Bias);
        _activation = _options.Activation.Build();
        _fused = _options.Gated && _options.Activation is CatalogActivation known ? FusedFunction.Find(known.Text) : null;
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
    }

    /// <summary>Width of input and output.</summary>
    public long Dim { get; }

    /// <summary>Width between.</summary>
    public long Hidden { get; }

    /// <summary>Memory for the gated product, written again each step; null makes new tensors. See <see cref="ActivationBuffers"/> for what the caller promises.</summary>
    public ActivationBuffers? Buffers { get; set; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() == 0 || input.size(-1) != Dim) throw Shape.Wrong(input, $"[..., {Dim}]");
        using var scope = NewDisposeScope();
        var hidden = Gate(input);
        if (_options.Dropout > 0) hidden = nn.functional.dropout(hidden, _options.Dropout, training);
        return _down.call(hidden).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Loads gate and value from one packed weight [2 hidden, dim] (and bias [2 hidden]), as Phi-3's and gpt-oss's checkpoints hold them.
    /// </summary>
    /// <exception cref="InvalidOperationException">The block is not gated.</exception>
    /// <exception cref="ShapeException">The weight has another shape.</exception>
    public void LoadPacked(Tensor weight, GateLayout layout, Tensor? bias = null)
    {
        if (_gate is null) throw new InvalidOperationException("FeedForward.LoadPacked: this block is not gated, so there is nothing to unpack.");
        Shape.Expect(weight, "R D", [("R", 2 * Hidden), ("D", Dim)]);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (gate, value) = GatedUnits.Split(weight, layout, 0);
        _gate.weight!.copy_(gate);
        _up.weight!.copy_(value);
        if (bias is null) return;
        Shape.Expect(bias, "R", ("R", 2 * Hidden));
        if (_gate.bias is null) throw new InvalidOperationException("FeedForward.LoadPacked: this block has no biases; build it with Bias = true.");
        var (gateBias, valueBias) = GatedUnits.Split(bias, layout, 0);
        _gate.bias.copy_(gateBias);
        _up.bias!.copy_(valueBias);
    }

    private Tensor Gate(Tensor x)
    {
        if (_gate is null) return _activation.call(_up.call(x));
        if (_options.Clamped) return GatedUnits.ClampedSwiGlu(_gate.call(x), _up.call(x));
        var (gate, value) = (_gate.call(x), _up.call(x));
        return _fused is { } fused ? fused.Gate(gate, value, Buffers) : _activation.call(gate) * value;
    }
}
