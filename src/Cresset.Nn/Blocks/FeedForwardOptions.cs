using Cresset.Numerics;

namespace Cresset.Nn;

/// <summary>How a transformer's feed-forward block is built. Defaults: LLaMA's SwiGLU block.</summary>
public sealed record FeedForwardOptions : IOptionsRecord
{
    /// <summary>The activation.</summary>
    public ActivationOptions Activation { get; init; } = new SiluActivation();

    /// <summary>Gated: act(x W) * (x V), three matrices; otherwise act(x W), two.</summary>
    public bool Gated { get; init; } = true;

    /// <summary>Hidden width; 0 takes LLaMA's rule when gated and 4 dim otherwise.</summary>
    public long Hidden { get; init; }

    /// <summary>LLaMA's rule rounds up to a multiple of this.</summary>
    public long MultipleOf { get; init; } = 256;

    /// <summary>LLaMA's rule multiplies by this before it rounds (1.3 in LLaMA-2 70B and LLaMA-3).</summary>
    public double Multiplier { get; init; } = 1;

    /// <summary>The linear layers have a bias.</summary>
    public bool Bias { get; init; }

    /// <summary>Dropout before the last matrix, in [0, 1).</summary>
    public double Dropout { get; init; }

    /// <summary>gpt-oss's clamped SwiGLU in place of act(gate) * value (limit 7, alpha 1.702); needs <see cref="Gated"/>.</summary>
    public bool Clamped { get; init; }

    /// <summary>PaLM, LLaMA, Mistral, Qwen: SwiGLU without biases.</summary>
    public static FeedForwardOptions SwiGlu { get; } = new();

    /// <summary>T5 1.1, Gemma: GEGLU with the tanh form, no biases.</summary>
    public static FeedForwardOptions GeGlu { get; } = new() { Activation = "gelu_tanh" };

    /// <summary>BERT, GPT-3, ViT: plain GELU, 4 dim, biases.</summary>
    public static FeedForwardOptions Gelu { get; } = new() { Activation = "gelu", Gated = false, Bias = true };

    /// <summary>Nemotron-4, nanochat: squared ReLU, 4 dim, no biases.</summary>
    public static FeedForwardOptions SquaredRelu { get; } = new() { Activation = "relu2", Gated = false };

    /// <summary>gpt-oss experts: clamped SwiGLU with biases.</summary>
    public static FeedForwardOptions ClampedSwiGlu { get; } = new() { Clamped = true, Bias = true };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Activation is { KeepsShape: true }, Activation,
            "an activation whose result is as wide as its input (cresset list --activations)", field: nameof(Activation))
        .Nested(Activation)
        .AtLeast(Hidden, 0L, "0 takes the rule", nameof(Hidden))
        .Positive(MultipleOf, "", nameof(MultipleOf))
        .Positive(Multiplier, "", nameof(Multiplier))
        .Within(Dropout, 0.0, 1.0, includeMax: false, field: nameof(Dropout))
        .Must(!Clamped || Gated, Clamped, "false unless Gated", "set Gated", nameof(Clamped));

    /// <summary>The hidden width for an input width.</summary>
    public long HiddenFor(long dim) =>
        Hidden > 0 ? Hidden : Gated ? HiddenWidth.Llama(dim, MultipleOf, Multiplier) : HiddenWidth.Times(dim, 4);
}
