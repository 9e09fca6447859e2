using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>Small grey images with class labels: inputs float32 [N, 1, H, W] in 0..1, targets int64 [N].</summary>
public static class ImageClassification
{
    private const int DigitsTrainCount = 1437;
    private const int GarmentsTrainCount = 9000;

    /// <summary>
    /// The embedded 8x8 handwritten digits (UCI, Alpaydin and Kaynak, CC BY 4.0), split in file order:
    /// the first 1,437 to train, the last 360 (other writers) to test.
    /// </summary>
    public static (TensorDataset Train, TensorDataset Test) Digits()
    {
        using var all = Make(Embedded("digits", "digits-images-idx3-ubyte.gz", 3), Embedded("digits", "digits-labels-idx1-ubyte.gz", 1), 16,
            10, "digits");
        return (all.Slice(0, DigitsTrainCount), all.Slice(DigitsTrainCount, all.Count));
    }

    /// <summary>
    /// The embedded 10,000 garments of 28x28 pixels, the first of Fashion-MNIST's training part (Xiao et al. 2017, MIT), split in file
    /// order: the first 9,000 to train, the last 1,000 to test.
    /// </summary>
    public static (TensorDataset Train, TensorDataset Test) Garments()
    {
        using var all = Make(Embedded("garments", "garments-images-idx3-ubyte.gz", 3),
            Embedded("garments", "garments-labels-idx1-ubyte.gz", 1), 255, 10, "garments");
        return (all.Slice(0, GarmentsTrainCount), all.Slice(GarmentsTrainCount, all.Count));
    }

    /// <summary>A folder with the four files of an MNIST-like set (MNIST, Fashion-MNIST, KMNIST, EMNIST), <c>.gz</c> or plain.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prefix">Beginning of the file names, such as emnist-letters-.</param>
    /// <exception cref="FileNotFoundException">A file is missing; the message says which names were tried.</exception>
    /// <exception cref="InvalidDataException">A file is damaged; the message names file and offset.</exception>
    public static (TensorDataset Train, TensorDataset Test) IdxFolder(string folder, string prefix = "")
    {
        string[] test = ["t10k", "test"];
        var train = IdxPair(Find(folder, [$"{prefix}train-images-idx3-ubyte"]), Find(folder, [$"{prefix}train-labels-idx1-ubyte"]));
        try
        {
            return (train,
                IdxPair(Find(folder, [.. test.Select(t => $"{prefix}{t}-images-idx3-ubyte")]),
                    Find(folder, [.. test.Select(t => $"{prefix}{t}-labels-idx1-ubyte")])));
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>One pair of image and label files; pixels of bytes are divided by 255, other numbers taken as they are.</summary>
    /// <param name="images">The file of pictures.</param>
    /// <param name="labels">The file of labels.</param>
    /// <param name="classes">Number of classes; 0 takes whatever the labels say.</param>
    /// <exception cref="InvalidDataException">A file is damaged, the counts differ, or a label is negative or too large.</exception>
    public static TensorDataset IdxPair(string images, string labels, int classes = 0)
        => Make(IdxFile.Read(images, 3), IdxFile.Read(labels, 1), 255, classes, labels, images);

    /// <summary>Where Debian's package and common downloads put Fashion-MNIST, or null.</summary>
    public static string? FindFashionMnist()
    {
        string?[] candidates = [Environment.GetEnvironmentVariable("CRESSET_FASHION_MNIST"), "/usr/share/datasets/fashion-mnist",
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "cresset", "fashion-mnist"),
            Path.Combine("data", "fashion-mnist")];
        return candidates.FirstOrDefault(
            folder => folder is not null && Directory.Exists(folder) && Directory.GetFiles(folder, "train-images-idx3-ubyte*").Length > 0);
    }

    /// <summary>Fashion-MNIST (Xiao et al. 2017, MIT), 28x28, 60,000 to train and 10,000 to test.</summary>
    /// <exception cref="FileNotFoundException">It is in none of the usual places; the message says how to get it.</exception>
    public static (TensorDataset Train, TensorDataset Test) FashionMnist()
        => IdxFolder(FindFashionMnist() ?? throw new FileNotFoundException("Fashion-MNIST was not found. On Debian or Ubuntu: apt-get "
            + "install dataset-fashion-mnist. Elsewhere: put its four .gz files into a folder and set CRESSET_FASHION_MNIST to it."));

    private static TensorDataset Make(IdxFile images, IdxFile labels, float scale, int classes, string labelsName, string imagesName = "")
    {
        if (images.Shape[0] != labels.Shape[0])
        {
            throw new InvalidDataException($"{imagesName} holds {images.Shape[0]} images, {labelsName} {labels.Shape[0]} labels.");
        }
        if (labels.Element is IdxElement.Float32 or IdxElement.Float64)
        {
            throw new InvalidDataException($"{labelsName}: labels are {labels.Element}; they are whole numbers.");
        }
        using var scope = NewDisposeScope();
        var numbers = labels.ToTensor().to(ScalarType.Int64);
        var values = numbers.data<long>().ToArray();
        var most = classes == 0 ? long.MaxValue : classes - 1;
        for (var i = 0; i < values.Length; i++)
        {
            if (values[i] >= 0 && values[i] <= most) continue;
            var size = labels.Values.Length / values.Length;
            throw new InvalidDataException($"{labelsName}: label {values[i]} at offset {8 + (i * size)} of the content; allowed are 0 "
                + $"to {(classes == 0 ? "any" : most)}.");
        }
        var pixels = images.ToTensor().to(ScalarType.Float32);
        if (images.Element == IdxElement.Byte) pixels = pixels.div_(scale);
        return new TensorDataset(pixels.reshape(images.Shape[0], 1, images.Shape[1], images.Shape[2]), numbers);
    }

    private static IdxFile Embedded(string folder, string name, int dimensions)
    {
        using var stream = typeof(ImageClassification).Assembly.GetManifestResourceStream($"{folder}/{name}")
            ?? throw new InvalidOperationException($"The embedded resource {folder}/{name} is missing from "
                + $"{typeof(ImageClassification).Assembly.GetName().Name}.");
        return IdxFile.Read(stream, $"embedded {name}", dimensions);
    }

    private static string Find(string folder, string[] names)
    {
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"There is no folder '{folder}'.");
        foreach (var candidate in names.SelectMany(name => new[] { $"{name}.gz", name }))
        {
            var path = Path.Combine(folder, candidate);
            if (File.Exists(path)) return path;
        }
        var other = Directory.GetFiles(folder, "*" + names[0] + "*").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)
            .FirstOrDefault();
        var hint = other is null ? "" : $" It holds {other}: say data.prefix={other[..other.IndexOf(names[0], StringComparison.Ordinal)]}.";
        throw new FileNotFoundException($"{folder} holds neither "
            + $"{string.Join(" nor ", names.SelectMany(name => new[] { $"{name}.gz", name }))}.{hint}", Path.Combine(folder, names[0]));
    }
}
