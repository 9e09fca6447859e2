using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>TD(0): the target is r + gamma v(s').</summary>
public sealed class TdZero(int states, double gamma, StepSizeRule stepSize, double initialValue = 0)
    : StateValueLearner(states, gamma, stepSize, initialValue)
{
    /// <inheritdoc/>
    protected override void Learn(in Transition t)
        => MoveTowards(t.State, TdTarget.Sample(t.Reward, Gamma, t.Terminated ? 0 : Values[t.NextState]));
}

/// <summary>
/// n-step TD: the target is the n-step return; with a large n it is constant-step Monte Carlo (Sutton and Barto, section 7.1). Importance
/// ratios are taken into account.
/// </summary>
public sealed class NStepTd : StateValueLearner
{
    private readonly int _n;
    private readonly List<Transition> _recent = [];

    /// <summary>Makes the learner.</summary>
    public NStepTd(int states, int n, double gamma, StepSizeRule stepSize, double initialValue = 0)
        : base(states, gamma, stepSize, initialValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        _n = n;
    }

    /// <inheritdoc/>
    public override void BeginEpisode(int state) => _recent.Clear();

    /// <inheritdoc/>
    public override void EndEpisode()
    {
        while (_recent.Count > 0) UpdateOldest();
    }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        _recent.Add(t);
        if (_recent.Count == _n) UpdateOldest();
        if (t.Terminated) EndEpisode();
    }

    private void UpdateOldest()
    {
        var last = _recent[^1];
        var target = last.Terminated ? 0 : Values[last.NextState];
        var ratio = 1.0;
        for (var i = _recent.Count - 1; i >= 0; i--)
        {
            target = TdTarget.Sample(_recent[i].Reward, Gamma, target);
            ratio *= _recent[i].Ratio;
        }
        var state = _recent[0].State;
        TdTarget.Update(ref Values[state], target, NextStepSize(state) * ratio);
        _recent.RemoveAt(0);
    }
}

/// <summary>How eligibility traces grow.</summary>
public enum TraceKind
{
    /// <summary>Every visit adds 1.</summary>
    Accumulating,

    /// <summary>Every visit sets the trace to 1.</summary>
    Replacing,

    /// <summary>Every visit adds 1 after taking off alpha times the old trace.</summary>
    Dutch,

    /// <summary>
    /// Dutch traces with the corrections that make the method equal to the online lambda-return algorithm (van Seijen and Sutton 2014).
    /// </summary>
    TrueOnline,
}

/// <summary>TD(lambda) with eligibility traces: every state moves by the present error in proportion to its trace.</summary>
public sealed class TdLambda : StateValueLearner
{
    private readonly double _lambda;
    private readonly TraceKind _kind;
    private readonly double[] _traces;
    private double _oldValue;

    /// <summary>Makes the learner.</summary>
    public TdLambda(int states, double lambda, TraceKind kind, double gamma, StepSizeRule stepSize, double initialValue = 0)
        : base(states, gamma, stepSize, initialValue)
    {
        _lambda = Discount.Checked(lambda, nameof(lambda));
        _kind = kind;
        _traces = new double[states];
    }

    /// <summary>The traces.</summary>
    public ReadOnlySpan<double> Traces => _traces;

    /// <inheritdoc/>
    public override void BeginEpisode(int state)
    {
        Array.Clear(_traces);
        _oldValue = 0;
    }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        var alpha = NextStepSize(t.State);
        var value = Values[t.State];
        var nextValue = t.Terminated ? 0 : Values[t.NextState];
        var error = t.Reward + (Gamma * nextValue) - value;
        var decay = Gamma * _lambda;
        var old = decay * _traces[t.State];
        for (var s = 0; s < _traces.Length; s++) _traces[s] *= decay;
        _traces[t.State] = _kind switch
        {
            TraceKind.Accumulating => old + 1,
            TraceKind.Replacing => 1,
            _ => ((1 - alpha) * old) + 1,
        };
        if (_kind != TraceKind.TrueOnline)
        {
            for (var s = 0; s < _traces.Length; s++) Values[s] += alpha * error * _traces[s];
            return;
        }
        var drift = value - _oldValue;
        for (var s = 0; s < _traces.Length; s++) Values[s] += alpha * (error + drift) * _traces[s];
        Values[t.State] -= alpha * drift;
        _oldValue = nextValue;
    }
}

/// <summary>
/// The offline lambda-return algorithm: at the end of the episode each visit moves towards its lambda-return, computed from the values at
/// the start of the episode; the moves are made one after the other from the current value.
/// </summary>
public sealed class OfflineLambdaReturn(int states, double lambda, double gamma, StepSizeRule stepSize, double initialValue = 0)
    : StateValueLearner(states, gamma, stepSize, initialValue)
{
    private readonly double _lambda = Discount.Checked(lambda, nameof(lambda));
    private readonly List<Transition> _episode = [];

    /// <inheritdoc/>
    public override void BeginEpisode(int state) => _episode.Clear();

    /// <inheritdoc/>
    public override void EndEpisode()
    {
        if (_episode.Count == 0) return;
        var targets = new double[_episode.Count];
        var next = _episode[^1].Terminated ? 0 : Values[_episode[^1].NextState];
        for (var i = targets.Length - 1; i >= 0; i--)
        {
            var t = _episode[i];
            var following = t.Terminated ? 0 : Values[t.NextState];
            next = targets[i] = t.Reward + (Gamma * (((1 - _lambda) * following) + (_lambda * (t.Terminated ? 0 : next))));
        }
        for (var i = 0; i < targets.Length; i++) MoveTowards(_episode[i].State, targets[i]);
        _episode.Clear();
    }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        _episode.Add(t);
        if (t.Terminated) EndEpisode();
    }
}
