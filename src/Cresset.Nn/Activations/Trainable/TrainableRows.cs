using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>The catalog's rows of activations with parameters to train, with random slopes, or that regroup channels.</summary>
internal static class TrainableRows
{
    public static ActivationInfo[] All =>
    [
        Row("prelu", "x for x > 0, else w x", "1 for x > 0, else w", "(-inf, inf)", Smoothness.Continuous, "He et al. 2015",
            "ESPCN variants, DCGAN critics", [("weight", 0.25)], p => new PRelu(1, p[0])),
        Row("trainable_swish", "x sigmoid(beta x)", "s + beta x s (1 - s)", "[-0.2785/beta, inf)", Smoothness.Infinite,
            "Ramachandran et al. 2017", "", [("beta", 1)], p => new TrainableSwish(1, p[0])),
        Row("trainable_star_relu", "s max(x, 0)^2 + b", "2 s max(x, 0)", "[b, inf)", Smoothness.Once, "Yu et al. 2022", "CAFormer",
            [("scale", 0.8944), ("bias", -0.4472)], p => new TrainableStarRelu(1, p[0], p[1])),
        Row("trainable_snake", "x + sin(a x)^2 / a", "1 + sin(2 a x)", "(-inf, inf)", Smoothness.Infinite, "Ziyin et al. 2020", "DAC",
            [("alpha", 1)], p => new TrainableSnake(1, p[0])),
        Row("snakebeta", "x + sin(e^a x)^2 / e^b", "1 + e^(a-b) sin(2 e^a x)", "(-inf, inf)", Smoothness.Infinite, "Lee et al. 2023",
            "BigVGAN", [("alpha", 1), ("beta", 1)], p => new SnakeBeta(1, p[0], p[1])),
        Row("acon_c", "(p1 - p2) x sigmoid(beta (p1 - p2) x) + p2 x", "like swish, slopes p1 and p2 far out", "(-inf, inf)",
            Smoothness.Infinite, "Ma et al. 2021", "ACON nets", [("p1", 1), ("p2", 0), ("beta", 1)], p => new AconC(1, p[0], p[1], p[2])),
        Row("xielu", "x > 0: aP x^2 + x/2, else aN (e^x - 1 - x) + x/2", "2 aP x + 1/2; aN (e^x - 1) + 1/2", "(-inf, inf)", Smoothness.Once,
            "Huang 2025", "Apertus", [("alpha_p", 0.8), ("alpha_n", 0.8)], p => new XIelu(1, p[0], p[1])),
        Row("srelu", "lines beyond two thresholds, x between", "al, 1, ar", "(-inf, inf)", Smoothness.Continuous, "Jin et al. 2016", "",
            [("tl", -0.4), ("al", 0.2), ("tr", 0.4), ("ar", 0.2)], p => new SRelu(1, p[0], p[1], p[2], p[3])),
        Row("trainable_laplace", "(1 + erf((x - mu) / (sigma sqrt 2))) / 2", "normal density", "(0, 1)", Smoothness.Infinite,
            "Ma et al. 2022", "Mega", [("mu", 0.707107), ("sigma", 0.282095)], p => new TrainableLaplace(1, p[0], p[1])),
        Row("dyt", "tanh(alpha x) w + b", "alpha w (1 - tanh^2)", "(b - w, b + w)", Smoothness.Infinite, "Zhu et al. 2025",
            "normalisation-free Transformers", [("alpha", 0.5)], p => new DynamicTanh(1, p[0])) with { Aliases = ["dynamic_tanh"] },
        Row("derf", "erf(alpha x + s) w + b", "2/sqrt(pi) alpha w e^-(alpha x + s)^2", "(b - w, b + w)", Smoothness.Infinite,
            "Chen et al. 2025", "normalisation-free Transformers", [("alpha", 0.5)],
            p => new DynamicErf(1, p[0])) with { Aliases = ["dynamic_erf"] },
        Row("piecewise_maxout", "max_k (w_k x + b_k)", "the largest piece's w_k", "(-inf, inf)", Smoothness.Continuous,
            "Goodfellow et al. 2013", "", [("pieces", 2)], p => new PiecewiseMaxout((int)p[0])),
        Row("rrelu", "x for x > 0, else a x, a drawn from [lower, upper] in training", "1 for x > 0, else a", "(-inf, inf)",
            Smoothness.Continuous, "Xu et al. 2015", "", [("lower", 1.0 / 8), ("upper", 1.0 / 3)],
            p => new RandomizedLeakyRelu(p[0], p[1])),
        new() { Name = "maxout", Kind = ActivationKind.Regrouping, Formula = "max of k neighbouring channels",
            Derivative = "1 for the largest, else 0", Range = "(-inf, inf)", Smoothness = Smoothness.Continuous,
            Paper = "Goodfellow et al. 2013", Parameters = ElementwiseRows.P(("pieces", 2)),
            Function = (x, p) => Maxout.Apply(x, (int)p[0]) },
        new() { Name = "crelu", Kind = ActivationKind.Regrouping, Formula = "[relu(x), relu(-x)]", Derivative = "1 or -1 where positive",
            Range = "[0, inf)", Smoothness = Smoothness.Continuous, Paper = "Shang et al. 2016", UsedBy = "PVANET",
            Function = (x, _) => Activations.Crelu(x) },
    ];

    private static ActivationInfo Row(string name, string formula, string derivative, string range, Smoothness smoothness, string paper,
        string usedBy, (string, double)[] parameters, Func<double[], nn.Module<Tensor, Tensor>> module) => new()
        {
            Name = name,
            Kind = ActivationKind.Trainable,
            Formula = formula,
            Derivative = derivative,
            Range = range,
            Smoothness = smoothness,
            Paper = paper,
            UsedBy = usedBy,
            Parameters = ElementwiseRows.P(parameters),
            Module = module,
        };
}
