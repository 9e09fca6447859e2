using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Returns of complete episodes without exploration.</summary>
/// <param name="Returns">One per episode.</param>
/// <param name="Lengths">Steps of each.</param>
public sealed record PolicyScore(IReadOnlyList<double> Returns, IReadOnlyList<int> Lengths)
{
    /// <summary>
    /// Episodes that were cut because they reached the longest length allowed; their returns are those of the steps until then.
    /// </summary>
    public int Cut { get; init; }

    /// <summary>Mean return.</summary>
    public double Mean { get; } = Returns.Average();

    /// <summary>The worst return.</summary>
    public double Minimum { get; } = Returns.Min();

    /// <summary>Standard deviation of the returns (n - 1).</summary>
    public double Deviation { get; } = Returns.Count < 2 ? 0
        : Math.Sqrt(Returns.Sum(r => (r - Returns.Average()) * (r - Returns.Average())) / (Returns.Count - 1));
}

/// <summary>Plays episodes with an agent's greedy policy, in environments of their own; the agent learns nothing from them.</summary>
public static class EpisodeEvaluation
{
    private const int LongestEpisode = 10_000;
    private const int SideBySide = 4;

    /// <summary>
    /// Plays <paramref name="episodes"/> episodes side by side, the first of each environment, so that short ones are not favoured.
    /// Environments that are
    /// <see cref="IDisposable"/> are made four times at most and play all of the episodes, then they are disposed.
    /// </summary>
    /// <param name="agent">Who acts.</param>
    /// <param name="make">Makes an environment with its time limit.</param>
    /// <param name="episodes">Number of episodes.</param>
    /// <param name="seed">Episode i starts from the seed's i-th child.</param>
    /// <param name="maxSteps">Longest episode; longer ones are cut and counted in <see cref="PolicyScore.Cut"/>. When left out, the
    /// environment's own limit, or 10,000 where it has none.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="ArgumentException">The environment does not fit the agent.</exception>
    public static PolicyScore Run<TAction>(
        IAgent<TAction> agent, Func<IEnvironment<float, TAction>> make, int episodes, ulong seed, int? maxSteps = null,
        CancellationToken cancellation = default)
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(agent);
        ArgumentNullException.ThrowIfNull(make);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxSteps ?? 1, nameof(maxSteps));
        var environments = new List<IEnvironment<float, TAction>>(episodes) { Ready(agent, make()) };
        try
        {
            // What holds more than memory (a process each) is made a few times only, and plays one episode after the other.
            var together = environments[0].Unwrapped is IDisposable ? Math.Min(episodes, SideBySide) : episodes;
            while (environments.Count < together) environments.Add(Ready(agent, make()));
            return Play(agent, environments, episodes, seed, maxSteps, cancellation);
        }
        finally
        {
            foreach (var environment in environments) environment.End();
        }
    }

    private static IEnvironment<float, TAction> Ready<TAction>(IAgent<TAction> agent, IEnvironment<float, TAction> environment)
        where TAction : unmanaged
    {
        try
        {
            if (environment.ObservationSpace.Size != agent.ObservationSize)
                throw new ArgumentException(
                    $"{environment.Name} has observations of {environment.ObservationSpace.Size} values; the agent reads "
                        + $"{agent.ObservationSize}.", nameof(environment));
            return Prepare(agent, environment);
        }
        catch
        {
            environment.End();
            throw;
        }
    }

    private static PolicyScore Play<TAction>(IAgent<TAction> agent, List<IEnvironment<float, TAction>> environments, int episodes,
        ulong seed, int? maxSteps, CancellationToken cancellation)
        where TAction : unmanaged
    {
        var random = new RandomStream(seed);
        var seeds = new ulong[episodes];
        foreach (ref var start in seeds.AsSpan()) start = random.NextUInt64();
        var size = agent.ObservationSize;
        var slots = environments.Count;
        var observations = new float[slots * size];
        // Running episodes stay in front: row k of the block belongs to the environment of slot running[k].
        var (running, episodeOf) = (new int[slots], new int[slots]);
        for (var i = 0; i < slots; i++)
        {
            environments[i].Reset(observations.AsSpan(i * size, size), seeds[i]);
            running[i] = episodeOf[i] = i;
        }
        var begun = slots;
        var width = environments[0].ActionSpace.Size;
        var longest = maxSteps ?? environments[0].MaxEpisodeSteps ?? LongestEpisode;
        var cut = 0;
        var maskSize = ActionMasks.Of(environments[0]) is null ? 0 : ActionMasks.SizeOf(environments[0].ActionSpace);
        var masks = new bool[slots * maskSize];
        var remembered = agent.MemorySize;
        var memory = new float[slots * remembered];
        var (returns, lengths, actions) = (new double[episodes], new int[episodes], new TAction[slots * width]);
        for (var left = slots; left > 0;)
        {
            cancellation.ThrowIfCancellationRequested();
            for (var k = 0; k < left && maskSize > 0; k++)
                ((IActionMask)environments[running[k]]).WriteActionMask(masks.AsSpan(k * maskSize, maskSize));
            agent.Act(observations.AsSpan(0, left * size), left, actions, masks.AsSpan(0, left * maskSize),
                memory.AsSpan(0, left * remembered));
            var kept = 0;
            for (var k = 0; k < left; k++)
            {
                var slot = running[k];
                var episode = episodeOf[slot];
                var outcome = environments[slot].Step(actions.AsSpan(k * width, width), observations.AsSpan(kept * size, size));
                returns[episode] += outcome.Reward;
                lengths[episode]++;
                var isCut = !outcome.Ended && lengths[episode] >= longest;
                cut += isCut ? 1 : 0;
                if (outcome.Ended || isCut)
                {
                    if (begun == episodes) continue;
                    episodeOf[slot] = begun++;
                    environments[slot].Reset(observations.AsSpan(kept * size, size), seeds[episodeOf[slot]]);
                    memory.AsSpan(kept * remembered, remembered).Clear();
                }
                else
                {
                    memory.AsSpan(k * remembered, remembered).CopyTo(memory.AsSpan(kept * remembered, remembered));
                }
                running[kept++] = slot;
            }
            left = kept;
        }
        return new PolicyScore(returns, lengths) { Cut = cut };
    }

    /// <summary>
    /// Makes an environment ready to be played by an agent: running moments are those that the agent learned with and stay as they are, and
    /// rewards are in the task's own units. Wrappers whose <see cref="IMomentsWrapper.IsUpdating"/> is off already are left as they are.
    /// </summary>
    /// <exception cref="ArgumentException">Agent and environment do not scale alike.</exception>
    public static IEnvironment<float, TAction> Prepare<TAction>(IAgent<TAction> agent, IEnvironment<float, TAction> environment)
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(agent);
        var wrappers = WrapperChain.MomentsOf(environment);
        foreach (var reward in wrappers.OfType<NormalizeReward<float, TAction>>()) (reward.IsScaling, reward.IsUpdating) = (false, false);
        var observed = wrappers.Where(w => w.ScalesObservations).ToList();
        if (observed.Count > 0 && observed.All(w => !w.IsUpdating)) return environment;
        var learned = agent.Moments;
        if (observed.Count != learned.Count)
        {
            throw new ArgumentException(
                $"{environment.Name} scales its observations by {observed.Count} sets of running moments; the agent learned with "
                    + $"{learned.Count}. Evaluate in environments wrapped as those it learned in (NormalizeObservation).",
                    nameof(environment));
        }
        for (var i = 0; i < observed.Count; i++)
        {
            observed[i].Moments = learned[i].Clone();
            observed[i].IsUpdating = false;
        }
        return environment;
    }
}
