using System.Text.Json;
using Cresset.Optim;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Builds an optimizer from PyTorch's class name and options.</summary>
internal static class TorchOptimizers
{
    public static readonly HashSet<string?> Names = ["SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad", "Adadelta", "Adamax",
        "ASGD", "Rprop", "Adafactor"];

    public static Optimizer Create(string name, JsonElement o, IReadOnlyList<ParameterGroupSpec> groups, bool fused)
    {
        var lr = D("lr");
        var wd = D("weight_decay");
        var max = B("maximize");
        return name switch
        {
            "SGD" =>
                new Optimizer(groups,
                    new SgdRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Momentum = D("momentum"),
                        Dampening = D("dampening"),
                        Nesterov = B("nesterov")
                    })
                { UseFusedKernels = fused },
            "Adam" =>
                new Optimizer(groups,
                    new AdamRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Beta1 = Beta(0),
                        Beta2 = Beta(1),
                        Epsilon = D("eps"),
                        AmsGrad = B("amsgrad")
                    })
                { UseFusedKernels = fused },
            "AdamW" =>
                new Optimizer(groups,
                    new AdamWRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Beta1 = Beta(0),
                        Beta2 = Beta(1),
                        Epsilon = D("eps"),
                        AmsGrad = B("amsgrad")
                    })
                { UseFusedKernels = fused },
            "NAdam" =>
                new Optimizer(groups,
                    new NAdamRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Beta1 = Beta(0),
                        Beta2 = Beta(1),
                        Epsilon = D("eps"),
                        MomentumDecay = D("momentum_decay"),
                        DecoupledWeightDecay = B("decoupled_weight_decay")
                    })
                { UseFusedKernels = fused },
            "RAdam" =>
                new Optimizer(groups,
                    new RAdamRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Beta1 = Beta(0),
                        Beta2 = Beta(1),
                        Epsilon = D("eps"),
                        DecoupledWeightDecay = B("decoupled_weight_decay")
                    })
                { UseFusedKernels = fused },
            "RMSprop" =>
                new Optimizer(groups,
                    new RmsPropRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Alpha = D("alpha"),
                        Epsilon = D("eps"),
                        Momentum = D("momentum"),
                        Centered = B("centered")
                    })
                { UseFusedKernels = fused },
            "Adagrad" =>
                new Optimizer(groups,
                    new AdagradRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        LearningRateDecay = D("lr_decay"),
                        InitialAccumulator = D("initial_accumulator_value"),
                        Epsilon = D("eps")
                    })
                { UseFusedKernels = fused },
            "Adadelta" =>
                new Optimizer(groups,
                    new AdadeltaRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Rho = D("rho"),
                        Epsilon = D("eps")
                    })
                { UseFusedKernels = fused },
            "Adamax" =>
                new Optimizer(groups,
                    new AdamaxRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Beta1 = Beta(0),
                        Beta2 = Beta(1),
                        Epsilon = D("eps")
                    })
                { UseFusedKernels = fused },
            "ASGD" =>
                new Optimizer(groups,
                    new AsgdRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Lambda = D("lambd"),
                        Alpha = D("alpha"),
                        AverageFrom = D("t0")
                    })
                { UseFusedKernels = fused },
            "Rprop" =>
                new Optimizer(groups,
                    new RpropRule
                    {
                        LearningRate = lr,
                        Maximize = max,
                        EtaMinus = o.GetProperty("etas")[0].GetDouble(),
                        EtaPlus = o.GetProperty("etas")[1].GetDouble(),
                        MinStep = o.GetProperty("step_sizes")[0].GetDouble(),
                        MaxStep = o.GetProperty("step_sizes")[1].GetDouble()
                    })
                { UseFusedKernels = fused },
            "Adafactor" =>
                new Optimizer(groups,
                    new AdafactorRule
                    {
                        LearningRate = lr,
                        WeightDecay = wd,
                        Maximize = max,
                        Beta2Decay = D("beta2_decay"),
                        ClippingThreshold = D("d"),
                        Epsilon2 = o.GetProperty("eps")[1].GetDouble()
                    })
                { UseFusedKernels = fused },
            _ => throw new NotSupportedException(name),
        };

        double D(string key, double otherwise = 0) =>
            o.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : otherwise;
        bool B(string key) => o.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.True;
        double Beta(int i) => o.GetProperty("betas")[i].GetDouble();
    }
}
