namespace Cresset.Detection;

/// <summary>An image of a data set.</summary>
/// <param name="Id">Identity.</param>
/// <param name="FileName">File name; may be empty.</param>
/// <param name="Width">Width in pixels; 0 when unknown.</param>
/// <param name="Height">Height in pixels; 0 when unknown.</param>
public sealed record DatasetImage(long Id, string FileName = "", int Width = 0, int Height = 0)
{
    /// <summary>The id as the file has it, where that is a text (a file stem, a UUID); null where it is a number.</summary>
    public string? Key { get; init; }

    /// <summary>A second name, such as that of its label file where it is not called like the picture.</summary>
    internal string? Alias { get; init; }

    /// <summary>Further fields of the record, by name; slices and filters read them.</summary>
    public IReadOnlyDictionary<string, string>? Attributes { get; init; }

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
    /// <summary>The id as the file has it, where that is a text; null where it is a number.</summary>
    public string? Key { get; init; }

    /// <summary>Parent in a hierarchy; may be empty.</summary>
    public string Supercategory { get; init; } = "";

    /// <summary>LVIS frequency group: r (rare), c (common), f (frequent); empty when the file does not say.</summary>
    public string Frequency { get; init; } = "";

    /// <summary>Names of the keypoints; null when there are none.</summary>
    public IReadOnlyList<string>? KeypointNames { get; init; }

    /// <summary>Standard deviations of the keypoints (<c>sigmas</c> of CrowdPose-like files); null when the file has none.</summary>
    public IReadOnlyList<double>? KeypointSigmas { get; init; }
}
