using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Cresset.Numerics;

namespace Cresset.Detection;

/// <summary>One text file of results, named after a class.</summary>
/// <param name="File">The file.</param>
/// <param name="Names">The class as the name of the file may mean it, the likeliest first.</param>
/// <param name="Corners">Whether lines hold four corners (DOTA's task 1) or a box.</param>
internal sealed record ClassFile(string File, IReadOnlyList<string> Names, bool Corners);

/// <summary>
/// Results as evaluation kits take them, one text file per class: <c>comp4_det_test_CLASS.txt</c> of VOC and <c>Task2_CLASS.txt</c> of DOTA
/// with lines <c>image score xmin ymin xmax ymax</c>, <c>Task1_CLASS.txt</c> of DOTA with <c>image score x1 y1 x2 y2 x3 y3 x4 y4</c>.
/// </summary>
internal static partial class ClassFiles
{
    private const string VocSets = "_det_";

    /// <summary>Whether a folder holds such files and nothing else that is read.</summary>
    public static bool Any(string folder) => AreVoc(folder) || AreDota(folder);

    /// <summary>Whether a folder has result files of VOC.</summary>
    public static bool AreVoc(string folder)
        => Directory.Exists(folder) && FilePeek.Enumerate(folder, ".txt").Any(f => IsVoc(StemOf(f)));

    /// <summary>Whether all text files of a folder are results of DOTA; the first that is not decides.</summary>
    public static bool AreDota(string folder)
    {
        if (!Directory.Exists(folder)) return false;
        var any = false;
        foreach (var file in FilePeek.Enumerate(folder, ".txt").Where(f => !YoloReader.IsOther(f)))
        {
            if (TaskOf(StemOf(file), out _) == 0) return false;
            any = true;
        }
        return any;
    }

    /// <summary>VOC's files, also those that carry the name of a class alone.</summary>
    public static IReadOnlyList<ClassFile> OfVoc(string folder)
        => [.. Texts(folder).Select(f => new ClassFile(f, VocNames(StemOf(f)), Corners: false))];

    /// <summary>DOTA's files of one task; empty where the folder has none of any.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="task">1, 2, or 0 for the one that is there.</param>
    /// <exception cref="DetectionFormatException">Both are there and none was chosen, or the chosen one is not there.</exception>
    public static IReadOnlyList<ClassFile> OfDota(string folder, int task)
    {
        var files = new List<(ClassFile File, int Task)>();
        foreach (var file in Texts(folder))
        {
            var own = TaskOf(StemOf(file), out var name);
            if (own > 0) files.Add((new ClassFile(file, [name], own == 1), own));
        }
        if (files.Count == 0) return [];
        var chosen = task > 0 ? task : files[0].Task;
        if (task == 0 && files.Exists(f => f.Task != chosen))
        {
            throw Refusal(folder,
                "holds results of both tasks, corners (Task1_) and level boxes (Task2_); choose one with --task 1 or --task 2.");
        }
        if (files.TrueForAll(f => f.Task != chosen))
        {
            throw Refusal(folder, $"holds results of task {files[0].Task} and none of task {chosen}.");
        }
        return [.. files.Where(f => f.Task == chosen).Select(f => f.File)];
    }

    /// <summary>Reads the files for the images and categories of a data set.</summary>
    public static DetectionResults Read(string folder, IReadOnlyList<ClassFile> files, DetectionDataset dataset, ReadOptions options,
        CancellationToken cancellation)
    {
        var report = options.Report ?? new ReadReport();
        var names = new DatasetNames(dataset);
        var detections = new List<DetectedObject>();
        var sources = new Dictionary<long, string>();
        foreach (var file in files)
        {
            cancellation.ThrowIfCancellationRequested();
            var desk = new FaultDesk(file.File, options with { Report = report });
            if (CategoryOf(file, names, desk) is not { } category)
            {
                Refuse(file, desk, DataProblemKind.UnknownCategory,
                    $"is named after the class \"{file.Names[0]}\", which the data set does not have; where no object has that class, list "
                        + $"all classes (--classes FILE).");
            }
            else if (!sources.TryAdd(category, file.File))
            {
                Refuse(file, desk, DataProblemKind.DuplicateId,
                    $"holds the class of {Path.GetFileName(sources[category])} again; its detections would count twice.");
            }
            else
            {
                ReadLines(file, category, names, desk, detections);
            }
        }
        var results = new DetectionResults(detections) { Source = folder };
        AssumedShapes.Note(results, folder, options with { Report = report });
        return results;
    }

