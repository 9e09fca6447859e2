using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>The catalog's rows of functions along the last dimension.</summary>
internal static class NormalizingRows
{
    public static ActivationInfo[] All =>
    [
        new() { Name = "softmax", Kind = ActivationKind.Normalizing, Formula = "e^x_i / sum_j e^x_j", Derivative = "diag(p) - p p^T", Range = "(0, 1), sums to 1", Paper = "Bridle 1990", UsedBy = "attention, classifiers", Function = (x, _) => nn.functional.softmax(x, -1) },
        new() { Name = "log_softmax", Kind = ActivationKind.Normalizing, Formula = "x_i - log sum_j e^x_j", Derivative = "I - 1 p^T", Range = "(-inf, 0]", Paper = "Bridle 1990", UsedBy = "cross entropy", Function = (x, _) => nn.functional.log_softmax(x, -1) },
    ];
}
