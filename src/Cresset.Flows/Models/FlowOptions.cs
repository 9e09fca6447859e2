using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>
/// A model with a density by its options: what a recipe names under "flow". The shape of the data comes with <see cref="Build"/>.
/// </summary>
[PartKind("flow")]
public abstract record FlowOptions : IOptionsRecord
{
    /// <summary>True for a flow over pictures [C, H, W] alone; others take vectors, and pictures as such.</summary>
    public virtual bool TakesPicturesOnly => false;

    /// <summary>True for a flow that must cut its vectors in two.</summary>
    public virtual bool NeedsTwoFeatures => false;

    /// <summary>True for a flow that can be conditioned on features.</summary>
    public virtual bool TakesContext => false;

    /// <summary>Makes the model over data whose items have this shape: [D], or [C, H, W].</summary>
    /// <exception cref="ArgumentException">The flow does not take such data.</exception>
    public DensityModel Build(params IReadOnlyList<int> shape) => BuildConditional(0, shape);

    /// <summary>Makes the model over such data that is conditioned on a context [N, <paramref name="context"/>]; 0 for none.</summary>
    /// <exception cref="ArgumentException">The flow does not take such data, or no context.</exception>
    public DensityModel BuildConditional(int context, params IReadOnlyList<int> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentOutOfRangeException.ThrowIfNegative(context);
        this.ThrowIfInvalid();
        if (context > 0 && !TakesContext)
            throw new ArgumentException($"{PartCatalog.NameOf(GetType())} takes no context.", nameof(context));
        if (Refuses(shape) is { } reason)
            throw new ArgumentException(
                $"{PartCatalog.NameOf(GetType())} does not take items of shape [{string.Join(", ", shape)}]: {reason}.", nameof(shape));
        return Make(shape, context);
    }

    /// <summary>Why the flow does not take items of a shape; null when it does.</summary>
    public virtual string? Refuses(IReadOnlyList<int> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return NeedsTwoFeatures && shape.Aggregate(1L, (a, b) => a * b) < 2 ? "couplings need two numbers; maf and spline take one" : null;
    }

    /// <inheritdoc/>
    public abstract IEnumerable<OptionProblem> Validate();

    /// <summary>Makes the model over a shape that it takes, with <paramref name="context"/> features of context; 0 for none.</summary>
    protected abstract DensityModel Make(IReadOnlyList<int> shape, int context);

    private protected static int Features(IReadOnlyList<int> shape) => checked((int)shape.Aggregate(1L, (a, b) => a * b));
}

/// <summary>A flow of transforms over vectors, each with a network of its own.</summary>
public abstract record VectorFlow : FlowOptions
{
    /// <summary>Number of transforms.</summary>
    public int Transforms { get; init; } = 8;

    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Number of hidden layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Activation of the networks: one of each value by itself without weights.</summary>
    public ActivationOptions Activation { get; init; } = new ReluActivation();

    /// <inheritdoc/>
    public sealed override bool TakesContext => true;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => Sizes;

    private protected OptionChecks Sizes => new OptionChecks()
        .Within(Transforms, 1, 1000)
        .Within(Width, 1, 100_000)
        .Within(Layers, 1, 100)
        .Must(LayerActivation.Refuses(Activation) is null, Activation, LayerActivation.Allowed);

    private protected VectorFlowOptions Options(IReadOnlyList<int> shape, int context) => new()
    {
        Features = Features(shape),
        Context = context,
        Transforms = Transforms,
        Hidden = [.. Enumerable.Repeat(Width, Layers)],
        Activation = Activation,
    };
}

/// <summary>A flow whose transforms are rational-quadratic splines.</summary>
public abstract record SplineVectorFlow : VectorFlow
{
    /// <summary>Bins of a spline.</summary>
    public int Bins { get; init; } = 8;

    /// <summary>Splines act on [-bound, bound].</summary>
    public double Bound { get; init; } = 5;

    /// <summary>
    /// Widths and heights of bins are scaled down by the root of the width, as in Durkan et al. 2019: splines then start near even bins.
    /// </summary>
    public bool ScaleBins { get; init; }

    /// <inheritdoc/>
    public sealed override IEnumerable<OptionProblem> Validate() => Sizes.Within(Bins, 2, 256).Positive(Bound);

    private protected VectorFlowOptions WithSplines(IReadOnlyList<int> shape, int context)
        => Options(shape,
            context) with
        { Spline = SplineOptions.Bounded(Bound, Bins) with { RawScale = ScaleBins ? 1 / Math.Sqrt(Width) : 1 } };
}

/// <summary>NICE: additive couplings of halves and a diagonal scaling.</summary>
[Part("nice", "Dinh et al. 2014, arXiv:1410.8516")]
public sealed record NiceFlow : VectorFlow
{
    /// <inheritdoc/>
    public override bool NeedsTwoFeatures => true;

    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context) => new Nice(Options(shape, context));
}

