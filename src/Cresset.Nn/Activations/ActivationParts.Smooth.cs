using Cresset.Numerics;

namespace Cresset.Nn;

/// <summary>log(1 + e^(beta x)) / beta; x where beta x &gt; threshold.</summary>
[Part("softplus", "Dugas et al. 2001", Aliases = ["soft-plus"])]
public sealed record SoftplusActivation : CatalogActivation
{
    /// <summary>Factor inside.</summary>
    public double Beta { get; init; } = 1;

    /// <summary>beta x beyond which it is the line.</summary>
    public double Threshold { get; init; } = 20;

    private protected override string Row => "softplus";

    private protected override double[] Values { get => [Beta, Threshold]; init => (Beta, Threshold) = (value[0], value[1]); }
}

/// <summary>sqrt(log(1 + e^x)).</summary>
[Part("sqrtsoftplus", "DeepSeek router scores", Aliases = ["sqrt-softplus"])]
public sealed record SqrtsoftplusActivation : CatalogActivation
{
    private protected override string Row => "sqrtsoftplus";
}

/// <summary>(x + sqrt(x^2 + b)) / 2.</summary>
[Part("squareplus", "Barron 2021")]
public sealed record SquareplusActivation : CatalogActivation
{
    /// <summary>How round the corner is.</summary>
    public double B { get; init; } = 4;

    private protected override string Row => "squareplus";

    private protected override double[] Values { get => [B]; init => B = value[0]; }
}

/// <summary>e^x.</summary>
[Part("exponential", Aliases = ["exp"])]
public sealed record ExponentialActivation : CatalogActivation
{
    private protected override string Row => "exponential";
}

/// <summary>x for x &gt; 0, else alpha (e^x - 1).</summary>
[Part("elu", "Clevert et al. 2016")]
public sealed record EluActivation : CatalogActivation
{
    /// <summary>Height of the left part.</summary>
    public double Alpha { get; init; } = 1;

    private protected override string Row => "elu";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>max(x, 0) + min(alpha (e^(x/alpha) - 1), 0).</summary>
[Part("celu", "Barron 2017")]
public sealed record CeluActivation : CatalogActivation
{
    /// <summary>Height of the left part.</summary>
    public double Alpha { get; init; } = 1;

    private protected override string Row => "celu";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>1.0507 (x for x &gt; 0, else 1.6733 (e^x - 1)).</summary>
[Part("selu", "Klambauer et al. 2017")]
public sealed record SeluActivation : CatalogActivation
{
    private protected override string Row => "selu";
}

/// <summary>x sigmoid(x).</summary>
[Part("silu", "Hendrycks and Gimpel 2016; Elfwing et al. 2018", Aliases = ["swish", "swish1"])]
public sealed record SiluActivation : CatalogActivation
{
    private protected override string Row => "silu";
}

/// <summary>x sigmoid(beta x).</summary>
[Part("swish-beta", "Ramachandran et al. 2017", Aliases = ["swishb"])]
public sealed record SwishBetaActivation : CatalogActivation
{
    /// <summary>Factor inside.</summary>
    public double Beta { get; init; } = 1;

    private protected override string Row => "swish_beta";

    private protected override double[] Values { get => [Beta]; init => Beta = value[0]; }
}

/// <summary>x Phi(x).</summary>
[Part("gelu", "Hendrycks and Gimpel 2016", Aliases = ["gelu-erf", "gelu-python", "gelu-none"])]
public sealed record GeluActivation : CatalogActivation
{
    private protected override string Row => "gelu";
}

/// <summary>x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).</summary>
[Part("gelu-tanh", "Hendrycks and Gimpel 2016",
    Aliases = ["gelu-new", "gelu-pytorch-tanh", "gelu-python-tanh", "gelu-accurate", "gelu-approx"])]
public sealed record GeluTanhActivation : CatalogActivation
{
    private protected override string Row => "gelu_tanh";
}

/// <summary>x/2 (1 + tanh(0.7978845608 x (1 + 0.044715 x^2))).</summary>
[Part("gelu-fast", "Hendrycks and Gimpel 2016")]
public sealed record GeluFastActivation : CatalogActivation
{
    private protected override string Row => "gelu_fast";
}

/// <summary>x sigmoid(1.702 x).</summary>
[Part("quick-gelu", "Hendrycks and Gimpel 2016", Aliases = ["gelu-quick", "gelu-sigmoid"])]
public sealed record QuickGeluActivation : CatalogActivation
{
    private protected override string Row => "quick_gelu";
}

/// <summary>min(max(gelu(x), min), max).</summary>
[Part("gelu-10", "Wu et al. 2020", Aliases = ["clipped-gelu"])]
public sealed record Gelu10Activation : CatalogActivation
{
    /// <summary>Least value.</summary>
    public double Min { get; init; } = -10;

