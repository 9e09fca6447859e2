using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>
/// A single invertible map over vectors by its options: a link of a <see cref="ChainFlow"/>. One of your own derives from it.
/// </summary>
[PartKind("transform")]
public abstract record TransformOptions : IOptionsRecord
{
    /// <summary>True for a map that must cut its vectors in two.</summary>
    public virtual bool NeedsTwoFeatures => false;

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];

    /// <summary>Makes the map.</summary>
    /// <param name="features">Numbers in a vector.</param>
    /// <param name="turn">How many maps of this place came before it; what alternates (masks, orders) alternates with it.</param>
    public abstract FlowTransform Build(int features, int turn);
}

/// <summary>Scale and shift of each feature, set so that the first batch leaves with mean 0 and deviation 1.</summary>
[Part("act-norm", "Kingma and Dhariwal 2018, arXiv:1807.03039")]
public sealed record ActNormTransform : TransformOptions
{
    /// <summary>How the deviation of the first batch is taken.</summary>
    public ActNormVariance Variance { get; init; } = ActNormVariance.Biased;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Defined(Variance);

    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) => new ActNorm(features, variance: Variance);
}

/// <summary>Batch normalisation as an invertible map; samples can be drawn in evaluation mode alone.</summary>
[Part("batch-norm", "Dinh et al. 2017, arXiv:1605.08803")]
public sealed record BatchNormFlowTransform : TransformOptions
{
    /// <summary>Added to the variance.</summary>
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>Share of the newest batch in the running statistics.</summary>
    public double Momentum { get; init; } = 0.1;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Positive(Epsilon).Within(Momentum, 0, 1, includeMin: false);

    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) => new BatchNormTransform(features, Epsilon, Momentum);
}

/// <summary>A learned factor for each feature.</summary>
[Part("scaling", "Dinh et al. 2014, arXiv:1410.8516")]
public sealed record ScalingTransform : TransformOptions
{
    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) => new DiagonalScaling(features);
}

/// <summary>A learned linear map, kept as its LU factors.</summary>
[Part("lu", "Kingma and Dhariwal 2018, arXiv:1807.03039")]
public sealed record LuTransform : TransformOptions
{
    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) => new LuLinear(features);
}

/// <summary>A learned rotation and mirror: a product of Householder reflections.</summary>
[Part("householder", "Tomczak and Welling 2016, arXiv:1611.09630")]
public sealed record HouseholderOptions : TransformOptions
{
    /// <summary>Reflections; 0 for as many as there are features, which reaches every rotation.</summary>
    public int Reflections { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Reflections, 0);

    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) =>
        new HouseholderTransform(features, Reflections == 0 ? features : Reflections);
}

/// <summary>A fixed order of the features: reversed, or drawn by a seed.</summary>
[Part("permutation")]
public sealed record PermutationTransform : TransformOptions
{
    /// <summary>Seed of the order; 0 reverses.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Seed, 0);

    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn)
    {
        int[] order = [.. Enumerable.Range(0, features)];
        if (Seed == 0) Array.Reverse(order);
        else new Random(unchecked(Seed + turn)).Shuffle(order);
        return new Permutation(order);
    }
}

/// <summary>A bend along one direction: x + u tanh(w x + b).</summary>
[Part("planar", "Rezende and Mohamed 2015, arXiv:1505.05770")]
public sealed record PlanarOptions : TransformOptions
{
    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) => new PlanarTransform(features);
}

/// <summary>A swelling or shrinking around one point.</summary>
[Part("radial", "Rezende and Mohamed 2015, arXiv:1505.05770")]
public sealed record RadialOptions : TransformOptions
{
    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) => new RadialTransform(features);
}

/// <summary>Bends along several directions at once.</summary>
[Part("sylvester", "van den Berg et al. 2018, arXiv:1803.05649")]
public sealed record SylvesterOptions : TransformOptions
{
    /// <summary>Directions, at most as many as there are features.</summary>
    public int Terms { get; init; } = 1;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().AtLeast(Terms, 1);

    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn) => new SylvesterTransform(features, Terms);
}

/// <summary>A map whose shift and scale, or spline, come from a perceptron.</summary>
public abstract record NetworkTransform : TransformOptions
{
    /// <summary>Width of the hidden layers.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Number of hidden layers.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Bins of a rational-quadratic spline for each feature; 0 for shift and scale.</summary>
    public int Bins { get; init; }

    /// <inheritdoc/>
    public sealed override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Within(Width, 1, 100_000).Within(Layers, 1, 100).Must(Bins is 0 or (>= 2 and <= 1024), Bins, "0, or 2 to 1024");

    private protected int[] Hidden => [.. Enumerable.Repeat(Width, Layers)];

    private protected Univariate Map() =>
        Bins == 0 ? new AffineUnivariate(AffineScale.SoftClip) : new RationalQuadraticSpline(new SplineOptions { Bins = Bins });
}

/// <summary>A coupling: half of the features say how the other half moves; halves change places from turn to turn.</summary>
[Part("coupling", "Dinh et al. 2017, arXiv:1605.08803")]
public sealed record CouplingTransform : NetworkTransform
{
    /// <inheritdoc/>
    public override bool NeedsTwoFeatures => true;

    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn)
    {
        var map = Map();
        return new Coupling(FeatureMasks.Alternating(features, turn % 2 == 0), map,
            (inputs, outputs) => new MlpConditioner(inputs, outputs, Hidden).StartAt(map.StartRaw));
    }
}

/// <summary>A masked autoregressive map: each feature moves as those before it say; the order turns around from turn to turn.</summary>
[Part("autoregressive", "Papamakarios et al. 2017, arXiv:1705.07057")]
public sealed record AutoregressiveTransform : NetworkTransform
{
    /// <inheritdoc/>
    public override FlowTransform Build(int features, int turn)
    {
        int[] order = [.. Enumerable.Range(0, features)];
        if (turn % 2 == 1) Array.Reverse(order);
        var map = Map();
        return new MaskedAutoregressive(new Made(order, map.Parameters, Hidden).StartAt(map.StartRaw), map);
    }
}

/// <summary>A flow of maps that are named one by one, repeated in turns.</summary>
[Part("chain")]
public sealed record ChainFlow : FlowOptions
{
    /// <summary>The maps of one turn, from the data to the latent (cresset list --transforms).</summary>
    public IReadOnlyList<TransformOptions> Transforms { get; init; } = [new LuTransform(), new CouplingTransform()];

    /// <summary>Turns.</summary>
    public int Repeat { get; init; } = 8;

    /// <inheritdoc/>
    public override bool NeedsTwoFeatures => Transforms.Any(t => t.NeedsTwoFeatures);

    /// <summary>Equal when the maps are.</summary>
    public bool Equals(ChainFlow? other) => other is not null && Repeat == other.Repeat && Transforms.SequenceEqual(other.Transforms);

    /// <inheritdoc/>
    public override int GetHashCode() => Transforms.Aggregate(Repeat, HashCode.Combine);

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks().Must(Transforms is { Count: > 0 }, Transforms?.Count, "one map or more (cresset list --transforms)",
            field: nameof(Transforms)).Within(Repeat, 1, 1000);
        foreach (var transform in Transforms ?? []) checks.Nested(transform, nameof(Transforms));
        return checks;
    }

    /// <inheritdoc/>
    protected override DensityModel Make(IReadOnlyList<int> shape, int context)
    {
        var features = Features(shape);
        return new Flow(
            new CompositeTransform(Enumerable.Range(0, Repeat).SelectMany(turn => Transforms.Select(t => t.Build(features, turn)))),
            new NormalBase(features));
    }
}
