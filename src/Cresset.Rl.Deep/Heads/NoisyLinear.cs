using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// A linear layer whose weights are a mean plus a learned size times noise (Fortunato et al. 2018, factorised Gaussian noise): exploration
/// that the network can turn down by itself.
/// </summary>
public sealed class NoisyLinear : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;
    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;
    [ComponentName(Name = "weight_sigma")]
    private readonly Parameter _weightSigma;
    [ComponentName(Name = "bias_sigma")]
    private readonly Parameter _biasSigma;
    private float[] _into;
    private float[] _outOf;
    private Tensor? _weightNoise;
    private Tensor? _biasNoise;

    /// <summary>
    /// Means uniform within 1 over the root of the inputs, sigmas <paramref name="scale"/> over that root; no noise is drawn yet.
    /// </summary>
    public NoisyLinear(long inputs, long outputs, double scale = 0.5, Generator? generator = null)
        : base(nameof(NoisyLinear))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outputs);
        var bound = 1 / Math.Sqrt(inputs);
        _weight = new Parameter(Initialize.Uniform(empty(outputs, inputs), -bound, bound, generator));
        _bias = new Parameter(Initialize.Uniform(empty(outputs), -bound, bound, generator));
        _weightSigma = new Parameter(full(outputs, inputs, scale * bound));
        _biasSigma = new Parameter(full(outputs, scale * bound));
        (_into, _outOf) = (new float[inputs], new float[outputs]);
        RegisterComponents();
    }

    /// <summary>Whether the noise drawn last acts; otherwise the means alone.</summary>
    public bool IsNoisy { get; set; } = true;

    /// <summary>Noise factors f(x) = sign(x) root |x| of the inputs.</summary>
    public ReadOnlySpan<float> InputNoise => _into;

    /// <summary>Noise factors of the outputs.</summary>
    public ReadOnlySpan<float> OutputNoise => _outOf;

    /// <summary>Sets the noise factors; draw them as sign(x) root |x| of normal numbers.</summary>
    /// <exception cref="ArgumentException">There is not one number an input and one an output.</exception>
    public void SetNoise(ReadOnlySpan<float> inputs, ReadOnlySpan<float> outputs)
    {
        if (inputs.Length != _into.Length || outputs.Length != _outOf.Length)
            throw new ArgumentException(
                $"{inputs.Length} and {outputs.Length} factors were given; the layer has {_into.Length} inputs and {_outOf.Length} "
                    + $"outputs.", nameof(inputs));
        (_into, _outOf) = (inputs.ToArray(), outputs.ToArray());
        _weightNoise?.Dispose();
        _biasNoise?.Dispose();
        using var scope = NewDisposeScope();
        var column = tensor(_outOf);
        _weightNoise = outer(column, tensor(_into)).to(_weight.device).DetachFromDisposeScope();
        _biasNoise = column.to(_weight.device, copy: true).DetachFromDisposeScope();
    }

    /// <summary>[batch, inputs] to [batch, outputs].</summary>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N I", ("I", _into.Length));
        if (!IsNoisy || _weightNoise is null) return nn.functional.linear(input, _weight, _bias);
        using var scope = NewDisposeScope();
        return nn.functional.linear(input, _weight + (_weightSigma * _weightNoise), _bias + (_biasSigma * _biasNoise!))
            .MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _weightNoise?.Dispose();
            _biasNoise?.Dispose();
        }
        base.Dispose(disposing);
    }
}
