using Cresset.Numerics;

namespace Cresset.Nn;

/// <summary>max(x, 0).</summary>
[Part("relu", "Nair and Hinton 2010")]
public sealed record ReluActivation : CatalogActivation
{
    private protected override string Row => "relu";
}

/// <summary>min(max(x, 0), 6).</summary>
[Part("relu6", "Krizhevsky 2010")]
public sealed record Relu6Activation : CatalogActivation
{
    private protected override string Row => "relu6";
}

/// <summary>x for x &gt; 0, else slope x.</summary>
[Part("leaky-relu", "Maas et al. 2013")]
public sealed record LeakyReluActivation : CatalogActivation
{
    /// <summary>Slope left of 0.</summary>
    public double Slope { get; init; } = 0.01;

    private protected override string Row => "leaky_relu";

    private protected override double[] Values { get => [Slope]; init => Slope = value[0]; }
}

/// <summary>max(x, 0)^2.</summary>
[Part("relu2", "So et al. 2021 (Primer)", Aliases = ["squared-relu", "relu-squared", "relu-2"])]
public sealed record Relu2Activation : CatalogActivation
{
    private protected override string Row => "relu2";
}

/// <summary>x for x &gt; threshold, else value.</summary>
[Part("threshold", "Torch7")]
public sealed record ThresholdActivation : CatalogActivation
{
    /// <summary>Where it changes.</summary>
    public double Threshold { get; init; } = 0;

    /// <summary>What stands below the threshold.</summary>
    public double Value { get; init; } = 0;

    private protected override string Row => "threshold";

    private protected override double[] Values { get => [Threshold, Value]; init => (Threshold, Value) = (value[0], value[1]); }
}

/// <summary>x for x &gt; theta, else 0.</summary>
[Part("thresholded-relu", "Konda et al. 2015")]
public sealed record ThresholdedReluActivation : CatalogActivation
{
    /// <summary>Below it, 0.</summary>
    public double Theta { get; init; } = 1;

    private protected override string Row => "thresholded_relu";

    private protected override double[] Values { get => [Theta]; init => Theta = value[0]; }
}

/// <summary>min(max(x, min), max).</summary>
[Part("hardtanh", "Collobert 2004", Aliases = ["hard-tanh"])]
public sealed record HardtanhActivation : CatalogActivation
{
    /// <summary>Least value.</summary>
    public double Min { get; init; } = -1;

    /// <summary>Greatest value.</summary>
    public double Max { get; init; } = 1;

    private protected override string Row => "hardtanh";

    private protected override double[] Values { get => [Min, Max]; init => (Min, Max) = (value[0], value[1]); }
}

/// <summary>min(max(x + 3, 0), 6) / 6.</summary>
[Part("hardsigmoid", "Courbariaux et al. 2015; Howard et al. 2019", Aliases = ["hard-sigmoid"])]
public sealed record HardsigmoidActivation : CatalogActivation
{
    private protected override string Row => "hardsigmoid";
}

/// <summary>x min(max(x + 3, 0), 6) / 6.</summary>
[Part("hardswish", "Howard et al. 2019", Aliases = ["hard-swish", "hard-silu"])]
public sealed record HardswishActivation : CatalogActivation
{
    private protected override string Row => "hardswish";
}

/// <summary>x/2 min(max(x + 2, 0), 2).</summary>
[Part("hard-mish", "timm")]
public sealed record HardMishActivation : CatalogActivation
{
    private protected override string Row => "hard_mish";
}

/// <summary>x for |x| &gt; lambda, else 0.</summary>
[Part("hardshrink", "Donoho and Johnstone 1994", Aliases = ["hard-shrink"])]
public sealed record HardshrinkActivation : CatalogActivation
{
    /// <summary>Half the width of the dead zone.</summary>
    public double Lambda { get; init; } = 0.5;

    private protected override string Row => "hardshrink";

    private protected override double[] Values { get => [Lambda]; init => Lambda = value[0]; }
}

