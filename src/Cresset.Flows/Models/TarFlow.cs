using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Size of a <see cref="TarFlow"/>.</summary>
public sealed record TarFlowOptions : CausalNetworkOptions
{
    /// <summary>Transformers wide enough for small pictures.</summary>
    public TarFlowOptions() => Width = 96;

    /// <summary>Channels of the pictures.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>
    /// Height of the pictures, and their width unless <see cref="Columns"/> says otherwise; divisible by <see cref="Patch"/>.
    /// </summary>
    public int Size { get; init; } = 28;

    /// <summary>Width of pictures that are not square; 0 takes <see cref="Size"/>.</summary>
    public int Columns { get; init; }

    /// <summary>Side of a patch, which is a token.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Causal maps, every other one from the last token to the first.</summary>
    public int Blocks { get; init; } = 4;

    private protected override void CheckSizes(OptionChecks checks) => checks
        .Within(Channels, 1, 4096)
        .Within(Patch, 1, 4096)
        .Must(Size > 0 && Patch > 0 && Size % Patch == 0, Size, $"divisible by Patch = {Patch}", "Pad the pictures or take other patches.")
        .Must(Columns >= 0 && Patch > 0 && Columns % Patch == 0, Columns, $"0, or divisible by Patch = {Patch}",
            "Pad the pictures or take other patches.")
        .Within(Blocks, 1, 1000);
}

/// <summary>
/// A transformer autoregressive flow over pictures [N, C, H, W] (Zhai et al. 2024, arXiv:2412.06329): causal maps over patches in
/// alternating order.
/// Trained on pictures with Gaussian noise it draws noisy pictures, which <see cref="Denoise"/> cleans by the model's own score.
/// </summary>
public sealed class TarFlow : Flow
{
    private readonly IReadOnlyList<FlowTransform> _parts;

    /// <summary>Makes the model; it starts as the identity.</summary>
    public TarFlow(TarFlowOptions options)
        : this((options ?? throw new ArgumentNullException(nameof(options))).ThrowIfInvalid(), new CompositeTransform(Parts(options)))
    {
    }

    private TarFlow(TarFlowOptions options, CompositeTransform parts)
        : base(parts, new NormalBase(options.Channels, options.Size, WidthOf(options)))
    {
        Options = options;
        _parts = parts.Parts;
    }

    /// <summary>The settings.</summary>
    public TarFlowOptions Options { get; }

    /// <summary>Draws pictures of classes with guidance: the parameters of every map are moved away from those without a label.</summary>
    /// <param name="count">Number of pictures.</param>
    /// <param name="labels">int64, one label for all pictures or one for each.</param>
    /// <param name="guidance">Times the difference; 0 draws from the model itself.</param>
    /// <param name="temperature">Scales the spread of the latents.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <exception cref="NotSupportedException">The model has no classes.</exception>
    public Tensor SampleGuided(long count, Tensor labels, double guidance, double temperature = 1, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(labels);
        if (Options.Classes == 0)
            throw new NotSupportedException(
                "TarFlow: guidance moves away from the model without a label, and this one was made without classes "
                    + "(TarFlowOptions.Classes).");
        if (!double.IsFinite(guidance))
            throw new ArgumentOutOfRangeException(nameof(guidance), guidance, "The guidance must be a finite number.");
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var given = SampleRows.ContextFor(nameof(TarFlow), count, labels, Base.Like);
        var current = Base.Sample(count, null, temperature, generator);
        foreach (var part in _parts.Reverse())
            current = part is CausalTransform causal ? causal.Invert(current, given, guidance).Output : part.Inverse(current).Output;
        return current.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The expected picture behind a noisy one, y + deviation^2 grad log p(y) (Tweedie's formula), for a model of pictures with such noise.
    /// </summary>
    /// <param name="noisy">Pictures [N, C, H, W] as the model draws them.</param>
    /// <param name="deviation">Standard deviation of the noise that the model was trained with.</param>
    /// <param name="context">As in <see cref="DensityModel.LogProb"/>.</param>
    public Tensor Denoise(Tensor noisy, double deviation, Tensor? context = null)
    {
        ArgumentNullException.ThrowIfNull(noisy);
        if (!(deviation >= 0 && double.IsFinite(deviation)))
            throw new ArgumentOutOfRangeException(nameof(deviation), deviation, "The deviation must be finite and at least 0.");
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var asked = noisy.detach().requires_grad_(true);
        var score = Derivatives.Of([LogProb(asked, context).sum()], [asked])[0]!;
        return (noisy.detach() + (score * (deviation * deviation))).MoveToOuterDisposeScope();
    }

    private static int WidthOf(TarFlowOptions options) => options.Columns == 0 ? options.Size : options.Columns;

    private static IEnumerable<FlowTransform> Parts(TarFlowOptions options)
    {
        var cut = new PatchTokens(options.Channels, options.Size, WidthOf(options), options.Patch);
        yield return cut;
        for (var block = 0; block < options.Blocks; block++)
        {
            yield return new CausalTransform(new CausalTransformOptions(options)
            {
                Tokens = checked((int)cut.Tokens),
                Values = checked((int)cut.Values),
                Reverse = block % 2 == 1,
            });
        }
        yield return new InvertedTransform(new PatchTokens(options.Channels, options.Size, WidthOf(options), options.Patch));
    }
}
