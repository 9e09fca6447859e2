using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>The transformer of a causal map, and the maps of the single values that it steers.</summary>
public abstract record CausalNetworkOptions : IOptionsRecord
{
    /// <summary>Layers of the transformer.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Width of the transformer.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Heads of its attention; they divide the width.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>
    /// Width of a masked network that goes through the values of a token one after the other, each seeing those before it; 0 maps the
    /// values of a token without regard to each other, as TarFlow does.
    /// </summary>
    public int Inner { get; init; }

    /// <summary>Bins of rational-quadratic splines as maps of the single values; 0 for affine maps, as published.</summary>
    public int Bins { get; init; }

    /// <summary>Splines act on [-bound, bound].</summary>
    public double Bound { get; init; } = 5;

    /// <summary>Features of a context; 0 for none.</summary>
    public int Context { get; init; }

    /// <summary>
    /// Classes of a context of labels; number <see cref="Classes"/>, and no context at all, stand for "no label". 0 for none.
    /// </summary>
    public int Classes { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks();
        CheckSizes(checks);
        return checks
            .Within(Layers, 1, 1000)
            .Within(Width, 1, 100_000)
            .Must(Heads > 0 && Width % Heads == 0, Heads, $"a divisor of Width = {Width}")
            .AtLeast(Inner, 0)
            .Must(Bins is 0 or (>= 2 and <= 256), Bins, "0 for affine maps, or 2 to 256")
            .Positive(Bound)
            .AtLeast(Context, 0)
            .AtLeast(Classes, 0)
            .Must(Context == 0 || Classes == 0, Context, "0 with Classes",
                "A context is one tensor: give the classes as features too, or leave one of the two out.");
    }

    /// <summary>Adds the checks of what is mapped.</summary>
    private protected abstract void CheckSizes(OptionChecks checks);
}

/// <summary>Size of a <see cref="CausalTransform"/>.</summary>
public sealed record CausalTransformOptions : CausalNetworkOptions
{
    /// <summary>The defaults.</summary>
    public CausalTransformOptions()
    {
    }

    /// <summary>The same network for other tokens.</summary>
    internal CausalTransformOptions(CausalNetworkOptions network)
        : base(network)
    {
    }

    /// <summary>T: tokens of a sample.</summary>
    public int Tokens { get; init; } = 16;

    /// <summary>P: values of a token.</summary>
    public int Values { get; init; } = 4;

    /// <summary>The last token first: chains alternate.</summary>
    public bool Reverse { get; init; }

    private protected override void CheckSizes(OptionChecks checks) => checks.Within(Tokens, 1, 100_000).Within(Values, 1, 1_000_000);
}
