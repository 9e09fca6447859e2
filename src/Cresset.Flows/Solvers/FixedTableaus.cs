namespace Cresset.Flows;

/// <summary>Methods without an error estimate.</summary>
internal static class FixedTableaus
{
    public static readonly ButcherTableau Euler = new(1, [], [], [1], null, null);

    public static readonly ButcherTableau Midpoint = new(2, [0.5], [[0.5]], [0, 1], null, null);

    public static readonly ButcherTableau Heun = new(2, [1], [[1]], [0.5, 0.5], null, null);

    public static readonly ButcherTableau Heun3 = new(3, [1d / 3, 2d / 3], [[1d / 3], [0, 2d / 3]], [0.25, 0, 0.75], null, null);

    public static readonly ButcherTableau Rk4 = new(4, [0.5, 0.5, 1], [[0.5], [0, 0.5], [0, 0, 1]], [1d / 6, 1d / 3, 1d / 3, 1d / 6], null,
        null);

    public static readonly ButcherTableau Rk4ThreeEighths = new(
        4, [1d / 3, 2d / 3, 1], [[1d / 3], [-1d / 3, 1], [1, -1, 1]], [0.125, 0.375, 0.375, 0.125], null, null);
}
