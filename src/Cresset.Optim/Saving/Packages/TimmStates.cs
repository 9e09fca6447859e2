using System.Text.Json.Nodes;
using static Cresset.Optim.PackageOption;
using static Cresset.Optim.PackageSlot;

namespace Cresset.Optim;

/// <summary>The classes of timm.optim (1.0) that our rules continue, and those that they do not.</summary>
internal static class TimmStates
{
    private const OptimizerOrigin Timm = OptimizerOrigin.Timm;
    private const string NoCaution = "the method here has no cautious form", NoCorrected = "the method here has no corrected decay";

    private static readonly PackageOption[] AlwaysDown = [Fixed(nameof(OptimizerRule.Maximize), false)];

    private static readonly PackageOption[] Caution = [As("caution", nameof(AdamWRule.Cautious)).OrAbsent(false)];

    private static readonly PackageOption[] CautionAndCorrected =
        [.. Caution, As("corrected_weight_decay", nameof(AdamWRule.CorrectedWeightDecay)).OrAbsent(false)];

    private static readonly PackageOption[] NeitherCautionNorCorrected =
        [Only("caution", false, NoCaution).OrAbsent(false), Only("corrected_weight_decay", false, NoCorrected).OrAbsent(false)];

    public static IReadOnlyList<PackageMethod> Methods { get; } =
    [
        new(Timm, "Lion", typeof(LionRule))
        {
            Options = [Betas(), Decay, .. CautionAndCorrected, Maximize, Computing("foreach")],
            Slots = Same("exp_avg"),
        },
        new(Timm, "AdamWLegacy", typeof(AdamWRule))
        {
            Options = [Betas(), Epsilon, Decay, As("amsgrad", nameof(AdamWRule.AmsGrad)), .. CautionAndCorrected, Maximize,
                Fixed(nameof(AdamWRule.Nesterov), false), Computing("foreach"), Computing("capturable", false)],
            Slots = Same("exp_avg", "exp_avg_sq", "max_exp_avg_sq"),
            Step = PackageStep.ParameterTensor,
            // Without it the file is the same as that of torch.optim.AdamW, and so is the class.
            Marks = ["caution"],
        },
        new(Timm, "NAdamW", typeof(AdamWRule))
        {
            Options = [Betas(), Epsilon, Decay, .. CautionAndCorrected, Maximize, Fixed(nameof(AdamWRule.Nesterov), true),
                Fixed(nameof(AdamWRule.AmsGrad), false), Computing("foreach"), Computing("capturable", false)],
            Slots = Same("exp_avg", "exp_avg_sq"),
            Step = PackageStep.ParameterTensor,
        },
        new(Timm, "Adan", typeof(AdanRule))
        {
            Options = [Betas("Beta1", "Beta2", "Beta3"), Epsilon, Decay, Not("no_prox", nameof(AdanRule.Proximal)), .. Caution,
                Fixed(nameof(AdanRule.DecoupledWeightDecay), true), .. AlwaysDown, Computing("foreach")],
            Slots = [.. Same("exp_avg", "exp_avg_sq", "exp_avg_diff"), new("neg_pre_grad", "previous_grad", SlotForm.Negated)],
            Step = PackageStep.Group,
        },
        new(Timm, "Lamb", typeof(LambRule))
        {
            Options = [Betas(), Epsilon, Decay, As("bias_correction", nameof(LambRule.BiasCorrection)),
                As("grad_averaging", nameof(LambRule.GradientAveraging)),
                NoneIs("max_grad_norm", nameof(LambRule.MaxGradientNorm), double.PositiveInfinity),
                As("trust_clip", nameof(LambRule.ClipTrust)), As("always_adapt", nameof(LambRule.AlwaysAdapt)),
                As("decoupled_decay", nameof(LambRule.DecoupledWeightDecay)).OrAbsent(false), .. NeitherCautionNorCorrected, .. AlwaysDown],
            Slots = Same("exp_avg", "exp_avg_sq"),
            Step = PackageStep.Group,
        },
        new(Timm, "Lars", typeof(LarsRule))
        {
            Options = [Momentum, As("dampening", nameof(LarsRule.Dampening)), Decay, As("nesterov", nameof(LarsRule.Nesterov)),
                As("trust_coeff", nameof(LarsRule.TrustCoefficient)), Epsilon, As("trust_clip", nameof(LarsRule.ClipTrust)),
                As("always_adapt", nameof(LarsRule.AlwaysAdapt)), .. AlwaysDown],
            Slots = Same("momentum_buffer"),
        },
        new(Timm, "AdaBelief", typeof(AdaBeliefRule))
        {
            Options = [Betas(), Epsilon, Decay, As("amsgrad", nameof(AdaBeliefRule.AmsGrad)),
                As("decoupled_decay", nameof(AdaBeliefRule.DecoupledWeightDecay)),
                Only("rectify", false, "the method here has no rectified form"),
                OnlyWithDecay("fixed_decay", false, "decay here is relative to the rate"), Skip("degenerated_to_sgd", () => true), Buffer,
                .. AlwaysDown],
            Slots = Same("exp_avg", "exp_avg_var", "max_exp_avg_var"),
            Step = PackageStep.ParameterNumber,
        },
        new(Timm, "Adopt", typeof(AdoptRule))
        {
            Options = [Betas(), Epsilon, Decay, As("clip_exp", nameof(AdoptRule.ClipExponent)),
                As("decoupled", nameof(AdoptRule.DecoupledWeightDecay)), .. Caution,
                Only("corrected_weight_decay", false, NoCorrected).OrAbsent(false), Maximize, Computing("foreach", false),
                Computing("capturable", false), Computing("differentiable", false)],
            Slots = Same("exp_avg", "exp_avg_sq"),
            Step = PackageStep.ParameterTensor,
        },
        new(Timm, "LaProp", typeof(LaPropRule))
        {
            Options = [Betas(), Epsilon, Decay, .. Caution, Only("corrected_weight_decay", false, NoCorrected).OrAbsent(false),
                Fixed(nameof(LaPropRule.DecoupledWeightDecay), true), .. AlwaysDown],
            Slots = [.. Same("exp_avg", "exp_avg_sq"), new("exp_avg_lr_1", "exp_avg_lr", SlotForm.Number),
                new("exp_avg_lr_2", "", SlotForm.Scalar) { Derived = (r, t) => 1 - Math.Pow(((LaPropRule)r).Beta2, t) }],
            Step = PackageStep.ParameterTensor,
        },
        new(Timm, "Mars", typeof(MarsRule))
        {
            Options = [Betas(), Epsilon, Decay, As("gamma", nameof(MarsRule.Gamma)), MarsType,
                As("optimize_1d", nameof(MarsRule.CorrectVectors)), As("lr_1d_factor", nameof(MarsRule.VectorRateFactor)),
                List("betas_1d", nameof(MarsRule.VectorBeta1), nameof(MarsRule.VectorBeta2)), .. Caution,
                Fixed(nameof(MarsRule.DecoupledWeightDecay), true), .. AlwaysDown],
            Slots = Same("exp_avg", "exp_avg_sq", "last_grad"),
            Step = PackageStep.ParameterNumber,
        },
        new(Timm, "NvNovoGrad", typeof(NovoGradRule))
        {
            Options = [Betas(), Epsilon, Decay, As("grad_averaging", nameof(NovoGradRule.GradientAveraging)),
                As("amsgrad", nameof(NovoGradRule.AmsGrad)), .. AlwaysDown],
            Slots = [.. Same("exp_avg"), new("exp_avg_sq", "exp_avg_sq", SlotForm.Scalar),
                new("max_exp_avg_sq", "max_exp_avg_sq", SlotForm.Scalar) { When = r => ((NovoGradRule)r).AmsGrad }],
            Step = PackageStep.ParameterNumber,
        },
        new(Timm, "MADGRAD", typeof(MadgradRule))
        {
            Options = [Momentum, Epsilon, Decay, As("decoupled_decay", nameof(MadgradRule.DecoupledWeightDecay)), .. AlwaysDown],
            Slots = Same("grad_sum_sq", "s", "x0"),
            Step = PackageStep.ParameterNumber,
        },
        new(Timm, "AdamP", typeof(AdamPRule))
        {
            Options = [Betas(), Epsilon, Decay, As("delta", nameof(AdamPRule.Delta)), As("wd_ratio", nameof(AdamPRule.DecayRatio)),
                As("nesterov", nameof(AdamPRule.Nesterov)), Only("caution", false, NoCaution).OrAbsent(false),
                Fixed(nameof(AdamPRule.DecoupledWeightDecay), true), .. AlwaysDown],
            Slots = Same("exp_avg", "exp_avg_sq"),
            Step = PackageStep.ParameterNumber,
        },
        new(Timm, "SGDP", typeof(SgdPRule))
        {
            Options = [Momentum, As("dampening", nameof(SgdPRule.Dampening)), Decay, As("nesterov", nameof(SgdPRule.Nesterov)), Epsilon,
                As("delta", nameof(SgdPRule.Delta)), As("wd_ratio", nameof(SgdPRule.DecayRatio)),
                Only("caution", false, NoCaution).OrAbsent(false), .. AlwaysDown],
            Slots = [new("momentum", "momentum_buffer")],
        },
        new(Timm, "SGDW", typeof(SgdRule))
        {
            Options = [Momentum, As("dampening", nameof(SgdRule.Dampening)), Decay, As("nesterov", nameof(SgdRule.Nesterov)),
                .. CautionAndCorrected, Maximize, Fixed(nameof(SgdRule.DecoupledWeightDecay), true), Computing("foreach"),
                Computing("differentiable", false)],
            Slots = Same("momentum_buffer"),
            // Without it the file is the same as that of torch.optim.SGD, whose decay is another.
            Marks = ["caution"],
        },
        new(Timm, "RMSpropTF", typeof(RmsPropRule))
        {
            Options = [Momentum, As("alpha", nameof(RmsPropRule.Alpha)), Epsilon, As("centered", nameof(RmsPropRule.Centered)), Decay,
                As("decoupled_decay", nameof(RmsPropRule.DecoupledWeightDecay)),
                As("lr_in_momentum", nameof(RmsPropRule.RateInMomentum)), .. NeitherCautionNorCorrected,
                Fixed(nameof(RmsPropRule.EpsilonInRoot), true), Fixed(nameof(RmsPropRule.InitialAccumulator), 1.0), .. AlwaysDown],
            Slots = Same("square_avg", "momentum_buffer", "grad_avg"),
            Step = PackageStep.ParameterTensor,
        },
        new(Timm, "Adafactor", typeof(AdafactorT5Rule))
        {
            Options = [Epsilon, As("eps_scale", nameof(AdafactorT5Rule.ScaleFloor)),
                As("clip_threshold", nameof(AdafactorT5Rule.ClippingThreshold)), As("decay_rate", nameof(AdafactorT5Rule.DecayRate)),
                As("beta1", nameof(AdafactorT5Rule.Beta1)), Decay, As("scale_parameter", nameof(AdafactorT5Rule.ScaleParameter)),
                As("relative_step", nameof(AdafactorT5Rule.RelativeStep)), As("warmup_init", nameof(AdafactorT5Rule.WarmUp)),
                As("min_dim_size_to_factor", nameof(AdafactorT5Rule.MinimumFactoredSize)),
                Only("caution", false, NoCaution).OrAbsent(false), .. AlwaysDown],
            Slots = [.. Same("exp_avg", "exp_avg_sq"), new("exp_avg_sq_row", "exp_avg_sq_row", SlotForm.Rows),
                new("exp_avg_sq_col", "exp_avg_sq_col", SlotForm.Columns)],
            Step = PackageStep.ParameterNumber,
            Scratch = ["RMS"],
            Refuse = (r, p, _) => p.dim() > 2 && Math.Min(p.size(0), p.size(1)) > ((AdafactorT5Rule)r).MinimumFactoredSize
                ? "that class factors the first two dimensions of such a tensor, the method here the last two" : null,
        },
        new(Timm, "AdafactorBigVision", typeof(AdafactorBigVisionRule))
        {
            Options = [As("min_dim_size_to_factor", nameof(AdafactorBigVisionRule.MinimumFactoredSize)),
                As("decay_rate", nameof(AdafactorBigVisionRule.DecayRate)), Skip("decay_offset", () => 0),
                As("beta2_cap", nameof(AdafactorBigVisionRule.Beta2Cap)), NoneIs("momentum", nameof(AdafactorBigVisionRule.Momentum), 0),
                MomentumType, NoneIs("eps", nameof(AdafactorBigVisionRule.Epsilon), 1e-30), Decay, NoClipping,
                As("unscaled_wd", nameof(AdafactorBigVisionRule.UnscaledDecay)), .. Caution,
                Only("corrected_weight_decay", false, NoCorrected).OrAbsent(false), Computing("foreach", false), .. AlwaysDown],
            Slots = Same("exp_avg", "exp_avg_sq", "exp_avg_sq_r", "exp_avg_sq_c"),
            Step = PackageStep.ParameterTensor,
            Refuse = (r, p, _) => ((AdafactorBigVisionRule)r).IsFactoredBackwards(p)
                ? "that class averages the rows of a tensor whose longest dimension comes first along the wrong dimension" : null,
        },
        new(Timm, "NAdamLegacy", typeof(NAdamRule))
        {
            Options = [Betas(), Epsilon, Decay, As("schedule_decay", nameof(NAdamRule.MomentumDecay)),
                Fixed(nameof(NAdamRule.DecoupledWeightDecay), false), .. AlwaysDown],
            Slots = [.. Same("exp_avg", "exp_avg_sq"), new("m_schedule", "mu_product", SlotForm.Number)],
            Step = PackageStep.ParameterNumber,
        },
        new(Timm, "RAdamLegacy", typeof(RAdamRule))
        {
            Options = [Betas(), Epsilon, Decay, Fixed(nameof(RAdamRule.DecoupledWeightDecay), true), Buffer, .. AlwaysDown],
            Slots = Same("exp_avg", "exp_avg_sq"),
            Step = PackageStep.ParameterNumber,
            // Its groups share the sizes of the last steps, the rate in them.
            OneForAll = ["lr", "betas"],
        },
    ];

