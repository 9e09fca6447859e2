using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Monte Carlo prediction: the target is the whole return; with 1/k steps the estimate is the mean of the returns.</summary>
public sealed class MonteCarloPrediction : StateValueLearner
{
    private readonly bool _firstVisit;
    private readonly List<Transition> _episode = [];

    /// <summary>Makes the learner.</summary>
    /// <param name="states">Number of states.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <param name="stepSize">Step sizes; 1/k, the mean, when left out.</param>
    /// <param name="firstVisit">Count only the first visit of a state in an episode.</param>
    /// <param name="initialValue">Value of every state at the start.</param>
    public MonteCarloPrediction(int states, double gamma, StepSizeRule? stepSize = null, bool firstVisit = false, double initialValue = 0)
        : base(states, gamma, stepSize ?? StepSizeRule.SampleMean, initialValue)
        => _firstVisit = firstVisit;

    /// <inheritdoc/>
    public override void BeginEpisode(int state) => _episode.Clear();

    /// <inheritdoc/>
    public override void EndEpisode()
    {
        var returns = Returns(_episode, Gamma);
        var seen = new HashSet<int>();
        for (var i = 0; i < returns.Length; i++)
        {
            if (_firstVisit && !seen.Add(_episode[i].State)) continue;
            MoveTowards(_episode[i].State, returns[i]);
        }
        _episode.Clear();
    }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        _episode.Add(t);
        if (t.Terminated) EndEpisode();
    }

    /// <summary>The discounted return from each step on.</summary>
    internal static double[] Returns(List<Transition> episode, double gamma)
    {
        var returns = new double[episode.Count];
        var sum = 0.0;
        for (var i = returns.Length - 1; i >= 0; i--) returns[i] = sum = episode[i].Reward + (gamma * sum);
        return returns;
    }
}

/// <summary>
/// Off-policy Monte Carlo prediction: returns of a behaviour policy weighted by the importance ratios of the rest of the episode. Ordinary
/// importance sampling divides by the number of returns (unbiased, unbounded variance), weighted by the sum of the ratios.
/// </summary>
public sealed class OffPolicyMonteCarlo(int states, double gamma, bool weighted, double initialValue = 0)
    : StateValueLearner(states, gamma, StepSizeRule.SampleMean, initialValue)
{
    private readonly double[] _weights = new double[states];
    private readonly List<Transition> _episode = [];

    /// <summary>Count only the first visit of a state in an episode.</summary>
    public bool FirstVisit { get; init; }

    /// <inheritdoc/>
    public override void BeginEpisode(int state) => _episode.Clear();

    /// <inheritdoc/>
    public override void EndEpisode()
    {
        var returns = MonteCarloPrediction.Returns(_episode, Gamma);
        var ratio = 1.0;
        for (var i = returns.Length - 1; i >= 0; i--)
        {
            ratio *= _episode[i].Ratio;
            var state = _episode[i].State;
            if (FirstVisit && _episode.FindIndex(t => t.State == state) != i) continue;
            _weights[state] += weighted ? ratio : 1;
            if (_weights[state] == 0) continue;
            // Incremental means: weighted W/C (G - V), ordinary 1/N (ratio G - V).
            if (weighted) TdTarget.Update(ref Values[state], returns[i], ratio / _weights[state]);
            else TdTarget.Update(ref Values[state], ratio * returns[i], 1 / _weights[state]);
        }
        _episode.Clear();
    }

    /// <inheritdoc/>
    protected override void Learn(in Transition t)
    {
        _episode.Add(t);
        if (t.Terminated) EndEpisode();
    }
}
