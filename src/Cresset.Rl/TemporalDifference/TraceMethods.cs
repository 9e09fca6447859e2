namespace Cresset.Rl;

/// <summary>Sarsa(lambda) with eligibility traces of any kind, true online included.</summary>
public sealed class SarsaLambda : ActionValueLearner
{
    private readonly double _lambda;
    private readonly TraceKind _kind;
    private readonly double[] _traces;
    private double _oldValue;

    /// <summary>Makes the learner.</summary>
    public SarsaLambda(int states, int actions, double lambda, TraceKind kind, ControlOptions? options = null,
        Func<int, int, bool>? isAvailable = null)
        : base(states, actions, options, isAvailable)
    {
        _lambda = Discount.Checked(lambda, nameof(lambda));
        _kind = kind;
        _traces = new double[states * actions];
    }

    /// <summary>The traces, [StateCount, ActionCount].</summary>
    public ReadOnlySpan<double> Traces => _traces;

    /// <inheritdoc/>
    public override bool NeedsNextAction => true;

    /// <inheritdoc/>
    protected override void Start(int state)
    {
        Array.Clear(_traces);
        _oldValue = 0;
    }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        var alpha = NextStepSize(index);
        var value = Values[index];
        var nextValue = t.Terminated ? 0 : Row(t.NextState)[t.NextAction];
        var error = t.Reward + (Gamma * nextValue) - value;
        var decay = Gamma * _lambda;
        var old = decay * _traces[index];
        var drift = _kind == TraceKind.TrueOnline ? value - _oldValue : 0;
        for (var i = 0; i < _traces.Length; i++) _traces[i] *= decay;
        _traces[index] = _kind switch
        {
            TraceKind.Accumulating => old + 1,
            TraceKind.Replacing => 1,
            _ => ((1 - alpha) * old) + 1,
        };
        for (var i = 0; i < _traces.Length; i++)
        {
            if (_traces[i] != 0) Values[i] += alpha * (error + drift) * _traces[i];
        }
        Values[index] -= alpha * drift;
        _oldValue = nextValue;
    }
}

/// <summary>Watkins' Q(lambda): traces towards the greedy target, cut to zero after an action that was not greedy.</summary>
public sealed class WatkinsQLambda : ActionValueLearner
{
    private readonly double _lambda;
    private readonly TraceKind _kind;
    private readonly double[] _traces;

    /// <summary>Makes the learner; <paramref name="kind"/> may be accumulating, replacing or dutch.</summary>
    public WatkinsQLambda(int states, int actions, double lambda, TraceKind kind = TraceKind.Accumulating, ControlOptions? options = null,
        Func<int, int, bool>? isAvailable = null)
        : base(states, actions, options, isAvailable)
    {
        if (kind == TraceKind.TrueOnline)
            throw new ArgumentException("Q(lambda) has no true online form; use accumulating, replacing or dutch traces.", nameof(kind));
        _lambda = Discount.Checked(lambda, nameof(lambda));
        _kind = kind;
        _traces = new double[states * actions];
    }

    /// <summary>The traces, [StateCount, ActionCount].</summary>
    public ReadOnlySpan<double> Traces => _traces;

    /// <inheritdoc/>
    public override bool NeedsNextAction => true;

    /// <inheritdoc/>
    protected override void Start(int state) => Array.Clear(_traces);

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var index = (t.State * ActionCount) + t.Action;
        var alpha = NextStepSize(index);
        var best = MaxValue(t.NextState, t.Terminated);
        // A tie counts as greedy: the action taken is then one of the best.
        var greedy = t.Terminated || t.NextAction < 0 || Row(t.NextState)[t.NextAction] == best;
        var error = t.Reward + (Gamma * best) - Values[index];
        _traces[index] = _kind switch
        {
            TraceKind.Accumulating => _traces[index] + 1,
            TraceKind.Replacing => 1,
            _ => ((1 - alpha) * _traces[index]) + 1,
        };
        var decay = greedy ? Gamma * _lambda : 0;
        for (var i = 0; i < _traces.Length; i++)
        {
            if (_traces[i] == 0) continue;
            Values[i] += alpha * error * _traces[i];
            _traces[i] *= decay;
        }
    }
}
