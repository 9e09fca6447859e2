namespace Cresset.Rl;

/// <summary>The n-step targets for action values.</summary>
public enum NStepKind
{
    /// <summary>n-step Sarsa; off-policy with importance ratios (Sutton and Barto, equations 7.4 and 7.11).</summary>
    Sarsa,

    /// <summary>n-step Expected Sarsa: the last value is the mean over the policy.</summary>
    ExpectedSarsa,

    /// <summary>Tree backup: off-policy without ratios; every step is weighted by the policy (Precup, Sutton and Singh 2000).</summary>
    TreeBackup,

    /// <summary>Q(sigma): between full sampling with ratios (sigma 1) and tree backup (sigma 0) (De Asis et al. 2018).</summary>
    QSigma,
}

/// <summary>Learns action values from n-step targets.</summary>
public sealed class NStepControl : ActionValueLearner
{
    private readonly int _n;
    private readonly NStepKind _kind;
    private readonly double _sigma;
    private readonly List<Transition> _recent = [];
    private readonly double[] _policy;

    /// <summary>Makes the learner.</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="actions">Number of actions.</param>
    /// <param name="n">Number of steps.</param>
    /// <param name="kind">The target.</param>
    /// <param name="options">Discount, step sizes, behaviour.</param>
    /// <param name="isAvailable">Which actions exist; all when left out.</param>
    /// <param name="sigma">Degree of sampling in [0, 1], for Q(sigma) only.</param>
    public NStepControl(int states, int actions, int n, NStepKind kind, ControlOptions? options = null,
        Func<int, int, bool>? isAvailable = null, double sigma = 1)
        : base(states, actions, options, isAvailable)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        _n = n;
        _kind = kind;
        _sigma = Discount.Checked(sigma, nameof(sigma));
        _policy = new double[actions];
    }

    /// <summary>Policy whose values are learned; the behaviour itself when null. Writes the probabilities of a state.</summary>
    public Action<int, Span<double>>? TargetPolicy { get; init; }

    /// <inheritdoc/>
    public override bool NeedsNextAction => true;

    /// <inheritdoc/>
    public override void EndEpisode()
    {
        while (_recent.Count > 0) UpdateOldest();
    }

    /// <inheritdoc/>
    protected override void Start(int state) => _recent.Clear();

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        _recent.Add(t);
        if (_recent.Count == _n) UpdateOldest();
        if (t.Terminated) EndEpisode();
    }

    private void UpdateOldest()
    {
        var first = _recent[0];
        var index = (first.State * ActionCount) + first.Action;
        var ratio = 1.0;
        var target = _kind switch
        {
            NStepKind.TreeBackup => TreeBackup(),
            NStepKind.QSigma => Sigma(),
            _ => Sampled(out ratio),
        };
        TdTarget.Update(ref Values[index], target, NextStepSize(index) * ratio);
        _recent.RemoveAt(0);
    }

    private double Sampled(out double ratio)
    {
        var last = _recent[^1];
        // The ratios are those of the actions after the first one; Sarsa's also of the action it bootstraps from.
        ratio = _kind == NStepKind.Sarsa && !last.Terminated ? last.NextRatio : 1;
        for (var i = 1; i < _recent.Count; i++) ratio *= _recent[i].Ratio;
        var target = last.Terminated ? 0 : _kind == NStepKind.Sarsa ? Row(last.NextState)[last.NextAction] : MeanOf(last.NextState);
        for (var i = _recent.Count - 1; i >= 0; i--) target = TdTarget.Sample(_recent[i].Reward, Gamma, target);
        return target;
    }

    private double TreeBackup()
    {
        var last = _recent[^1];
        var target = last.Reward + (last.Terminated ? 0 : Gamma * MeanOf(last.NextState));
        for (var i = _recent.Count - 2; i >= 0; i--)
        {
            var (state, action) = (_recent[i + 1].State, _recent[i + 1].Action);
            var mean = MeanOf(state);
            target = _recent[i].Reward + (Gamma * (mean + (_policy[action] * (target - Row(state)[action]))));
        }
        return target;
    }

    private double Sigma()
    {
        var last = _recent[^1];
        var target = last.Terminated ? 0 : Row(last.NextState)[last.NextAction];
        for (var i = _recent.Count - 1; i >= 0; i--)
        {
            var t = _recent[i];
            if (t.Terminated)
            {
                target = t.Reward;
                continue;
            }
            var (action, ratio) = i == _recent.Count - 1 ? (t.NextAction, t.NextRatio) : (_recent[i + 1].Action, _recent[i + 1].Ratio);
            var mean = MeanOf(t.NextState);
            var weight = (_sigma * ratio) + ((1 - _sigma) * _policy[action]);
            target = t.Reward + (Gamma * ((weight * (target - Row(t.NextState)[action])) + mean));
        }
        return target;
    }

    // Leaves the probabilities in _policy.
    private double MeanOf(int state)
    {
        if (TargetPolicy is { } policy) policy(state, _policy);
        else PolicyOf(state, _policy);
        return TdTarget.Mean(_policy, Row(state));
    }
}
