using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A built-in simulator whose posterior can be drawn from without a model, at observations of the benchmark of Lueckmann et al. 2021 (its
/// first three).
/// </summary>
/// <param name="Parameters">Names of the parameters.</param>
/// <param name="Observations">What was observed.</param>
/// <param name="Draw">Draws [count, parameters] given an observation.</param>
internal sealed record ReferencePosterior(string[] Parameters, double[][] Observations, Func<int, double[], Generator, Tensor> Draw)
{
    private const int Proposed = 1_000_000, Moves = 300;

    /// <summary>That of a simulator; null where none is known.</summary>
    public static ReferencePosterior? Of(string simulator) => simulator switch
    {
        "two-moons-pairs" =>
            new(["theta_1", "theta_2"], [[-0.6396706, 0.16234657], [-0.5676688, -0.33194834], [0.0030109584, -0.6457662]], TwoMoons),
        "slcp-pairs" => new(
            ["theta_1", "theta_2", "theta_3", "theta_4", "theta_5"],
            [
                [2.3718784, 0.49947417, 9.931435, 1.7136912, -10.436423, -1.9067793, -1.2343777, -0.09735],
                [-0.66452104, -2.9279308, -16.49147, 4.06107, 4.232153, -4.652277, -4.9924355, -1.5655216],
                [3.5023372, 5.254722, 8.685451, 9.995327, 0.40782332, -5.7111573, 10.605566, 12.695774],
            ],
            Slcp),
        _ => null,
    };

    // The simulator moves a crescent by (-|a|, b) of the turned parameters: the observation less a crescent gives b, and a up to its sign.
    private static Tensor TwoMoons(int count, double[] observation, Generator generator)
    {
        using var scope = NewDisposeScope();
        List<Tensor> found = [];
        for (var have = 0L; have < count;)
        {
            var noise = TwoMoonsPairs.Simulate(zeros(2 * count, 2), generator);
            Tensor a = noise.select(1, 0) - observation[0], b = observation[1] - noise.select(1, 1);
            var sign = (randint(0, 2, 2 * count, dtype: ScalarType.Float32, generator: generator) * 2) - 1;
            var parameters = stack([(sign * a) - b, (sign * a) + b], 1) / Math.Sqrt(2);
            var inside = ((a >= 0) & (parameters.abs() < 1).all(1)).nonzero().flatten();
            if (inside.size(0) == 0 && found.Count == 0)
                throw new ArgumentException($"No parameters explain the observation ({string.Join(", ", observation)}).",
                    nameof(observation));
            found.Add(parameters.index_select(0, inside));
            have += inside.size(0);
        }
        return cat(found).narrow(0, 0, count).contiguous().MoveToOuterDisposeScope();
    }

    // Prior draws weighted by the likelihood, then moves of the whole population along differences of its members (ter Braak 2006), which
    // leave the posterior as it is.
    private static Tensor Slcp(int count, double[] observation, Generator generator)
    {
        using var scope = NewDisposeScope();
        var points = tensor(observation).reshape(4, 2);
        var prior = ((rand(Proposed, 5, dtype: ScalarType.Float64, generator: generator) * 6) - 3).Folded(2, 2);
        var weights = nn.functional.softmax(Likelihood(prior, points), 0);
        var current = prior.index_select(0, multinomial(weights, count, replacement: true, generator: generator));
        var log = Likelihood(current, points);
        for (var move = 0; move < Moves; move++)
        {
            using var step = NewDisposeScope();
            // Steps of the best length for five parameters, shorter ones, and whole ones between modes.
            var length = (move % 4) switch { 0 => 1.0, 1 => 0.2, _ => 2.38 / Math.Sqrt(10) };
            var difference = current.index_select(0, randperm(count, generator: generator))
                - current.index_select(0, randperm(count, generator: generator));
            var proposed = (current + (difference * length)
                + (randn(count, 5, dtype: ScalarType.Float64, generator: generator) * 1e-3)).Folded(2, 2);
            var likely = Likelihood(proposed, points);
            var taken = (rand(count, dtype: ScalarType.Float64, generator: generator).log() < likely - log) & (proposed.abs() < 3).all(1);
            var next = where(taken.unsqueeze(1), proposed, current).MoveToOtherDisposeScope(scope);
            log = where(taken, likely, log).MoveToOtherDisposeScope(scope);
            current = next;
        }
        // Only the squares of these two are seen.
        var signs = (randint(0, 2, [count, 2], dtype: ScalarType.Float64, generator: generator) * 2) - 1;
        return cat([current.narrow(1, 0, 2), current.narrow(1, 2, 2) * signs, current.narrow(1, 4, 1)], 1).to(ScalarType.Float32)
            .MoveToOuterDisposeScope();
    }

    private static Tensor Likelihood(Tensor parameters, Tensor points)
    {
        using var scope = NewDisposeScope();
        var p = parameters.unbind(1);
        Tensor first = p[2].square() + 1e-12, second = p[3].square() + 1e-12, correlation = p[4].tanh();
        var x = (points.select(1, 0).unsqueeze(0) - p[0].unsqueeze(1)) / first.unsqueeze(1);
        var y = (points.select(1, 1).unsqueeze(0) - p[1].unsqueeze(1)) / second.unsqueeze(1);
        var free = 1 - correlation.square();
        var squares = (x.square() - (x * y * correlation.unsqueeze(1) * 2) + y.square()).sum(1) / free;
        return ((squares * -0.5) - ((first.log() + second.log() + (free.log() * 0.5)) * 4)).MoveToOuterDisposeScope();
    }
}

/// <summary>Columns without their signs.</summary>
internal static class FoldedColumns
{
    public static Tensor Folded(this Tensor rows, int from, int count)
    {
        using var scope = NewDisposeScope();
        return cat([rows.narrow(1, 0, from), rows.narrow(1, from, count).abs(), rows.narrow(1, from + count, rows.size(1) - from - count)],
            1).MoveToOuterDisposeScope();
    }
}
