using System.Globalization;

namespace Cresset.Numerics;

/// <summary>
/// The recursion that all methods here share: <c>x_(k+1) = P(x_k - a_k d_k)</c>, where d is a noisy direction and P keeps x in its box.
/// Subclasses say how the direction is observed; this class owns iterate, counter, average and trace.
/// </summary>
public abstract class StochasticApproximation
{
    private readonly double[] _current;
    private readonly double[] _direction;
    private readonly double[] _before;
    private readonly IterateAverage? _average;
    private readonly double _farthest;
    private readonly double[] _next;
    private readonly double[] _place;
    private long _placeStep;
    private double _value = double.NaN;
    private long _turns;

    private protected StochasticApproximation(ReadOnlySpan<double> start, ApproximationOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (start.IsEmpty) throw new ArgumentException("The start must hold at least one number.", nameof(start));
        foreach (var x in start)
        {
            if (!double.IsFinite(x)) throw new ArgumentException($"The start holds {x}; every coordinate must be finite.", nameof(start));
        }
        Options = options.ThrowIfInvalid();
        Box = new ApproximationBox(options, start);
        _current = start.ToArray();
        _farthest = 1e12 * Math.Max(1, _current.Max(Math.Abs));
        _direction = new double[start.Length];
        (_next, _place) = (new double[start.Length], [.. _current]);
        _before = options.CountTurns ? new double[start.Length] : [];
        if (options.Averaging is { } averaging) _average = new IterateAverage(start.Length, averaging);
    }

    /// <summary>The options in use.</summary>
    public ApproximationOptions Options { get; }

    /// <summary>Where iterates and probes may be.</summary>
    private protected ApproximationBox Box { get; }

    /// <summary>The step size of the next update.</summary>
    public double StepSize => Options.Steps.At(Options.CountTurns ? _turns : Step);

    /// <summary>Updates made.</summary>
    public long Step { get; private set; }

    /// <summary>Noisy observations used.</summary>
    public long Evaluations { get; private protected set; }

    /// <summary>
    /// Moves that were not made because the objective would have risen too far (<see cref="ApproximationOptions.Blocking"/>).
    /// </summary>
    public long Blocked { get; private set; }

    /// <summary>Whether the iterate (or its average) has stood still as long as <see cref="ApproximationOptions.StillFor"/> says.</summary>
    public bool IsStill => Options.StillWithin > 0 && Step - _placeStep >= Options.StillFor;

    /// <summary>The iterate x_k.</summary>
    public ReadOnlySpan<double> Current => _current;

    /// <summary>The average of x_1 .. x_k.</summary>
    /// <exception cref="InvalidOperationException">Averaging is off.</exception>
    public ReadOnlySpan<double> Average => _average is null
        ? throw new InvalidOperationException("This run keeps no average: set ApproximationOptions.Averaging.")
        : _average.Mean;

    /// <summary>
    /// Half the widths of intervals about the averages that hold the root or minimum 95 times in 100, once the average has settled: random
    /// scaling (Lee et al. 2022), which follows from the path of the averages alone.
    /// </summary>
    /// <exception cref="InvalidOperationException">There is no uniform average, or too little of it.</exception>
    public double[] AverageHalfWidths =>
        _average is null ? throw new InvalidOperationException("This run keeps no average: set ApproximationOptions.Averaging.")
            : _average.HalfWidths();

    /// <summary>
    /// Makes <paramref name="updates"/> updates, or fewer where it stands still, and returns the path, one point every
    /// <paramref name="every"/> updates.
    /// </summary>
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
            var size = StepSize;
            Advance();
            if (i % every == 0 || i == updates || IsStill) trace.Add(Point(size));
            if (IsStill) break;
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

    /// <summary>One observation of an objective; infinite and undefined ones are named as such.</summary>
    private protected double Ask(NoisyObjective objective, ReadOnlySpan<double> x)
    {
        var value = objective(x);
        if (double.IsFinite(value)) return value;
        throw new ArithmeticException(string.Create(CultureInfo.InvariantCulture,
            $"The objective is {value} at ({Written(x)}), in update {Step + 1}: it must be finite wherever it is asked. Bounds "
                + $"(LowerBounds, UpperBounds) keep it from being asked elsewhere."));
    }

    private protected void Apply(ReadOnlySpan<double> direction)
    {
        for (var i = 0; i < direction.Length; i++)
        {
            if (!double.IsFinite(direction[i]))
                throw new ArithmeticException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"The observed direction is {direction[i]} in coordinate {i} at ({Written(_current)}), in update {Step + 1}: "
                            + $"observations must be finite."));
        }
        if (Options.CountTurns) CountTurn(direction);
        var size = StepSize;
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
            var x = Box.Clamp(i, _current[i] - (scale * direction[i]));
            // Far before numbers overflow nothing can come back, and what is printed would pass for a result.
            if (!(Math.Abs(x) <= _farthest))
                throw new ArithmeticException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"Coordinate {i} became {x:g3} at update {Step + 1} (step size {size:g3}): the iterate runs away. Use smaller "
                            + $"steps, a stability constant, MaximumMove or bounds."));
            _next[i] = x;
        }
        if (IsBlocked()) Blocked++;
        else _next.CopyTo(_current, 0);
        Step++;
        _average?.Add(_current);
        if (Options.StillWithin > 0) Watch(_average is null ? _current : _average.Mean);
    }

    /// <summary>What blocking asks; null for methods that only see directions.</summary>
    private protected virtual NoisyObjective? Objective => null;

    private bool IsBlocked()
    {
        if (double.IsPositiveInfinity(Options.Blocking)) return false;
        var objective = Objective
            ?? throw new InvalidOperationException(
                $"{GetType().Name} has no objective to look ahead with: leave ApproximationOptions.Blocking out.");
        if (double.IsNaN(_value))
        {
            _value = Ask(objective, _current);
            Evaluations++;
        }
        var ahead = Ask(objective, _next);
        Evaluations++;
        if (ahead > _value + Options.Blocking) return true;
        _value = ahead;
        return false;
    }

    private void Watch(ReadOnlySpan<double> x)
    {
        for (var i = 0; i < x.Length; i++)
        {
            if (Math.Abs(x[i] - _place[i]) <= Options.StillWithin) continue;
            x.CopyTo(_place);
            _placeStep = Step;
            return;
        }
    }

    private void CountTurn(ReadOnlySpan<double> direction)
    {
        var product = 0.0;
        for (var i = 0; i < direction.Length; i++) product += direction[i] * _before[i];
        if (product < 0) _turns++;
        direction.CopyTo(_before);
    }

    private static string Written(ReadOnlySpan<double> x)
        => string.Join(", ", x[..Math.Min(6, x.Length)].ToArray().Select(v => v.ToString("g5", CultureInfo.InvariantCulture)))
            + (x.Length > 6 ? ", …" : "");

    private ApproximationPoint Point(double size)
        => new(Step, size, [.. _current], _average is null ? [] : [.. _average.Mean], Evaluations);
}
