using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>One opening of a folder of pictures: lists, labels, checks and divides it.</summary>
internal sealed class FolderReading(FolderData options, DataUse use)
{
    private readonly List<string> _notes = [];
    private CsvTable? _table;
    private readonly Dictionary<string, int> _rowOf = [];

    public DataSplit Open()
    {
        var folder = options.Path;
        var listing = PictureListing.Of(folder,
            name => name.EndsWith(".txt", StringComparison.OrdinalIgnoreCase) && use.Target == TargetKind.Caption || IsTable(name));
        _notes.AddRange(listing.Notes);
        if (listing.Files.Count == 0)
        {
            throw new DataMismatchException($"{folder} holds no pictures ({string.Join(", ", PictureDecoder.Extensions)}).");
        }
        var files = listing.Files.ToList();
        if (options.Table.Length > 0) files = ReadTable(files);
        var classes = new List<string>();
        var captions = new List<string>();
        MaskRules? masks = null;
        var maskOf = new Dictionary<string, string>();
        int[] labels;
        switch (use.Target)
        {
            case TargetKind.Class:
                (files, labels, classes) = Classes(files, listing);
                break;
            case TargetKind.Caption:
                (labels, captions) = Captions(files);
                break;
            case TargetKind.Mask:
                (files, maskOf) = Masks(files);
                masks = MaskRules.For(options.MaskValues, files.Select(f => maskOf[f.Name]), options.Masks, _notes);
                classes = MaskNames(masks);
                labels = new int[files.Count];
                break;
            case TargetKind.Number:
                throw new DataMismatchException($"{folder}: a folder of pictures has no numbers to learn; this task takes a table "
                    + $"(data: csv).");
            default:
                (files, labels, classes) = Loose(files);
                break;
        }
        if (files.Count == 0) throw new DataMismatchException($"{folder}: no pictures are left to learn from.");
        return Divide(files, Check(files), labels, classes, captions, masks, maskOf);
    }

    private bool HasFolderSplit => options.Split is FolderSplit;

    private bool IsTable(string name)
        => options.Table.Length > 0 && Path.GetFullPath(TablePath()) == Path.GetFullPath(Path.Combine(options.Path, name));

