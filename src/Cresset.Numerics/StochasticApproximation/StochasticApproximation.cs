namespace Cresset.Numerics;

/// <summary>
/// The recursion that all methods here share: <c>x_(k+1) = P(x_k - a_k d_k)</c>, where d is a noisy direction and P keeps x in its box.
/// Subclasses say how the direction is observed; this class owns iterate, counter, average and trace.
/// </summary>
public abstract class StochasticApproximation
{
    private readonly double[] _current;
    private readonly double[] _direction;
    private readonly IterateAverage? _average;

    private protected StochasticApproximation(ReadOnlySpan<double> start, ApproximationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (start.IsEmpty) throw new ArgumentException("The start must hold at least one number.", nameof(start));
        foreach (var x in start)
        {
            if (!double.IsFinite(x)) throw new ArgumentException($"The start holds {x}; every coordinate must be finite.", nameof(start));
        }
        Options = options.ThrowIfInvalid();
        _current = start.ToArray();
        _direction = new double[start.Length];
        if (options.Averaging is { } averaging) _average = new IterateAverage(start.Length, averaging);
    }

    /// <summary>The options in use.</summary>
    public ApproximationOptions Options { get; }

    /// <summary>Updates made.</summary>
    public long Step { get; private set; }

    /// <summary>Noisy observations used.</summary>
    public long Evaluations { get; private protected set; }

    /// <summary>The iterate x_k.</summary>
    public ReadOnlySpan<double> Current => _current;

    /// <summary>The average of x_1 .. x_k.</summary>
    /// <exception cref="InvalidOperationException">Averaging is off.</exception>
    public ReadOnlySpan<double> Average => _average is null
        ? throw new InvalidOperationException("This run keeps no average: set ApproximationOptions.Averaging.")
        : _average.Mean;

    /// <summary>Makes <paramref name="updates"/> updates and returns the path, one point every <paramref name="every"/> updates.</summary>
    /// <exception cref="ArithmeticException">The iterate is no longer finite: the step sizes are too large for this problem.</exception>
    public ApproximationTrace Run(long updates, long every = 1, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(updates);
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 1);
        var trace = new ApproximationTrace();
        trace.Add(Point(double.NaN));
        for (var i = 1L; i <= updates; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var size = Options.Steps.At(Step);
            Advance();
            if (i % every == 0 || i == updates) trace.Add(Point(size));
        }
        return trace;
    }

    /// <summary>Makes one update.</summary>
    /// <exception cref="ArithmeticException">The iterate is no longer finite.</exception>
    public void Advance()
    {
        Observe(_current, _direction);
        Apply(_direction);
    }

    /// <summary>Writes the noisy direction at <paramref name="x"/>; the iterate then moves against it.</summary>
    private protected abstract void Observe(ReadOnlySpan<double> x, Span<double> direction);

    private protected void Apply(ReadOnlySpan<double> direction)
    {
        var size = Options.Steps.At(Step);
        var scale = size;
        if (double.IsFinite(Options.MaximumMove))
        {
            var norm = 0.0;
            foreach (var d in direction) norm += d * d;
            norm = size * Math.Sqrt(norm);
            if (norm > Options.MaximumMove) scale *= Options.MaximumMove / norm;
        }
        for (var i = 0; i < _current.Length; i++)
        {
            var x = Math.Clamp(_current[i] - (scale * direction[i]), Options.LowerBound, Options.UpperBound);
            if (!double.IsFinite(x))
                throw new ArithmeticException($"Coordinate {i} became {x} at update {Step + 1} (step size {size}): use smaller steps, a stability constant, MaximumMove or bounds.");
            _current[i] = x;
        }
        Step++;
        _average?.Add(_current);
    }

    private ApproximationPoint Point(double size)
        => new(Step, size, [.. _current], _average is null ? [] : [.. _average.Mean], Evaluations);
}
