using Cresset.Numerics;

namespace Cresset.Samples.Snippets;

/// <summary>docs/stochastic-approximation.md.</summary>
internal static class StochasticApproximationSnippets
{
    public static void Rule()
    {
        var rule = StepSizeRule.Parse("0.5/(k+10)^0.75");   // or StepSizeRule.Power(0.5, 0.75, 10)
        double first = rule.At(0);                          // the first update
        Console.WriteLine(rule.Conditions.Explanation);     // what theory says about it
    }

    public static void Means()
    {
        var mean = new IncrementalMean();                              // 1/k: the sample mean, with variance and standard error
        var tracker = new IncrementalMean(StepSizeRule.Constant(0.1)); // forgets at 0.9 a step
        foreach (var x in new[] { 2.0, 4.0, 9.0 }) { mean.Add(x); tracker.Add(x); }
    }

    public static void Roots()
    {
        var random = new RandomStream(1);
        var run = new RobbinsMonro(
            x => Math.Tanh(x - 1) + 0.5 * random.NextNormal(), start: 3,
            new ApproximationOptions { Steps = StepSizeRule.Parse("2/k^0.7"), Averaging = new IterateAverageOptions() });
        ApproximationTrace trace = run.Run(2000, every: 10);
        Console.WriteLine($"last {run.Current[0]:0.000}, average {run.Average[0]:0.000}, errors {trace.Errors([1])[^1]:0.000}");
    }
}
