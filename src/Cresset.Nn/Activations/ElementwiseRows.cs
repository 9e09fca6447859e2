using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>The catalog's rows of functions that work on each value by itself.</summary>
internal static partial class ElementwiseRows
{
    public static IEnumerable<ActivationInfo> All => [.. Rectifiers, .. Sigmoids, .. Gates, .. Waves, .. Roots];

    internal static ActivationParameter[] P(params (string Name, double Default)[] parameters) =>
        parameters.Select(p => new ActivationParameter(p.Name, p.Default)).ToArray();

    internal static Func<Tensor, double[], Tensor> F(Func<Tensor, Tensor> function) => (x, _) => function(x);

    private static ActivationInfo[] Rectifiers =>
    [
        new() { Name = "relu", Formula = "max(x, 0)", Derivative = "1 for x > 0, else 0", Range = "[0, inf)",
            Smoothness = Smoothness.Continuous, Paper = "Nair and Hinton 2010",
            UsedBy = "AlexNet, ResNet, the original Transformer, T5 1.0, OPT", Function = F(Activations.Relu) },
        new() { Name = "relu6", Formula = "min(max(x, 0), 6)", Derivative = "1 for 0 < x < 6, else 0", Range = "[0, 6]",
            Smoothness = Smoothness.Continuous, Paper = "Krizhevsky 2010", UsedBy = "MobileNetV1/V2", Function = F(Activations.Relu6) },
        new() { Name = "leaky_relu", Formula = "x for x > 0, else slope x", Derivative = "1 for x > 0, else slope", Range = "(-inf, inf)",
            Smoothness = Smoothness.Continuous, Paper = "Maas et al. 2013", UsedBy = "YOLOv3, GAN discriminators",
            Parameters = P(("slope", 0.01)), Function = (x, p) => Activations.LeakyRelu(x, p[0]) },
        new() { Name = "relu2", Aliases = ["squared_relu", "relu_squared", "relu_2"], Formula = "max(x, 0)^2", Derivative = "2 max(x, 0)",
            Range = "[0, inf)", Smoothness = Smoothness.Once, Paper = "So et al. 2021 (Primer)",
            UsedBy = "Nemotron-4, Persimmon, BitNet b1.58", Function = F(Activations.SquaredRelu) },
        new() { Name = "threshold", Formula = "x for x > threshold, else value", Derivative = "1 for x > threshold, else 0",
            Range = "depends", Smoothness = Smoothness.Discontinuous, Paper = "Torch7", Parameters = P(("threshold", 0), ("value", 0)),
            Function = (x, p) => Activations.Threshold(x, p[0], p[1]) },
        new() { Name = "thresholded_relu", Formula = "x for x > theta, else 0", Derivative = "1 for x > theta, else 0",
            Range = "{0} and (theta, inf)", Smoothness = Smoothness.Discontinuous, Paper = "Konda et al. 2015",
            Parameters = P(("theta", 1)), Function = (x, p) => Activations.ThresholdedRelu(x, p[0]) },
        new() { Name = "hardtanh", Aliases = ["hard_tanh"], Formula = "min(max(x, min), max)", Derivative = "1 for min < x < max, else 0",
            Range = "[min, max]", Smoothness = Smoothness.Continuous, Paper = "Collobert 2004", Parameters = P(("min", -1), ("max", 1)),
            Function = (x, p) => Activations.Hardtanh(x, p[0], p[1]) },
        new() { Name = "hardsigmoid", Aliases = ["hard_sigmoid"], Formula = "min(max(x + 3, 0), 6) / 6",
            Derivative = "1/6 for |x| < 3, else 0", Range = "[0, 1]", Smoothness = Smoothness.Continuous,
            Paper = "Courbariaux et al. 2015; Howard et al. 2019", UsedBy = "MobileNetV3", Function = F(Activations.HardSigmoid) },
        new() { Name = "hardswish", Aliases = ["hard_swish", "hard_silu"], Formula = "x min(max(x + 3, 0), 6) / 6",
            Derivative = "0 for x < -3, (2x + 3)/6, 1 for x > 3", Range = "[-0.375, inf)", Smoothness = Smoothness.Continuous,
            Paper = "Howard et al. 2019", UsedBy = "MobileNetV3", Function = F(Activations.HardSwish) },
        new() { Name = "hard_mish", Formula = "x/2 min(max(x + 2, 0), 2)", Derivative = "0 for x < -2, x + 1, 1 for x > 0",
            Range = "[-0.5, inf)", Smoothness = Smoothness.Continuous, Paper = "timm", Function = F(Activations.HardMish) },
        new() { Name = "hardshrink", Aliases = ["hard_shrink"], Formula = "x for |x| > lambda, else 0",
            Derivative = "1 for |x| > lambda, else 0", Range = "(-inf, inf)", Smoothness = Smoothness.Discontinuous,
            Paper = "Donoho and Johnstone 1994", Parameters = P(("lambda", 0.5)), Function = (x, p) => Activations.Hardshrink(x, p[0]) },
        new() { Name = "softshrink", Aliases = ["soft_shrink"], Formula = "sign(x) max(|x| - lambda, 0)",
            Derivative = "1 for |x| > lambda, else 0", Range = "(-inf, inf)", Smoothness = Smoothness.Continuous, Paper = "Donoho 1995",
            Parameters = P(("lambda", 0.5)), Function = (x, p) => Activations.Softshrink(x, p[0]) },
        new() { Name = "sparse_plus", Formula = "0 for x <= -1, (x+1)^2/4, x for x >= 1", Derivative = "min(max((x+1)/2, 0), 1)",
            Range = "[0, inf)", Smoothness = Smoothness.Once, Paper = "JAX; Roulet et al. 2025", Function = F(Activations.SparsePlus) },
        new() { Name = "sparse_sigmoid", Formula = "min(max((x+1)/2, 0), 1)", Derivative = "1/2 for |x| < 1, else 0", Range = "[0, 1]",
            Smoothness = Smoothness.Continuous, Paper = "JAX", Function = F(Activations.SparseSigmoid) },
        new() { Name = "smelu", Aliases = ["smooth_relu"], Formula = "0 for x <= -beta, (x+beta)^2/(4 beta), x for x >= beta",
            Derivative = "min(max((x+beta)/(2 beta), 0), 1)", Range = "[0, inf)", Smoothness = Smoothness.Once,
            Paper = "Shamir et al. 2020", Parameters = P(("beta", 2)), Function = (x, p) => Activations.SmoothRelu(x, p[0]) },
    ];
}
