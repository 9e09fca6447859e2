using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How a <see cref="Perceptron"/> is trained.</summary>
public sealed record PerceptronOptions : IOptionsRecord
{
    /// <summary>Most passes over the examples; separable data stops earlier.</summary>
    public int MaxEpochs { get; init; } = 1000;

    /// <summary>Size of a correction. From zero weights it only scales them.</summary>
    public double LearningRate { get; init; } = 1;

    /// <summary>
    /// Predict with the mean of all weight vectors passed through (Freund and Schapire 1999): better on data that cannot be separated.
    /// </summary>
    public bool Averaged { get; init; }

    /// <summary>Shuffles the examples before each pass with this seed; null keeps their order.</summary>
    public ulong? ShuffleSeed { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().AtLeast(MaxEpochs, 1, "", nameof(MaxEpochs)).Positive(LearningRate, "", nameof(LearningRate));
}

/// <summary>What training a <see cref="Perceptron"/> came to.</summary>
/// <param name="Converged">A whole pass went by without a mistake: the data is separated.</param>
/// <param name="Epochs">Passes made.</param>
/// <param name="Mistakes">Corrections made in all.</param>
/// <param name="MistakesPerEpoch">Corrections by pass.</param>
/// <param name="Radius">Largest norm of an example with its constant 1.</param>
/// <param name="Margin">Smallest distance of an example to the plane found, in the space with the constant; not positive when not
/// separated.</param>
/// <param name="MistakeBound">Novikoff's bound (Radius / Margin)^2 on the mistakes for the margin found; infinite when not
/// separated.</param>
public sealed record PerceptronReport(bool Converged, int Epochs, long Mistakes, IReadOnlyList<int> MistakesPerEpoch, double Radius,
    double Margin, double MistakeBound);

/// <summary>
/// Rosenblatt's perceptron (1958): sign(w x + b), trained by adding y x to w at each mistake. On data that a plane separates with margin g
/// within radius R it makes at most (R / g)^2 mistakes (Novikoff 1962).
/// </summary>
public sealed class Perceptron
{
    private double[] _weights = [];

    /// <summary>Weights, one per feature.</summary>
    public IReadOnlyList<double> Weights => _weights.Length == 0 ? [] : _weights[..^1];

    /// <summary>Constant term.</summary>
    public double Bias => _weights.Length == 0 ? 0 : _weights[^1];

    /// <summary>Trains on examples [N, D] with labels [N] of -1 and 1, starting from zero weights.</summary>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    /// <exception cref="ArgumentException">A label is neither -1 nor 1, or a value is not finite.</exception>
    public PerceptronReport Fit(Tensor examples, Tensor labels, PerceptronOptions? options = null, CancellationToken cancellation = default)
    {
        options = (options ?? new PerceptronOptions()).ThrowIfInvalid();
        Shape.Expect(examples, "N D");
        Shape.Expect(labels, "N", ("N", examples.size(0)));
        var (x, y, width) = (Rows(examples), Values(labels), (int)examples.size(1) + 1);
        if (y.Any(v => v is not (1 or -1)))
            throw new ArgumentException(
                $"Perceptron.Fit: labels must be -1 or 1; found {y.First(v => v is not (1 or -1))}. Map two classes 0 and 1 by 2 * label - "
                    + $"1.", nameof(labels));
        if (x.Any(v => !double.IsFinite(v)))
            throw new ArgumentException("Perceptron.Fit: an example holds NaN or infinity.", nameof(examples));
        var (w, sum) = (new double[width], new double[width]);
        var order = Enumerable.Range(0, y.Length).ToArray();
        var random = options.ShuffleSeed is { } seed ? new RandomStream(seed) : null;
        var perEpoch = new List<int>();
        while (perEpoch.Count < options.MaxEpochs)
        {
            cancellation.ThrowIfCancellationRequested();
            random?.Shuffle<int>(order);
            var wrong = 0;
            foreach (var i in order)
            {
                var row = x.AsSpan(i * width, width);
                if (y[i] * Dot(w, row) <= 0)
                {
                    for (var j = 0; j < width; j++) w[j] += options.LearningRate * y[i] * row[j];
                    wrong++;
                }
                for (var j = 0; j < width; j++) sum[j] += w[j];
            }
            perEpoch.Add(wrong);
            if (wrong == 0) break;
        }
        var converged = perEpoch[^1] == 0;
        _weights = options.Averaged && !converged ? sum : w;
        var (radius, margin) = Geometry(x, y, width, w);
        return new PerceptronReport(converged, perEpoch.Count, perEpoch.Sum(m => (long)m), perEpoch, radius, margin,
            margin > 0 ? Math.Pow(radius / margin, 2) : double.PositiveInfinity);
    }

    /// <summary>Signed scores w x + b, [N, D] to [N] (float64).</summary>
    /// <exception cref="InvalidOperationException">Not trained yet.</exception>
    public Tensor Score(Tensor examples)
    {
        if (_weights.Length == 0) throw new InvalidOperationException("Perceptron: call Fit first.");
        Shape.Expect(examples, "N D", ("D", _weights.Length - 1));
        var (x, width) = (Rows(examples), _weights.Length);
        return tensor(Enumerable.Range(0, x.Length / width).Select(i => Dot(_weights, x.AsSpan(i * width, width))).ToArray());
    }

    /// <summary>Labels -1 or 1, [N, D] to [N] (float64).</summary>
    public Tensor Predict(Tensor examples)
    {
        using var scope = NewDisposeScope();
        return (Score(examples).gt(0).to(ScalarType.Float64) * 2 - 1).MoveToOuterDisposeScope();
    }

    private static (double Radius, double Margin) Geometry(double[] x, double[] y, int width, double[] w)
    {
        var (radius, margin, norm) = (0.0, double.PositiveInfinity, Math.Sqrt(Dot(w, w)));
        for (var i = 0; i < y.Length; i++)
        {
            var row = x.AsSpan(i * width, width);
            radius = Math.Max(radius, Math.Sqrt(Dot(row, row)));
            margin = Math.Min(margin, y[i] * Dot(w, row) / norm);
        }
        return (radius, norm == 0 ? 0 : margin);
    }

    // Each row gets a constant 1 at its end, so that the bias is a weight like the others.
    private static double[] Rows(Tensor examples)
    {
        using var scope = NewDisposeScope();
        return Values(cat([examples.to(ScalarType.Float64), ones(examples.size(0), 1, dtype: ScalarType.Float64)], 1));
    }

    private static double[] Values(Tensor tensor)
    {
        using var scope = NewDisposeScope();
        return tensor.detach().cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray();
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }
}
