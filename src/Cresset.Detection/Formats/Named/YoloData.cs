using System.Globalization;
using Cresset.Numerics;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Cresset.Detection;

/// <summary>A data.yaml of ultralytics: names of the classes, folders or lists of images, shape of keypoints.</summary>
internal sealed class YoloData
{
    private readonly string _file;
    private readonly YamlMappingNode _root;

    private YoloData(string file, YamlMappingNode root) => (_file, _root) = (file, root);

    /// <summary>The YAML file of a data set's folder, if there is one that lists names.</summary>
    public static string? FindIn(string folder)
    {
        if (!Directory.Exists(folder)) return null;
        string[] files = [.. Directory.GetFiles(folder, "*.yaml"), .. Directory.GetFiles(folder, "*.yml")];
        return files.Order(StringComparer.Ordinal)
            .FirstOrDefault(f => FilePeek.Start(f, 1 << 16).Contains("names", StringComparison.Ordinal));
    }

    /// <exception cref="DetectionFormatException">The file is not a YAML map with names.</exception>
    public static YoloData Read(string file)
    {
        try
        {
            var stream = new YamlStream();
            using var reader = new StringReader(TextFile.Read(file));
            stream.Load(reader);
            if (stream.Documents.Count > 0 && stream.Documents[0].RootNode is YamlMappingNode root) return new YoloData(file, root);
            throw Fault(file, "is not a map of keys; names, and train, val or test are needed.");
        }
        catch (YamlException e)
        {
            throw Fault(file, $"line {e.Start.Line}: is not YAML: {e.Message}");
        }
    }

    /// <summary>The class names; their number has to be the one that the file states.</summary>
    public IReadOnlyList<string> Names
    {
        get
        {
            var names = Listed;
            return Find("nc") is not YamlScalarNode { Value: { } text } || text == names.Count.ToString(CultureInfo.InvariantCulture)
                ? names
                : throw Fault(_file, $"has {names.Count} names, and nc is {text}; both have to agree.");
        }
    }

    private IReadOnlyList<string> Listed => Find("names") switch
    {
        YamlSequenceNode list
            => [.. list.Children.Select(c => ((c as YamlScalarNode)?.Value) ?? throw Fault(_file, "has a name that is not text."))],
        YamlMappingNode map => Numbered(map),
        _ => throw Fault(_file, "has no names: a list, or a map of numbers to names, is needed."),
    };

