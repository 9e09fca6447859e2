namespace Cresset.Nn;

/// <summary>The catalog's rows of thresholds with surrogate gradients.</summary>
internal static class ThresholdRows
{
    public static ActivationInfo[] All =>
    [
        Step("heaviside", ["binary_step", "step"], "straight-through: 1 for |x| <= 1", "Rosenblatt 1958; Hubara et al. 2016",
            SurrogateGradient.StraightThrough),
        Step("heaviside_identity", ["heaviside_ste"], "1", "Bengio et al. 2013", SurrogateGradient.Identity),
        Step("heaviside_sigmoid", [], "4 s (1 - s), s = sigmoid(4 x)", "Zenke and Vogels 2021", SurrogateGradient.Sigmoid),
        Step("heaviside_atan", [], "1 / (1 + (pi x)^2)", "Fang et al. 2021", SurrogateGradient.ArcTan),
        Step("heaviside_fast_sigmoid", ["superspike"], "1 / (1 + 25 |x|)^2", "Zenke and Ganguli 2018", SurrogateGradient.FastSigmoid),
        Step("heaviside_triangle", [], "max(0, 1 - |x|)", "Esser et al. 2016", SurrogateGradient.Triangle),
        Step("heaviside_gaussian", [], "normal density of deviation 0.4", "Yin et al. 2021", SurrogateGradient.Gaussian),
        Sign("sign", [], "straight-through: 1 for |x| <= 1", "Hubara et al. 2016", "XNOR-Net", SurrogateGradient.StraightThrough),
        Sign("sign_bireal", ["birealnet"], "max(0, 2 - 2 |x|)", "Liu et al. 2018", "Bi-Real Net", SurrogateGradient.BiReal),
    ];

    private static ActivationInfo Step(string name, string[] aliases, string derivative, string paper, SurrogateGradient surrogate) => new()
    {
        Name = name,
        Aliases = aliases,
        Kind = ActivationKind.Threshold,
        Formula = "1 for x > 0, 1/2 at 0, else 0",
        Derivative = "in backward " + derivative,
        Range = "{0, 1/2, 1}",
        Smoothness = Smoothness.Discontinuous,
        Paper = paper,
        UsedBy = "spiking and binary nets",
        Function = (x, _) => Thresholds.Heaviside(x, surrogate),
    };

    private static ActivationInfo Sign(string name, string[] aliases, string derivative, string paper, string usedBy,
        SurrogateGradient surrogate) => new()
        {
            Name = name,
            Aliases = aliases,
            Kind = ActivationKind.Threshold,
            Formula = "-1, 0 or 1",
            Derivative = "in backward " + derivative,
            Range = "{-1, 0, 1}",
            Smoothness = Smoothness.Discontinuous,
            Paper = paper,
            UsedBy = usedBy,
            Function = (x, _) => Thresholds.Sign(x, surrogate),
        };
}
