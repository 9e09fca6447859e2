using Cresset.Kernels;

namespace Cresset.Rl.Deep;

/// <summary>Adam over an <see cref="MlpNetwork"/>, with the gradients clipped to a norm first.</summary>
internal sealed unsafe class MlpAdam
{
    private readonly MlpNetwork _network;
    private readonly AlignedFloats _first;
    private readonly AlignedFloats _second;
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _epsilon;

    /// <summary>Adam for <paramref name="network"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A decay lies outside [0, 1) or epsilon is negative.</exception>
    public MlpAdam(MlpNetwork network, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8)
    {
        ArgumentNullException.ThrowIfNull(network);
        if (!(beta1 is >= 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(beta1), beta1, "Allowed: [0, 1).");
        if (!(beta2 is >= 0 and < 1)) throw new ArgumentOutOfRangeException(nameof(beta2), beta2, "Allowed: [0, 1).");
        if (!(epsilon >= 0)) throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "Allowed: 0 or more.");
        (_network, _beta1, _beta2, _epsilon) = (network, beta1, beta2, epsilon);
        _first = new AlignedFloats(network.Length);
        _second = new AlignedFloats(network.Length);
    }

    /// <summary>Steps taken.</summary>
    public long Steps { get; set; }

    /// <summary>First moments, laid out as the network's parameters.</summary>
    public Span<float> First => _first.Span;

    /// <summary>Second moments, laid out as the network's parameters.</summary>
    public Span<float> Second => _second.Span;

    /// <summary>Moves the parameters against their gradients and returns the gradient norm before clipping.</summary>
    /// <param name="learningRate">Step size.</param>
    /// <param name="clipNorm">Largest norm; 0 leaves gradients alone.</param>
    public double Step(double learningRate, double clipNorm = 0)
    {
        var norm = Math.Sqrt(DenseKernels.SquaredSum(_network.GradientPointer, _network.Length));
        var scale = clipNorm > 0 && norm > clipNorm ? clipNorm / (norm + 1e-6) : 1;
        Steps++;
        var correction1 = 1 - Math.Pow(_beta1, Steps);
        var correction2 = 1 - Math.Pow(_beta2, Steps);
        DenseKernels.Adam(_network.ParameterPointer, _network.GradientPointer, _first.Pointer, _second.Pointer, _network.Length,
            (float)scale, (float)(learningRate / correction1), (float)(1 / Math.Sqrt(correction2)), (float)_beta1, (float)_beta2,
            (float)_epsilon);
        _network.ParametersChanged();
        return norm;
    }
}
