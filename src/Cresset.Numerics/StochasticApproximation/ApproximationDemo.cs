namespace Cresset.Numerics;

/// <summary>The error of one method along its way.</summary>
/// <param name="Name">The method.</param>
/// <param name="Xs">Observations, updates or passes over the data.</param>
/// <param name="Errors">The error there, averaged over repetitions, always above 0.</param>
public sealed record ApproximationCurve(string Name, double[] Xs, double[] Errors);

/// <summary>
/// Three small studies that show what step sizes, averaging and batch sizes do. Errors are root mean squares over independent repetitions.
/// </summary>
public static class ApproximationDemo
{
    private const double Floor = 1e-16;

    /// <summary>Estimating a mean of 2 under unit noise from a first guess of 0, by four step-size rules.</summary>
    public static IReadOnlyList<ApproximationCurve> Means(ulong seed, int observations = 2000, int repetitions = 50)
        => [.. new[] { "1/k", "0.1", "0.01", "1/k^0.75" }.Select(rule => Average(rule, seed, observations, repetitions, random =>
        {
            var mean = new IncrementalMean(StepSizeRule.Parse(rule));
            return () => mean.Add(2 + random.NextNormal()) - 2;
        }))];

    /// <summary>
    /// The root of tanh(x - 1) from 3 under noise of 1/2: plain steps, steps that fall too quickly, and the average of iterates.
    /// </summary>
    public static IReadOnlyList<ApproximationCurve> Roots(ulong seed, int updates = 2000, int repetitions = 50)
    {
        (string Name, StepSizeRule Rule, bool Averaged)[] methods =
        [
            ("2/k", StepSizeRule.Power(2), false),
            ("2/k^0.7", StepSizeRule.Power(2, 0.7), false),
            ("2/k^0.7, averaged", StepSizeRule.Power(2, 0.7), true),
            ("0.2", StepSizeRule.Constant(0.2), false),
            ("0.5/k^1.5 (sum finite)", StepSizeRule.Power(0.5, 1.5), false),
        ];
        return [.. methods.Select(m => Average(m.Name, seed, updates, repetitions, random =>
        {
            var run = new RobbinsMonro(x => Math.Tanh(x - 1) + (0.5 * random.NextNormal()), 3,
                new ApproximationOptions { Steps = m.Rule, Averaging = m.Averaged ? new IterateAverageOptions { BurnIn = 20 } : null });
            return () =>
            {
                run.Advance();
                return (m.Averaged ? run.Average[0] : run.Current[0]) - 1;
            };
        }))];
    }

    /// <summary>
    /// Least squares (1,000 examples, 10 weights, condition 10) by gradients of one example, of 32, of all, and by averaged single-example
    /// steps; relative error of the weights after every pass.
    /// </summary>
    public static IReadOnlyList<ApproximationCurve> Descents(ulong seed, int passes = 100)
    {
        const int Examples = 1000, Weights = 10;
        var problem = LeastSquares.Random(Examples, Weights, 10, 0.5, new RandomStream(seed));
        double[] optimum = [.. problem.Optimum];
        var start = new double[Weights];
        Array.Fill(start, 5);
        (string Name, int Batch, StepSizeRule Rule, bool Averaged)[] methods =
        [
            ("one example, constant step", 1, StepSizeRule.Constant(0.02), false),
            ("one example, falling step", 1, new SearchThenConvergeStepSize { A = 0.02, Tau = 2000 }, false),
            ("one example, averaged", 1, StepSizeRule.Constant(0.02), true),
            ("mini-batch of 32", 32, StepSizeRule.Constant(0.3), false),
            ("whole batch", Examples, StepSizeRule.Constant(1), false),
        ];
        var scale = Norm(optimum);
        return [.. methods.Select(m =>
        {
            var run = new StochasticGradientDescent(problem, start, m.Batch, new RandomStream(seed + 1),
                new ApproximationOptions { Steps = m.Rule,
                    Averaging = m.Averaged ? new IterateAverageOptions { BurnIn = 2 * Examples } : null });
            var errors = new double[passes];
            for (var pass = 0; pass < passes; pass++)
            {
                for (var seen = 0; seen < Examples; seen += m.Batch) run.Advance();
                var x = m.Averaged ? run.Average : run.Current;
                var difference = new double[Weights];
                for (var i = 0; i < Weights; i++) difference[i] = x[i] - optimum[i];
                errors[pass] = Math.Max(Norm(difference) / scale, Floor);
            }
            return new ApproximationCurve(m.Name, [.. Enumerable.Range(1, passes).Select(p => (double)p)], errors);
        })];
    }

    private static ApproximationCurve Average(string name, ulong seed, int steps, int repetitions, Func<RandomStream, Func<double>> make)
    {
        var squares = new double[steps];
        foreach (var stream in new RandomStream(seed).Spawn(repetitions))
        {
            var next = make(stream);
            for (var k = 0; k < steps; k++)
            {
                var error = next();
                squares[k] += error * error / repetitions;
            }
        }
        return new ApproximationCurve(name, [.. Enumerable.Range(1, steps).Select(k => (double)k)],
            [.. squares.Select(s => Math.Max(Math.Sqrt(s), Floor))]);
    }

    private static double Norm(double[] v) => Math.Sqrt(v.Sum(x => x * x));
}
