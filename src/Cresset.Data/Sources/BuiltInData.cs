using System.Globalization;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// The embedded 8x8 handwritten digits (UCI, Alpaydin and Kaynak, CC BY 4.0); the last 360 of 1,797, by other writers, test.
/// </summary>
[Part("digits")]
public sealed record DigitsData : DataSource
{
    internal static readonly string[] Names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

    /// <summary>How the digits are divided.</summary>
    public SplitRule Split { get; init; } = new GivenSplit();

    /// <inheritdoc/>
    public override (int Channels, int Height, int Width)? PictureShape => (1, 8, 8);

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        this.ThrowIfInvalid();
        var (train, test) = ImageClassification.Digits();
        return GivenPictures.Divide(use, "digits", train, test, Names, Split);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Nested(Split);
}

/// <summary>Fashion-MNIST (Xiao et al. 2017, MIT): 60,000 garments of 28x28 pixels to learn from, 10,000 to be tested on.</summary>
[Part("fashion")]
public sealed record FashionData : DataSource
{
    /// <summary>How the garments are divided.</summary>
    public SplitRule Split { get; init; } = new GivenSplit();

    /// <inheritdoc/>
    public override (int Channels, int Height, int Width)? PictureShape => (1, 28, 28);

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        this.ThrowIfInvalid();
        var (train, test) = ImageClassification.FashionMnist();
        return GivenPictures.Divide(use, "fashion", train, test, GarmentsData.Names, Split);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Nested(Split);
}

/// <summary>
/// The embedded 10,000 garments of 28x28 pixels, the first of Fashion-MNIST's training part (Xiao et al. 2017, MIT); the last 1,000 test.
/// </summary>
[Part("garments")]
public sealed record GarmentsData : DataSource
{
    /// <summary>Fashion-MNIST's classes.</summary>
    internal static readonly string[] Names = ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
        "ankle boot"];

    /// <summary>How the garments are divided.</summary>
    public SplitRule Split { get; init; } = new GivenSplit();

    /// <inheritdoc/>
    public override (int Channels, int Height, int Width)? PictureShape => (1, 28, 28);

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        this.ThrowIfInvalid();
        var (train, test) = ImageClassification.Garments();
        return GivenPictures.Divide(use, "garments", train, test, Names, Split);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Nested(Split);
}

/// <summary>
/// Files in the IDX layout of MNIST, EMNIST, KMNIST and their like, plain or gzip: a folder with the four files of training and test part.
/// </summary>
[Part("idx")]
public sealed record IdxData : DataSource
{
    /// <summary>The folder; its files end in train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with t10k or test.</summary>
    public string Path { get; init; } = "";

    /// <summary>
    /// Beginning of the file names where the folder holds several sets, such as emnist-letters-; empty where it holds one.
    /// </summary>
    public string Prefix { get; init; } = "";

    /// <summary>Exchange rows and columns: EMNIST stores its pictures on their side.</summary>
    public bool Transposed { get; init; }

    /// <summary>Names of the classes; empty numbers them.</summary>
    public IReadOnlyList<string> ClassNames { get; init; } = [];

    /// <summary>How the pictures are divided.</summary>
    public SplitRule Split { get; init; } = new GivenSplit();

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        var (train, test) = ImageClassification.IdxFolder(Path, Prefix);
        if (Transposed) (train, test) = (Turned(train), Turned(test));
        int highest;
        using (NewDisposeScope()) highest = (int)Math.Max(train.Targets!.max().ToInt64(), test.Targets!.max().ToInt64());
        if (ClassNames.Count > 0 && ClassNames.Count <= highest)
        {
            throw new DataMismatchException($"{Path}: labels up to {highest} and {ClassNames.Count} names of classes.");
        }
        return GivenPictures.Divide(use, Path, train, test,
            ClassNames.Count > 0 ? ClassNames : [.. Enumerable.Range(0, highest + 1).Select(i => i.ToString(CultureInfo.InvariantCulture))],
            Split);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().NotEmpty(Path, "Name the folder of the four files: "
        + "data.path=FOLDER.").Must(ClassNames is not null, null, "a list of names", field: nameof(ClassNames)).Nested(Split);

    internal static bool IsFolder(string path) => Directory.EnumerateFiles(path, "*train-images-idx3-ubyte*").Any();

    private static TensorDataset Turned(TensorDataset data)
    {
        using (data)
        using (NewDisposeScope()) return new TensorDataset(data.Inputs.transpose(2, 3).contiguous(), data.Targets?.clone());
    }
}

/// <summary>Sets of pictures that come with a test part.</summary>
internal static class GivenPictures
{
    /// <summary>The name of the set that comes with Cresset; empty for a folder of the same name.</summary>
    public static string BuiltIn(DataFacts facts) => facts.Name switch
    {
        "garments" or "fashion" when Is(facts, 28, GarmentsData.Names) => facts.Name,
        "digits" when Is(facts, 8, DigitsData.Names) => facts.Name,
        _ => "",
    };

    private static bool Is(DataFacts facts, int side, IReadOnlyList<string> classes)
        => facts.Shape is [1, var height, var width] && height == side && width == side
            && facts.Classes.SequenceEqual(classes, StringComparer.Ordinal);

    public static DataSplit Divide(DataUse use, string name, TensorDataset train, TensorDataset test, IReadOnlyList<string> classes,
        SplitRule split)
    {
        using (train)
        using (test)
        using (NewDisposeScope())
        {
            if (use.Target is TargetKind.Mask or TargetKind.Number)
            {
                throw new DataMismatchException(
                    $"{name} has "
                        + $"{(use.Target == TargetKind.Mask ? "no masks (data: folder has)" : "classes, no numbers (data: csv has)")}.");
            }
            var inputs = cat([train.Inputs, test.Inputs]);
            if (use is { NeedsPictures: false, NumbersOnly: true }) inputs = inputs.flatten(1);
            var captions = use.Target == TargetKind.Caption ? classes : null;
            var facts = new DataFacts
            {
                Name = name,
                Shape = inputs.shape[1..],
                Target = use.Target,
                Classes = classes,
                Captions = captions,
                Picture = inputs.dim() == 4
                    ? PictureFacts.Of(new PictureRules(1, (int)inputs.size(2), (int)inputs.size(3), new StretchFit(), "black")) : null,
            };
            return DataSplit.FromTensors(facts, inputs, cat([train.Targets!, test.Targets!]), split, test.Count);
        }
    }
}
