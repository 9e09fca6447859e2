namespace Cresset.Numerics;

/// <summary>A noisy vector function: writes an observation of M(x) to <paramref name="value"/>.</summary>
public delegate void NoisyField(ReadOnlySpan<double> x, Span<double> value);

/// <summary>A noisy real function of a vector.</summary>
public delegate double NoisyObjective(ReadOnlySpan<double> x);

/// <summary>
/// Root finding from noisy observations (Robbins and Monro 1951): <c>x_(k+1) = x_k - a_k (Y_k - target)</c>, where E[Y | x] = M(x) and M
/// increases through its target at the root.
/// With the gradient of a loss for M this is stochastic gradient descent.
/// </summary>
public sealed class RobbinsMonro : StochasticApproximation
{
    private readonly NoisyField _field;
    private readonly double[] _target;

    /// <summary>Root finding in several dimensions: M(x) = <paramref name="target"/>, zero when null.</summary>
    /// <exception cref="ArgumentException">Start and target differ in length.</exception>
    public RobbinsMonro(NoisyField field, ReadOnlySpan<double> start, ApproximationOptions? options = null, double[]? target = null)
        : base(start, options ?? new ApproximationOptions())
    {
        ArgumentNullException.ThrowIfNull(field);
        if (target is not null && target.Length != start.Length)
            throw new ArgumentException($"The target has {target.Length} numbers, the start {start.Length}.", nameof(target));
        _field = field;
        _target = target is null ? new double[start.Length] : [.. target];
    }

    /// <summary>Root finding on the line: M(x) = <paramref name="target"/>. Pass the negated function when M decreases.</summary>
    public RobbinsMonro(Func<double, double> function, double start, ApproximationOptions? options = null, double target = 0)
        : this(Field(function), [start], options, [target])
    {
    }

    private protected override void Observe(ReadOnlySpan<double> x, Span<double> direction)
    {
        _field(x, direction);
        Evaluations++;
        for (var i = 0; i < direction.Length; i++) direction[i] -= _target[i];
    }

    private static NoisyField Field(Func<double, double> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        return (x, value) => value[0] = function(x[0]);
    }
}
