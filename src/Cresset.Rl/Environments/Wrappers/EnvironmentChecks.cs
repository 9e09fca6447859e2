using System.Globalization;
using System.Runtime.InteropServices;

namespace Cresset.Rl;

/// <summary>Tests of a whole environment.</summary>
public static class EnvironmentChecks
{
    /// <summary>
    /// Plays random episodes of two copies: observations, rewards and masks keep to the contract, every value of an observation is written,
    /// equal seeds give equal episodes, and a copy that was saved and restored goes on exactly.
    /// </summary>
    /// <param name="make">Makes a new copy.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="seed">Seed of environment and actions.</param>
    /// <returns>What is allowed but makes learning hard or slow: values far from 1, episodes without an end, a state that cannot be saved.
    /// Empty when nothing is.</returns>
    /// <exception cref="EnvironmentContractException">The environment broke its contract.</exception>
    public static IReadOnlyList<string> Check<TObservation, TAction>(Func<IEnvironment<TObservation, TAction>> make, int steps = 500,
        ulong seed = 0)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        ArgumentNullException.ThrowIfNull(make);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        // The inner copies are filled with two kinds of rubbish first: a value that both leave behind was never written.
        var first = new EnvironmentChecker<TObservation, TAction>(new Poisoned<TObservation, TAction>(make(), 0xA5));
        var second = new EnvironmentChecker<TObservation, TAction>(new Poisoned<TObservation, TAction>(make(), 0x3C));
        var (a, b) = (new TObservation[first.ObservationSpace.Size], new TObservation[second.ObservationSpace.Size]);
        var choices = new RandomActions<TAction>(first.ActionSpace, seed);
        var habits = new Habits(first.Name);
        Reset(first, a, second, b, seed, "equal seeds");
        habits.See<TObservation>(a);
        for (var step = 1; step <= steps; step++)
        {
            var action = choices.Next(first);
            if (step == steps / 2) second = Restored(make, second, first.SavesState ? null : b);
            if (step == steps / 2 && !first.SavesState) Reset(first, a, second, b, null, "a restored copy after its reset");
            if (step == steps / 2 && !first.SavesState) action = choices.Next(first);
            var (x, y) = (first.Step(action, a), second.Step(action, b));
            if (x != y) throw new EnvironmentContractException($"{first.Name}: {Cause(step, steps)} gave {x} and {y} at step {step}.");
            Same(first, step, Cause(step, steps), a, b);
            habits.See<TObservation>(a);
            habits.See(x);
            if (!x.Ended) continue;
            Reset(first, a, second, b, null, "the reset after an end");
        }
        return habits.Warnings(first, steps);
    }

    /// <summary>
    /// The same for an environment of any elements by its record, with its limit and wrappers; what it holds beyond memory is freed.
    /// </summary>
    /// <param name="source">The environment.</param>
    /// <param name="steps">Number of steps.</param>
    /// <param name="seed">Seed of environment and actions.</param>
    /// <returns>What is allowed but makes learning hard or slow.</returns>
    /// <exception cref="EnvironmentContractException">The environment broke its contract.</exception>
    public static IReadOnlyList<string> Check(EnvironmentSource source, int steps = 500, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(source);
        var first = source.Create();
        try
        {
            return EnvironmentElements.Visit(first, new Checking(source, steps, seed));
        }
        finally
        {
            first.End();
        }
    }

    private static void Reset<TObservation, TAction>(EnvironmentChecker<TObservation, TAction> first, TObservation[] a,
        EnvironmentChecker<TObservation, TAction> second, TObservation[] b, ulong? seed, string cause)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        first.Reset(a, seed);
        second.Reset(b, seed);
        Same(first, 0, cause, a, b);
    }

    private static EnvironmentChecker<TObservation, TAction> Restored<TObservation, TAction>(Func<IEnvironment<TObservation, TAction>> make,
        EnvironmentChecker<TObservation, TAction> saved, TObservation[]? lost)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        using var memory = new MemoryStream();
        saved.Save(new BinaryWriter(memory));
        memory.Position = 0;
        var restored = new EnvironmentChecker<TObservation, TAction>(new Poisoned<TObservation, TAction>(make(), 0x3C));
        restored.Load(new BinaryReader(memory));
        if (memory.Position != memory.Length)
            throw new EnvironmentContractException(
                $"{saved.Name}: Load read {memory.Position} of the {memory.Length} bytes that Save wrote.");
        if (lost is not null) Array.Clear(lost);
        return restored;
    }

    private sealed class Checking(EnvironmentSource source, int steps, ulong seed) : IEnvironmentVisitor<IReadOnlyList<string>>
    {
        public IReadOnlyList<string> Visit<TObservation, TAction>(IEnvironment<TObservation, TAction> environment)
            where TObservation : unmanaged
            where TAction : unmanaged
        {
            var made = new List<IEnvironment>();
            try
            {
                return Check(
                    () =>
                    {
                        var copy = source.Create<TObservation, TAction>();
                        made.Add(copy);
                        return copy;
                    },
                    steps, seed);
            }
            finally
            {
                foreach (var copy in made) copy.End();
            }
        }
    }

    private static string Cause(int step, int steps) => step < steps / 2 ? "equal seeds and actions" : "a restored copy";

    private static void Same<TObservation, TAction>(EnvironmentChecker<TObservation, TAction> environment, long step, string cause,
        TObservation[] a, TObservation[] b)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        if (a.AsSpan().SequenceEqual(b)) return;
        throw new EnvironmentContractException(
            $"{environment.Name}: {cause} gave different observations after step {step}: [{string.Join(", ", a)}] and "
                + $"[{string.Join(", ", b)}].");
    }

    // Fills the memory that the environment is to write with bytes that no observation is made of, and looks what is left of them.
    private sealed class Poisoned<TObservation, TAction>(IEnvironment<TObservation, TAction> inner, byte rubbish)
        : Wrapper<TObservation, TAction>(inner)
        where TObservation : unmanaged
        where TAction : unmanaged
    {
        private readonly TObservation[] _again = new TObservation[inner.ObservationSpace.Size];

        public override void Reset(Span<TObservation> observation, ulong? seed = null)
        {
            MemoryMarshal.AsBytes(observation).Fill(rubbish);
            Inner.Reset(observation, seed);
            Look(observation, "Reset");
        }

        public override StepOutcome Step(ReadOnlySpan<TAction> action, Span<TObservation> observation)
        {
            MemoryMarshal.AsBytes(observation).Fill(rubbish);
            var outcome = Inner.Step(action, observation);
            Look(observation, "Step");
            return outcome;
        }

        private void Look(ReadOnlySpan<TObservation> observation, string call)
        {
            MemoryMarshal.AsBytes(_again.AsSpan()).Fill(rubbish);
            // Bytes can look like rubbish by chance; a whole observation of single bytes can. Wider elements cannot.
            if (Marshal.SizeOf<TObservation>() == 1) return;
            var left = new List<int>();
            for (var i = 0; i < observation.Length; i++)
            {
                if (EqualityComparer<TObservation>.Default.Equals(observation[i], _again[i])) left.Add(i);
            }
            if (left.Count > 0)
                throw new EnvironmentContractException(
                    $"{Name}: {call} did not write value{(left.Count > 1 ? "s" : "")} {string.Join(", ", left.Take(10))} of the "
                        + $"observation: the memory of the caller holds old numbers, all {observation.Length} have to be written each "
                        + $"time.");
        }
    }

    private sealed class RandomActions<TAction>
        where TAction : unmanaged
    {
        private readonly Space<TAction> _space;
        private readonly bool[] _mask;
        private readonly TAction[] _action;

        public RandomActions(Space<TAction> space, ulong seed)
        {
            (_space, _mask, _action) = (space, new bool[ActionMasks.SizeOf(space)], new TAction[space.Size]);
            space.Seed(seed);
        }

        public TAction[] Next(IActionMask environment)
        {
            if (_mask.Length == 0) return _space.Sample();
            environment.WriteActionMask(_mask);
            if (_space is Discrete single)
            {
                if (!_mask.Contains(true))
                    throw new EnvironmentContractException("The mask allows no action. A state without actions has to end the episode.");
                _action[0] = (TAction)(object)single.Sample(_mask);
                return [.. _action];
            }
            // Several choices: draw until the mask lets the row pass.
            for (var attempt = 0; attempt < 10_000; attempt++)
            {
                _space.Sample(_action);
                if (ActionMasks.Allows<TAction>(_space, _mask, _action)) return [.. _action];
            }
            throw new EnvironmentContractException("The mask allows no action, or so few that none was found in 10,000 draws.");
        }
    }

    private sealed class Habits(string name)
    {
        private double _largest;
        private double _largestReward;
        private int _ends;

        public void See<TObservation>(ReadOnlySpan<TObservation> observation)
            where TObservation : unmanaged
        {
            if (typeof(TObservation) != typeof(float)) return;
            foreach (var value in MemoryMarshal.Cast<TObservation, float>(observation)) _largest = Math.Max(_largest, Math.Abs(value));
        }

        public void See(StepOutcome outcome)
        {
            _largestReward = Math.Max(_largestReward, Math.Abs(outcome.Reward));
            _ends += outcome.Ended ? 1 : 0;
        }

        public IReadOnlyList<string> Warnings<TObservation, TAction>(EnvironmentChecker<TObservation, TAction> environment, int steps)
            where TObservation : unmanaged
            where TAction : unmanaged
        {
            var found = new List<string>();
            void Say(string text) => found.Add($"{name}: {text}");
            var isPicture = environment.ObservationSpace is Box { Shape.Length: 3 };
            if (_largest > 20 && !isPicture)
                Say(string.Create(CultureInfo.InvariantCulture,
                    $"observations reach {_largest:0.###}; networks learn from values near 1. Scale them, or use RescaleObservation or "
                        + $"NormalizeObservation."));
            if (_largestReward > 1000)
                Say(string.Create(CultureInfo.InvariantCulture,
                    $"rewards reach {_largestReward:0.###}; scale them, or use TransformReward or NormalizeReward."));
            if (environment.ActionSpace is Box box && !(box.Low.IndexOfAnyExcept(-1f) < 0 && box.High.IndexOfAnyExcept(1f) < 0))
                Say($"actions are {box}; agents explore evenly in [-1, 1]. Use RescaleAction.");
            if (environment.ActionSpace is Box { IsBounded: false }) Say("actions have no bounds; SAC, TD3 and DDPG need them.");
            if (_ends == 0 && environment.MaxEpisodeSteps is null)
                Say($"no episode ended within {steps} steps and there is no limit; put a TimeLimit around it, or override "
                    + $"MaxEpisodeSteps.");
            if (!environment.SavesState) Say("SaveState is not overridden; a resumed training begins its episodes anew.");
            return found;
        }
    }
}
