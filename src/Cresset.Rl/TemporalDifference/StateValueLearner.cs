using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Learns the values of states from a stream of transitions (prediction). Feed it by <see cref="BeginEpisode"/>,
/// <see cref="Observe"/> and <see cref="EndEpisode"/>, or run an environment with <see cref="RunEpisode"/>.
/// </summary>
public abstract class StateValueLearner
{
    private readonly long[] _visits;

    /// <summary>A learner with all values equal to <paramref name="initialValue"/>.</summary>
    protected StateValueLearner(int states, double gamma, StepSizeRule stepSize, double initialValue)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(states);
        Gamma = Discount.Checked(gamma);
        StepSize = stepSize.ThrowIfInvalid();
        Values = new double[states];
        Array.Fill(Values, initialValue);
        _visits = new long[states];
    }

    /// <summary>The current estimates.</summary>
    public double[] Values { get; }

    /// <summary>Discount factor.</summary>
    public double Gamma { get; }

    /// <summary>Step sizes; a rule that changes counts the updates of each state by itself.</summary>
    public StepSizeRule StepSize { get; }

    /// <summary>Number of transitions seen.</summary>
    public long Steps { get; private set; }

    /// <summary>Tells that an episode starts in <paramref name="state"/>.</summary>
    public virtual void BeginEpisode(int state)
    {
    }

    /// <summary>Learns from a transition.</summary>
    /// <exception cref="DivergenceException">A value became infinite or not a number.</exception>
    public void Observe(in Transition transition)
    {
        Steps++;
        Learn(transition);
        var value = Values[transition.State];
        if (!double.IsFinite(value)) Divergence.Check(value, Steps, GetType().Name);
    }

    /// <summary>Tells that the episode is over (also when it was cut).</summary>
    public virtual void EndEpisode()
    {
    }

    /// <summary>Plays one episode with <paramref name="policy"/> and learns from it; returns the number of steps.</summary>
    /// <param name="environment">Shows its state number.</param>
    /// <param name="policy">Chooses actions by state, both counted from 0; always 0 when left out.</param>
    /// <param name="seed">Seed of the reset.</param>
    public int RunEpisode(IEnvironment<int, int> environment, Func<int, int>? policy = null, ulong? seed = null)
    {
        environment = environment.FromZero();
        var state = environment.ResetState(seed);
        BeginEpisode(state);
        var steps = 0;
        while (true)
        {
            var action = policy?.Invoke(state) ?? 0;
            var outcome = environment.Step(action, out var next);
            steps++;
            Observe(new Transition(state, action, outcome.Reward, next, outcome.Terminated));
            if (outcome.Ended) break;
            state = next;
        }
        EndEpisode();
        return steps;
    }

    /// <summary>Applies one transition.</summary>
    protected abstract void Learn(in Transition t);

    /// <summary>The step size of the next update of <paramref name="state"/>, which it counts.</summary>
    protected double NextStepSize(int state) => StepSize is ConstantStepSize constant ? constant.Size : StepSize.At(_visits[state]++);

    /// <summary>Moves the value of <paramref name="state"/> towards <paramref name="target"/>.</summary>
    protected double MoveTowards(int state, double target) => TdTarget.Update(ref Values[state], target, NextStepSize(state));
}
