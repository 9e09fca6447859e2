using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A transformer's feed-forward block, [..., dim] to [..., dim]: (act(x W) * (x V)) W2, or act(x V) W2 when not gated.
/// Keys: <c>gate_proj</c> (W), <c>up_proj</c> (V), <c>down_proj</c> (W2), as Hugging Face's LLaMA.
/// </summary>
public sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly FeedForwardLayers _layers;

    /// <summary>Builds the block.</summary>
    /// <param name="dim">Width of input and output.</param>
    /// <param name="options">Everything else; null takes LLaMA's.</param>
    /// <param name="generator">Draws the weights from it; null leaves TorchSharp's own initial weights.</param>
    /// <exception cref="InvalidOptionsException">An option is not allowed.</exception>
    public FeedForward(long dim, FeedForwardOptions? options = null, Generator? generator = null)
        : this(dim, options, FeedForwardKeys.Llama, WeightPlace.Cpu)
    {
        if (generator is not null) Initialize.Reset(this, generator);
    }

    /// <summary>The block under another publisher's keys.</summary>
    internal FeedForward(long dim, FeedForwardOptions? options, FeedForwardKeys keys, WeightPlace place)
        : base(nameof(FeedForward))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dim);
        Dim = dim;
        _layers = new FeedForwardLayers(this, dim, (options ?? new FeedForwardOptions()).ThrowIfInvalid(), keys, place);
    }

    /// <summary>Width of input and output.</summary>
    public long Dim { get; }

    /// <summary>True where the weights stay packed.</summary>
    internal bool IsPacked => _layers.Down.IsQuantized;

    /// <summary>Width between.</summary>
    public long Hidden => _layers.Hidden;

    /// <summary>
    /// Memory for the gated product, written again each step; null makes new tensors. See <see cref="ActivationBuffers"/> for what the
    /// caller promises.
    /// </summary>
    public ActivationBuffers? Buffers
    {
        get => _layers.Buffers;
        set => _layers.Buffers = value;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() == 0 || input.size(-1) != Dim) throw Shape.Wrong(input, $"[..., {Dim}]");
        return _layers.Apply(input);
    }

    /// <summary>
    /// Loads gate and value from one packed weight [2 hidden, dim] (and bias [2 hidden]), as Phi-3's and gpt-oss's checkpoints hold them.
    /// </summary>
    /// <exception cref="InvalidOperationException">The block is not gated.</exception>
    /// <exception cref="ShapeException">The weight has another shape.</exception>
    public void LoadPacked(Tensor weight, GateLayout layout, Tensor? bias = null)
    {
        if (_layers.Gate is not { } into)
            throw new InvalidOperationException("FeedForward.LoadPacked: this block is not gated, so there is nothing to unpack.");
        Shape.Expect(weight, "R D", [("R", 2 * Hidden), ("D", Dim)]);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (gate, value) = GatedUnits.Split(weight, layout, 0);
        into.Weight.copy_(gate);
        _layers.Up.Weight.copy_(value);
        if (bias is null) return;
        Shape.Expect(bias, "R", ("R", 2 * Hidden));
        if (into.Bias is null)
            throw new InvalidOperationException("FeedForward.LoadPacked: this block has no biases; build it with Bias = true.");
        var (gateBias, valueBias) = GatedUnits.Split(bias, layout, 0);
        into.Bias.copy_(gateBias);
        _layers.Up.Bias!.copy_(valueBias);
    }
}