    /// <summary>Writes a file for every class, an empty one where nothing was found: kits ask for all of them.</summary>
    /// <param name="results">The detections.</param>
    /// <param name="dataset">Ground truth, which names images and classes.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="prefix">Begins the names of files.</param>
    /// <param name="corners">Write four corners instead of a box.</param>
    /// <exception cref="ArgumentException">Two images or classes have one name, or a shape has not four corners.</exception>
    public static void Write(DetectionResults results, DetectionDataset dataset, string folder, string prefix, bool corners)
    {
        ArgumentNullException.ThrowIfNull(results);
        ArgumentNullException.ThrowIfNull(dataset);
        ImagePaths.RequireNames(dataset, images: true, categories: true);
        var paths = new ImagePaths(dataset.Images);
        var texts = new Dictionary<long, StringBuilder>();
        foreach (var c in dataset.Categories) texts.TryAdd(c.Id, new StringBuilder());
        if (corners)
        {
            foreach (ref readonly var d in results.Items) DotaFolder.DrawnOnly(CornersOf(d), $"a detection of image {d.ImageId}");
        }
        foreach (ref readonly var d in results.Items)
        {
            if (dataset.FindImage(d.ImageId) is null)
            {
                throw new ArgumentException($"a detection lies in image {d.ImageId}, which the data set does not have.", nameof(results));
            }
            if (!texts.TryGetValue(d.CategoryId, out var text)) texts[d.CategoryId] = text = new StringBuilder();
            text.Append(paths.Of(d.ImageId)).Append(' ').Append(VocFormat.Text(d.Score));
            foreach (var n in corners ? CornersOf(d) : [d.Box.X, d.Box.Y, d.Box.Right, d.Box.Bottom]) text.Append(' ')
                .Append(VocFormat.Text(n));
            text.Append('\n');
        }
        Directory.CreateDirectory(folder);
        foreach (var (category, text) in texts)
        {
            AtomicFile.WriteText(SafeNames.Below(folder, $"{prefix}{SafeNames.Segment(dataset.CategoryName(category))}.txt"),
                text.ToString());
        }
    }

    private static double[] CornersOf(in DetectedObject d) => d.Shape?.Segmentation switch
    {
        null => [d.Box.X, d.Box.Y, d.Box.Right, d.Box.Y, d.Box.Right, d.Box.Bottom, d.Box.X, d.Box.Bottom],
        PolygonSegmentation { Polygons: [{ Length: 8 } corners] } => corners,
        _ => throw new ArgumentException(
            $"a detection of image {d.ImageId} has a shape that is not one polygon of four corners, which task 1 of DOTA needs; write task "
                + $"2 (--task 2) for level boxes."),
    };

    /// <summary>Lines of a file; the name of an image may hold blanks, so the numbers are counted from the end.</summary>
    private static void ReadLines(ClassFile file, long category, DatasetNames names, FaultDesk desk, List<DetectedObject> detections)
    {
        TextFile.Check(file.File, desk);
        var numbers = file.Corners ? 9 : 5;
        long lines = 0, lost = 0;
        foreach (var (line, fields, record) in TextLines.ReadWhole(file.File))
        {
            lines++;
            if (fields.Length <= numbers)
            {
                var wanted = file.Corners ? "image score x1 y1 x2 y2 x3 y3 x4 y4" : "image score xmin ymin xmax ymax";
                desk.Fault(DataProblemKind.Malformed, record, "", $"has {fields.Length} fields; {wanted} are needed.");
                lost++;
                continue;
            }
            var name = fields.Length == numbers + 1 ? fields[0] : TextLines.WithoutLast(line, numbers);
            if (names.Image(name) is not { } image)
            {
                desk.Fault(DataProblemKind.UnknownImage, record, "image", $"is \"{name}\"; {WhyUnknown(name, fields, numbers, names)}.");
                lost++;
                continue;
            }
            var isRead = TextLines.TryNumbers(fields.AsSpan(fields.Length - numbers), desk, record, out var n);
            if (isRead && file.Corners && !RunLengthMask.CanDraw(n.AsSpan(1)))
            {
                desk.Fault(DataProblemKind.BadMask, record, "", RunLengthMask.CannotDraw);
                isRead = false;
            }
            detections.Add(isRead
                ? Detection(file, image, category, n, desk, record) : TextLines.Miss(image, category));
        }
        desk.Tally(lines, lost);
    }

    private static DetectedObject Detection(ClassFile file, long image, long category, double[] n, FaultDesk desk, string record)
    {
        if (file.Corners)
        {
            var shape = new PolygonSegmentation([n[1..]]);
            return new DetectedObject(image, category, ShapeBounds.Of(shape, null), n[0])
            {
                Shape = new DetectionShape { Segmentation = shape, HasBox = false, FromFile = true },
            };
        }
        if (n[3] < n[1] || n[4] < n[2]) desk.Fault(DataProblemKind.NegativeSize, record, "xmax", "lies left of xmin, or ymax above ymin.");
        return new DetectedObject(image, category, Box.FromCorners(n[1], n[2], n[3], n[4]), n[0]);
    }

