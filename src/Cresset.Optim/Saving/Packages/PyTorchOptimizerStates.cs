using System.Text.Json.Nodes;
using static Cresset.Optim.PackageOption;
using static Cresset.Optim.PackageSlot;

namespace Cresset.Optim;

/// <summary>The classes of the package pytorch_optimizer (3.9) that our rules continue, and those that they do not.</summary>
internal static class PyTorchOptimizerStates
{
    private const OptimizerOrigin Package = OptimizerOrigin.PyTorchOptimizer;

    private const string Inside = "it adds 1e-15 under the root, which shows where gradients are small";
    private const string NeverDecays = "that class then does not decay at all, the method here does";

    /// <summary>The class takes <c>maximize</c> but does not save it.</summary>
    private static readonly PackageOption[] OwnDirection = [Kept(nameof(OptimizerRule.Maximize))];

    private static readonly PackageOption[] FreeDecay = [Decay, As("weight_decouple", "DecoupledWeightDecay"), RelativeDecay];

    private static readonly PackageOption[] DirectDecay =
        [Decay, OnlyWithDecay("weight_decouple", true, "decay here is decoupled"), RelativeDecay];

    public static IReadOnlyList<PackageMethod> Methods { get; } =
    [
        new(Package, "Lion", typeof(LionRule))
        {
            Options = [Betas(), .. DirectDecay, Fixed(nameof(LionRule.Cautious), false),
                Fixed(nameof(LionRule.CorrectedWeightDecay), false), .. OwnDirection, Foreach],
            Slots = Same("exp_avg"),
            Step = PackageStep.Group,
        },
        new(Package, "Tiger", typeof(TigerRule))
        {
            Options = [As("beta", nameof(TigerRule.Beta)), .. DirectDecay, .. OwnDirection, Foreach],
            Slots = Same("exp_avg"),
            Step = PackageStep.Group,
        },
        new(Package, "Adan", typeof(AdanRule))
        {
            Options = [Betas("Beta1", "Beta2", "Beta3"), Epsilon, Decay, Not("weight_decouple", nameof(AdanRule.Proximal)), NoClipping,
                Fixed(nameof(AdanRule.DecoupledWeightDecay), true), Fixed(nameof(AdanRule.Cautious), false), .. OwnDirection, Foreach],
            Slots = [.. Same("exp_avg", "exp_avg_sq", "exp_avg_diff"), new("previous_grad", "previous_grad", SlotForm.Negated)],
            Step = PackageStep.Group,
        },
        new(Package, "AggMo", typeof(AggMoRule))
        {
            Options = [As("betas", nameof(AggMoRule.Decays)), .. FreeDecay, .. OwnDirection],
            Slots = [new("momentum_buffer.{0}", "momentum_{0}") { Places = r => ((AggMoRule)r).Decays }],
            Step = PackageStep.Group,
            ByNumber = ["momentum_buffer"],
        },
        new(Package, "Amos", typeof(AmosRule))
        {
            Options = [As("beta", nameof(AmosRule.Beta)), Momentum, As("extra_l2", nameof(AmosRule.ExtraL2)), Epsilon,
                Kept(nameof(AmosRule.RateDecay)), Kept(nameof(AmosRule.StepDecay)), Fixed(nameof(AmosRule.WeightDecay), 0.0),
                .. OwnDirection, Foreach],
            Slots = [.. Same("exp_avg"), new("exp_avg_sq", "exp_avg_sq", SlotForm.Single), new("decay", "decay", SlotForm.Single)],
            Step = PackageStep.Group,
        },
        new(Package, "CAME", typeof(CameRule))
        {
            Options = [Betas("Beta1", "Beta2", "Beta3"), As("eps1", nameof(CameRule.Epsilon)),
                As("eps2", nameof(CameRule.ConfidenceEpsilon)), NoBound, Kept(nameof(CameRule.ClippingThreshold)), .. DirectDecay,
                .. OwnDirection],
            Slots = [.. Same("exp_avg", "exp_avg_sq"), .. Factored("exp_avg_sq"), .. Factored("exp_avg_res")],
            Step = PackageStep.Group,
            Scratch = ["RMS"],
            Refuse = (_, p, _) => p.dim() < 2 ? "that class multiplies the stored momentum of vectors by the rate" : null,
        },
        new(Package, "GrokFastAdamW", typeof(GrokFastAdamWRule))
        {
            Options = [Betas(), Epsilon, .. FreeDecay, Only("grokfast", true, "the method here always amplifies"),
                As("grokfast_alpha", nameof(GrokFastAdamWRule.FilterDecay)),
                As("grokfast_lamb", nameof(GrokFastAdamWRule.Amplification)),
                As("grokfast_after_step", nameof(GrokFastAdamWRule.AfterStep)), .. OwnDirection, Foreach],
            Slots = Same("exp_avg", "exp_avg_sq", "grok_exp_avg"),
            Step = PackageStep.Group,
            // The class divides the rate when it is made.
            RateFactor = r => 1 + ((GrokFastAdamWRule)r).Amplification,
        },
        new(Package, "MADGRAD", typeof(MadgradRule))
        {
            Options = [Momentum, Epsilon, Decay, OnlyWithDecay("weight_decouple", false,
                "that class decays after the average with the old point, the method here before it"),
                Fixed(nameof(MadgradRule.DecoupledWeightDecay), false), .. OwnDirection],
            Slots = Same("grad_sum_sq", "s", "x0"),
            Step = PackageStep.Global,
        },
        new(Package, "Prodigy", typeof(ProdigyRule))
        {
            Options = [Betas(), As("beta3", nameof(ProdigyRule.Beta3)), Epsilon, As("d0", nameof(ProdigyRule.InitialDistance)),
                As("d_coef", nameof(ProdigyRule.DistanceFactor)), As("growth_rate", nameof(ProdigyRule.GrowthLimit)), Decay,
                OnlyWithDecay("weight_decouple", true, NeverDecays), RelativeDecay, Fixed(nameof(ProdigyRule.DecoupledWeightDecay), true),
                Only("bias_correction", false, "that class counts two steps for one"), Fixed(nameof(ProdigyRule.BiasCorrection), false),
                As("safeguard_warmup", nameof(ProdigyRule.SafeguardWarmUp)), Distance, Largest,
                Shared("d_numerator", "numerator", 0).OrAbsent(null), Scratch("d_hat"), Scratch("d_de_nom"), .. OwnDirection],
            Slots = Same("s", "p0", "exp_avg", "exp_avg_sq"),
            Step = PackageStep.GroupTwice,
            GroupTensors = ["d_numerator"],
            OneForAll = ["lr", "betas", "beta3", "d0", "d_coef", "growth_rate", "d", "d_max", "d_numerator"],
        },
        new(Package, "QHM", typeof(QhmRule))
        {
            Options = [Momentum, As("nu", nameof(QhmRule.Nu)), .. FreeDecay, .. OwnDirection],
            Slots = Same("momentum_buffer"),
            Step = PackageStep.Group,
        },
        new(Package, "SGDP", typeof(SgdPRule))
        {
            Options = [Momentum, As("dampening", nameof(SgdPRule.Dampening)), As("nesterov", nameof(SgdPRule.Nesterov)), Epsilon,
                As("delta", nameof(SgdPRule.Delta)), As("wd_ratio", nameof(SgdPRule.DecayRatio)), .. DirectDecay, .. OwnDirection],
            Slots = [new("momentum", "momentum_buffer")],
            Step = PackageStep.Group,
        },
        new(Package, "SOAP", typeof(SoapRule))
        {
            Options = [Betas(), As("shampoo_beta", nameof(SoapRule.ShampooBeta)), Epsilon, Decay,
                As("precondition_frequency", nameof(SoapRule.PreconditionEvery)),
                As("max_precondition_dim", nameof(SoapRule.MaxDimension)),
                As("precondition_1d", nameof(SoapRule.PreconditionVectors)), As("correct_bias", nameof(SoapRule.BiasCorrection)),
                Only("merge_dims", false, "the method here keeps dimensions apart"),
                Only("normalize_gradient", false, "the method here does not normalise"), .. OwnDirection],
            Slots = [.. Same("exp_avg", "exp_avg_sq"), new("GG.{0}", "covariance.{0}"), new("Q.{0}", "basis.{0}"),
                new("precondition_frequency", "", SlotForm.Whole) { Derived = (r, _) => ((SoapRule)r).PreconditionEvery },
                new("shampoo_beta", "", SlotForm.Number)
                {
                    Derived = (r, _) => ((SoapRule)r).ShampooBeta ?? ((SoapRule)r).Beta2,
                }],
            Step = PackageStep.Group,
            Lists = ["GG", "Q"],
        },
        new(Package, "SM3", typeof(Sm3Rule))
        {
            Options = [Momentum, As("beta", nameof(Sm3Rule.Beta)), Epsilon, Fixed(nameof(Sm3Rule.WeightDecay), 0.0), .. OwnDirection],
            Slots = [new("momentum_buffer", "momentum_buffer") { IsAlwaysThere = true }, new("accumulator_{0}", "accumulator_{0}")],
            Step = PackageStep.Group,
        },
        new(Package, "Yogi", typeof(YogiRule))
        {
            Options = [Betas(), As("initial_accumulator", nameof(YogiRule.InitialAccumulator)), Epsilon, .. FreeDecay, .. OwnDirection],
            Slots = Same("exp_avg", "exp_avg_sq"),
            Step = PackageStep.Group,
        },
        new(Package, "AdaMax", typeof(AdamaxRule))
        {
            Options = [Betas(), Epsilon, .. FreeDecay, .. OwnDirection],
            Slots = Same("exp_avg", "exp_inf"),
            Step = PackageStep.Group,
        },
        new(Package, "AdaDelta", typeof(AdadeltaRule))
        {
            Options = [As("rho", nameof(AdadeltaRule.Rho)), Epsilon, Decay,
                OnlyWithDecay("weight_decouple", false, "decay here is a part of the gradient"), RelativeDecay, .. OwnDirection],
            Slots = Same("square_avg", "acc_delta"),
            Step = PackageStep.Group,
        },
        new(Package, "Adai", typeof(AdaiRule))
        {
            Options = [Betas(), Epsilon, As("dampening", nameof(AdaiRule.Dampening)), .. FreeDecay, StableDecay,
                // It turns the gradient over twice.
                Fixed(nameof(AdaiRule.Maximize), false)],
            Slots = Same("exp_avg", "exp_avg_sq", "beta1_prod"),
            Step = PackageStep.Group,
        },
        new(Package, "RAdam", typeof(RAdamRule))
        {
            Options = [Betas(), Epsilon, Decay, OnlyWithDecay("weight_decouple", true, NeverDecays), RelativeDecay,
                Fixed(nameof(RAdamRule.DecoupledWeightDecay), true), .. OwnDirection],
            Slots = Same("exp_avg", "exp_avg_sq"),
            Step = PackageStep.Group,
            Refuse = (r, _, t) => RAdamRule.Rectification(((RAdamRule)r).Beta2, t + 1, 5) is null
                ? $"after {t} steps the variance is not tractable; that class stands still until it is, the method here does not" : null,
        },
        new(Package, "ScheduleFreeSGD", typeof(ScheduleFreeSgdRule))
        {
            Options = [Momentum, Decay, As("r", nameof(ScheduleFreeSgdRule.R)),
                As("weight_lr_power", nameof(ScheduleFreeSgdRule.WeightRatePower)),
                As("warmup_steps", nameof(ScheduleFreeSgdRule.WarmUpSteps)), Skip("eps", () => 1e-8), TrainMode,
                Shared("weight_sum", "weight_sum.{0}", 0), Shared("lr_max", "largest_rate.{0}", -1), .. OwnDirection],
            Slots = Same("z"),
            Step = PackageStep.Group,
        },
    ];