    /// <summary>Greatest value.</summary>
    public double Max { get; init; } = 10;

    private protected override string Row => "gelu_10";

    private protected override double[] Values { get => [Min, Max]; init => (Min, Max) = (value[0], value[1]); }
}

/// <summary>x tanh(softplus(x)).</summary>
[Part("mish", "Misra 2019")]
public sealed record MishActivation : CatalogActivation
{
    private protected override string Row => "mish";
}

/// <summary>x tanh(e^x).</summary>
[Part("tanhexp", "Liu and Di 2020", Aliases = ["tanh-exp"])]
public sealed record TanhexpActivation : CatalogActivation
{
    private protected override string Row => "tanhexp";
}

/// <summary>x tanh(x).</summary>
[Part("lisht", "Roy et al. 2019")]
public sealed record LishtActivation : CatalogActivation
{
    private protected override string Row => "lisht";
}

/// <summary>x erf(softplus(x)).</summary>
[Part("serf", "Nag et al. 2021")]
public sealed record SerfActivation : CatalogActivation
{
    private protected override string Row => "serf";
}

/// <summary>0.8944 max(x, 0)^2 - 0.4472.</summary>
[Part("star-relu", "Yu et al. 2022")]
public sealed record StarReluActivation : CatalogActivation
{
    /// <summary>Factor.</summary>
    public double Scale { get; init; } = 0.8944;

    /// <summary>Summand.</summary>
    public double Bias { get; init; } = -0.4472;

    private protected override string Row => "star_relu";

    private protected override double[] Values { get => [Scale, Bias]; init => (Scale, Bias) = (value[0], value[1]); }
}

/// <summary>sin(omega x).</summary>
[Part("sine", "Sitzmann et al. 2020", Aliases = ["sin"])]
public sealed record SineActivation : CatalogActivation
{
    /// <summary>Frequency.</summary>
    public double Omega { get; init; } = 1;

    private protected override string Row => "sine";

    private protected override double[] Values { get => [Omega]; init => Omega = value[0]; }
}

/// <summary>cos(x).</summary>
[Part("cosine", Aliases = ["cos"])]
public sealed record CosineActivation : CatalogActivation
{
    private protected override string Row => "cosine";
}

/// <summary>x + sin(a x)^2 / a.</summary>
[Part("snake", "Ziyin et al. 2020")]
public sealed record SnakeActivation : CatalogActivation
{
    /// <summary>Frequency.</summary>
    public double A { get; init; } = 1;

    private protected override string Row => "snake";

    private protected override double[] Values { get => [A]; init => A = value[0]; }
}

/// <summary>x cos(x).</summary>
[Part("gcu", "Noel et al. 2021", Aliases = ["growing-cosine"])]
public sealed record GcuActivation : CatalogActivation
{
    private protected override string Row => "gcu";
}

/// <summary>e^(-x^2).</summary>
[Part("gaussian", "Broomhead and Lowe 1988")]
public sealed record GaussianActivation : CatalogActivation
{
    private protected override string Row => "gaussian";
}

/// <summary>(sqrt(x^2 + 1) - 1) / 2 + x.</summary>
[Part("bent-identity")]
public sealed record BentIdentityActivation : CatalogActivation
{
    private protected override string Row => "bent_identity";
}

/// <summary>x / sqrt(1 + alpha x^2), the inverse square root unit.</summary>
[Part("isru", "Carlile et al. 2017")]
public sealed record IsruActivation : CatalogActivation
{
    /// <summary>How early it levels off: at 1 / sqrt(alpha).</summary>
    public double Alpha { get; init; } = 1;

    private protected override string Row => "isru";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>x for x &gt;= 0, else x / sqrt(1 + alpha x^2).</summary>
[Part("isrlu", "Carlile et al. 2017")]
public sealed record IsrluActivation : CatalogActivation
{
    /// <summary>How early it levels off on the left: at -1 / sqrt(alpha).</summary>
    public double Alpha { get; init; } = 1;

    private protected override string Row => "isrlu";

    private protected override double[] Values { get => [Alpha]; init => Alpha = value[0]; }
}

/// <summary>1.7159 tanh(2 x / 3).</summary>
[Part("lecun-tanh", "LeCun et al. 1998")]
public sealed record LecunTanhActivation : CatalogActivation
{
    private protected override string Row => "lecun_tanh";
}
