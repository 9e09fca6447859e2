namespace Cresset.Optim;

/// <summary>Changes the learning rates of an optimizer's groups between steps and can be saved and continued.</summary>
public abstract class RateScheduler
{
    private protected RateScheduler(Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        Optimizer = optimizer;
    }

    /// <summary>The optimizer whose groups it changes.</summary>
    public Optimizer Optimizer { get; }

    /// <summary>Goes on by one step (or epoch); <paramref name="metric"/> is the validation figure that some schedules watch.</summary>
    public abstract void Step(double? metric = null);

    /// <summary>The state as numbers.</summary>
    public abstract IReadOnlyDictionary<string, double> StateDict();

    /// <summary>Takes over a state and sets the rates that belong to it.</summary>
    /// <exception cref="ArgumentException">A number is missing.</exception>
    public abstract void LoadStateDict(IReadOnlyDictionary<string, double> state);

    private protected static double Need(IReadOnlyDictionary<string, double> state, string key)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.TryGetValue(key, out var value) ? value : throw new ArgumentException($"The scheduler's state has no \"{key}\"; it has {string.Join(", ", state.Keys)}.", nameof(state));
    }
}
