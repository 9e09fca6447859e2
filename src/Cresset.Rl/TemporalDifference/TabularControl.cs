using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Plays episodes with a learner of action values. Rows and columns of its table count from 0: row i is state <c>Start + i</c> of a
/// <see cref="Discrete"/> that starts elsewhere. Where the environment has an action mask, masked actions are neither taken nor
/// bootstrapped from.
/// </summary>
public static class TabularControl
{
    /// <summary>Plays <paramref name="episodes"/> episodes and returns their records.</summary>
    /// <param name="environment">Shows its state number.</param>
    /// <param name="learner">Acts and learns.</param>
    /// <param name="episodes">Number of episodes.</param>
    /// <param name="random">Stream of the behaviour.</param>
    /// <param name="maxSteps">Most steps in all; the running episode is then cut.</param>
    /// <param name="seed">Seed of the first reset; the environment's stream goes on afterwards.</param>
    /// <param name="onEpisode">Called after each episode with its number (from 0).</param>
    /// <param name="cancellation">Stops between episodes.</param>
    public static List<EpisodeRecord> Run(
        IEnvironment<int, int> environment,
        ActionValueLearner learner,
        int episodes,
        RandomStream random,
        long maxSteps = long.MaxValue,
        ulong? seed = null,
        Action<int, EpisodeRecord>? onEpisode = null,
        CancellationToken cancellation = default)
    {
        environment = Checked(environment, learner);
        var mask = new LearnedMask(environment, learner);
        var records = new List<EpisodeRecord>();
        for (var episode = 0; episode < episodes && learner.Steps < maxSteps; episode++)
        {
            cancellation.ThrowIfCancellationRequested();
            var state = environment.ResetState(episode == 0 ? seed : null);
            mask.See(state);
            learner.BeginEpisode(state);
            var (sum, length) = (0.0, 0);
            var action = learner.Act(state, random);
            while (true)
            {
                var outcome = environment.Step(action, out var next);
                sum += outcome.Reward;
                length++;
                if (!outcome.Terminated) mask.See(next);
                // On-policy targets need the next action first; others act on what this step taught.
                var nextAction = learner.NeedsNextAction && !outcome.Terminated ? learner.Act(next, random) : -1;
                learner.Observe(new Transition(state, action, outcome.Reward, next, outcome.Terminated, nextAction));
                if (outcome.Ended || learner.Steps >= maxSteps) break;
                state = next;
                action = nextAction >= 0 ? nextAction : learner.Act(state, random);
            }
            learner.EndEpisode();
            var record = new EpisodeRecord(sum, length);
            records.Add(record);
            onEpisode?.Invoke(episode, record);
        }
        return records;
    }

    /// <summary>Mean return of greedy episodes without learning.</summary>
    /// <param name="environment">Shows its state number; give it its own object, apart from the one that learns.</param>
    /// <param name="actions">The action of each state.</param>
    /// <param name="episodes">Number of episodes.</param>
    /// <param name="seed">Seed of the first reset.</param>
    /// <param name="maxSteps">Longest episode.</param>
    public static double Evaluate(IEnvironment<int, int> environment, IReadOnlyList<int> actions, int episodes, ulong seed,
        int maxSteps = 10_000)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodes);
        environment = environment.FromZero();
        var sum = 0.0;
        for (var episode = 0; episode < episodes; episode++)
        {
            var state = environment.ResetState(episode == 0 ? seed : null);
            for (var step = 0; step < maxSteps; step++)
            {
                var outcome = environment.Step(actions[state], out state);
                sum += outcome.Reward;
                if (outcome.Ended) break;
            }
        }
        return sum / episodes;
    }

    /// <summary>
    /// Learns off-policy from one endless episode under a fixed behaviour (Zhao, figures 7.4 and 7.5).
    /// </summary>
    /// <param name="environment">Shows its state number and does not end.</param>
    /// <param name="learner">Learns, does not act.</param>
    /// <param name="behaviour">The policy that acts.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="random">Stream of the behaviour.</param>
    /// <param name="onStep">Called after each step with its number (from 1).</param>
    public static void RunOffPolicy(IEnvironment<int, int> environment, ActionValueLearner learner, TabularPolicy behaviour, long steps,
        RandomStream random, Action<long>? onStep = null)
    {
        environment = Checked(environment, learner);
        var mask = new LearnedMask(environment, learner);
        var state = environment.ResetState();
        mask.See(state);
        learner.BeginEpisode(state);
        for (long step = 1; step <= steps; step++)
        {
            var action = behaviour.Sample(state, random);
            var outcome = environment.Step(action, out var next);
            if (!outcome.Terminated) mask.See(next);
            learner.Observe(new Transition(state, action, outcome.Reward, next, outcome.Terminated));
            onStep?.Invoke(step);
            state = outcome.Ended ? environment.ResetState() : next;
            if (outcome.Ended) mask.See(state);
        }
    }

    private static IEnvironment<int, int> Checked(IEnvironment<int, int> environment, ActionValueLearner learner)
    {
        if (environment.StateCount() != learner.StateCount || environment.ActionCount() != learner.ActionCount)
        {
            throw new ArgumentException(
                $"The learner is for {learner.StateCount} states and {learner.ActionCount} actions; {environment.Name} has "
                    + $"{environment.StateCount()} and {environment.ActionCount()}.", nameof(learner));
        }
        return environment.FromZero();
    }

    // Tells the learner the mask of each state when it is first seen. Tables have one row per state, so the mask has to follow from the
    // state.
    private sealed class LearnedMask(IEnvironment<int, int> environment, ActionValueLearner learner)
    {
        private readonly IActionMask? _source = ActionMasks.Of(environment);
        private readonly bool[] _mask = new bool[learner.ActionCount];

        public void See(int state)
        {
            if (_source is null) return;
            _source.WriteActionMask(_mask);
            learner.Restrict(state, _mask);
        }
    }
}
