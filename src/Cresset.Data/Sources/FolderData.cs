using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>
/// A folder of pictures (PNG, JPEG, WebP, BMP, GIF, TIFF). Classes are its sub-folders, or a column of a CSV table; masks lie in a second
/// folder under the same names; captions are .txt files beside the pictures, or a column. Decoded when asked for and kept up to a limit.
/// </summary>
[Part("folder")]
public sealed record FolderData : DataSource
{
    /// <summary>The folder.</summary>
    public string Path { get; init; } = "";

    /// <summary>Height of the pictures, and width where that is 0, in pixels.</summary>
    public int Size { get; init; } = 64;

    /// <summary>Width of the pictures; 0 makes them square.</summary>
    public int Width { get; init; }

    /// <summary>1 for grey, 3 for colour.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>How pictures of other sizes come to this one.</summary>
    public PictureFit Fit { get; init; } = new CropFit();

    /// <summary>What transparent pixels stand on: white, black, grey, or #rrggbb.</summary>
    public string Background { get; init; } = "white";

    /// <summary>A CSV table with a row for each picture; relative to the folder or to where the command runs. Empty for none.</summary>
    public string Table { get; init; } = "";

    /// <summary>The table's column of file names.</summary>
    public string FileColumn { get; init; } = "file";

    /// <summary>The table's column of classes; empty takes the sub-folders.</summary>
    public string LabelColumn { get; init; } = "";

    /// <summary>The table's column of captions; empty takes .txt files of the same name.</summary>
    public string CaptionColumn { get; init; } = "";

    /// <summary>Caption of pictures without one; empty refuses them.</summary>
    public string Caption { get; init; } = "";

    /// <summary>Folder of masks with the pictures' names (any ending); empty for none.</summary>
    public string Masks { get; init; } = "";

    /// <summary>Values of the masks in the order of their classes; empty reads all masks to find them.</summary>
    public IReadOnlyList<int> MaskValues { get; init; } = [];

    /// <summary>Names of the masks' classes; empty numbers them.</summary>
    public IReadOnlyList<string> MaskNames { get; init; } = [];

    /// <summary>Random changes of the training pictures, one after the other.</summary>
    public IReadOnlyList<PictureAugmentation> Augment { get; init; } = [];

    /// <summary>How the pictures are divided.</summary>
    public SplitRule Split { get; init; } = new ShareSplit();

    /// <summary>Megabytes of decoded pictures kept in memory.</summary>
    public int CacheMegabytes { get; init; } = 512;

    /// <inheritdoc/>
    public override (int Channels, int Height, int Width)? PictureShape => (Channels, Size, Width == 0 ? Size : Width);

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use) => new FolderReading(this.ThrowIfInvalid(), use).Open();

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .NotEmpty(Path, "Name the folder of pictures: data.path=FOLDER.")
        .Within(Size, 1, 8192)
        .Within(Width, 0, 8192)
        .OneOf(Channels, [1, 3])
        .Nested(Fit)
        .Must(PictureColour.TryParse(Background, out _), Background, PictureColour.Allowed)
        .Must(Table.Length > 0 || (LabelColumn.Length == 0 && CaptionColumn.Length == 0), Table, "a CSV file, since a column of it is "
            + "named")
        .NotEmpty(FileColumn)
        .Must(MaskValues is not null && MaskValues.Distinct().Count() == MaskValues.Count && MaskValues.Count is 0 or (>= 2 and <= 255),
            MaskValues, "2 to 255 different values, or none")
        .Must(MaskNames is not null
            && (MaskNames.Count == 0 || MaskValues is null || MaskValues.Count == 0 || MaskValues.Count == MaskNames.Count), MaskNames,
            "as many names as mask_values")
        .Must(Augment is not null && Augment.All(a => a is not null), null, "a list of augmentations", field: nameof(Augment))
        .Nested(Split)
        .Within(CacheMegabytes, 0, 1 << 20);
}
