using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>One point of a parameter sweep.</summary>
/// <param name="Parameter">The number of steps n, or lambda.</param>
/// <param name="StepSize">Alpha.</param>
/// <param name="Mean">Mean over the runs of the root-mean-square error, averaged over the states and the first episodes.</param>
/// <param name="StandardError">Standard error of the mean.</param>
public readonly record struct SweepPoint(double Parameter, double StepSize, double Mean, double StandardError);

/// <summary>
/// How well values are known after a few episodes of the 19-state walk, by n (or lambda) and step size: figures 7.2, 12.3, 12.6 and 12.8 of
/// Sutton and Barto.
/// </summary>
public static class RandomWalkSweep
{
    private const int States = 19;

    /// <summary>Sweeps n-step TD.</summary>
    public static IEnumerable<SweepPoint> NStep(IEnumerable<int> ns, IReadOnlyList<double> stepSizes, int runs = 100, int episodes = 10,
        ulong seed = 1, CancellationToken cancellation = default)
        => from n in ns
           from alpha in stepSizes
           select Point(n, alpha, () => new NStepTd(States, n, 1, StepSizeRule.Constant(alpha)), runs, episodes, seed, cancellation);

    /// <summary>Sweeps TD(lambda) with traces of the given kind; the offline lambda-return algorithm for null.</summary>
    public static IEnumerable<SweepPoint> Lambda(TraceKind? kind, IEnumerable<double> lambdas, IReadOnlyList<double> stepSizes,
        int runs = 100, int episodes = 10, ulong seed = 1, CancellationToken cancellation = default)
        => from lambda in lambdas
           from alpha in stepSizes
           select Point(
               lambda,
               alpha,
               () => kind is { } k ? new TdLambda(States, lambda, k, 1, StepSizeRule.Constant(alpha))
                   : new OfflineLambdaReturn(States, lambda, 1, StepSizeRule.Constant(alpha)),
               runs,
               episodes,
               seed,
               cancellation);

    private static SweepPoint Point(double parameter, double alpha, Func<StateValueLearner> make, int runs, int episodes, ulong seed,
        CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(runs);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodes);
        var (sum, squares) = (0.0, 0.0);
        for (var run = 0; run < runs; run++)
        {
            cancellation.ThrowIfCancellationRequested();
            var (walk, learner) = (new RandomWalk(States), make());
            walk.ResetState(seed + (ulong)run);
            var error = 0.0;
            try
            {
                for (var episode = 0; episode < episodes; episode++)
                {
                    learner.RunEpisode(walk);
                    error += Error(learner.Values) / episodes;
                }
            }
            catch (DivergenceException)
            {
                error = 1e3;
            }
            error = Math.Min(error, 1e3);
            sum += error;
            squares += error * error;
        }
        var mean = sum / runs;
        return new SweepPoint(parameter, alpha, mean, Math.Sqrt(Math.Max(0, (squares / runs) - (mean * mean)) / runs));
    }

    private static double Error(double[] values)
    {
        var sum = 0.0;
        for (var s = 0; s < States; s++)
        {
            var truth = (s - 9) / 10.0;
            sum += (values[s] - truth) * (values[s] - truth);
        }
        return Math.Sqrt(sum / States);
    }
}
