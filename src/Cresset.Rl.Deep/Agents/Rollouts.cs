using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>Checks that agents share.</summary>
internal static class Rollouts
{
    /// <summary>The actions of environments that an agent with single choices can learn in.</summary>
    public static Discrete ActionsOf(VectorEnvironment<float, int> environments)
    {
        CheckAutoreset(environments);
        return environments.SingleActionSpace as Discrete
            ?? throw new ArgumentException(
                $"The actions are {environments.SingleActionSpace}; needed is a single choice, Discrete(n). Wrap the environment "
                    + $"(DiscretizeAction, FlattenActions) to make its actions one choice.", nameof(environments));
    }

    public static void CheckAutoreset<TAction>(VectorEnvironment<float, TAction> environments)
        where TAction : unmanaged
    {
        if (environments.Autoreset != AutoresetMode.SameStep)
            throw new ArgumentException(
                $"The environments reset in mode {environments.Autoreset}; agents need SameStep, which hands out the last observation of "
                    + $"an episode.", nameof(environments));
    }

    /// <summary>One row of a block of masks; empty where there are none.</summary>
    public static ReadOnlySpan<bool> Row(ReadOnlySpan<bool> masks, int row, int size) => masks.IsEmpty ? [] : masks.Slice(row * size, size);

    /// <summary>A random choice among the allowed ones.</summary>
    public static int Random(RandomStream random, int count, ReadOnlySpan<bool> mask)
    {
        if (mask.IsEmpty) return random.NextInt32(count);
        var pick = random.NextInt32(mask.Count(true));
        for (var a = 0; ; a++)
        {
            if (mask[a] && pick-- == 0) return a;
        }
    }

    public static void CheckMasks(int entries, int count, int size)
    {
        if (entries != 0 && entries != count * size)
            throw new ArgumentException($"{entries} entries of masks were given; {count} rows of {size} are {count * size}.",
                nameof(entries));
    }

    public static void CheckMemory(int memory, int count, int size)
    {
        if (memory != count * size)
            throw new ArgumentException($"{memory} values are remembered; {count} rows of {size} are {count * size}.", nameof(memory));
    }

    public static void CheckRows(ReadOnlySpan<float> values, int count, int observationSize, int room)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        if (values.Length != count * observationSize)
            throw new ArgumentException(
                $"{values.Length} observation values were given; {count} rows of {observationSize} are {count * observationSize}.",
                nameof(values));
        if (room < count) throw new ArgumentException($"There is room for {room} results; {count} rows were given.", nameof(room));
        // A network turns NaN into some action: nobody would see that the world is broken.
        for (var i = 0; i < values.Length; i++)
        {
            if (float.IsFinite(values[i])) continue;
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture,
                    $"Value {i % observationSize} of observation {i / observationSize} is {values[i]}; a policy acts on finite numbers "
                        + $"alone. Look at the environment ('cresset rl check')."), nameof(values));
        }
    }
}
