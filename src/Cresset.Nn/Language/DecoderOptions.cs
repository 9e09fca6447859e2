using Cresset.Numerics;

namespace Cresset.Nn;

/// <summary>How a decoder-only transformer is built. Defaults: LLaMA's blocks at a size that learns on a processor.</summary>
public sealed record DecoderOptions : IOptionsRecord
{
    /// <summary>Blocks of attention and feed-forward.</summary>
    public int Layers { get; init; } = 4;

    /// <summary>Heads of attention.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Heads of keys and values, which divide the heads (grouped-query attention); 0 takes as many.</summary>
    public int KeyValueHeads { get; init; }

    /// <summary>Numbers per head; 0 takes width / heads.</summary>
    public int HeadWidth { get; init; }

    /// <summary>Numbers per token.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Most tokens that are seen at once.</summary>
    public int Context { get; init; } = 64;

    /// <summary>How the order of tokens is known.</summary>
    public PositionOptions Positions { get; init; } = new RotaryPositions();

    /// <summary>The norm before attention, before the feed-forward block and at the end: layer or rms.</summary>
    public NormOptions Norm { get; init; } = new RmsNormOptions();

    /// <summary>Added to the variance or mean square before its root.</summary>
    public double NormEpsilon { get; init; } = 1e-5;

    /// <summary>RMS norm of queries and keys, head by head (Qwen3).</summary>
    public bool QkNorm { get; init; }

    /// <summary>Queries, keys and values have biases.</summary>
    public bool QkvBias { get; init; }

    /// <summary>The product after attention has a bias.</summary>
    public bool OutputBias { get; init; }

    /// <summary>The feed-forward block: any activation, gated or not.</summary>
    public FeedForwardOptions FeedForward { get; init; } = new();

    /// <summary>One matrix reads tokens and scores them.</summary>
    public bool Tied { get; init; } = true;

    /// <summary>Share of what attention and feed-forward add that is dropped in training.</summary>
    public double Dropout { get; init; }

    /// <summary>Numbers per head.</summary>
    internal int ActualHeadWidth => HeadWidth > 0 ? HeadWidth : Width / Heads;

    /// <summary>Heads of keys and values.</summary>
    internal int Groups => KeyValueHeads > 0 ? KeyValueHeads : Heads;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Layers, 1, 1000)
        .Within(Heads, 1, 1024)
        .Must(KeyValueHeads >= 0 && (KeyValueHeads == 0 || (KeyValueHeads <= Heads && Heads % KeyValueHeads == 0)), KeyValueHeads,
            "a divisor of the heads, or 0", "", nameof(KeyValueHeads))
        .Within(Width, 1, 65536)
        .Must(HeadWidth > 0 || Heads < 1 || Width % Heads == 0, Width, $"a multiple of the {Heads} heads", "Or set head_width.",
            nameof(Width))
        .Must(HeadWidth >= 0 && (Positions is not RotaryPositions || Heads < 1 || ActualHeadWidth % 2 == 0), HeadWidth,
            "an even number, since rotary positions turn pairs", "", nameof(HeadWidth))
        .Within(Context, 2, 1 << 20)
        .Nested(Positions)
        .Must(Norm is LayerNormOptions or RmsNormOptions, PartCatalog.NameOf(Norm?.GetType() ?? typeof(object)),
            "layer or rms: the others look beyond a token", "", nameof(Norm))
        .Positive(NormEpsilon)
        .Nested(FeedForward)
        .Within(Dropout, 0, 1, includeMax: false);
}
