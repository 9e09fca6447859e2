using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Every loss rule with predictions and targets that it takes.</summary>
internal static class LossSamples
{
    public static IReadOnlyList<Type> Types { get; } = [.. typeof(LossRule).Assembly.GetExportedTypes()
        .Where(t => !t.IsAbstract && typeof(LossRule).IsAssignableFrom(t)).OrderBy(t => t.Name, StringComparer.Ordinal)];

    public static LossRule Rule(string name) => (LossRule)Activator.CreateInstance(Types.Single(t => t.Name == name))!;

    /// <summary>Predictions and targets for a batch of <paramref name="size"/>.</summary>
    public static (Tensor Prediction, Tensor Target) For(LossRule rule, ScalarType type, long size = 3)
    {
        if (rule.Takes == LossTarget.Classes)
        {
            var scores = ModuleCase.Input(type, size, 4);
            return (rule is LogProbabilityLossRule ? scores.to(ScalarType.Float64).log_softmax(1).to(type) : scores,
                arange(size).remainder(4));
        }
        Tensor x = ModuleCase.Input(type, size, 5), t = ModuleCase.Input(ScalarType.Float64, size, 5).flip(1);
        return rule switch
        {
            BinaryCrossEntropyLossRule => (x.sigmoid(), t.sigmoid().to(type)),
            LogitBinaryCrossEntropyLossRule or SigmoidFocalLossRule or MultiLabelSoftMarginLossRule => (x, t.gt(0).to(type)),
            DivergenceLossRule => (x.to(ScalarType.Float64).log_softmax(1).to(type), t.softmax(1).to(type)),
            PoissonLossRule => (x, (t.abs() * 3).floor().to(type)),
            SoftMarginLossRule or HingeLossRule or HingeEmbeddingLossRule => (x, t.sign().to(type)),
            MultiLabelMarginLossRule => (x, tensor(new long[] { 2, 0, -1, 1, 3 }).expand(size, 5).contiguous()),
            _ => (x, t.to(type)),
        };
    }
}
