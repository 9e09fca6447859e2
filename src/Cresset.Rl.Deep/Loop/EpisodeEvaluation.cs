using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Returns of complete episodes without exploration.</summary>
/// <param name="Returns">One an episode.</param>
/// <param name="Lengths">Steps of each.</param>
public sealed record PolicyScore(IReadOnlyList<double> Returns, IReadOnlyList<int> Lengths)
{
    /// <summary>Mean return.</summary>
    public double Mean { get; } = Returns.Average();

    /// <summary>The worst return.</summary>
    public double Minimum { get; } = Returns.Min();

    /// <summary>Standard deviation of the returns (n - 1).</summary>
    public double Deviation { get; } = Returns.Count < 2 ? 0 : Math.Sqrt(Returns.Sum(r => (r - Returns.Average()) * (r - Returns.Average())) / (Returns.Count - 1));
}

/// <summary>Plays episodes with an agent's greedy policy, in environments of their own; the agent learns nothing from them.</summary>
public static class EpisodeEvaluation
{
    /// <summary>Plays <paramref name="episodes"/> episodes side by side, the first of each environment, so that short ones are not favoured.</summary>
    /// <param name="agent">Who acts.</param>
    /// <param name="make">Makes an environment with its time limit.</param>
    /// <param name="episodes">Number of episodes.</param>
    /// <param name="seed">Episode i starts from the seed's i-th child.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="ArgumentException">The environment does not fit the agent.</exception>
    public static PolicyScore Run<TAction>(IAgent<TAction> agent, Func<IEnvironment<float, TAction>> make, int episodes, ulong seed, CancellationToken cancellation = default)
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(agent);
        ArgumentNullException.ThrowIfNull(make);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodes);
        var environments = new IEnvironment<float, TAction>[episodes];
        var seeds = new RandomStream(seed);
        var size = agent.ObservationSize;
        var observations = new float[episodes * size];
        // Running episodes stay in front: row k of the block belongs to episode running[k].
        var running = new int[episodes];
        for (var i = 0; i < episodes; i++)
        {
            environments[i] = make();
            if (environments[i].ObservationSpace.Size != size) throw new ArgumentException($"{environments[i].Name} has observations of {environments[i].ObservationSpace.Size} values; the agent reads {size}.", nameof(make));
            environments[i].Reset(observations.AsSpan(i * size, size), seeds.NextUInt64());
            running[i] = i;
        }
        var width = environments[0].ActionSpace.Size;
        var (returns, lengths, actions) = (new double[episodes], new int[episodes], new TAction[episodes * width]);
        for (var left = episodes; left > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            agent.Act(observations.AsSpan(0, left * size), left, actions);
            var kept = 0;
            for (var k = 0; k < left; k++)
            {
                var episode = running[k];
                var outcome = environments[episode].Step(actions.AsSpan(k * width, width), observations.AsSpan(kept * size, size));
                returns[episode] += outcome.Reward;
                lengths[episode]++;
                if (!outcome.Ended) running[kept++] = episode;
            }
            left = kept;
        }
        return new PolicyScore(returns, lengths);
    }
}
