using Cresset.Rl;

namespace Cresset.Tests.Managed.Rl;

/// <summary>The features of the book's figures 8.7 and 8.8 for each state of the 5 by 5 grid.</summary>
internal static class ZhaoFeatures
{
    public static double[][] Of(string name) => [.. Enumerable.Range(0, 25).Select(s => name switch
    {
        "poly3" => PolynomialFeatures.TotalDegree(1).Of((s % 5 / 2.0) - 1, (s / 5 / 2.0) - 1),
        "poly6" => PolynomialFeatures.TotalDegree(2).Of((s % 5 / 2.0) - 1, (s / 5 / 2.0) - 1),
        "poly10" => PolynomialFeatures.TotalDegree(3).Of((s % 5 / 2.0) - 1, (s / 5 / 2.0) - 1),
        _ => new FourierFeatures(2, name[^1] - '0').Of(s % 5 / 4.0, s / 5 / 4.0),
    })];
}
