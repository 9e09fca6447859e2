using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Probabilities of every action in every state.</summary>
public sealed class TabularPolicy
{
    private readonly double[] _probabilities;

    private TabularPolicy(int states, int actions, double[] probabilities)
    {
        StateCount = states;
        ActionCount = actions;
        _probabilities = probabilities;
    }

    /// <summary>Number of states.</summary>
    public int StateCount { get; }

    /// <summary>Number of actions.</summary>
    public int ActionCount { get; }

    /// <summary>The probabilities, [StateCount, ActionCount].</summary>
    public ReadOnlySpan<double> Probabilities => _probabilities;

    /// <summary>Probability of <paramref name="action"/> in <paramref name="state"/>.</summary>
    public double this[int state, int action] => _probabilities[(state * ActionCount) + action];

    /// <summary>A policy of the given probabilities, [states, actions].</summary>
    /// <exception cref="ArgumentException">A row does not sum to 1 (rows of zeros are allowed: states without actions).</exception>
    public static TabularPolicy FromProbabilities(int states, int actions, ReadOnlySpan<double> probabilities)
    {
        if (probabilities.Length != states * actions)
            throw new ArgumentException($"{probabilities.Length} probabilities do not fill {states} states by {actions} actions.",
                nameof(probabilities));
        for (var s = 0; s < states; s++)
        {
            var sum = 0.0;
            foreach (var p in probabilities.Slice(s * actions, actions)) sum += p >= 0 ? p : double.NaN;
            if (!(Math.Abs(sum - 1) <= 1e-9 || sum == 0))
                throw new ArgumentException($"The action probabilities of state {s} sum to {sum}, not to 1.", nameof(probabilities));
        }
        return new TabularPolicy(states, actions, probabilities.ToArray());
    }

    /// <summary>Always the given action a state.</summary>
    public static TabularPolicy Deterministic(ReadOnlySpan<int> actions, int actionCount)
    {
        var probabilities = new double[actions.Length * actionCount];
        for (var s = 0; s < actions.Length; s++) probabilities[(s * actionCount) + actions[s]] = 1;
        return new TabularPolicy(actions.Length, actionCount, probabilities);
    }

    /// <summary>All available actions equally likely.</summary>
    public static TabularPolicy Uniform(TransitionTable model)
    {
        var probabilities = new double[model.StateCount * model.ActionCount];
        for (var s = 0; s < model.StateCount; s++) Spread(model, s, 1, probabilities);
        return new TabularPolicy(model.StateCount, model.ActionCount, probabilities);
    }

    /// <summary>The given action with probability 1 - epsilon, plus epsilon shared equally by all available actions.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Epsilon is outside [0, 1].</exception>
    public static TabularPolicy EpsilonGreedy(TransitionTable model, ReadOnlySpan<int> greedy, double epsilon)
    {
        if (epsilon is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, $"epsilon is {epsilon}; allowed is [0, 1].");
        var probabilities = new double[model.StateCount * model.ActionCount];
        for (var s = 0; s < model.StateCount; s++)
        {
            if (model.IsAbsorbing(s)) continue;
            Spread(model, s, epsilon, probabilities);
            probabilities[(s * model.ActionCount) + greedy[s]] += 1 - epsilon;
        }
        return new TabularPolicy(model.StateCount, model.ActionCount, probabilities);
    }

    /// <summary>The most probable action of each state (lowest index on ties).</summary>
    public int[] GreedyActions()
    {
        var actions = new int[StateCount];
        for (var s = 0; s < StateCount; s++) actions[s] = Greedy.FirstMax(_probabilities.AsSpan(s * ActionCount, ActionCount));
        return actions;
    }

    /// <summary>Draws an action.</summary>
    public int Sample(int state, RandomStream random)
    {
        var draw = random.NextDouble();
        var row = _probabilities.AsSpan(state * ActionCount, ActionCount);
        for (var a = 0; a < row.Length; a++)
        {
            draw -= row[a];
            if (draw < 0) return a;
        }
        return Greedy.FirstMax(row);
    }

    private static void Spread(TransitionTable model, int state, double share, double[] probabilities)
    {
        var count = 0;
        for (var a = 0; a < model.ActionCount; a++) count += model.IsAvailable(state, a) ? 1 : 0;
        for (var a = 0; a < model.ActionCount; a++)
        {
            if (model.IsAvailable(state, a)) probabilities[(state * model.ActionCount) + a] = share / count;
        }
    }
}
