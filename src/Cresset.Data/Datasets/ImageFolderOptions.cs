using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>How the pictures of a folder become equal-sized examples.</summary>
public sealed record ImageFolderOptions : IOptionsRecord
{
    /// <summary>Side of the square that every picture is scaled (shorter side) and cropped to, in pixels.</summary>
    public int Size { get; init; } = 64;

    /// <summary>1 for grey, 3 for RGB.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Crop at a random place and mirror at random instead of the centre crop.</summary>
    public bool Augment { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Size, 1, 8192).OneOf(Channels, [1, 3]);
}
