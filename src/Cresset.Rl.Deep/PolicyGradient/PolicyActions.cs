namespace Cresset.Rl.Deep;

/// <summary>Turns drawn actions into those that an environment takes.</summary>
internal sealed class PolicyActions<TAction>
    where TAction : unmanaged
{
    private readonly Box? _bounds;

    public PolicyActions(VectorEnvironment<float, TAction> environments, double initialLogDeviation)
    {
        if (environments.Autoreset != AutoresetMode.SameStep) throw new ArgumentException($"The environments reset in mode {environments.Autoreset}; agents need SameStep, which hands out the last observation of an episode.", nameof(environments));
        switch (environments.SingleActionSpace)
        {
            case Discrete { Start: 0 } choices:
                Distribution = new CategoricalActions(choices.Count);
                break;
            case Box box:
                _bounds = box;
                Distribution = new GaussianActions(box.Size, initialLogDeviation);
                break;
            default:
                throw new ArgumentException($"The actions are {environments.SingleActionSpace}; needed is a single choice, Discrete(n) from 0, or a Box.", nameof(environments));
        }
    }

    public ActionDistribution Distribution { get; }

    /// <summary>The action of the environment; continuous ones are kept within their bounds.</summary>
    public void Take(ReadOnlySpan<float> drawn, Span<TAction> taken)
    {
        for (var i = 0; i < drawn.Length; i++) taken[i] = Convert(_bounds is null ? drawn[i] : Math.Clamp(drawn[i], _bounds.Low[i], _bounds.High[i]));
    }

    /// <summary>Writes the most likely action of each row.</summary>
    public void Greedy(ActorCritic learner, ReadOnlySpan<float> observations, int count, int observationSize, Span<TAction> actions)
    {
        var size = Distribution.ActionSize;
        Rollouts.CheckRows(observations.Length, count, observationSize, actions.Length / size);
        var raw = learner.Policy(observations, count, out var stride);
        Span<float> drawn = stackalloc float[size];
        for (var i = 0; i < count; i++)
        {
            Distribution.Mode(raw[(i * stride)..], drawn);
            Take(drawn, actions.Slice(i * size, size));
        }
    }

    // Both tests are decided when the method is compiled for its type.
    private static TAction Convert(float value) => typeof(TAction) == typeof(int) ? (TAction)(object)(int)value : (TAction)(object)value;
}
