namespace Cresset.Nn;

internal static partial class ElementwiseRows
{
    private static ActivationInfo[] Roots =>
    [
        new() { Name = "bent_identity", Formula = "(sqrt(x^2 + 1) - 1) / 2 + x", Derivative = "x / (2 sqrt(x^2 + 1)) + 1",
            Range = "(-inf, inf)", Paper = "-", Function = F(Activations.BentIdentity) },
        new() { Name = "isru", Formula = "x / sqrt(1 + alpha x^2)", Derivative = "(1 + alpha x^2)^(-3/2)",
            Range = "(-1/sqrt(alpha), 1/sqrt(alpha))", Paper = "Carlile et al. 2017", Parameters = P(("alpha", 1)),
            Function = (x, p) => Activations.Isru(x, p[0]) },
        new() { Name = "isrlu", Formula = "x for x >= 0, else x / sqrt(1 + alpha x^2)",
            Derivative = "1 for x >= 0, else (1 + alpha x^2)^(-3/2)", Range = "(-1/sqrt(alpha), inf)", Smoothness = Smoothness.Once,
            Paper = "Carlile et al. 2017", Parameters = P(("alpha", 1)), Function = (x, p) => Activations.Isrlu(x, p[0]) },
        new() { Name = "lecun_tanh", Formula = "1.7159 tanh(2 x / 3)", Derivative = "1.1439 (1 - tanh(2 x / 3)^2)",
            Range = "(-1.7159, 1.7159)", Paper = "LeCun et al. 1998", Function = F(Activations.LecunTanh) },
    ];
}
