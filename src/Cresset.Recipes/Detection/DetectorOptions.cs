using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// A detector without anchors: every cell of a map says which digit's centre it lies in, how far the sides of its box are, and where ink
/// is.
/// </summary>
internal sealed record DetectorOptions : IOptionsRecord
{
    /// <summary>Channels of the map.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Residual blocks at a quarter of the picture's size.</summary>
    public int Blocks { get; init; } = 3;

    /// <summary>Edge of the scenes, in pixels.</summary>
    public int Size { get; init; } = 64;

    /// <summary>Scenes of an epoch; they are drawn anew in every epoch.</summary>
    public int TrainScenes { get; init; } = 2048;

    /// <summary>Scenes that figures are of; they have other writers and other photographs.</summary>
    public int TestScenes { get; init; } = 200;

    /// <summary>Boxes of a class that overlap more than this are one detection.</summary>
    public double NmsIou { get; init; } = 0.5;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Width, 4, 1024)
        .Must(Width % 4 == 0, Width, "a multiple of 4", field: nameof(Width))
        .Within(Blocks, 0, 32)
        .Within(Size, 32, 256)
        .Must(Size % 4 == 0, Size, "a multiple of 4", field: nameof(Size))
        .Within(TrainScenes, 1, 10_000_000)
        .Within(TestScenes, 1, 100_000)
        .Within(NmsIou, 0, 1);
}
