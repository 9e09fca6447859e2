namespace Cresset.Rl.Deep;

/// <summary>Turns drawn actions into those that an environment takes.</summary>
internal sealed class PolicyActions<TAction>
    where TAction : unmanaged
{
    private readonly Box? _bounds;
    private readonly int[] _starts = [];

    public PolicyActions(VectorEnvironment<float, TAction> environments, double initialLogDeviation)
    {
        Rollouts.CheckAutoreset(environments);
        switch (environments.SingleActionSpace)
        {
            case Discrete choices:
                Distribution = new CategoricalActions(choices.Count);
                _starts = [choices.Start];
                break;
            case MultiDiscrete several:
                Distribution = new MultiCategoricalActions(several.Counts);
                _starts = several.Starts.ToArray();
                break;
            case MultiBinary bits:
                Distribution = new MultiCategoricalActions([.. Enumerable.Repeat(2, bits.Size)]);
                _starts = new int[bits.Size];
                break;
            case Box box:
                _bounds = box;
                Distribution = new GaussianActions(box.Size, initialLogDeviation);
                break;
            default:
                throw new ArgumentException(
                    $"The actions are {environments.SingleActionSpace}; needed are choices (Discrete, MultiDiscrete, MultiBinary) or a "
                        + $"Box.", nameof(environments));
        }
        MaskSize = environments.Masks.IsEmpty ? 0 : environments.MaskSize;
    }

    /// <summary>Entries of a mask; 0 where there is none.</summary>
    public int MaskSize { get; }

    public ActionDistribution Distribution { get; }

    /// <summary>The action of the environment; continuous ones are kept within their bounds.</summary>
    public void Take(ReadOnlySpan<float> drawn, Span<TAction> taken)
    {
        for (var i = 0; i < drawn.Length; i++)
            taken[i] = Convert(_bounds is null ? drawn[i] + _starts[i] : Math.Clamp(drawn[i], _bounds.Low[i], _bounds.High[i]));
    }

    /// <summary>The value that has to be drawn for an action of the environment.</summary>
    public float Drawn(float taken, int index) => _bounds is null ? taken - _starts[index] : taken;

    /// <summary>Writes the most likely action of each row.</summary>
    public void Greedy(ActorCritic learner, ReadOnlySpan<float> observations, int count, int observationSize, Span<TAction> actions,
        ReadOnlySpan<bool> masks, Span<float> memory = default)
    {
        var size = Distribution.ActionSize;
        Rollouts.CheckRows(observations, count, observationSize, actions.Length / size);
        // A mask may come with a single environment even where the agent learned without one.
        var maskSize = masks.IsEmpty ? 0 : Distribution.Inputs;
        Rollouts.CheckMasks(masks.Length, count, maskSize);
        // Without a memory every row is the first step of its episode.
        if (learner.MemorySize > 0 && memory.IsEmpty) memory = new float[count * learner.MemorySize];
        var raw = learner.Policy(observations, count, out var stride, memory);
        Span<float> drawn = stackalloc float[size];
        for (var i = 0; i < count; i++)
        {
            Distribution.Mode(raw[(i * stride)..], drawn, Rollouts.Row(masks, i, maskSize));
            Take(drawn, actions.Slice(i * size, size));
        }
    }

    // The tests are decided when the method is compiled for its type.
    private static TAction Convert(float value)
        => typeof(TAction) == typeof(int) ? (TAction)(object)(int)value
            : typeof(TAction) == typeof(sbyte) ? (TAction)(object)(sbyte)value
            : (TAction)(object)value;
}
