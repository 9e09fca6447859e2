namespace Cresset.Nn;

internal static partial class ElementwiseRows
{
    private static ActivationInfo[] Sigmoids =>
    [
        new() { Name = "identity", Aliases = ["linear", "none"], Formula = "x", Derivative = "1", Range = "(-inf, inf)", Paper = "-", UsedBy = "output layers", Function = F(Activations.Identity) },
        new() { Name = "sigmoid", Aliases = ["logistic"], Formula = "1 / (1 + e^-x)", Derivative = "f (1 - f)", Range = "(0, 1)", Paper = "Verhulst 1838", UsedBy = "LSTM gates, GLU", Function = F(Activations.Sigmoid) },
        new() { Name = "logsigmoid", Aliases = ["log_sigmoid"], Formula = "-log(1 + e^-x)", Derivative = "sigmoid(-x)", Range = "(-inf, 0)", Paper = "-", UsedBy = "DPO, word2vec", Function = F(Activations.LogSigmoid) },
        new() { Name = "tanh", Formula = "(e^x - e^-x) / (e^x + e^-x)", Derivative = "1 - f^2", Range = "(-1, 1)", Paper = "LeCun et al. 1998", UsedBy = "LSTM, GRU", Function = F(Activations.Tanh) },
        new() { Name = "tanhshrink", Aliases = ["tanh_shrink"], Formula = "x - tanh(x)", Derivative = "tanh(x)^2", Range = "(-inf, inf)", Paper = "Torch7", Function = F(Activations.Tanhshrink) },
        new() { Name = "softsign", Aliases = ["soft_sign"], Formula = "x / (1 + |x|)", Derivative = "1 / (1 + |x|)^2", Range = "(-1, 1)", Smoothness = Smoothness.Once, Paper = "Bergstra et al. 2009", Function = F(Activations.Softsign) },
        new() { Name = "arctan", Aliases = ["atan"], Formula = "arctan(x)", Derivative = "1 / (1 + x^2)", Range = "(-pi/2, pi/2)", Paper = "-", Function = F(Activations.Arctan) },
        new() { Name = "erf", Formula = "erf(x)", Derivative = "2/sqrt(pi) e^(-x^2)", Range = "(-1, 1)", Paper = "Gauss", UsedBy = "Derf", Function = F(Activations.Erf) },
        new() { Name = "laplace", Formula = "(1 + erf((x - mu) / (sigma sqrt 2))) / 2", Derivative = "normal density", Range = "(0, 1)", Paper = "Ma et al. 2022", UsedBy = "Mega", Parameters = P(("mu", 0.707107), ("sigma", 0.282095)), Function = (x, p) => Activations.Laplace(x, p[0], p[1]) },
        new() { Name = "softplus", Aliases = ["soft_plus"], Formula = "log(1 + e^(beta x)) / beta; x where beta x > threshold", Derivative = "sigmoid(beta x)", Range = "(0, inf)", Paper = "Dugas et al. 2001", UsedBy = "Mamba step sizes", Parameters = P(("beta", 1), ("threshold", 20)), Function = (x, p) => Activations.Softplus(x, p[0], p[1]) },
        new() { Name = "sqrtsoftplus", Aliases = ["sqrt_softplus"], Formula = "sqrt(log(1 + e^x))", Derivative = "sigmoid(x) / (2 f)", Range = "(0, inf)", Paper = "DeepSeek router scores", UsedBy = "mixture-of-experts routers", Function = F(Activations.SqrtSoftplus) },
        new() { Name = "squareplus", Formula = "(x + sqrt(x^2 + b)) / 2", Derivative = "(1 + x / sqrt(x^2 + b)) / 2", Range = "(0, inf)", Paper = "Barron 2021", Parameters = P(("b", 4)), Function = (x, p) => Activations.Squareplus(x, p[0]) },
        new() { Name = "exponential", Aliases = ["exp"], Formula = "e^x", Derivative = "e^x", Range = "(0, inf)", Paper = "-", Function = F(Activations.Exponential) },
        new() { Name = "elu", Formula = "x for x > 0, else alpha (e^x - 1)", Derivative = "1 for x > 0, else alpha e^x", Range = "(-alpha, inf)", Smoothness = Smoothness.Once, Paper = "Clevert et al. 2016", UsedBy = "WaveGlow era audio nets", Parameters = P(("alpha", 1)), Function = (x, p) => Activations.Elu(x, p[0]) },
        new() { Name = "celu", Formula = "max(x, 0) + min(alpha (e^(x/alpha) - 1), 0)", Derivative = "1 for x > 0, else e^(x/alpha)", Range = "(-alpha, inf)", Smoothness = Smoothness.Once, Paper = "Barron 2017", Parameters = P(("alpha", 1)), Function = (x, p) => Activations.Celu(x, p[0]) },
        new() { Name = "selu", Formula = "1.0507 (x for x > 0, else 1.6733 (e^x - 1))", Derivative = "1.0507 for x > 0, else 1.7581 e^x", Range = "(-1.7581, inf)", Smoothness = Smoothness.Continuous, Paper = "Klambauer et al. 2017", UsedBy = "self-normalising nets", Function = F(Activations.Selu) },
    ];

