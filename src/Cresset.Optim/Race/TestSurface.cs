namespace Cresset.Optim;

/// <summary>A smooth function of two variables with a known minimum, for looking at optimizers.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">f(x, y).</param>
/// <param name="Gradient">Its gradient.</param>
/// <param name="Start">Where races start.</param>
/// <param name="Minimum">Where it is smallest (value 0).</param>
/// <param name="Area">The part to draw: x from, x to, y from, y to.</param>
public sealed record TestSurface(
    string Name,
    Func<double, double, double> Value,
    Func<double, double, (double X, double Y)> Gradient,
    (double X, double Y) Start,
    (double X, double Y) Minimum,
    (double XMin, double XMax, double YMin, double YMax) Area)
{
    /// <summary>Rosenbrock's curved valley (1960): easy to enter, slow to follow.</summary>
    public static TestSurface Rosenbrock { get; } = new(
        "rosenbrock",
        (x, y) => ((1 - x) * (1 - x)) + (100 * (y - (x * x)) * (y - (x * x))),
        (x, y) => ((-2 * (1 - x)) - (400 * x * (y - (x * x))), 200 * (y - (x * x))),
        (-1.5, 1.2), (1, 1), (-2, 2, -1, 3));

    /// <summary>Beale's function (1958): flat plains between steep walls.</summary>
    public static TestSurface Beale { get; } = new(
        "beale",
        (x, y) => Square(1.5 - x + (x * y)) + Square(2.25 - x + (x * y * y)) + Square(2.625 - x + (x * y * y * y)),
        (x, y) =>
        {
            double a = 1.5 - x + (x * y), b = 2.25 - x + (x * y * y), c = 2.625 - x + (x * y * y * y);
            return (2 * ((a * (y - 1)) + (b * ((y * y) - 1)) + (c * ((y * y * y) - 1))),
                2 * ((a * x) + (b * 2 * x * y) + (c * 3 * x * y * y)));
        },
        (1, 1.5), (3, 0.5), (-0.5, 4.5, -1.5, 2.2));

    /// <summary>A quadratic valley of condition 100, turned by 30 degrees so that no coordinate is special.</summary>
    public static TestSurface IllConditioned { get; } = new(
        "quadratic",
        (x, y) =>
        {
            var (u, v) = Turn(x, y);
            return 0.5 * ((u * u) + (100 * v * v));
        },
        (x, y) =>
        {
            var (u, v) = Turn(x, y);
            return ((Cos * u) - (Sin * 100 * v), (Sin * u) + (Cos * 100 * v));
        },
        (-2, 1.5), (0, 0), (-2.5, 1.5, -1.5, 2));

    private static readonly double Cos = Math.Cos(Math.PI / 6);
    private static readonly double Sin = Math.Sin(Math.PI / 6);

    /// <summary>All three.</summary>
    public static IReadOnlyList<TestSurface> All => [Rosenbrock, Beale, IllConditioned];

    private static (double U, double V) Turn(double x, double y) => ((Cos * x) + (Sin * y), (-Sin * x) + (Cos * y));

    private static double Square(double x) => x * x;
}
