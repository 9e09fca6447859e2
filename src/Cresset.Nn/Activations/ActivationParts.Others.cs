using Cresset.Numerics;

namespace Cresset.Nn;

/// <summary>1 for x &gt; 0, 1/2 at 0, else 0.</summary>
[Part("heaviside", "Rosenblatt 1958; Hubara et al. 2016", Aliases = ["binary-step", "step"])]
public sealed record HeavisideActivation : CatalogActivation
{
    private protected override string Row => "heaviside";
}

/// <summary>1 for x &gt; 0, 1/2 at 0, else 0.</summary>
[Part("heaviside-identity", "Bengio et al. 2013", Aliases = ["heaviside-ste"])]
public sealed record HeavisideIdentityActivation : CatalogActivation
{
    private protected override string Row => "heaviside_identity";
}

/// <summary>1 for x &gt; 0, 1/2 at 0, else 0.</summary>
[Part("heaviside-sigmoid", "Zenke and Vogels 2021")]
public sealed record HeavisideSigmoidActivation : CatalogActivation
{
    private protected override string Row => "heaviside_sigmoid";
}

/// <summary>1 for x &gt; 0, 1/2 at 0, else 0.</summary>
[Part("heaviside-atan", "Fang et al. 2021")]
public sealed record HeavisideAtanActivation : CatalogActivation
{
    private protected override string Row => "heaviside_atan";
}

/// <summary>1 for x &gt; 0, 1/2 at 0, else 0.</summary>
[Part("heaviside-fast-sigmoid", "Zenke and Ganguli 2018", Aliases = ["superspike"])]
public sealed record HeavisideFastSigmoidActivation : CatalogActivation
{
    private protected override string Row => "heaviside_fast_sigmoid";
}

/// <summary>1 for x &gt; 0, 1/2 at 0, else 0.</summary>
[Part("heaviside-triangle", "Esser et al. 2016")]
public sealed record HeavisideTriangleActivation : CatalogActivation
{
    private protected override string Row => "heaviside_triangle";
}

/// <summary>1 for x &gt; 0, 1/2 at 0, else 0.</summary>
[Part("heaviside-gaussian", "Yin et al. 2021")]
public sealed record HeavisideGaussianActivation : CatalogActivation
{
    private protected override string Row => "heaviside_gaussian";
}

/// <summary>-1, 0 or 1.</summary>
[Part("sign", "Hubara et al. 2016")]
public sealed record SignActivation : CatalogActivation
{
    private protected override string Row => "sign";
}

/// <summary>-1, 0 or 1.</summary>
[Part("sign-bireal", "Liu et al. 2018", Aliases = ["birealnet"])]
public sealed record SignBirealActivation : CatalogActivation
{
    private protected override string Row => "sign_bireal";
}

/// <summary>x for x &gt; 0, else w x.</summary>
[Part("prelu", "He et al. 2015")]
public sealed record PreluActivation : CatalogActivation
{
    /// <summary>Slope left of 0 at the start.</summary>
    public double Weight { get; init; } = 0.25;

    private protected override string Row => "prelu";

    private protected override double[] Values { get => [Weight]; init => Weight = value[0]; }
}

/// <summary>x sigmoid(beta x).</summary>
[Part("trainable-swish", "Ramachandran et al. 2017")]
public sealed record TrainableSwishActivation : CatalogActivation
{
    /// <summary>Factor inside.</summary>
    public double Beta { get; init; } = 1;

    private protected override string Row => "trainable_swish";

    private protected override double[] Values { get => [Beta]; init => Beta = value[0]; }
}

/// <summary>s max(x, 0)^2 + b.</summary>
[Part("trainable-star-relu", "Yu et al. 2022")]
public sealed record TrainableStarReluActivation : CatalogActivation
{
    /// <summary>Factor.</summary>
    public double Scale { get; init; } = 0.8944;

    /// <summary>Summand.</summary>
    public double Bias { get; init; } = -0.4472;

    private protected override string Row => "trainable_star_relu";

    private protected override double[] Values { get => [Scale, Bias]; init => (Scale, Bias) = (value[0], value[1]); }
}

/// <summary>x + sin(a x)^2 / a.</summary>
[Part("trainable-snake", "Ziyin et al. 2020")]
public sealed record TrainableSnakeActivation : CatalogActivation
{
    /// <summary>Frequency, at the start.</summary>
    public double Alpha { get; init; } = 1;

    private protected override string Row => "trainable_snake";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>x + sin(e^a x)^2 / e^b.</summary>
[Part("snakebeta", "Lee et al. 2023")]
public sealed record SnakebetaActivation : CatalogActivation
{
    /// <summary>Logarithm of the ripple's frequency.</summary>
    public double Alpha { get; init; } = 1;

    /// <summary>Logarithm of the ripple's depth.</summary>
    public double Beta { get; init; } = 1;

    private protected override string Row => "snakebeta";

    private protected override double[] Values { get => [Alpha, Beta]; init => (Alpha, Beta) = (value[0], value[1]); }
}

/// <summary>(p1 - p2) x sigmoid(beta (p1 - p2) x) + p2 x.</summary>
[Part("acon-c", "Ma et al. 2021")]
public sealed record AconCActivation : CatalogActivation
{
    /// <summary>Slope far right.</summary>
    public double P1 { get; init; } = 1;

