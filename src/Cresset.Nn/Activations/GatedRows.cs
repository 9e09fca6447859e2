using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// The catalog's rows of gated units, [..., 2H] to [..., H] with the gate in the first half (as LLaMA's packed weights; "glu" gates with
/// the second half, as PyTorch).
/// </summary>
internal static class GatedRows
{
    public static ActivationInfo[] All =>
    [
        Row("glu", "a sigmoid(b)", "Dauphin et al. 2017", "gated convolutional nets, Conformer", (x, _) => GatedUnits.Glu(x)),
        Row("bilinear", "a b", "Mnih and Hinton 2007; Shazeer 2020", "", (x, _) => GatedUnits.Apply(x, "identity", GateLayout.GateFirst)),
        Row("reglu", "relu(a) b", "Shazeer 2020", "", (x, _) => GatedUnits.Apply(x, "relu", GateLayout.GateFirst)),
        Row("geglu", "gelu(a) b", "Shazeer 2020", "LaMDA, Grok-1, ModernBERT", (x, _) => GatedUnits.Apply(x, "gelu", GateLayout.GateFirst)),
        Row("geglu_tanh", "gelu_tanh(a) b", "Shazeer 2020", "T5 1.1, Gemma",
            (x, _) => GatedUnits.Apply(x, "gelu_tanh", GateLayout.GateFirst)),
        Row("swiglu", "silu(a) b", "Shazeer 2020", "PaLM, LLaMA, Mistral, Qwen, DeepSeek",
            (x, _) => GatedUnits.Apply(x, "silu", GateLayout.GateFirst)),
        Row("relu2glu", "relu(a)^2 b", "Zhang et al. 2024", "BitNet b1.58", (x, _) => GatedUnits.Apply(x, "relu2", GateLayout.GateFirst)),
        Row("mishglu", "mish(a) b", "-", "", (x, _) => GatedUnits.Apply(x, "mish", GateLayout.GateFirst)),
        Row("tanhglu", "tanh(a) b", "van den Oord et al. 2016", "WaveNet (with a sigmoid on b)",
            (x, _) => GatedUnits.Apply(x, "tanh", GateLayout.GateFirst)),
        Row("seglu", "selu(a) b", "-", "", (x, _) => GatedUnits.Apply(x, "selu", GateLayout.GateFirst)),
        Row("clamped_swiglu", "(min(max(b, -7), 7) + 1) g sigmoid(1.702 g), g = min(a, 7)", "OpenAI 2025", "gpt-oss",
            (x, p) => GatedUnits.ClampedSwiGlu(x, p[0], p[1])) with { Aliases = ["swiglu_oai"],
                Parameters = [new("alpha", 1.702), new("limit", 7)], Smoothness = Smoothness.Continuous },
    ];

    private static ActivationInfo Row(string name, string formula, string paper, string usedBy, Func<Tensor, double[], Tensor> function) =>
        new()
        {
            Name = name,
            Kind = ActivationKind.Gated,
            Formula = formula,
            Derivative = "act'(a) b to the gate, act(a) to the value",
            Range = "(-inf, inf)",
            Paper = paper,
            UsedBy = usedBy,
            Function = function,
        };
}