    public static IReadOnlyList<PackageRefusal> Refused { get; } =
    [
        new(Timm, "Muon", typeof(MuonRule), "it orthogonalizes in bfloat16, with other coefficients by default"),
        new(Timm, "Muon with algo \"adamuon\"", typeof(AdaMuonRule),
            "it orthogonalizes in bfloat16, and its second moment is not that of the paper"),
    ];

    private static PackageOption Epsilon => As("eps", "Epsilon");

    private static PackageOption Momentum => As("momentum", "Momentum");

    private static PackageOption MarsType => new("mars_type", [nameof(MarsRule.SignUpdate)], (r, node) => r.Set(
        nameof(MarsRule.SignUpdate), node?.ToString() switch
        {
            "adamw" => false,
            "lion" => true,
            var other => throw r.Refused($"mars_type = {other}", "adamw and lion are known here"),
        }), w => (bool)w.Get(nameof(MarsRule.SignUpdate))! ? "lion" : "adamw");

    /// <summary>Sizes of the last ten steps, which are computed anew.</summary>
    private static PackageOption Buffer => Skip("buffer",
        () => new JsonArray([.. Enumerable.Range(0, 10).Select(_ => new JsonArray(null, null, null))]));

    private static PackageOption MomentumType => new("momentum_dtype", [], (r, node) =>
    {
        if (r.Group["momentum"] is not null && node?.ToString() != "torch.float32")
            throw r.Refused($"momentum_dtype = {node}", "the momentum here is float32");
    }, _ => "torch.float32");

    private static PackageOption NoClipping => new("clipping_threshold", [nameof(AdafactorBigVisionRule.ClippingThreshold)], (r, node) =>
    {
        if (node is not null)
            throw r.Refused($"clipping_threshold = {node}", "that class enlarges small updates where the method here cuts large ones");
        r.Set(nameof(AdafactorBigVisionRule.ClippingThreshold), null, "clipping_threshold");
    }, w => w.Get(nameof(AdafactorBigVisionRule.ClippingThreshold)) is { } limit
        ? throw w.Refused($"ClippingThreshold = {limit}", "it enlarges small updates where the method here cuts large ones")
        : null);

    private static PackageOption Computing(string key, bool? written = null) =>
        Skip(key, () => written is { } flag ? JsonValue.Create(flag) : null).OrAbsent(null);
}
