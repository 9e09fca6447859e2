using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Model-free policy iteration from sampled episodes: MC Basic and exploring starts (Zhao, chapter 5; Sutton and Barto, section 5.3).
/// </summary>
public static class MonteCarloPlanning
{
    /// <summary>
    /// MC Basic: every action value of every state is the mean return of episodes of a fixed length that start with it and then follow the
    /// policy; then the policy becomes greedy. One episode is enough where nothing is random.
    /// </summary>
    /// <param name="environment">Can be put into any state.</param>
    /// <param name="episodeLength">Steps of an episode.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <param name="episodesPerPair">Episodes for each state and action.</param>
    /// <param name="start">Actions to start from; 0 when left out.</param>
    /// <param name="maxIterations">Most rounds.</param>
    /// <param name="cancellation">Stops between states.</param>
    /// <returns>The greedy values max_a q(s, a), the policy, and one entry per round in the trace.</returns>
    public static PlanningResult Basic(TableEnvironment environment, int episodeLength, double gamma, int episodesPerPair = 1,
        IReadOnlyList<int>? start = null, int maxIterations = 10_000, CancellationToken cancellation = default)
    {
        Discount.Checked(gamma);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodeLength);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(episodesPerPair);
        var (states, actions) = (environment.StateCount(), environment.ActionCount());
        var policy = start?.ToArray() ?? new int[states];
        var values = new double[states];
        var trace = new List<PlanningStep>();
        while (true)
        {
            var before = values.ToArray();
            var changed = 0;
            int[] improved = [.. policy];
            for (var s = 0; s < states; s++)
            {
                cancellation.ThrowIfCancellationRequested();
                var q = new double[actions];
                for (var a = 0; a < actions; a++)
                {
                    if (!environment.Model.IsAvailable(s, a))
                    {
                        q[a] = double.NegativeInfinity;
                        continue;
                    }
                    for (var e = 0; e < episodesPerPair; e++)
                        q[a] += Play(environment, s, a, policy, episodeLength, gamma) / episodesPerPair;
                }
                improved[s] = Greedy.FirstMax(q);
                // An equally good old action stays, or ties would change the policy for ever.
                if (q[policy[s]] >= q[improved[s]] - 1e-11) improved[s] = policy[s];
                values[s] = q.Max();
                changed += improved[s] != policy[s] ? 1 : 0;
            }
            policy = improved;
            trace.Add(new PlanningStep(trace.Count + 1, values.Zip(before, (x, y) => Math.Abs(x - y)).Max(), double.NaN, changed));
            if (changed == 0 || trace.Count >= maxIterations) return new PlanningResult(values, policy, trace, changed == 0);
        }
    }

    /// <summary>
    /// MC exploring starts: each episode starts with a random state and action, follows the greedy policy, and moves the action values of
    /// everything it visited towards the returns.
    /// </summary>
    /// <param name="environment">Can be put into any state.</param>
    /// <param name="learner">Holds the values; its exploration should be none.</param>
    /// <param name="episodes">Number of episodes.</param>
    /// <param name="maxSteps">Longest episode.</param>
    /// <param name="random">Draws the starts.</param>
    /// <param name="starts">States to start in; all with an available action when left out.</param>
    public static void ExploringStarts(TableEnvironment environment, ActionValueLearner learner, int episodes, int maxSteps,
        RandomStream random, IReadOnlyList<int>? starts = null)
    {
        starts ??= [.. Enumerable.Range(0, environment.StateCount()).Where(s => !environment.Model.IsAbsorbing(s))];
        var available = new List<int>();
        for (var episode = 0; episode < episodes; episode++)
        {
            var state = starts[random.NextInt32(starts.Count)];
            environment.State = state;
            available.Clear();
            for (var a = 0; a < environment.ActionCount(); a++)
            {
                if (environment.Model.IsAvailable(state, a)) available.Add(a);
            }
            var action = available[random.NextInt32(available.Count)];
            learner.BeginEpisode(state);
            for (var step = 0; step < maxSteps; step++)
            {
                var outcome = environment.Step(action, out var next);
                learner.Observe(new Transition(state, action, outcome.Reward, next, outcome.Terminated));
                if (outcome.Ended) break;
                state = next;
                action = learner.Act(state, random);
            }
            learner.EndEpisode();
        }
    }

    private static double Play(TableEnvironment environment, int state, int action, int[] policy, int length, double gamma)
    {
        environment.State = state;
        var (sum, discount) = (0.0, 1.0);
        for (var step = 0; step < length; step++)
        {
            var outcome = environment.Step(action, out state);
            sum += discount * outcome.Reward;
            discount *= gamma;
            if (outcome.Ended) break;
            action = policy[state];
        }
        return sum;
    }
}
