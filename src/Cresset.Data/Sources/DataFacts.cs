using System.Text.Json;
using System.Text.Json.Serialization;
using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>
/// What must be known about the data to use a model trained on them: shapes, classes, and how a file or row becomes an input. Stored with
/// the model.
/// </summary>
public sealed record DataFacts
{
    /// <summary>The key in a model file's metadata.</summary>
    public const string MetadataKey = "cresset.data";

    private static readonly JsonSerializerOptions Format = new()
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>The data set, for messages.</summary>
    public required string Name { get; init; }

    /// <summary>Shape of one input: [C, H, W] or [features].</summary>
    public required IReadOnlyList<long> Shape { get; init; }

    /// <summary>What the targets are.</summary>
    public TargetKind Target { get; init; }

    /// <summary>Names of the classes in the order of their indices.</summary>
    public IReadOnlyList<string> Classes { get; init; } = [];

    /// <summary>Captions in the order of their indices.</summary>
    public IReadOnlyList<string>? Captions { get; init; }

    /// <summary>How a picture file becomes an input; null for data that are not pictures.</summary>
    public PictureFacts? Picture { get; init; }

    /// <summary>How a row becomes an input; null for data that are not a table.</summary>
    public TableFacts? Table { get; init; }

    /// <summary>How a text becomes tokens; null for data that are not texts.</summary>
    public TextFacts? Text { get; init; }

    /// <summary>How a sound becomes an input; null for data that are not sounds.</summary>
    public SoundFacts? Sound { get; init; }

    /// <summary>True when inputs are pictures [C, H, W] in 0..1.</summary>
    [JsonIgnore]
    public bool ArePictures => Shape.Count == 3;

    /// <summary>True when inputs are pictures that can be shown: grey, RGB or RGBA.</summary>
    [JsonIgnore]
    public bool CanBeShown => ArePictures && Shape[0] is 1 or 3 or 4;

    /// <summary>
    /// The name of the set of pictures that comes with Cresset, or that it knows; empty for other data, whatever their name.
    /// </summary>
    public string KnownSet() => GivenPictures.BuiltIn(this);

    /// <summary>
    /// Why a model of data with the earlier facts would take these for something else, as a sentence; null where it would not. Their name
    /// (often a path) may differ.
    /// </summary>
    public string? DifferenceFrom(DataFacts earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        if ((this with { Name = "" }).ToJson() == (earlier with { Name = "" }).ToJson()) return null;
        if (!Shape.SequenceEqual(earlier.Shape) && Table is null)
            return $"inputs were [{string.Join(", ", earlier.Shape)}] when the run began and are [{string.Join(", ", Shape)}] now";
        if (!Classes.SequenceEqual(earlier.Classes))
            return $"its classes were {Names(earlier.Classes)} when the run began and are {Names(Classes)} now";
        if (!(Captions ?? []).SequenceEqual(earlier.Captions ?? [])) return "its captions are others than when the run began";
        if (Table is { } table && earlier.Table is { } before && table.DifferenceFrom(before) is { } column) return column;
        if (JsonSerializer.Serialize(Text, Format) != JsonSerializer.Serialize(earlier.Text, Format))
            return "it gives other tokens than when the run began";
        return "it becomes inputs by other rules than when the run began";
    }

    private static string Names(IReadOnlyList<string> classes) => classes.Count == 0 ? "none"
        : $"{string.Join(", ", classes.Take(10))}{(classes.Count > 10 ? $" and {classes.Count - 10} more" : "")}";

    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Format);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The text is damaged.</exception>
    public static DataFacts Parse(string json, string path)
    {
        try
        {
            return JsonSerializer.Deserialize<DataFacts>(json, Format) ?? throw new JsonException("the text is empty");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: the facts about its data are damaged: {e.Message}", e);
        }
    }
}

/// <summary>How a picture file becomes an input.</summary>
public sealed record PictureFacts
{
    /// <summary>1 for grey, 3 for RGB.</summary>
    public required int Channels { get; init; }

    /// <summary>Rows.</summary>
    public required int Height { get; init; }

    /// <summary>Columns.</summary>
    public required int Width { get; init; }

    /// <summary>Name of the fit.</summary>
    public required string Fit { get; init; }

    /// <summary>Options of the fit.</summary>
    public JsonElement FitOptions { get; init; }

    /// <summary>What transparent pixels stand on.</summary>
    public required string Background { get; init; }

    /// <summary>A file as the training's pictures were brought to an input.</summary>
    /// <param name="path">The file.</param>
    /// <param name="parts">Where the fit is found.</param>
    /// <exception cref="InvalidDataException">The file is not a picture or damaged, or the fit is not known.</exception>
    public PicturePlanes Read(string path, PartCatalog parts) => Rules(parts).Read(path);

    /// <summary>The bytes of a file as the training's pictures were brought to an input.</summary>
    /// <param name="content">A whole PNG, JPEG, WebP, BMP, GIF or TIFF file.</param>
    /// <param name="name">What errors call it.</param>
    /// <param name="parts">Where the fit is found.</param>
    /// <exception cref="InvalidDataException">It is not a picture or damaged, or the fit is not known.</exception>
    public PicturePlanes Read(byte[] content, string name, PartCatalog parts)
    {
        ArgumentNullException.ThrowIfNull(content);
        return Fitted(PictureDecoder.Decode(name, content, Channels, PictureColour.Parse(Background)).Planes, name, parts);
    }

    /// <summary>A decoded picture brought to an input.</summary>
    public PicturePlanes Fitted(PicturePlanes planes, string name, PartCatalog parts) => Rules(parts).Fitted(name, planes, Height, Width);

    /// <summary>Where a picture of this size lies in an input.</summary>
    public PicturePlace Place(int height, int width, PartCatalog parts) => Rules(parts).Fit.Place(height, width, Height, Width);

    internal static PictureFacts Of(PictureRules rules) => new()
    {
        Channels = rules.Channels,
        Height = rules.Height,
        Width = rules.Width,
        Fit = PartCatalog.NameOf(rules.Fit.GetType()) ?? rules.Fit.GetType().FullName!,
        FitOptions = JsonSerializer.SerializeToElement(rules.Fit, rules.Fit.GetType()),
        Background = rules.Background,
    };

    internal PictureRules Rules(PartCatalog parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var entry = parts.Find("fit", Fit) ?? throw new DataMismatchException($"The model's pictures were fitted by '{Fit}', which is "
            + $"not known here; it comes from the assembly that trained the model.");
        return new PictureRules(Channels, Height, Width, (PictureFit)FitOptions.Deserialize(entry.Type)!, Background);
    }
}
