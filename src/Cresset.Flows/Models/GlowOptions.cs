using Cresset.Numerics;

namespace Cresset.Flows;

/// <summary>Size of a <see cref="Glow"/>.</summary>
public sealed record GlowOptions : IOptionsRecord
{
    /// <summary>Channels of the images.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>
    /// Height of the images, and their width unless <see cref="Columns"/> says otherwise; divisible by 2^<see cref="Levels"/>.
    /// </summary>
    public int Size { get; init; } = 32;

    /// <summary>Width of images that are not square; 0 takes <see cref="Size"/>.</summary>
    public int Columns { get; init; }

    /// <summary>L: scales.</summary>
    public int Levels { get; init; } = 3;

    /// <summary>K: steps per scale.</summary>
    public int Steps { get; init; } = 8;

    /// <summary>Width of the coupling networks.</summary>
    public int Width { get; init; } = 128;

    /// <summary>Affine couplings; false for additive ones.</summary>
    public bool Affine { get; init; } = true;

    /// <summary>1x1 convolutions in LU form.</summary>
    public bool Lu { get; init; } = true;

    /// <summary>The last level always takes LU form, as glow-pytorch's models do.</summary>
    public bool LuInLastLevel { get; init; } = true;

    /// <summary>Classes of a conditional model; 0 for none. Labels shift and scale the top prior.</summary>
    public int Classes { get; init; }

    /// <summary>Features of a context that all couplings read; 0 for none.</summary>
    public int Context { get; init; }

    /// <summary>Win activations back by inversion instead of keeping them: memory does not grow with <see cref="Steps"/>.</summary>
    public bool RecomputeActivations { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Channels, 1, 4096)
        .Within(Levels, 1, 12)
        .Within(Steps, 1, 1000)
        .Within(Width, 1, 100_000)
        .AtLeast(Classes, 0)
        .AtLeast(Context, 0)
        .Must(Context == 0 || Classes == 0, Context, "0 with Classes",
            "A context is one tensor: give the classes as features too, or leave one of the two out.")
        .Must(Columns >= 0 && Levels is > 0 and < 31 && Columns % (1 << Levels) == 0, Columns,
            $"0, or divisible by 2^Levels = {(Levels is > 0 and < 31 ? 1 << Levels : 0)}", "Pad the images or use fewer levels.")
        .Must(Size > 0 && Levels is > 0 and < 31 && Size % (1 << Levels) == 0, Size,
            $"divisible by 2^Levels = {(Levels is > 0 and < 31 ? 1 << Levels : 0)}", "Pad the images or use fewer levels.");
}