/// <summary>RealNVP: affine couplings with alternating masks.</summary>
[Part("real-nvp", "Dinh et al. 2017, arXiv:1605.08803", Aliases = ["realnvp"])]
public sealed record RealNvpFlow : VectorFlow
{
    /// <inheritdoc/>
    public override bool NeedsTwoFeatures => true;

    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context) => new RealNvp(Options(shape, context));
}

/// <summary>Rational-quadratic spline couplings.</summary>
[Part("spline-coupling", "Durkan et al. 2019, arXiv:1906.04032", Aliases = ["nsf-coupling"])]
public sealed record SplineCouplingFlow : SplineVectorFlow
{
    /// <inheritdoc/>
    public override bool NeedsTwoFeatures => true;

    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context) =>
        new NeuralSplineCouplingFlow(WithSplines(shape, context));
}

/// <summary>Autoregressive rational-quadratic splines: density in one pass a transform, samples value by value.</summary>
[Part("spline", "Durkan et al. 2019, arXiv:1906.04032", Aliases = ["nsf"])]
public sealed record SplineFlow : SplineVectorFlow
{
    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context) => new NeuralSplineFlow(WithSplines(shape, context));
}

/// <summary>Autoregressive affine transforms: density in one pass a transform, samples value by value.</summary>
[Part("maf", "Papamakarios et al. 2017, arXiv:1705.07057")]
public sealed record MafFlow : VectorFlow
{
    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context) => new Maf(Options(shape, context));
}

/// <summary>Inverse autoregressive transforms: samples in one pass a transform, density value by value.</summary>
[Part("iaf", "Kingma et al. 2016, arXiv:1606.04934")]
public sealed record IafFlow : VectorFlow
{
    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context) => new Iaf(Options(shape, context));
}

/// <summary>Glow: invertible 1x1 convolutions and couplings over the scales of square pictures.</summary>
[Part("glow", "Kingma and Dhariwal 2018, arXiv:1807.03039")]
public sealed record GlowFlow : FlowOptions
{
    /// <summary>Steps per level.</summary>
    public int Transforms { get; init; } = 8;

    /// <summary>Width of the coupling networks.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Levels; each halves the picture.</summary>
    public int Levels { get; init; } = 3;

    /// <summary>Affine couplings; false for additive ones.</summary>
    public bool Affine { get; init; } = true;

    /// <inheritdoc/>
    public override bool TakesPicturesOnly => true;

    /// <inheritdoc/>
    public override string? Refuses(IReadOnlyList<int> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return shape.Count == 3 && shape[1] == shape[2] && shape[1] % (1 << Levels) == 0 ? null
            : $"Glow with {Levels} levels takes square pictures whose side {1 << Levels} divides";
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Transforms, 1, 1000)
        .Within(Width, 1, 100_000)
        .Within(Levels, 1, 12);

    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context)
        => new Glow(
            new GlowOptions { Channels = shape[0], Size = shape[1], Levels = Levels, Steps = Transforms, Width = Width, Affine = Affine });
}

/// <summary>TarFlow: causal transformers over patches of pictures, in alternating order.</summary>
[Part("tarflow", "Zhai et al. 2024, arXiv:2412.06329")]
public sealed record TransformerFlow : FlowOptions
{
    /// <summary>Side of a patch, which is a token.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Causal maps, every other one from the last patch to the first.</summary>
    public int Blocks { get; init; } = 4;

    /// <summary>Layers of each map's transformer.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Width of the transformers.</summary>
    public int Width { get; init; } = 96;

    /// <summary>Heads of their attention; they divide the width.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Width of a masked network through the values of a patch; 0 maps them without regard to each other, as published.</summary>
    public int Inner { get; init; }

    /// <summary>Bins of splines as maps of the single values; 0 for affine maps, as published.</summary>
    public int Bins { get; init; }

    /// <summary>Splines act on [-bound, bound].</summary>
    public double Bound { get; init; } = 5;

    /// <inheritdoc/>
    public override bool TakesPicturesOnly => true;

    /// <inheritdoc/>
    public override bool TakesContext => true;

    /// <inheritdoc/>
    public override string? Refuses(IReadOnlyList<int> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return shape.Count == 3 && shape[1] % Patch == 0 && shape[2] % Patch == 0 ? null
            : $"tarflow with patches of {Patch} takes pictures whose sides {Patch} divides";
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Patch, 1, 4096)
        .Within(Blocks, 1, 1000)
        .Within(Layers, 1, 1000)
        .Within(Width, 1, 100_000)
        .Must(Heads > 0 && Width % Heads == 0, Heads, $"a divisor of Width = {Width}")
        .AtLeast(Inner, 0)
        .Must(Bins is 0 or (>= 2 and <= 256), Bins, "0 for affine maps, or 2 to 256")
        .Positive(Bound);

    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context) => new TarFlow(new TarFlowOptions
    {
        Channels = shape[0],
        Size = shape[1],
        Columns = shape[2],
        Patch = Patch,
        Blocks = Blocks,
        Layers = Layers,
        Width = Width,
        Heads = Heads,
        Inner = Inner,
        Bins = Bins,
        Bound = Bound,
        Context = context,
    });
}
