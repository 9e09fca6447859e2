namespace Cresset.Flows;

/// <summary>Methods of orders 2 to 5 that estimate their error.</summary>
internal static class EmbeddedTableaus
{
    public static readonly ButcherTableau AdaptiveHeun = new(2, [1], [[1]], [0.5, 0.5], [-0.5, 0.5], null);

    public static readonly ButcherTableau Bosh3 = new(
        3,
        [0.5, 0.75, 1],
        [[0.5], [0, 0.75], [2d / 9, 1d / 3, 4d / 9]],
        null,
        [2d / 9 - 7d / 24, 1d / 3 - 1d / 4, 4d / 9 - 1d / 3, -1d / 8],
        null);

    /// <summary>Error weights and the mid-point by Shampine, "Some practical Runge-Kutta formulas", 1986.</summary>
    public static readonly ButcherTableau Dopri5 = new(
        5,
        [1d / 5, 3d / 10, 4d / 5, 8d / 9, 1, 1],
        [
            [1d / 5],
            [3d / 40, 9d / 40],
            [44d / 45, -56d / 15, 32d / 9],
            [19372d / 6561, -25360d / 2187, 64448d / 6561, -212d / 729],
            [9017d / 3168, -355d / 33, 46732d / 5247, 49d / 176, -5103d / 18656],
            [35d / 384, 0, 500d / 1113, 125d / 192, -2187d / 6784, 11d / 84],
        ],
        null,
        [
            35d / 384 - 1951d / 21600, 0, 500d / 1113 - 22642d / 50085, 125d / 192 - 451d / 720,
            -2187d / 6784 + 12231d / 42400, 11d / 84 - 649d / 6300, -1d / 60,
        ],
        [
            6025192743d / 30085553152 / 2, 0, 51252292925d / 65400821598 / 2, -2691868925d / 45128329728 / 2,
            187940372067d / 1594534317056 / 2, -1776094331d / 19743644256 / 2, 11237099d / 235043384 / 2,
        ]);

    /// <summary>Tsitouras 2011, table 2; the fifth-order solution is carried on.</summary>
    public static readonly ButcherTableau Tsit5 = new(
        5,
        [0.161, 0.327, 0.9, 0.9800255409045097, 1, 1],
        [
            [0.161],
            [-0.008480655492356989, 0.335480655492357],
            [2.8971530571054935, -6.359448489975075, 4.3622954328695815],
            [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
            [5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383],
            [0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774],
        ],
        null,
        [
            0.001780011052225771, 0.0008164344596567469, -0.007880878010261996, 0.1447110071732629,
            -0.5823571654525552, 0.45808210592918696, -1d / 66,
        ],
        TsitourasMid(0.5));

    // The paper's fourth-order interpolant, evaluated at a share x of the step.
    private static double[] TsitourasMid(double x) =>
    [
        -1.0530884977290216 * x * (x - 1.329989018975412) * (x * x - 1.4364028541716351 * x + 0.7139816917074209),
        0.1017 * x * x * (x * x - 2.1966568338249754 * x + 1.2949852507374631),
        2.490627285651252793 * x * x * (x * x - 2.38535645472061657 * x + 1.57803468208092486),
        -16.54810288924490272 * (x - 1.21712927295533244) * (x - 0.61620406037800089) * x * x,
        47.37952196281928122 * (x - 1.203071208372362603) * (x - 0.658047292653547382) * x * x,
        -34.87065786149660974 * (x - 1.2) * (x - 2d / 3) * x * x,
        2.5 * (x - 1) * (x - 0.6) * x * x,
    ];

    // What step control and interpolation need to know; the step itself is not a Runge-Kutta step.
    public static ButcherTableau Rodas4 { get; } = new(4, [], [], [], [], null);
}
