namespace Cresset.Optim;

/// <summary>The form of a transition between two rates.</summary>
public enum AnnealShape
{
    /// <summary>Half a cosine.</summary>
    Cosine,

    /// <summary>A line.</summary>
    Linear,
}

/// <summary>Transitions shared by several schedules.</summary>
internal static class Anneal
{
    /// <summary>From <paramref name="start"/> (part 0) to <paramref name="end"/> (part 1).</summary>
    public static double Between(AnnealShape shape, double start, double end, double part) => shape == AnnealShape.Cosine
        ? end + ((start - end) / 2 * (1 + Math.Cos(Math.PI * part)))
        : ((end - start) * part) + start;
}
