namespace Cresset.Rl;

/// <summary>The range from which start states are drawn uniformly.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public readonly record struct ResetBounds(double Low, double High)
{
    /// <summary>Returns the bounds, or throws when they are not a range.</summary>
    /// <exception cref="ArgumentException">A bound is not finite, or low exceeds high.</exception>
    internal ResetBounds Checked()
        => double.IsFinite(Low) && double.IsFinite(High) && Low <= High ? this
            : throw new ArgumentException($"Reset bounds [{Low}, {High}] are not a range of finite numbers.");
}