    private static string WhyUnknown(string name, string[] fields, int numbers, DatasetNames names)
    {
        if (names.IsAmbiguous(name)) return "which is the name of several images; give its folder too";
        if (Patch().Match(name) is { Success: true } patch && names.Image(patch.Groups[1].Value) is not null)
        {
            return $"which is a patch of {patch.Groups[1].Value}; merge the results of the patches first (ResultMerge of the DOTA kit), or "
                + $"score against the patches";
        }
        var more = fields.Length > numbers + 1 && fields[1..].All(FilePeek.IsNumber);
        return more ? $"the line has {fields.Length - 1} numbers, {numbers} are needed" : "the data set has no such image";
    }

    /// <summary>
    /// The category of a file; blanks, dashes, underscores and case may differ where that fits one class only, which is said.
    /// </summary>
    private static long? CategoryOf(ClassFile file, DatasetNames names, FaultDesk desk)
    {
        foreach (var name in file.Names)
        {
            if (names.Category(name) is { } category) return category;
        }
        foreach (var name in file.Names)
        {
            if (names.CategoryNearly(name) is not var (category, known)) continue;
            desk.Note(DataProblemKind.MatchedByName, "", "", $"is named after \"{name}\"; it was taken for the class \"{known}\".");
            return category;
        }
        return null;
    }

    /// <summary>A file without lines loses nothing, whatever it is called.</summary>
    private static void Refuse(ClassFile file, FaultDesk desk, DataProblemKind kind, string message)
    {
        var lines = TextLines.Read(file.File).Count();
        if (lines == 0) return;
        desk.Fault(kind, "", "", message);
        desk.Tally(lines, lines);
    }

    /// <summary>Those of the folder itself, else those below it.</summary>
    private static string[] Texts(string folder)
    {
        var all = FilePeek.Files(folder, ".txt").Where(f => !YoloReader.IsOther(f)).ToArray();
        var here = Array.FindAll(all, f => !Path.GetRelativePath(folder, f).AsSpan().ContainsAny('/', '\\'));
        return here.Length > 0 ? here : all;
    }

    private static string StemOf(string file) => Path.GetFileNameWithoutExtension(file);

    private static bool IsVoc(string stem)
        => stem.StartsWith("comp", StringComparison.OrdinalIgnoreCase) && stem.Contains(VocSets, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Behind "comp4_det_test_"; the number of the competition, a salt after it and the name of the image set may be any. Class names hold
    /// underscores too, so the whole rest comes second.
    /// </summary>
    private static string[] VocNames(string stem)
    {
        if (!IsVoc(stem)) return [stem];
        var rest = stem[(stem.IndexOf(VocSets, StringComparison.OrdinalIgnoreCase) + VocSets.Length)..];
        var set = rest.IndexOf('_', StringComparison.Ordinal);
        return set > 0 && set + 1 < rest.Length ? [rest[(set + 1)..], rest] : [rest];
    }

    /// <summary>DOTA's task that the name of a file states, else 0, and the class behind it.</summary>
    private static int TaskOf(string stem, out string name)
    {
        name = stem;
        if (stem.Length < 7 || !stem.StartsWith("task", StringComparison.OrdinalIgnoreCase)) return 0;
        if (stem[4] is not ('1' or '2') || stem[5] is not ('_' or '-')) return 0;
        name = stem[6..];
        return stem[4] - '0';
    }

    private static DetectionFormatException Refusal(string folder, string message)
        => new(new DataProblem(DataProblemKind.Layout, folder, "", "", message));

    /// <summary>As the DOTA kit names patches: image, scale, left and top.</summary>
    [GeneratedRegex(@"^(.+?)__\d+(?:\.\d+)?__-?\d+___-?\d+$", RegexOptions.CultureInvariant)]
    private static partial Regex Patch();
}

/// <summary>Says where boxes stand in for masks or corners that a score needs and a format did not give.</summary>
internal static class AssumedShapes
{
    public static void Note(DetectionResults results, string source, ReadOptions options)
    {
        if ((options.Needs & RecordParts.Masks) == 0 || options.Report is not { } report) return;
        var desk = new FaultDesk(source, options with { Report = report });
        foreach (ref readonly var d in results.Items)
        {
            if (d.Shape?.Segmentation is not null || d.Box == Box.Nowhere) continue;
            desk.Note(DataProblemKind.AssumedMask, string.Create(CultureInfo.InvariantCulture, $"a detection of image {d.ImageId}"), "",
                "is a box alone; the box stands in for its shape.");
        }
    }
}