    public static IReadOnlyList<PackageRefusal> Refused { get; } =
    [
        new(Package, "AdaBelief", typeof(AdaBeliefRule), $"{Inside}, and its multi-tensor path leaves out a bias correction"),
        new(Package, "AdaBound", typeof(AdaBoundRule), Inside),
        new(Package, "AdaFactor", typeof(AdafactorT5Rule), "it enlarges updates below the threshold where the method cuts those above"),
        new(Package, "AdamC", typeof(AdamWRule), Inside),
        new(Package, "AdamP", typeof(AdamPRule), "its small constant enters before the bias correction"),
        new(Package, "AdEMAMix", typeof(AdEmaMixRule), "it corrects the slow average for the start of the fast one"),
        new(Package, "ADOPT", typeof(AdoptRule), "it counts the clipping from one step later, and saves no exponent"),
        new(Package, "GaLore", typeof(GaloreRule), "it saves its projections as objects of Python"),
        new(Package, "Lamb", typeof(LambRule), "it corrects no second moment and limits the norm of the weights"),
        new(Package, "LaProp", typeof(LaPropRule), $"{Inside}, and its small constant enters before the bias correction"),
        new(Package, "LARS", typeof(LarsRule), "the decay is not in its ratio of norms, and vectors are not adapted"),
        new(Package, "MARS", typeof(MarsRule), Inside),
        new(Package, "Muon", typeof(MuonRule), "it orthogonalizes in bfloat16"),
        new(Package, "AdaMuon", typeof(AdaMuonRule), "it orthogonalizes in bfloat16"),
        new(Package, "NovoGrad", typeof(NovoGradRule), "it has bias corrections and another first step"),
        new(Package, "SCION", typeof(ScionRule), "it orthogonalizes in bfloat16 and normalises the momentum of vectors in place"),
        new(Package, "ScheduleFreeAdamW", typeof(ScheduleFreeAdamWRule), Inside),
        new(Package, "ScheduleFreeRAdam", typeof(ScheduleFreeRAdamRule), "its bias correction is not under the root"),
        new(Package, "SGDW", typeof(SgdRule), "its momentum starts at the weights, and its multi-tensor path never lets it decay"),
        new(Package, "Shampoo", typeof(ShampooRule), "it takes its roots by a singular value decomposition in float32"),
        new(Package, "SignSGD", typeof(SignSgdRule), "it clears its momentum at every step and never decays"),
        new(Package, "StableAdamW", typeof(StableAdamWRule),
            "its multi-tensor path measures the spread before the second moment has seen the gradient"),
    ];

