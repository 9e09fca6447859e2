using System.Text.Json;
using Cresset.Optim;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Builds an optimizer from PyTorch's class name and options.</summary>
internal static class TorchOptimizers
{
    public static readonly HashSet<string?> Names = ["SGD", "Adam", "AdamW"];

    public static Optimizer Create(string name, JsonElement o, IReadOnlyList<ParameterGroupSpec> groups, bool fused)
    {
        var lr = D("lr");
        var wd = D("weight_decay");
        var max = B("maximize");
        return name switch
        {
            "SGD" => new Sgd(groups, new SgdOptions { LearningRate = lr, WeightDecay = wd, Maximize = max, Momentum = D("momentum"), Dampening = D("dampening"), Nesterov = B("nesterov") }) { UseFusedKernels = fused },
            "Adam" => new Adam(groups, new AdamOptions { LearningRate = lr, WeightDecay = wd, Maximize = max, Beta1 = Beta(0), Beta2 = Beta(1), Epsilon = D("eps"), AmsGrad = B("amsgrad") }) { UseFusedKernels = fused },
            "AdamW" => new AdamW(groups, new AdamWOptions { LearningRate = lr, WeightDecay = wd, Maximize = max, Beta1 = Beta(0), Beta2 = Beta(1), Epsilon = D("eps"), AmsGrad = B("amsgrad") }) { UseFusedKernels = fused },
            _ => throw new NotSupportedException(name),
        };

        double D(string key, double otherwise = 0) => o.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.Number ? v.GetDouble() : otherwise;
        bool B(string key) => o.TryGetProperty(key, out var v) && v.ValueKind == JsonValueKind.True;
        double Beta(int i) => o.GetProperty("betas")[i].GetDouble();
    }
}
