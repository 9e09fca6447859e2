namespace Cresset.Detection;

/// <summary>Files in the COCO layout: one JSON object with images, annotations and categories; results as one JSON list.</summary>
/// <remarks>Files may be gzip-compressed. They are read as a stream; memory holds the records, never the text.</remarks>
public static class CocoFormat
{
    /// <summary>Reads a ground-truth file.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless <see cref="ReadOptions.Lenient"/> is set.</exception>
    public static DetectionDataset ReadGroundTruth(string path, ReadOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new ReadOptions();
        using var scanner = new JsonScanner(path, options.Progress);
        return ReadGroundTruth(scanner, options, cancellationToken);
    }

    /// <summary>Reads ground truth from a stream; <paramref name="name"/> stands for the file in messages.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless <see cref="ReadOptions.Lenient"/> is set.</exception>
    public static DetectionDataset ReadGroundTruth(Stream stream, string name, ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        using var scanner = new JsonScanner(name, stream);
        return ReadGroundTruth(scanner, options ?? new ReadOptions(), cancellationToken);
    }

    /// <summary>Reads a result file. With a data set, unknown images and categories are faults.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless <see cref="ReadOptions.Lenient"/> is set.</exception>
    public static DetectionResults ReadResults(string path, DetectionDataset? dataset = null, ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        options ??= new ReadOptions();
        if (dataset is not null && CocoResultPieces.TryRead(path, dataset, options, cancellationToken) is { } all)
        {
            return new DetectionResults(all) { Source = path };
        }
        using var scanner = new JsonScanner(path, options.Progress);
        return ReadResults(scanner, dataset, options, cancellationToken);
    }

    /// <summary>Reads results from a stream; <paramref name="name"/> stands for the file in messages.</summary>
    /// <exception cref="DetectionFormatException">The first fault, unless <see cref="ReadOptions.Lenient"/> is set.</exception>
    public static DetectionResults ReadResults(Stream stream, string name, DetectionDataset? dataset = null, ReadOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        using var scanner = new JsonScanner(name, stream);
        return ReadResults(scanner, dataset, options ?? new ReadOptions(), cancellationToken);
    }

    /// <summary>Writes a ground-truth file; compressed when the name ends in <c>.gz</c>.</summary>
    public static void WriteGroundTruth(DetectionDataset dataset, string path)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        CocoWriter.WriteGroundTruth(dataset, path);
    }

    /// <summary>Writes a result file; compressed when the name ends in <c>.gz</c>.</summary>
    /// <param name="results">The detections.</param>
    /// <param name="path">The file.</param>
    /// <param name="dataset">Their data set; needed where its ids are texts.</param>
    public static void WriteResults(DetectionResults results, string path, DetectionDataset? dataset = null)
    {
        ArgumentNullException.ThrowIfNull(results);
        CocoWriter.WriteResults(results, path, dataset);
    }

    private static DetectionDataset ReadGroundTruth(JsonScanner scanner, ReadOptions options, CancellationToken cancellationToken)
    {
        var desk = new FaultDesk(scanner.Path, options);
        var reader = new CocoGroundTruthReader(scanner, desk, options.Parts, cancellationToken);
        GuardMalformed(desk, reader.Read);
        return reader.Finish();
    }

    private static DetectionResults ReadResults(JsonScanner scanner, DetectionDataset? dataset, ReadOptions options,
        CancellationToken cancellationToken)
    {
        var desk = new FaultDesk(scanner.Path, options);
        var reader = new CocoResultReader(scanner, desk, dataset, options.Parts, cancellationToken);
        GuardMalformed(desk, reader.Read);
        return new DetectionResults(reader.ToArray()) { Source = scanner.Path };
    }

    /// <summary>Leniently, a damaged file gives the records before the damage.</summary>
    private static void GuardMalformed(FaultDesk desk, Action read)
    {
        try
        {
            read();
        }
        catch (DetectionFormatException e) when (desk.Lenient && e.Problem.Kind == DataProblemKind.Malformed)
        {
            desk.Report.Cut(e.Problem);
        }
    }
}