    /// <summary>Slope far left.</summary>
    public double P2 { get; init; } = 0;

    /// <summary>Sharpness of the switch.</summary>
    public double Beta { get; init; } = 1;

    private protected override string Row => "acon_c";

    private protected override double[] Values { get => [P1, P2, Beta]; init => (P1, P2, Beta) = (value[0], value[1], value[2]); }
}

/// <summary>x &gt; 0: aP x^2 + x/2, else aN (e^x - 1 - x) + x/2.</summary>
[Part("xielu", "Huang 2025")]
public sealed record XieluActivation : CatalogActivation
{
    /// <summary>Curvature right of 0.</summary>
    public double AlphaP { get; init; } = 0.8;

    /// <summary>Height of the left part.</summary>
    public double AlphaN { get; init; } = 0.8;

    private protected override string Row => "xielu";

    private protected override double[] Values { get => [AlphaP, AlphaN]; init => (AlphaP, AlphaN) = (value[0], value[1]); }
}

/// <summary>lines beyond two thresholds, x between.</summary>
[Part("srelu", "Jin et al. 2016")]
public sealed record SreluActivation : CatalogActivation
{
    /// <summary>Left threshold.</summary>
    public double Tl { get; init; } = -0.4;

    /// <summary>Slope left of it.</summary>
    public double Al { get; init; } = 0.2;

    /// <summary>Right threshold.</summary>
    public double Tr { get; init; } = 0.4;

    /// <summary>Slope right of it.</summary>
    public double Ar { get; init; } = 0.2;

    private protected override string Row => "srelu";

    private protected override double[] Values
    {
        get => [Tl, Al, Tr, Ar]; init =>
        (Tl, Al, Tr, Ar) = (value[0], value[1], value[2], value[3]);
    }
}

/// <summary>(1 + erf((x - mu) / (sigma sqrt 2))) / 2.</summary>
[Part("trainable-laplace", "Ma et al. 2022")]
public sealed record TrainableLaplaceActivation : CatalogActivation
{
    /// <summary>Mean.</summary>
    public double Mu { get; init; } = 0.707107;

    /// <summary>Deviation.</summary>
    public double Sigma { get; init; } = 0.282095;

    private protected override string Row => "trainable_laplace";

    private protected override double[] Values { get => [Mu, Sigma]; init => (Mu, Sigma) = (value[0], value[1]); }
}

/// <summary>tanh(alpha x) w + b.</summary>
[Part("dyt", "Zhu et al. 2025", Aliases = ["dynamic-tanh"])]
public sealed record DytActivation : CatalogActivation
{
    /// <summary>Factor inside, at the start.</summary>
    public double Alpha { get; init; } = 0.5;

    private protected override string Row => "dyt";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>erf(alpha x + s) w + b.</summary>
[Part("derf", "Chen et al. 2025", Aliases = ["dynamic-erf"])]
public sealed record DerfActivation : CatalogActivation
{
    /// <summary>Factor inside, at the start.</summary>
    public double Alpha { get; init; } = 0.5;

    private protected override string Row => "derf";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>max_k (w_k x + b_k).</summary>
[Part("piecewise-maxout", "Goodfellow et al. 2013")]
public sealed record PiecewiseMaxoutActivation : CatalogActivation
{
    /// <summary>Lines of which the greatest counts.</summary>
    public double Pieces { get; init; } = 2;

    private protected override string Row => "piecewise_maxout";

    private protected override double[] Values { get => [Pieces]; init => Pieces = value[0]; }
}

/// <summary>x for x &gt; 0, else a x, a drawn from [lower, upper] in training.</summary>
[Part("rrelu", "Xu et al. 2015")]
public sealed record RreluActivation : CatalogActivation
{
    /// <summary>Least slope.</summary>
    public double Lower { get; init; } = 0.125;

    /// <summary>Greatest slope.</summary>
    public double Upper { get; init; } = 0.3333333333333333;

    private protected override string Row => "rrelu";

    private protected override double[] Values { get => [Lower, Upper]; init => (Lower, Upper) = (value[0], value[1]); }
}

/// <summary>max of k neighbouring channels.</summary>
[Part("maxout", "Goodfellow et al. 2013")]
public sealed record MaxoutActivation : CatalogActivation
{
    /// <summary>Lines of which the greatest counts.</summary>
    public double Pieces { get; init; } = 2;

    private protected override string Row => "maxout";

    private protected override double[] Values { get => [Pieces]; init => Pieces = value[0]; }
}

/// <summary>[relu(x), relu(-x)].</summary>
[Part("crelu", "Shang et al. 2016")]
public sealed record CreluActivation : CatalogActivation
{
    private protected override string Row => "crelu";
}

/// <summary>e^(x_i/T) / sum_j e^(x_j/T).</summary>
[Part("softmax", "Bridle 1990")]
public sealed record SoftmaxActivation : CatalogActivation
{
    /// <summary>Temperature T.</summary>
    public double Temperature { get; init; } = 1;

