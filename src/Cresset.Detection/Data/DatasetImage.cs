namespace Cresset.Detection;

/// <summary>An image of a data set.</summary>
/// <param name="Id">Identity.</param>
/// <param name="FileName">File name; may be empty.</param>
/// <param name="Width">Width in pixels; 0 when unknown.</param>
/// <param name="Height">Height in pixels; 0 when unknown.</param>
public sealed record DatasetImage(long Id, string FileName = "", int Width = 0, int Height = 0)
{
    /// <summary>Categories known to be absent (LVIS <c>neg_category_ids</c>); null when the file does not say.</summary>
    public IReadOnlyList<long>? NegativeCategoryIds { get; init; }

    /// <summary>Categories not annotated exhaustively (LVIS <c>not_exhaustive_category_ids</c>).</summary>
    public IReadOnlyList<long>? NotExhaustiveCategoryIds { get; init; }
}

/// <summary>A category of a data set.</summary>
/// <param name="Id">Identity.</param>
/// <param name="Name">Name.</param>
public sealed record DatasetCategory(long Id, string Name)
{
    /// <summary>Parent in a hierarchy; may be empty.</summary>
    public string Supercategory { get; init; } = "";

    /// <summary>LVIS frequency group: r (rare), c (common), f (frequent); empty when the file does not say.</summary>
    public string Frequency { get; init; } = "";

    /// <summary>Names of the keypoints; null when there are none.</summary>
    public IReadOnlyList<string>? KeypointNames { get; init; }
}