    private DataSplit Divide(List<PictureFile> files, long[] lengths, int[] labels, List<string> classes, List<string> captions,
        MaskRules? masks, Dictionary<string, string> maskOf)
    {
        var parts = options.Split.Divide(new SplitExamples
        {
            Name = options.Path,
            Names = new SaidOfPictures<string>(files, f => f.Name),
            Labels = use.Target == TargetKind.Class ? labels : null,
            Column = _table is null ? null
                : name =>
                    [.. files.Select(
                        f => _table[name].Texts is { } texts ? texts[_rowOf[f.Name]] : throw CsvTable.NoColumn(TablePath(), name, []))],
        });
        DataSplit.CheckParts(options.Path, parts);
        if (use.Target == TargetKind.Class
            && classes.Where((_, c) => !parts.Train.Any(i => labels[i] == c)).ToList() is { Count: > 0 } unlearned)
        {
            throw new DataMismatchException($"{options.Path}: the training part holds no picture of class "
                + $"{string.Join(", ", unlearned.Select(c => $"'{c}'"))}. Use another split.");
        }
        var (channels, height, width) = options.PictureShape!.Value;
        var rules = new PictureRules(channels, height, width, options.Fit, options.Background);
        var items = new ListedExamples(files[0].Listing, [.. files.Select(f => f.Index)], labels,
            maskOf.Count == 0 ? null : [.. files.Select(f => maskOf[f.Name])]);
        var store = new PictureStore(rules, items, masks, (long)options.CacheMegabytes << 20);
        PictureExamples? Part(int[] indices, IReadOnlyList<PictureAugmentation> augmentations) =>
            indices.Length == 0 ? null : new PictureExamples(store, indices, augmentations);
        var facts = new DataFacts
        {
            Name = options.Path,
            Shape = [channels, height, width],
            Target = use.Target,
            Classes = classes,
            Captions = captions.Count == 0 ? null : captions,
            Picture = PictureFacts.Of(rules),
        };
        string LabelOf(int i) =>
            use.Target switch { TargetKind.Class => classes[labels[i]], TargetKind.Caption => captions[labels[i]], _ => "" };
        var maskFiles = maskOf.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => (m.Key, m.Value, "mask")).ToList();
        var fingerprint = DataFingerprint.OfFiles(files.Select((f, i) => (f.Name, f.Path, LabelOf(i))).Concat(maskFiles),
            [.. lengths, .. maskFiles.Select(m => new FileInfo(m.Value).Length)]);
        int[]? trainLabels = use.Target == TargetKind.Class ? [.. parts.Train.Select(i => labels[i])] : null;
        return new DataSplit(facts, Part(parts.Train, options.Augment)!, Part(parts.Validation, []), Part(parts.Test, []), fingerprint,
            _notes, trainLabels);
    }

    private string TablePath()
    {
        var inside = Path.Combine(options.Path, options.Table);
        return File.Exists(inside) ? inside : options.Table;
    }

    // The table says which pictures count; those it does not name are left out and said, those that are missing refused.
    private List<PictureFile> ReadTable(List<PictureFile> files)
    {
        var path = TablePath();
        var kinds = new Dictionary<string, ColumnKind> { [options.FileColumn] = ColumnKind.Text };
        var names = CsvTable.Read(path, new CsvOptions { Header = CsvHeader.Present }, kinds).Columns.Select(c => c.Name);
        _table = CsvTable.Read(path, new CsvOptions { Header = CsvHeader.Present }, names.ToDictionary(n => n, _ => ColumnKind.Text));
        _notes.AddRange(_table.Notes);
        var byName = files.ToDictionary(f => f.Name);
        var byFileName = files.ToLookup(f => f.Name[(f.Name.LastIndexOf('/') + 1)..]);
        var kept = new List<PictureFile>();
        for (var row = 0; row < _table.Rows; row++)
        {
            var wanted = _table[options.FileColumn].Texts![row].Replace('\\', '/').TrimStart('.', '/');
            if (!byName.TryGetValue(wanted, out var file))
            {
                var same = byFileName[wanted].Take(2).ToList();
                if (same.Count == 2)
                {
                    throw new DataMismatchException($"{path}: '{wanted}' stands in several folders of {options.Path} ({same[0].Name}, "
                        + $"{same[1].Name}); write the path inside the folder.");
                }
                file = same.Count == 1 ? same[0] : throw new DataMismatchException($"{path}: row {row + 1} names '{wanted}', which is not "
                    + $"among the {files.Count} pictures of {options.Path}.");
            }
            if (!_rowOf.TryAdd(file.Name, row))
            {
                throw new DataMismatchException($"{path}: '{file.Name}' stands there twice (rows {_rowOf[file.Name] + 1} and {row + 1}).");
            }
            kept.Add(file);
        }
        var unnamed = files.Where(f => !_rowOf.ContainsKey(f.Name)).Select(f => f.Name).ToList();
        if (unnamed.Count > 0) _notes.Add($"{options.Path}: left out "
            + $"{PictureListing.Some(unnamed, "picture that the table does not name", "pictures that the table does not name")}.");
        kept.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
        return kept;
    }

    private (List<PictureFile> Files, int[] Labels, List<string> Classes) Classes(List<PictureFile> files, PictureListing listing)
    {
        var nameOf = options.LabelColumn.Length > 0 ? LabelsOfColumn(ref files) : LabelsOfFolders(ref files, listing);
        List<string> classes = [.. files.Select(nameOf).Distinct().Order(StringComparer.Ordinal)];
        if (classes.Count < 2)
        {
            throw new DataMismatchException($"{options.Path} has the one class '{classes.FirstOrDefault()}'; there is nothing to tell "
                + $"apart. Each class needs a sub-folder of its own.");
        }
        var counts = files.CountBy(nameOf).ToDictionary();
        var single = classes.Where(c => counts[c] == 1).ToList();
        if (single.Count > 0)
        {
            throw new DataMismatchException($"{options.Path}: class {string.Join(", ", single.Take(5).Select(c => $"'{c}'"))} has one "
                + $"picture ({files.First(f => nameOf(f) == single[0]).Name}); at least 2 are needed, one to learn from and one to be "
                + $"tested on. Add pictures or take the class away.");
        }
        var placeOf = classes.Index().ToDictionary(c => c.Item, c => c.Index, StringComparer.Ordinal);
        return (files, [.. files.Select(f => placeOf[nameOf(f)])], classes);
    }

    private Func<PictureFile, string> LabelsOfColumn(ref List<PictureFile> files)
    {
        var labels = _table![options.LabelColumn].Texts!;
        var rows = _rowOf;
        var missing = files.Where(f => labels[rows[f.Name]].Length == 0).Select(f => f.Name).ToList();
        if (missing.Count > 0)
        {
            throw new DataMismatchException($"{TablePath()}: column '{options.LabelColumn}' has no class for "
                + $"{PictureListing.Some(missing, "picture", "pictures")}.");
        }
        return file => labels[rows[file.Name]];
    }

    private Func<PictureFile, string> LabelsOfFolders(ref List<PictureFile> files, PictureListing listing)
    {
        var depth = HasFolderSplit ? 1 : 0;
        string NameOf(PictureFile file) => listing.FolderNames(file.Folder) is { } names && names.Count > depth ? names[depth] : "";
        var tops = files.Select(f => f.TopFolder).Distinct().Where(t => t.Length > 0).ToList();
        if (!HasFolderSplit && tops.Count >= 2 && tops.All(t => Shares.PartOf(t) is not null))
        {
            throw new DataMismatchException($"{options.Path}: its sub-folders are called {string.Join(", ", tops)}, which are parts "
                + $"rather than classes. Say split: folder.");
        }
        var beside = files.Where(f => NameOf(f).Length == 0).Select(f => f.Name).ToList();
        if (beside.Count == files.Count)
        {
            throw new DataMismatchException($"{options.Path} holds {files.Count} pictures but no sub-folders; each class needs a "
                + $"sub-folder, or a table (data.table=FILE data.label_column=NAME).");
        }
        if (beside.Count > 0) _notes.Add($"{options.Path}: left out "
            + $"{PictureListing.Some(beside, "picture that lies in no class folder", "pictures that lie in no class folder")}.");
        var empty = listing.EmptyFolders.Where(f => f.Count(c => c == '/') == depth).ToList();
        if (empty.Count > 0)
            _notes.Add(
                $"{options.Path}: "
                    + $"{PictureListing.Some(empty, "folder without pictures is no class", "folders without pictures are no classes")}.");
        files = [.. files.Where(f => NameOf(f).Length > 0)];
        return NameOf;
    }

    // Nothing is learned beside the pictures; sub-folders still name what they show.
    private static (List<PictureFile> Files, int[] Labels, List<string> Classes) Loose(List<PictureFile> files)
    {
        List<string> tops = [.. files.Select(f => f.TopFolder).Distinct().Order(StringComparer.Ordinal)];
        var placeOf = tops.Index().ToDictionary(t => t.Item, t => t.Index, StringComparer.Ordinal);
        return tops.Contains("") || tops.Count < 2 ? (files, new int[files.Count], [])
            : (files, [.. files.Select(f => placeOf[f.TopFolder])], tops);
    }

    private (int[] Labels, List<string> Captions) Captions(List<PictureFile> files)
    {
        var captions = new List<string>();
        var indexOf = new Dictionary<string, int>();
        var missing = new List<string>();
        var depth = HasFolderSplit ? 1 : 0;
        var byFolder = options.CaptionColumn.Length == 0 && options.Caption.Length == 0
            && files.TrueForAll(f => f.Name.Count(c => c == '/') > depth && CaptionOf(f).Length == 0);
        if (byFolder) _notes.Add($"{options.Path}: no picture has a caption, so the names of the sub-folders are taken.");
        var labels = new int[files.Count];
        for (var i = 0; i < files.Count; i++)
        {
            var text = byFolder ? files[i].Name.Split('/')[depth].Replace('_', ' ') : CaptionOf(files[i]);
            if (text.Length == 0)
            {
                missing.Add(files[i].Name);
                text = options.Caption;
            }
            if (!indexOf.TryGetValue(text, out labels[i]))
            {
                indexOf.Add(text, labels[i] = captions.Count);
                captions.Add(text);
            }
        }
        if (missing.Count > 0 && options.Caption.Length == 0)
        {
            throw new DataMismatchException($"{options.Path}: no caption for {PictureListing.Some(missing, "picture", "pictures")}. "
                + $"Write a .txt file of the same name beside each, or say data.caption=TEXT for those.");
        }
        if (missing.Count > 0) _notes.Add($"{options.Path}: \"{options.Caption}\" is the caption of "
            + $"{PictureListing.Some(missing, "picture without one", "pictures without one")}.");
        return (labels, captions);
    }

    private string CaptionOf(PictureFile file)
    {
        if (options.CaptionColumn.Length > 0) return OneLine(_table![options.CaptionColumn].Texts![_rowOf[file.Name]]);
        var path = Path.ChangeExtension(file.Path, ".txt");
        return File.Exists(path) ? OneLine(Utf8Text.Read(path)) : "";
    }

    private static string OneLine(string text) => string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private (List<PictureFile> Files, Dictionary<string, string> MaskOf) Masks(List<PictureFile> files)
    {
        if (options.Masks.Length == 0)
        {
            throw new DataMismatchException($"{options.Path}: this task learns masks; name their folder: data.masks=FOLDER.");
        }
        var masks = PictureListing.Of(options.Masks);
        if (masks.Files.Count == 0)
        {
            throw new DataMismatchException($"{options.Masks} holds no masks ({string.Join(", ", PictureDecoder.Extensions)}).");
        }
        // Where the masks lie inside the folder of pictures, they are not pictures to learn from.
        var inside = masks.Files.Select(m => Path.GetFullPath(m.Path)).ToHashSet();
        files = [.. files.Where(f => !inside.Contains(Path.GetFullPath(f.Path)))];
        if (masks.Files.GroupBy(m => m.Stem).FirstOrDefault(g => g.Count() > 1) is { } twins)
        {
            throw new DataMismatchException($"{options.Masks}: {string.Join(" and ", twins.Select(m => m.Name))} are masks of one name.");
        }
        if (files.GroupBy(f => f.Stem).FirstOrDefault(g => g.Count() > 1) is { } doubles)
        {
            throw new DataMismatchException($"{options.Path}: {string.Join(" and ", doubles.Select(m => m.Name))} would have one mask; "
                + $"give each picture its own name.");
        }
        var byStem = masks.Files.ToDictionary(m => m.Stem, m => m.Path);
        var without = files.Where(f => !byStem.ContainsKey(f.Stem)).Select(f => f.Name).ToList();
        if (without.Count == files.Count)
        {
            throw new DataMismatchException($"{options.Masks} holds no mask with the name of a picture of {options.Path}; "
                + $"{files[0].Name} needs {files[0].Stem}.png.");
        }
        if (without.Count > 0) _notes.Add($"{options.Path}: left out "
            + $"{PictureListing.Some(without, "picture without a mask", "pictures without a mask")}.");
        files = [.. files.Where(f => byStem.ContainsKey(f.Stem))];
        var stems = files.Select(f => f.Stem).ToHashSet();
        var unused = masks.Files.Where(m => !stems.Contains(m.Stem)).Select(m => m.Name).ToList();
        if (unused.Count > 0) _notes.Add($"{options.Masks}: left out "
            + $"{PictureListing.Some(unused, "mask without a picture", "masks without a picture")}.");
        return (files, files.ToDictionary(f => f.Name, f => byStem[f.Stem]));
    }

    private List<string> MaskNames(MaskRules masks)
    {
        if (options.MaskNames.Count == 0) return [.. masks.Values.Select(MaskRules.Name)];
        return options.MaskNames.Count == masks.Values.Count
            ? [.. options.MaskNames]
            : throw new DataMismatchException($"{options.Masks}: the masks hold {masks.Values.Count} classes "
                + $"({string.Join(", ", masks.Values.Select(MaskRules.Name))}), data.mask_names has {options.MaskNames.Count}.");
    }

    // Ends that are missing are found before training begins, not in its middle: a look at both ends of every file, and a whole decoding of
    // those whose end is unlike that of their format. Gives their sizes.
    private static long[] Check(List<PictureFile> files)
    {
        Exception? first = null;
        var lengths = new long[files.Count];
        Parallel.For(0, files.Count, (i, state) =>
        {
            try
            {
                lengths[i] = PictureEnds.Check(files[i].Path);
            }
            catch (InvalidDataException e)
            {
                lock (files) first ??= e;
                state.Stop();
            }
        });
        if (first is not null) throw first;
        return lengths;
    }
}