/// <summary>sign(x) max(|x| - lambda, 0).</summary>
[Part("softshrink", "Donoho 1995", Aliases = ["soft-shrink"])]
public sealed record SoftshrinkActivation : CatalogActivation
{
    /// <summary>Half the width of the dead zone.</summary>
    public double Lambda { get; init; } = 0.5;

    private protected override string Row => "softshrink";

    private protected override double[] Values { get => [Lambda]; init => Lambda = value[0]; }
}

/// <summary>0 for x &lt;= -1, (x+1)^2/4, x for x &gt;= 1.</summary>
[Part("sparse-plus", "JAX; Roulet et al. 2025")]
public sealed record SparsePlusActivation : CatalogActivation
{
    private protected override string Row => "sparse_plus";
}

/// <summary>min(max((x+1)/2, 0), 1).</summary>
[Part("sparse-sigmoid", "JAX")]
public sealed record SparseSigmoidActivation : CatalogActivation
{
    private protected override string Row => "sparse_sigmoid";
}

/// <summary>0 for x &lt;= -beta, (x+beta)^2/(4 beta), x for x &gt;= beta.</summary>
[Part("smelu", "Shamir et al. 2020", Aliases = ["smooth-relu"])]
public sealed record SmeluActivation : CatalogActivation
{
    /// <summary>Half the width of the bend.</summary>
    public double Beta { get; init; } = 2;

    private protected override string Row => "smelu";

    private protected override double[] Values { get => [Beta]; init => Beta = value[0]; }
}

/// <summary>x.</summary>
[Part("identity", Aliases = ["linear", "none"])]
public sealed record IdentityActivation : CatalogActivation
{
    private protected override string Row => "identity";
}

/// <summary>1 / (1 + e^-x).</summary>
[Part("sigmoid", "Verhulst 1838", Aliases = ["logistic"])]
public sealed record SigmoidActivation : CatalogActivation
{
    private protected override string Row => "sigmoid";
}

/// <summary>-log(1 + e^-x).</summary>
[Part("logsigmoid", Aliases = ["log-sigmoid"])]
public sealed record LogsigmoidActivation : CatalogActivation
{
    private protected override string Row => "logsigmoid";
}

/// <summary>(e^x - e^-x) / (e^x + e^-x).</summary>
[Part("tanh", "LeCun et al. 1998")]
public sealed record TanhActivation : CatalogActivation
{
    private protected override string Row => "tanh";
}

/// <summary>x - tanh(x).</summary>
[Part("tanhshrink", "Torch7", Aliases = ["tanh-shrink"])]
public sealed record TanhshrinkActivation : CatalogActivation
{
    private protected override string Row => "tanhshrink";
}

/// <summary>x / (1 + |x|).</summary>
[Part("softsign", "Bergstra et al. 2009", Aliases = ["soft-sign"])]
public sealed record SoftsignActivation : CatalogActivation
{
    private protected override string Row => "softsign";
}

/// <summary>arctan(x).</summary>
[Part("arctan", Aliases = ["atan"])]
public sealed record ArctanActivation : CatalogActivation
{
    private protected override string Row => "arctan";
}

/// <summary>erf(x).</summary>
[Part("erf", "Gauss")]
public sealed record ErfActivation : CatalogActivation
{
    private protected override string Row => "erf";
}

/// <summary>(1 + erf((x - mu) / (sigma sqrt 2))) / 2.</summary>
[Part("laplace", "Ma et al. 2022")]
public sealed record LaplaceActivation : CatalogActivation
{
    /// <summary>Mean.</summary>
    public double Mu { get; init; } = 0.707107;

    /// <summary>Deviation.</summary>
    public double Sigma { get; init; } = 0.282095;

    private protected override string Row => "laplace";

    private protected override double[] Values { get => [Mu, Sigma]; init => (Mu, Sigma) = (value[0], value[1]); }
}
