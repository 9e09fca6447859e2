namespace Cresset.Nn;

/// <summary>The catalog's rows of functions along the last dimension.</summary>
internal static class NormalizingRows
{
    public static ActivationInfo[] All =>
    [
        new() { Name = "softmax", Kind = ActivationKind.Normalizing, Formula = "e^(x_i/T) / sum_j e^(x_j/T)",
            Derivative = "(diag(p) - p p^T) / T", Range = "(0, 1), sums to 1", Paper = "Bridle 1990", UsedBy = "attention, classifiers",
            Parameters = ElementwiseRows.P(("temperature", 1)), Function = (x, p) => Simplex.Softmax(x, -1, p[0]) },
        new() { Name = "log_softmax", Kind = ActivationKind.Normalizing, Formula = "x_i - log sum_j e^x_j", Derivative = "I - 1 p^T",
            Range = "(-inf, 0]", Paper = "Bridle 1990", UsedBy = "cross entropy", Function = (x, _) => Simplex.LogSoftmax(x) },
        new() { Name = "softmin", Kind = ActivationKind.Normalizing, Formula = "e^-x_i / sum_j e^-x_j", Derivative = "p p^T - diag(p)",
            Range = "(0, 1), sums to 1", Paper = "PyTorch", Function = (x, _) => Simplex.Softmin(x) },
        new() { Name = "softmax_off_by_one", Aliases = ["softmax1", "quiet_softmax"], Kind = ActivationKind.Normalizing,
            Formula = "e^x_i / (1 + sum_j e^x_j)", Derivative = "diag(p) - p p^T", Range = "(0, 1), sums to less than 1",
            Paper = "Miller 2023", UsedBy = "gpt-oss (with a trained sink)", Function = (x, _) => Simplex.SoftmaxOffByOne(x) },
        new() { Name = "solu", Kind = ActivationKind.Normalizing, Formula = "x_i softmax(x)_i",
            Derivative = "diag(p) + x (diag(p) - p p^T)", Range = "(-inf, inf)", Paper = "Elhage et al. 2022",
            Function = (x, _) => Simplex.Solu(x) },
        new() { Name = "relu2_norm", Aliases = ["squared_relu_norm"], Kind = ActivationKind.Normalizing,
            Formula = "relu(x_i)^2 / sum_j relu(x_j)^2", Derivative = "quotient rule",
            Range = "[0, 1], sums to 1; NaN when nothing is positive", Smoothness = Smoothness.Once, Paper = "Hua et al. 2022",
            Function = (x, _) => Simplex.SquaredReluNorm(x) },
        new() { Name = "sparsemax", Kind = ActivationKind.Normalizing, Formula = "max(x_i - tau, 0), sum 1",
            Derivative = "diag(s) - s s^T / |s|, s the support", Range = "[0, 1], sums to 1", Smoothness = Smoothness.Continuous,
            Paper = "Martins and Astudillo 2016", Function = (x, _) => Simplex.Sparsemax(x) },
        new() { Name = "entmax15", Aliases = ["entmax_15", "entmax1.5"], Kind = ActivationKind.Normalizing,
            Formula = "max(x_i/2 - tau, 0)^2, sum 1", Derivative = "diag(sqrt p) - sqrt p sqrt p^T / sum sqrt p",
            Range = "[0, 1], sums to 1", Smoothness = Smoothness.Once, Paper = "Peters et al. 2019",
            Function = (x, _) => Simplex.Entmax15(x) },
        new() { Name = "entmax", Kind = ActivationKind.Normalizing, Formula = "max((alpha-1) x_i - tau, 0)^(1/(alpha-1)), sum 1",
            Derivative = "diag(p^(2-alpha)) - its outer product over its sum", Range = "[0, 1], sums to 1",
            Smoothness = Smoothness.Continuous, Paper = "Peters et al. 2019", Parameters = ElementwiseRows.P(("alpha", 1.5)),
            Function = (x, p) => Simplex.Entmax(x, p[0]) },
    ];
}