    /// <summary>Number of keypoints and values of each.</summary>
    public (int Points, int Values)? Keypoints
    {
        get
        {
            if (Find("kpt_shape") is not YamlSequenceNode { Children.Count: 2 } shape) return null;
            var numbers = shape.Children.Select(c
                => int.TryParse((c as YamlScalarNode)?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : -1)
                .ToArray();
            return numbers is [> 0, 2 or 3] ? (numbers[0], numbers[1])
                : throw Fault(_file, "has a kpt_shape that is not [points, 2] or [points, 3].");
        }
    }

    public DetectionDataset ReadGroundTruth(string split, FormatContext context)
    {
        var folders = new List<string>();
        var images = Images(split, folders, context.Cancellation);
        var labels = images.Select(i => (i.Image, Labels: LabelsOf(i.File))).ToArray();
        NoteLabelsWithoutPicture(folders, labels.Select(l => l.Labels), context.Read);
        var root = CommonFolder(labels.Select(l => l.Labels));
        // Label files are found by the names of the images; here both hang below one folder.
        DatasetImage[] named = [.. labels.Select(l
            => l.Image with { Alias = Path.GetRelativePath(root, l.Labels).Replace('\\', '/')[..^4] })];
        return YoloFormat.ReadGroundTruth(root, context.Classes ?? Names, named, context.Read, Keypoints,
            [.. labels.Select(l => l.Labels).Where(File.Exists)]);
    }

    private List<(DatasetImage Image, string File)> Images(string split, List<string> labelFolders, CancellationToken cancellation)
    {
        var here = Path.GetDirectoryName(Path.GetFullPath(_file))!;
        var root = Find("path") is YamlScalarNode { Value: { Length: > 0 } at } ? Path.GetFullPath(Path.Combine(here, at)) : here;
        // Data sets travel: a path of another machine that is not here is taken as the place of the file.
        if (!Directory.Exists(root)) root = here;
        var entries = Find(split) switch
        {
            YamlScalarNode { Value: { Length: > 0 } one } => [one],
            YamlSequenceNode many => many.Children.Select(c => (c as YamlScalarNode)?.Value ?? "").Where(v => v.Length > 0).ToArray(),
            _ => throw Fault(_file, $"has no {split}; it has {string.Join(", ", _root.Children.Keys.Select(k => k.ToString()))}."),
        };
        var images = new List<(DatasetImage, string)>();
        foreach (var entry in entries)
        {
            var path = Path.GetFullPath(Path.Combine(root, entry));
            if (Directory.Exists(path)) labelFolders.Add(Path.GetDirectoryName(LabelsOf(Path.Combine(path, "any.png")))!);
            string[] files = Directory.Exists(path)
                ? [.. FolderWalk.Files(path).Where(ImageHeader.IsSized)]
                : File.Exists(path) ? [.. TextFile.Read(path).Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0)
                    .Select(l => Path.GetFullPath(Path.Combine(root, l)))]
                : throw Fault(_file, $"names {entry} as {split}, and {path} does not exist.");
            foreach (var file in files)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!File.Exists(file)) throw Fault(path, $"lists {file}, which does not exist.");
                var name = Path.GetRelativePath(Directory.Exists(path) ? path : root, file).Replace('\\', '/');
                images.Add((YoloFormat.ReadImage(file, name, images.Count + 1), file));
            }
        }
        return images;
    }

    /// <summary>Objects of pictures that are not there are left out; that is said. Where pictures are listed in a file, others are meant to
    /// lie beside them.</summary>
    private static void NoteLabelsWithoutPicture(List<string> folders, IEnumerable<string> read, ReadOptions options)
    {
        var known = read.ToHashSet(StringComparer.Ordinal);
        foreach (var folder in folders.Where(Directory.Exists))
        {
            foreach (var file in FilePeek.Files(folder, ".txt"))
            {
                if (YoloReader.IsOther(file) || known.Contains(Path.GetFullPath(file))) continue;
                new FaultDesk(file, options).Note(DataProblemKind.UnknownImage, "", "",
                    "belongs to no picture; its objects were left out.");
            }
        }
    }

    /// <summary>The last folder "images" of a path becomes "labels"; without one the labels lie beside the pictures.</summary>
    private static string LabelsOf(string image)
    {
        var parts = image.Split(Path.DirectorySeparatorChar);
        var at = Array.LastIndexOf(parts, "images", parts.Length - 2);
        if (at >= 0) parts[at] = "labels";
        return Path.ChangeExtension(string.Join(Path.DirectorySeparatorChar, parts), ".txt");
    }

    private static string CommonFolder(IEnumerable<string> files)
    {
        string[]? common = null;
        foreach (var file in files)
        {
            var parts = Path.GetDirectoryName(file)!.Split(Path.DirectorySeparatorChar);
            common = common is null ? parts : [.. common.Zip(parts).TakeWhile(p => p.First == p.Second).Select(p => p.First)];
        }
        return common is null ? "." : string.Join(Path.DirectorySeparatorChar, common) + Path.DirectorySeparatorChar;
    }

    private string[] Numbered(YamlMappingNode map)
    {
        var names = new string[map.Children.Count];
        foreach (var (key, value) in map.Children)
        {
            if (!int.TryParse((key as YamlScalarNode)?.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var n)
                || n >= names.Length || names[n] is not null || value is not YamlScalarNode { Value: { } name })
            {
                throw Fault(_file, $"has names that are not numbered 0 to {names.Length - 1}: {key} is none of them.");
            }
            names[n] = name;
        }
        return names;
    }

    private YamlNode? Find(string key) => _root.Children.TryGetValue(new YamlScalarNode(key), out var node) ? node : null;

    private static DetectionFormatException Fault(string file, string message)
        => new(new DataProblem(DataProblemKind.Malformed, file, "", "", message));
}
