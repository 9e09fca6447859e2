using System.Text.Json;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

/// <summary>
/// Means over a few runs must lie within 4 standard errors of means that an independent simulator found over many runs
/// (learning_curves.json). Longer versions: the benchmark "rl-figures".
/// </summary>
internal static class FigureStatistics
{
    public static JsonElement Golden { get; } = RlReference.Load("learning_curves.json");

    public static void Walk19(string name, Func<StateValueLearner> make, JsonElement golden, int runs)
    {
        double[] truth = [.. Enumerable.Range(1, 19).Select(s => (s - 10) / 10.0)];
        Agrees(name, Repeat(runs, seed =>
        {
            var (walk, learner) = (new RandomWalk(), make());
            walk.ResetState(seed);
            var error = 0.0;
            for (var e = 0; e < 10; e++)
            {
                learner.RunEpisode(walk);
                error += LinearValueTests.Rmse(truth, learner.Values) / 10;
            }
            return error;
        }), golden);
    }

    public static List<Transition> Episode(RandomWalk walk)
    {
        var episode = new List<Transition>();
        var state = walk.ResetState();
        StepOutcome outcome;
        do
        {
            var before = state;
            outcome = walk.Step(0, out state);
            episode.Add(new Transition(before, 0, outcome.Reward, state, outcome.Terminated));
        }
        while (!outcome.Terminated);
        return episode;
    }

    public static double[] Repeat(int count, Func<ulong, double> run) => [.. Enumerable.Range(0, count).Select(i => run((ulong)i + 1))];

    public static void Agrees(string what, double[] values, JsonElement golden, double slack = 0)
    {
        var (mean, deviation, error) = (golden.GetProperty("mean").GetDouble(), golden.GetProperty("sd").GetDouble(),
            golden.GetProperty("se").GetDouble());
        var bound = (4 * Math.Sqrt((deviation * deviation / values.Length) + (error * error))) + (1e-4 * Math.Abs(mean)) + slack;
        Assert.True(Math.Abs(values.Average() - mean) <= bound,
            $"{what}: mean {values.Average():G6} over {values.Length} runs, expected {mean:G6} within {bound:G3}");
    }
}