    private protected override string Row => "softmax";

    private protected override double[] Values { get => [Temperature]; init => Temperature = value[0]; }
}

/// <summary>x_i - log sum_j e^x_j.</summary>
[Part("log-softmax", "Bridle 1990")]
public sealed record LogSoftmaxActivation : CatalogActivation
{
    private protected override string Row => "log_softmax";
}

/// <summary>e^-x_i / sum_j e^-x_j.</summary>
[Part("softmin", "PyTorch")]
public sealed record SoftminActivation : CatalogActivation
{
    private protected override string Row => "softmin";
}

/// <summary>e^x_i / (1 + sum_j e^x_j).</summary>
[Part("softmax-off-by-one", "Miller 2023", Aliases = ["softmax1", "quiet-softmax"])]
public sealed record SoftmaxOffByOneActivation : CatalogActivation
{
    private protected override string Row => "softmax_off_by_one";
}

/// <summary>x_i softmax(x)_i.</summary>
[Part("solu", "Elhage et al. 2022")]
public sealed record SoluActivation : CatalogActivation
{
    private protected override string Row => "solu";
}

/// <summary>relu(x_i)^2 / sum_j relu(x_j)^2.</summary>
[Part("relu2-norm", "Hua et al. 2022", Aliases = ["squared-relu-norm"])]
public sealed record Relu2NormActivation : CatalogActivation
{
    private protected override string Row => "relu2_norm";
}

/// <summary>max(x_i - tau, 0), sum 1.</summary>
[Part("sparsemax", "Martins and Astudillo 2016")]
public sealed record SparsemaxActivation : CatalogActivation
{
    private protected override string Row => "sparsemax";
}

/// <summary>max(x_i/2 - tau, 0)^2, sum 1.</summary>
[Part("entmax15", "Peters et al. 2019", Aliases = ["entmax-15", "entmax1.5"])]
public sealed record Entmax15Activation : CatalogActivation
{
    private protected override string Row => "entmax15";
}

/// <summary>max((alpha-1) x_i - tau, 0)^(1/(alpha-1)), sum 1.</summary>
[Part("entmax", "Peters et al. 2019")]
public sealed record EntmaxActivation : CatalogActivation
{
    /// <summary>1 is softmax, 2 sparsemax.</summary>
    public double Alpha { get; init; } = 1.5;

    private protected override string Row => "entmax";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>a sigmoid(b).</summary>
[Part("glu", "Dauphin et al. 2017")]
public sealed record GluActivation : CatalogActivation
{
    private protected override string Row => "glu";
}

/// <summary>a b.</summary>
[Part("bilinear", "Mnih and Hinton 2007; Shazeer 2020")]
public sealed record BilinearActivation : CatalogActivation
{
    private protected override string Row => "bilinear";
}

/// <summary>relu(a) b.</summary>
[Part("reglu", "Shazeer 2020")]
public sealed record RegluActivation : CatalogActivation
{
    private protected override string Row => "reglu";
}

/// <summary>gelu(a) b.</summary>
[Part("geglu", "Shazeer 2020")]
public sealed record GegluActivation : CatalogActivation
{
    private protected override string Row => "geglu";
}

/// <summary>gelu_tanh(a) b.</summary>
[Part("geglu-tanh", "Shazeer 2020")]
public sealed record GegluTanhActivation : CatalogActivation
{
    private protected override string Row => "geglu_tanh";
}

/// <summary>silu(a) b.</summary>
[Part("swiglu", "Shazeer 2020")]
public sealed record SwigluActivation : CatalogActivation
{
    private protected override string Row => "swiglu";
}

/// <summary>relu(a)^2 b.</summary>
[Part("relu2glu", "Zhang et al. 2024")]
public sealed record Relu2gluActivation : CatalogActivation
{
    private protected override string Row => "relu2glu";
}

/// <summary>mish(a) b.</summary>
[Part("mishglu")]
public sealed record MishgluActivation : CatalogActivation
{
    private protected override string Row => "mishglu";
}

/// <summary>tanh(a) b.</summary>
[Part("tanhglu", "van den Oord et al. 2016")]
public sealed record TanhgluActivation : CatalogActivation
{
    private protected override string Row => "tanhglu";
}

/// <summary>selu(a) b.</summary>
[Part("seglu")]
public sealed record SegluActivation : CatalogActivation
{
    private protected override string Row => "seglu";
}

/// <summary>(min(max(b, -7), 7) + 1) g sigmoid(1.702 g), g = min(a, 7).</summary>
[Part("clamped-swiglu", "OpenAI 2025", Aliases = ["swiglu-oai"])]
public sealed record ClampedSwigluActivation : CatalogActivation
{
    /// <summary>Factor inside the gate.</summary>
    public double Alpha { get; init; } = 1.702;

    /// <summary>Where values are cut.</summary>
    public double Limit { get; init; } = 7;

    private protected override string Row => "clamped_swiglu";

    private protected override double[] Values { get => [Alpha, Limit]; init => (Alpha, Limit) = (value[0], value[1]); }
}
