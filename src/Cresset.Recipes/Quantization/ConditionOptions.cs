using Cresset.Diffusion;
using Cresset.Numerics;
using Cresset.Quantization;

namespace Cresset.Recipes;

/// <summary>What a prior over codes is told of a picture: one thing, or nothing.</summary>
[PartKind("condition")]
public abstract record ConditionOptions : IOptionsRecord
{
    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>Share of training maps that are told nothing.</summary>
    internal virtual double Hidden => 0;

    /// <summary>Whether it is the class.</summary>
    internal virtual bool IsClass => false;

    /// <summary>Whether it is a caption.</summary>
    internal virtual bool IsText => false;

    /// <summary>A model's sizes with what reads the condition.</summary>
    internal virtual PriorOptions With(PriorOptions model, WordTokenizer? words) => model;
}

/// <summary>Nothing: the prior draws from all pictures alike.</summary>
[Part("none")]
internal sealed record NoCondition : ConditionOptions;

/// <summary>The class of the picture, by its number.</summary>
[Part("class")]
internal sealed record ClassCondition : ConditionOptions
{
    /// <summary>Share of training maps whose class is hidden, which makes guidance possible; 0.1 is usual.</summary>
    public double Dropout { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Dropout, 0, 1, includeMax: false);

    internal override double Hidden => Dropout;

    internal override bool IsClass => true;
}

/// <summary>
/// The words of the picture's caption, read by a small transformer that learns with the prior. Data without captions of their own are asked
/// for by the names of their classes.
/// </summary>
[Part("text")]
internal sealed record TextCondition : ConditionOptions
{
    private static readonly CaptionEncoderOptions Library = new();

    /// <summary>Share of training maps whose caption is hidden, which makes guidance possible.</summary>
    public double Dropout { get; init; } = 0.1;

    /// <summary>Channels of what reads captions; a multiple of its heads.</summary>
    public int Width { get; init; } = Library.Width;

    /// <summary>Layers of what reads captions.</summary>
    public int Layers { get; init; } = Library.Layers;

    /// <summary>Attention heads of what reads captions.</summary>
    public int Heads { get; init; } = Library.Heads;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Within(Dropout, 0, 1, includeMax: false).Concat(Encoder(Library.Vocabulary, Library.MaxLength).Validate());

    internal override double Hidden => Dropout;

    internal override bool IsText => true;

    internal override PriorOptions With(PriorOptions model, WordTokenizer? words) =>
        words is null ? model : model with { Captions = Encoder(words.Count, words.ContextLength) };

    private CaptionEncoderOptions Encoder(int vocabulary, int length) =>
        Library with { Vocabulary = vocabulary, MaxLength = length, Width = Width, Layers = Layers, Heads = Heads };
}
