using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Dyna-Q: Q-learning from real steps plus <c>n</c> imagined steps after each, drawn uniformly from the state-action pairs seen before
/// (Sutton 1990). With a positive bonus it is Dyna-Q+: imagined rewards grow by bonus * sqrt(steps since the pair was last tried), and
/// untried actions of visited states are imagined to lead back with reward 0.
/// </summary>
public sealed class DynaQ : ActionValueLearner
{
    private readonly int _planningSteps;
    private readonly double _bonus;
    private readonly RandomStream _random;
    private readonly (double Reward, int Next, bool Terminated, long Time)[] _model;
    private readonly bool[] _known;
    private readonly List<int> _pairs = [];

    /// <summary>Makes the learner.</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="actions">Number of actions.</param>
    /// <param name="planningSteps">Imagined steps a real step; 0 is plain Q-learning.</param>
    /// <param name="random">Draws the imagined pairs.</param>
    /// <param name="bonus">Kappa of Dyna-Q+; 0 for Dyna-Q.</param>
    /// <param name="options">Discount, step sizes, behaviour.</param>
    /// <param name="isAvailable">Which actions exist; all when left out.</param>
    public DynaQ(int states, int actions, int planningSteps, RandomStream random, double bonus = 0, ControlOptions? options = null,
        Func<int, int, bool>? isAvailable = null)
        : base(states, actions, options, isAvailable)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(planningSteps);
        ArgumentOutOfRangeException.ThrowIfNegative(bonus);
        (_planningSteps, _bonus, _random) = (planningSteps, bonus, random);
        _model = new (double, int, bool, long)[states * actions];
        _known = new bool[states * actions];
    }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        Update((t.State * ActionCount) + t.Action, t.Reward, t.NextState, t.Terminated);
        Remember(t);
        for (var i = 0; i < _planningSteps; i++)
        {
            var pair = _pairs[_random.NextInt32(_pairs.Count)];
            var (reward, next, terminated, time) = _model[pair];
            Update(pair, _bonus > 0 ? reward + (_bonus * Math.Sqrt(Steps - time)) : reward, next, terminated);
        }
    }

    private void Update(int index, double reward, int next, bool terminated)
        => TdTarget.Update(ref Values[index], terminated ? reward : TdTarget.Greedy(reward, Gamma, Row(next)), NextStepSize(index));

    private void Remember(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        if (_bonus > 0 && !_known[index])
        {
            for (var a = 0; a < ActionCount; a++)
            {
                var other = (t.State * ActionCount) + a;
                // An action that does not exist is not imagined either.
                if (double.IsNegativeInfinity(Values[other])) continue;
                _known[other] = true;
                _pairs.Add(other);
                _model[other] = (0, t.State, false, 0);
            }
        }
        else if (!_known[index])
        {
            _known[index] = true;
            _pairs.Add(index);
        }
        _model[index] = (t.Reward, t.NextState, t.Terminated, Steps);
    }
}

/// <summary>
/// Prioritized sweeping (Moore and Atkeson 1993; Sutton and Barto, section 8.4) for deterministic environments: imagined updates are made
/// where the error is largest, then for everything that leads there.
/// </summary>
public sealed class PrioritizedSweeping : ActionValueLearner
{
    private readonly int _planningSteps;
    private readonly double _threshold;
    private readonly (double Reward, int Next, bool Terminated, bool Known)[] _model;
    private readonly HashSet<int>[] _predecessors;
    private readonly double[] _priority;
    private readonly PriorityQueue<int, (double Negative, long Order)> _queue = new();
    private long _order;

    /// <summary>Makes the learner.</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="actions">Number of actions.</param>
    /// <param name="planningSteps">Most imagined updates a real step.</param>
    /// <param name="threshold">Errors up to this are not worth an update.</param>
    /// <param name="options">Discount, step sizes, behaviour.</param>
    /// <param name="isAvailable">Which actions exist; all when left out.</param>
    public PrioritizedSweeping(int states, int actions, int planningSteps, double threshold = 1e-4, ControlOptions? options = null,
        Func<int, int, bool>? isAvailable = null)
        : base(states, actions, options, isAvailable)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(planningSteps);
        (_planningSteps, _threshold) = (planningSteps, threshold);
        _model = new (double, int, bool, bool)[states * actions];
        _priority = new double[states * actions];
        _predecessors = new HashSet<int>[states];
        for (var s = 0; s < states; s++) _predecessors[s] = [];
    }

    /// <summary>Number of updates made.</summary>
    public long Updates { get; private set; }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        if (_model[index].Known) _predecessors[_model[index].Next].Remove(index);
        _model[index] = (t.Reward, t.NextState, t.Terminated, true);
        if (!t.Terminated) _predecessors[t.NextState].Add(index);
        Consider(index);
        for (var i = 0; i < _planningSteps && TryTake(out var pair); i++)
        {
            TdTarget.Update(ref Values[pair], Target(pair), NextStepSize(pair));
            Updates++;
            foreach (var before in _predecessors[pair / ActionCount].Order()) Consider(before);
        }
    }

    private double Target(int pair)
    {
        var (reward, next, terminated, _) = _model[pair];
        return terminated ? reward : TdTarget.Greedy(reward, Gamma, Row(next));
    }

    private void Consider(int pair)
    {
        var error = Math.Abs(Target(pair) - Values[pair]);
        if (error <= _threshold || error <= _priority[pair]) return;
        _priority[pair] = error;
        _queue.Enqueue(pair, (-error, _order++));
    }

    private bool TryTake(out int pair)
    {
        while (_queue.TryDequeue(out pair, out var key))
        {
            if (-key.Negative != _priority[pair]) continue;
            _priority[pair] = 0;
            return true;
        }
        return false;
    }
}
