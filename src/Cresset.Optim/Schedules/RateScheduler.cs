using System.Globalization;
using Cresset.Tensors;

namespace Cresset.Optim;

/// <summary>Changes the learning rates of an optimizer's groups between steps and can be saved and continued.</summary>
public abstract class RateScheduler : ISaved
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
    /// <exception cref="ArgumentException">A number is missing or out of range; nothing changes then.</exception>
    public abstract void LoadStateDict(IReadOnlyDictionary<string, double> state);

    /// <summary>Puts the numbers in under <c>schedule.</c>.</summary>
    public void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach (var (name, value) in StateDict()) state.Put("schedule." + name, value);
    }

    /// <summary>Takes over the numbers that <see cref="Save"/> put in.</summary>
    /// <exception cref="InvalidDataException">One is missing or not a number.</exception>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var numbers = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var (name, text) in state.TextsUnder("schedule."))
        {
            numbers[name["schedule.".Length..]] = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                ? value
                : throw new InvalidDataException($"{state.Origin}: '{name}' is '{text}'; a number was expected.");
        }
        try
        {
            LoadStateDict(numbers);
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{state.Origin}: {e.Message}", e);
        }
    }

    private protected static double Need(IReadOnlyDictionary<string, double> state, string key)
    {
        ArgumentNullException.ThrowIfNull(state);
        return state.TryGetValue(key, out var value) ? value
            : throw new ArgumentException($"The scheduler's state has no \"{key}\"; it has {string.Join(", ", state.Keys)}.",
                nameof(state));
    }

    private protected static double NeedCount(IReadOnlyDictionary<string, double> state, string key, bool whole)
    {
        var value = Need(state, key);
        return double.IsFinite(value) && value >= 0 && (!whole || (value <= int.MaxValue && Math.Floor(value) == value)) ? value
            : throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture,
                    $"The scheduler's state says {value} for \"{key}\"; allowed: a {(whole ? "whole" : "finite")} number of at least 0."),
                nameof(state));
    }
}
