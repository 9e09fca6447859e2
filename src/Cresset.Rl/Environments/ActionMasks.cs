using System.Runtime.InteropServices;

namespace Cresset.Rl;

/// <summary>An environment that knows which of its discrete actions make sense now.</summary>
public interface IActionMask
{
    /// <summary>
    /// Whether the mask binds: learners then never choose a masked action, and the environment may refuse one. False for a wrapper around
    /// an environment without a mask, and where the mask is advice only (actions without effect, as in Taxi).
    /// </summary>
    bool HasActionMask => true;

    /// <summary>Writes true for every action that is allowed (or has an effect) in the current state.</summary>
    /// <param name="mask">Receives one entry per action; for several choices (<see cref="MultiDiscrete"/>) the entries of the first, then
    /// those of the second, and so on.</param>
    void WriteActionMask(Span<bool> mask);
}

/// <summary>Sizes and checks of action masks.</summary>
public static class ActionMasks
{
    /// <summary>The mask of an environment, or null where every action is always allowed.</summary>
    public static IActionMask? Of(IEnvironment environment) => environment is IActionMask { HasActionMask: true } masked ? masked : null;

    /// <summary>Number of entries of a mask over an action space; 0 where actions are not choices.</summary>
    public static int SizeOf<TAction>(Space<TAction> space)
        where TAction : unmanaged
        => space switch
        {
            Discrete discrete => discrete.Count,
            MultiDiscrete several => several.Choices,
            _ => 0,
        };

    /// <summary>Whether the mask lets an action pass that lies in its space.</summary>
    public static bool Allows<TAction>(Space<TAction> space, ReadOnlySpan<bool> mask, ReadOnlySpan<TAction> action)
        where TAction : unmanaged
    {
        if (typeof(TAction) != typeof(int)) return true;
        var choices = MemoryMarshal.Cast<TAction, int>(action);
        switch (space)
        {
            case Discrete discrete:
                return mask[choices[0] - discrete.Start];
            case MultiDiscrete several:
                var offset = 0;
                for (var i = 0; i < choices.Length; i++)
                {
                    if (!mask[offset + choices[i] - several.Starts[i]]) return false;
                    offset += several.Counts[i];
                }
                return true;
            default:
                return true;
        }
    }

    /// <summary>Why an action is refused: it lies outside its space, or it is masked in the present state.</summary>
    internal static string Refusal<TAction>(IEnvironment environment, Space<TAction> space, ReadOnlySpan<TAction> action)
        where TAction : unmanaged
    {
        var text = $"{environment.Name}: action [{string.Join(", ", action.ToArray())}]";
        if (!space.Contains(action) || Of(environment) is not { } masked || SizeOf(space) == 0) return $"{text} lies outside {space}.";
        var mask = new bool[SizeOf(space)];
        masked.WriteActionMask(mask);
        if (Allows(space, mask, action)) return $"{text} lies outside {space}.";
        var start = space is Discrete discrete ? discrete.Start : 0;
        var allowed = mask.Index().Where(m => m.Item).Select(m => m.Index + start).ToList();
        var list = string.Join(", ", allowed.Take(20)) + (allowed.Count > 20 ? ", ..." : "");
        return $"{text} is masked in the present state; allowed there: {(allowed.Count == 0 ? "none" : list)}. Ask WriteActionMask before "
            + $"choosing.";
    }
}
