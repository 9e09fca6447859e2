namespace Cresset.Rl;

/// <summary>An environment broke its contract; the message says how.</summary>
public sealed class EnvironmentContractException(string message) : Exception(message);

/// <summary>
/// Watches an environment (of one's own) while it is used: observations must lie in their space, rewards must be finite, and no step may
/// come after an end. <see cref="EnvironmentChecks.Check"/> tests one as a whole.
/// </summary>
/// <typeparam name="TObservation">Element of an observation.</typeparam>
/// <typeparam name="TAction">Element of an action.</typeparam>
public sealed class EnvironmentChecker<TObservation, TAction>(IEnvironment<TObservation, TAction> inner) : Wrapper<TObservation, TAction>(inner)
    where TObservation : unmanaged
    where TAction : unmanaged
{
    private bool _isRunning;
    private long _step;

    /// <inheritdoc/>
    public override void Reset(Span<TObservation> observation, ulong? seed = null)
    {
        Inner.Reset(observation, seed);
        (_isRunning, _step) = (true, 0);
        CheckObservation(observation);
    }

    /// <inheritdoc/>
    public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
    {
        if (!_isRunning) throw new InvalidOperationException($"{Name}: no episode is running. It has ended or was never started: call Reset before Step.");
        if (!ActionSpace.Contains(action)) throw new ArgumentException($"{Name}: action [{string.Join(", ", action.ToArray())}] lies outside {ActionSpace}.", nameof(action));
        var outcome = Inner.Step(action, observation);
        _step++;
        _isRunning = !outcome.Ended;
        if (!double.IsFinite(outcome.Reward)) throw new EnvironmentContractException($"{Name}: the reward of step {_step} is {outcome.Reward}; rewards must be finite.");
        CheckObservation(observation);
        return outcome;
    }

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_isRunning);
        writer.Write(_step);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => (_isRunning, _step) = (reader.ReadBoolean(), reader.ReadInt64());

    private void CheckObservation(ReadOnlySpan<TObservation> observation)
    {
        if (!ObservationSpace.Contains(observation)) throw new EnvironmentContractException($"{Name}: the observation after step {_step}, [{string.Join(", ", observation.ToArray())}], lies outside {ObservationSpace}.");
    }
}

/// <summary>Tests of a whole environment.</summary>
public static class EnvironmentChecks
{
    /// <summary>
    /// Plays random episodes of two copies: observations and rewards keep to the contract, equal seeds give equal episodes, and a copy
    /// that was saved and restored goes on exactly.
    /// </summary>
    /// <param name="make">Makes a new copy.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="seed">Seed of environment and actions.</param>
    /// <exception cref="EnvironmentContractException">The environment broke its contract.</exception>
    public static void Check<TObservation, TAction>(Func<IEnvironment<TObservation, TAction>> make, int steps = 500, ulong seed = 0)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(make);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        var first = new EnvironmentChecker<TObservation, TAction>(make());
        var second = new EnvironmentChecker<TObservation, TAction>(make());
        first.ActionSpace.Seed(seed);
        var (a, b) = (new TObservation[first.ObservationSpace.Size], new TObservation[second.ObservationSpace.Size]);
        var mask = first.ActionSpace is Discrete discrete ? new bool[discrete.Count] : null;
        first.Reset(a, seed);
        second.Reset(b, seed);
        Same(first.Name, 0, "equal seeds", a, b);
        for (var step = 1; step <= steps; step++)
        {
            TAction[] action;
            if (mask is not null)
            {
                first.WriteActionMask(mask);
                action = (TAction[])(object)new[] { ((Discrete)(object)first.ActionSpace).Sample(mask) };
            }
            else
            {
                action = first.ActionSpace.Sample();
            }
            if (step == steps / 2)
            {
                using var memory = new MemoryStream();
                second.Save(new BinaryWriter(memory));
                memory.Position = 0;
                second = new EnvironmentChecker<TObservation, TAction>(make());
                second.Load(new BinaryReader(memory));
                if (memory.Position != memory.Length) throw new EnvironmentContractException($"{first.Name}: Load read {memory.Position} of the {memory.Length} bytes that Save wrote.");
            }
            var (x, y) = (first.Step(action, a), second.Step(action, b));
            if (x != y) throw new EnvironmentContractException($"{first.Name}: {Cause(step, steps)} gave {x} and {y} at step {step}.");
            Same(first.Name, step, Cause(step, steps), a, b);
            if (!x.Ended) continue;
            first.Reset(a);
            second.Reset(b);
            Same(first.Name, step, "the reset after an end", a, b);
        }
    }

    private static string Cause(int step, int steps) => step < steps / 2 ? "equal seeds and actions" : "a restored copy";

    private static void Same<T>(string name, int step, string cause, T[] a, T[] b)
        where T : unmanaged
    {
        if (!a.AsSpan().SequenceEqual(b)) throw new EnvironmentContractException($"{name}: {cause} gave different observations after step {step}: [{string.Join(", ", a)}] and [{string.Join(", ", b)}].");
    }
}