    private static PackageOption Epsilon => As("eps", "Epsilon");

    private static PackageOption Momentum => As("momentum", "Momentum");

    private static PackageOption Foreach => Skip("foreach").OrAbsent(null);

    private static PackageOption NoBound => Only("ams_bound", false, "the method here has no AMSBound form");

    private static PackageOption RelativeDecay => OnlyWithDecay("fixed_decay", false, "decay here is relative to the rate");

    private static PackageOption NoClipping => new("max_grad_norm", [], (r, node) =>
    {
        if (!PyTorchGroupOptions.IsOff(node)) throw r.Refused($"max_grad_norm = {node}", "clip the gradients in the step instead");
    }, _ => 0.0);

    /// <summary>Decay before or after a survey that does not look at the weights is the same where it is decoupled.</summary>
    private static PackageOption StableDecay => new("stable_weight_decay", [], (r, node) =>
    {
        if (PyTorchGroupOptions.Flag(node, "stable_weight_decay") && !((AdaiRule)r.Rule).DecoupledWeightDecay && r.Rule.WeightDecay != 0)
            throw r.Refused("stable_weight_decay = true without weight_decouple", "the second moment here sees the decay too");
    }, _ => false);

    private static PackageOption Distance => new("d", [],
        (r, node) => r.Share("distance", PyTorchGroupOptions.Number(node, "d")), w => DistanceOf(w));

    /// <summary>It is never below the distance there, which would shrink otherwise.</summary>
    private static PackageOption Largest => new("d_max", [],
        (r, node) => r.Share("largest", PyTorchGroupOptions.Number(node, "d_max")), w => Math.Max(w.Shared("largest", 0), DistanceOf(w)));

    private static PackageOption TrainMode => new("train_mode", [],
        (r, node) => r.Share("evaluating", PyTorchGroupOptions.Flag(node, "train_mode") ? 0 : 1), w => w.Shared("evaluating", 0) == 0);

    private static double DistanceOf(PackageWriting writing) => writing.Shared("distance", ((ProdigyRule)writing.Rule).InitialDistance);

    private static PackageSlot[] Factored(string name) =>
        [new(name + "_row", name + "_row", SlotForm.Rows), new(name + "_col", name + "_col", SlotForm.Columns)];

    /// <summary>What a step writes for the eye.</summary>
    private static PackageOption Scratch(string key) => Skip(key, () => 0.0).OrAbsent(null);
}
