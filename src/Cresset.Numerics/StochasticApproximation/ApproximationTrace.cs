namespace Cresset.Numerics;

/// <summary>One recorded moment of a stochastic approximation.</summary>
/// <param name="Step">Number of updates made; 0 is the start.</param>
/// <param name="StepSize">The step size that led here; NaN at the start.</param>
/// <param name="Iterate">The iterate.</param>
/// <param name="Average">The average of the iterates, empty without averaging.</param>
/// <param name="Evaluations">Noisy observations used so far.</param>
public sealed record ApproximationPoint(long Step, double StepSize, double[] Iterate, double[] Average, long Evaluations);

/// <summary>The path of a stochastic approximation, thinned to every n-th update (start and end are always kept).</summary>
public sealed class ApproximationTrace
{
    private readonly List<ApproximationPoint> _points = [];

    /// <summary>The recorded points in order.</summary>
    public IReadOnlyList<ApproximationPoint> Points => _points;

    /// <summary>The last recorded point.</summary>
    public ApproximationPoint Last => _points[^1];

    /// <summary>Euclidean distance of every recorded iterate from <paramref name="target"/>.</summary>
    public double[] Errors(ReadOnlySpan<double> target) => Distances(target, static point => point.Iterate);

    /// <summary>Euclidean distance of every recorded average from <paramref name="target"/>.</summary>
    /// <exception cref="InvalidOperationException">The run kept no average.</exception>
    public double[] AverageErrors(ReadOnlySpan<double> target)
        => Last.Average.Length == 0
            ? throw new InvalidOperationException("The run kept no average of its iterates: give IterateAverageOptions.")
            : Distances(target, static point => point.Average);

    internal void Add(ApproximationPoint point) => _points.Add(point);

    private double[] Distances(ReadOnlySpan<double> target, Func<ApproximationPoint, double[]> vector)
    {
        var errors = new double[_points.Count];
        for (var p = 0; p < errors.Length; p++)
        {
            var x = vector(_points[p]);
            if (x.Length != target.Length)
                throw new ArgumentException($"The target has {target.Length} numbers, the iterates {x.Length}.", nameof(target));
            var sum = 0.0;
            for (var i = 0; i < x.Length; i++) sum += (x[i] - target[i]) * (x[i] - target[i]);
            errors[p] = Math.Sqrt(sum);
        }
        return errors;
    }
}