    private static ActivationInfo[] Gates =>
    [
        new() { Name = "silu", Aliases = ["swish", "swish1"], Formula = "x sigmoid(x)", Derivative = "sigmoid(x) (1 + x (1 - sigmoid(x)))", Range = "[-0.2785, inf)", Paper = "Hendrycks and Gimpel 2016; Elfwing et al. 2018", UsedBy = "EfficientNet, YOLOv5+, diffusion U-Nets; gated in LLaMA, Qwen, DeepSeek", Function = F(Activations.Silu) },
        new() { Name = "swish_beta", Aliases = ["swishb"], Formula = "x sigmoid(beta x)", Derivative = "sigmoid(beta x) (1 + beta x (1 - sigmoid(beta x)))", Range = "[-0.2785/beta, inf)", Paper = "Ramachandran et al. 2017", Parameters = P(("beta", 1)), Function = (x, p) => Activations.Swish(x, p[0]) },
        new() { Name = "gelu", Aliases = ["gelu_erf", "gelu_python", "gelu_none"], Formula = "x Phi(x)", Derivative = "Phi(x) + x phi(x)", Range = "[-0.17, inf)", Paper = "Hendrycks and Gimpel 2016", UsedBy = "BERT, GPT-3, ViT, Falcon, MPT", Function = F(Activations.Gelu) },
        new() { Name = "gelu_tanh", Aliases = ["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate", "gelu_approx"], Formula = "x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))", Derivative = "s + x s' with s = sigmoid(2 u), u the argument of tanh", Range = "[-0.17, inf)", Paper = "Hendrycks and Gimpel 2016", UsedBy = "GPT-2, BLOOM, Phi-1/2, SD3, Flux; gated in T5 1.1, Gemma", Function = F(Activations.GeluTanh) },
        new() { Name = "gelu_fast", Formula = "x/2 (1 + tanh(0.7978845608 x (1 + 0.044715 x^2)))", Derivative = "as gelu_tanh", Range = "[-0.17, inf)", Paper = "Hendrycks and Gimpel 2016", UsedBy = "GPT-NeoX 20B", Function = F(Activations.GeluFast) },
        new() { Name = "quick_gelu", Aliases = ["gelu_quick", "gelu_sigmoid"], Formula = "x sigmoid(1.702 x)", Derivative = "s (1 + 1.702 x (1 - s))", Range = "[-0.1636, inf)", Paper = "Hendrycks and Gimpel 2016", UsedBy = "CLIP", Function = F(Activations.QuickGelu) },
        new() { Name = "gelu_10", Aliases = ["clipped_gelu"], Formula = "min(max(gelu(x), min), max)", Derivative = "gelu'(x) inside, 0 outside", Range = "[-0.17, 10]", Smoothness = Smoothness.Continuous, Paper = "Wu et al. 2020", UsedBy = "quantised BERT", Parameters = P(("min", -10), ("max", 10)), Function = (x, p) => Activations.ClippedGelu(x, p[0], p[1]) },
        new() { Name = "mish", Formula = "x tanh(softplus(x))", Derivative = "tanh(sp) + x sigmoid(x) (1 - tanh(sp)^2)", Range = "[-0.3088, inf)", Paper = "Misra 2019", UsedBy = "YOLOv4", Function = F(Activations.Mish) },
        new() { Name = "tanhexp", Aliases = ["tanh_exp"], Formula = "x tanh(e^x)", Derivative = "tanh(e^x) + x e^x (1 - tanh(e^x)^2)", Range = "[-0.3532, inf)", Paper = "Liu and Di 2020", Function = F(Activations.TanhExp) },
        new() { Name = "lisht", Formula = "x tanh(x)", Derivative = "tanh(x) + x (1 - tanh(x)^2)", Range = "[0, inf)", Paper = "Roy et al. 2019", Function = F(Activations.Lisht) },
        new() { Name = "serf", Formula = "x erf(softplus(x))", Derivative = "erf(sp) + x 2/sqrt(pi) e^(-sp^2) sigmoid(x)", Range = "[-0.3485, inf)", Paper = "Nag et al. 2021", Function = F(Activations.Serf) },
        new() { Name = "star_relu", Formula = "0.8944 max(x, 0)^2 - 0.4472", Derivative = "1.7888 max(x, 0)", Range = "[-0.4472, inf)", Smoothness = Smoothness.Once, Paper = "Yu et al. 2022", UsedBy = "CAFormer", Parameters = P(("scale", 0.8944), ("bias", -0.4472)), Function = (x, p) => Activations.StarRelu(x, p[0], p[1]) },
    ];

    private static ActivationInfo[] Waves =>
    [
        new() { Name = "sine", Aliases = ["sin"], Formula = "sin(omega x)", Derivative = "omega cos(omega x)", Range = "[-1, 1]", Paper = "Sitzmann et al. 2020", UsedBy = "SIREN (omega 30)", Parameters = P(("omega", 1)), Function = (x, p) => Activations.Sine(x, p[0]) },
        new() { Name = "cosine", Aliases = ["cos"], Formula = "cos(x)", Derivative = "-sin(x)", Range = "[-1, 1]", Paper = "-", Function = F(Activations.Cosine) },
        new() { Name = "snake", Formula = "x + sin(a x)^2 / a", Derivative = "1 + sin(2 a x)", Range = "(-inf, inf)", Paper = "Ziyin et al. 2020", UsedBy = "BigVGAN, DAC", Parameters = P(("a", 1)), Function = (x, p) => Activations.Snake(x, p[0]) },
        new() { Name = "gcu", Aliases = ["growing_cosine"], Formula = "x cos(x)", Derivative = "cos(x) - x sin(x)", Range = "(-inf, inf)", Paper = "Noel et al. 2021", Function = F(Activations.GrowingCosine) },
        new() { Name = "gaussian", Formula = "e^(-x^2)", Derivative = "-2 x e^(-x^2)", Range = "(0, 1]", Paper = "Broomhead and Lowe 1988", UsedBy = "radial basis nets", Function = F(Activations.Gaussian) },
    ];
}
