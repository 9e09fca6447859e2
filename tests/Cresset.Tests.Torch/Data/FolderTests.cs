using Cresset.Data;
using Cresset.Numerics;
using SkiaSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

public sealed class FolderTests : IDisposable
{
    private static readonly DataUse Classes = new(TargetKind.Class, NeedsPictures: true);
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-folder-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TwentyKindsOfMessyFilesAreNamedOrRead()
    {
        MakeClasses(6);
        Write("cat/._0.png", [0, 5, 22, 7]);
        Write("cat/.DS_Store", [1]);
        Write(".ipynb_checkpoints/cat-checkpoint.png", [1]);
        Write("dog/.ipynb_checkpoints/0-checkpoint.png", [1]);
        Write("dog/Thumbs.db", [1]);
        Write("desktop.ini", [1]);
        Write("__MACOSX/cat/0.png", [1]);
        Write("cat/notes.txt", [1]);
        Write("labels.csv", [1]);
        Write("dog/annotations.json", [1]);
        Write("dog/movie.mp4", [1]);
        Directory.CreateDirectory(Path.Combine(_folder, "empty"));
        Directory.CreateDirectory(Path.Combine(_folder, "dog", "deeper", "still"));
        Picture("dog/deeper/still/x.PNG", 10, 10, 99);
        Picture("loose.png", 10, 10, 3);
        Picture("cat/with space ü [1].png", 10, 10, 3);
        Copy("turned6.jpg", "cat/photo.JPEG");
        Copy("cmyk.jpg", "cat/print.jpg");
        Copy("grey16.png", "dog/scan.png");
        Copy("alpha.png", "dog/logo.png");
        Copy("plain.gif", "dog/old.gif");
        Copy("plain.tif", "dog/scan.tif");
        Copy("moving.webp", "cat/moving.webp");
        Copy("plain.bmp", "cat/wrong-ending.png");
        using var split = new FolderData { Path = _folder, Size = 8 }.Open(Classes);
        Assert.Equal(["cat", "dog"], split.Facts.Classes);
        Assert.Equal(22, split.Train.Count + split.Validation!.Count + split.Test!.Count);
        var notes = string.Join("\n", split.Notes);
        foreach (var named in new[] { "._0.png", ".ipynb_checkpoints", "7 hidden files", "notes.txt", "labels.csv", "movie.mp4", "1 "
            + "picture that lies in no class folder (loose.png)", "(empty)" })
            Assert.Contains(named, notes, StringComparison.Ordinal);
        using var scope = NewDisposeScope();
        var batch = split.Train.Take(100);
        Assert.Equal([split.Train.Count, 3L, 8, 8], batch.Inputs.shape);
        Assert.InRange(batch.Inputs.min().item<float>(), 0, 1);
        Assert.InRange(batch.Inputs.max().item<float>(), 0, 1);
    }

    [Fact]
    public void APipeThatIsCalledAPictureIsLeftOutAndNotWaitedFor()
    {
        if (OperatingSystem.IsWindows()) return;
        MakeClasses(6);
        using (var made = System.Diagnostics.Process.Start("mkfifo", [Path.Combine(_folder, "cat", "pipe.png")])) made.WaitForExit();
        using var split = new FolderData { Path = _folder, Size = 8 }.Open(Classes);
        Assert.Equal(12, split.Train.Count + split.Validation!.Count + split.Test!.Count);
        Assert.Contains(split.Notes, n => n.Contains("cat/pipe.png, a named pipe", StringComparison.Ordinal));
    }

    [Fact]
    public void PicturesComeInTheOrderOfTheirWholeNames()
    {
        string[] names = ["a/1.png", "a-b/1.png", "a.png", "a/B.png", "a/b.PNG", "a/b/1.png", "ab.png", "Z.png", "a.d/x.jpeg", "ä.png"];
        foreach (var name in names) Write(name, [1]);
        var listing = PictureListing.Of(_folder);
        Assert.Equal(names.Order(StringComparer.Ordinal), listing.Files.Select(f => f.Name));
        Assert.Equal(listing.Files.Select(f => Path.Combine(_folder, f.Name)), listing.Files.Select(f => f.Path));
        Assert.Equal(listing.Files.Select(f => f.Name.Split('/') is [var top, _, ..] ? top : ""), listing.Files.Select(f => f.TopFolder));
    }

    [Fact]
    public void ALargeFolderIsListedInFewBytesAPicture()
    {
        const int Count = 4000;
        for (var i = 0; i < Count; i++) Write($"class{i % 3}/picture-{i:000000}.png", [1]);
        PictureListing.Of(_folder);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var listing = PictureListing.Of(_folder);
        // All that listing takes, what it gives back included: two bytes per character, twelve a place, and the order of one folder.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / (double)Count, 20, 240);
        Assert.Equal(Count, listing.Files.Count);
    }

    [Fact]
    public void WrongFoldersAreRefusedWithOneClearLine()
    {
        Assert.Contains("holds no pictures (.png", Refused(_folder), StringComparison.Ordinal);
        Assert.Contains("There is no folder",
            Assert.Throws<DirectoryNotFoundException>(() => new FolderData { Path = Path.Combine(_folder, "none") }.Open(Classes)).Message,
            StringComparison.Ordinal);
        Picture("a.png", 9, 9, 1);
        Assert.Contains("but no sub-folders", Refused(_folder), StringComparison.Ordinal);
        MakeClasses(5);
        Picture("bird/only.png", 9, 9, 1);
        Assert.Contains("class 'bird' has one picture (bird/only.png); at least 2 are needed", Refused(_folder), StringComparison.Ordinal);
        Assert.Contains("has the one class 'cat'",
            Assert.Throws<DataMismatchException>(
                () => new FolderData
                {
                    Path = Path.Combine(_folder, "..", Path.GetFileName(_folder)),
                    Table = Table("file,label\ncat/0.png,cat\ncat/1.png,cat\n"),
                    LabelColumn = "label"
                }.Open(Classes)).Message,
                    StringComparison.Ordinal);
        Directory.Delete(Path.Combine(_folder, "bird"), true);
        var bytes = File.ReadAllBytes(Path.Combine(_folder, "cat", "0.png"));
        Write("cat/cut.png", bytes[..(bytes.Length / 2)]);
        Assert.Contains($"cut.png: the file ends at offset {bytes.Length / 2}", Refused(_folder), StringComparison.Ordinal);
    }

    [Fact]
    public void FoldersCalledTrainAndTestAreNoClasses()
    {
        foreach (var part in new[] { "train", "val", "test" })
        {
            for (var i = 0; i < 4; i++)
            {
                Picture($"{part}/cat/{i}.png", 9, 9, i);
                Picture($"{part}/dog/{i}.png", 9, 9, i);
            }
        }
        Assert.Contains("which are parts rather than classes. Say split: folder", Refused(_folder), StringComparison.Ordinal);
        using var split = new FolderData { Path = _folder, Size = 8, Split = new FolderSplit() }.Open(Classes);
        Assert.Equal(["cat", "dog"], split.Facts.Classes);
        Assert.Equal((8, 8, 8), (split.Train.Count, split.Validation!.Count, split.Test!.Count));
    }

    [Fact]
    public void LabelsAndCaptionsComeFromATable()
    {
        MakeClasses(5);
        var table = Table("file,label,caption\ncat/0.png,tabby,a tabby\ncat/1.png,tabby,a tabby\ncat/2.png,grey,\"a grey, "
            + "sleeping\"\ndog/0.png,grey,a dog\n");
        var source = new FolderData
        {
            Path = _folder,
            Size = 8,
            Table = table,
            LabelColumn = "label",
            CaptionColumn = "caption",
            Split = new ShareSplit { Validation = 0, Test = 0 }
        };
        using var classes = source.Open(Classes);
        Assert.Equal(["grey", "tabby"], classes.Facts.Classes);
        Assert.Equal(4, classes.Train.Count);
        Assert.Contains(classes.Notes, n => n.Contains("6 pictures that the table does not name", StringComparison.Ordinal));
        using var captions = source.Open(new DataUse(TargetKind.Caption, NeedsPictures: true));
        Assert.Equal(["a tabby", "a grey, sleeping", "a dog"], captions.Facts.Captions!);
        Assert.Contains("has no column 'lable'",
            Assert.Throws<ArgumentException>(() => (source with { FileColumn = "lable" }).Open(Classes)).Message, StringComparison.Ordinal);
        Assert.Contains("names 'cat/99.png', which is not among",
            Assert.Throws<DataMismatchException>(() => (source with { Table = Table("file,label\ncat/99.png,x\n") }).Open(Classes)).Message,
            StringComparison.Ordinal);
        var plain = new FolderData { Path = _folder, Size = 8 };
        using var folders = plain.Open(new DataUse(TargetKind.Caption, NeedsPictures: true));
        Assert.Equal(["cat", "dog"], folders.Facts.Captions!);
        Assert.Contains(folders.Notes, n => n.Contains("the names of the sub-folders are taken", StringComparison.Ordinal));
        File.WriteAllText(Path.Combine(_folder, "cat", "0.txt"), "a tabby\n");
        Assert.Contains("no caption for 9 pictures",
            Assert.Throws<DataMismatchException>(() => plain.Open(new DataUse(TargetKind.Caption))).Message, StringComparison.Ordinal);
        using var rest = (plain with { Caption = "an animal" }).Open(new DataUse(TargetKind.Caption));
        Assert.Equal(["a tabby", "an animal"], rest.Facts.Captions!);
    }

    [Fact]
    public void MasksGoThroughTheSameGeometryAsTheirPictures()
    {
        for (var i = 0; i < 6; i++)
        {
            Picture($"pictures/{i}.png", 12, 8, i, half: true);
            Picture($"masks/{i}.png", 12, 8, i, half: true);
        }
        var source = new FolderData
        {
            Path = Path.Combine(_folder, "pictures"),
            Masks = Path.Combine(_folder, "masks"),
            Size = 8,
            Channels = 1,
            Augment = [new RandomCropAugmentation { Enlarge = 1.5 }, new MirrorAugmentation()],
            Split = new ShareSplit { Validation = 0, Test = 0 },
        };
        using var split = source.Open(new DataUse(TargetKind.Mask, NeedsPictures: true));
        Assert.Equal(["0", "255"], split.Facts.Classes);
        using var scope = NewDisposeScope();
        var batch = split.Train.Prepare(new BatchRequest([0, 1, 2, 3, 4, 5], 3, 1)).ToBatch();
        Assert.Equal([6L, 8, 8], batch.Targets!.shape);
        // The picture is white where the mask is 255: away from the blurred border both say the same.
        var (pixels, mask) = (batch.Inputs.squeeze(1), batch.Targets);
        Assert.True((pixels.gt(0.9).logical_and(mask.eq(0)).sum() + pixels.lt(0.1).logical_and(mask.eq(1)).sum()).item<long>() == 0);
        Assert.True(mask.eq(1).any().item<bool>() && mask.eq(0).any().item<bool>());
        Assert.Contains("name their folder: data.masks",
            Assert.Throws<DataMismatchException>(() => (source with { Masks = "" }).Open(new DataUse(TargetKind.Mask))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AugmentedBatchesAreTheSameAtAnyNumberOfThreadsCacheAndPlaceOfResuming()
    {
        MakeClasses(8);
        FolderData Source(int cache) => new()
        {
            Path = _folder,
            Size = 8,
            CacheMegabytes = cache,
            Augment = [new RandomCropAugmentation(), new MirrorAugmentation(), new AffineAugmentation(), new ColourAugmentation(),
                new EraseAugmentation()],
        };
        float[][] Sequence(int workers, int cache, int skip)
        {
            using var split = Source(cache).Open(Classes);
            var options = new LoaderOptions { BatchSize = 3, Seed = 5, Workers = workers };
            using var first = new Loader(split.Train, options);
            for (var i = 0; i < skip; i++) first.Next().Dispose();
            using var loader = new Loader(split.Train, options, first.Position);
            return [.. Enumerable.Range(0, 12 - skip).Select(_ =>
            {
                using var batch = loader.Next();
                return batch.Inputs.data<float>().ToArray();
            })];
        }
        var expected = Sequence(0, 0, 0);
        Assert.NotEqual(expected[0], expected[1]);
        foreach (var (workers, cache, skip) in new[] { (1, 64, 0), (4, 0, 0), (4, 64, 0), (3, 64, 7) })
            Assert.Equal(expected[skip..], Sequence(workers, cache, skip));
    }

    [Fact]
    public void TheCacheKeepsItsLimit()
    {
        MakeClasses(40);
        using var split = new FolderData { Path = _folder, Size = 128, CacheMegabytes = 1 }.Open(Classes);
        var store = ((PictureExamples)split.Train).Store;
        for (var pass = 0; pass < 2; pass++)
        {
            for (var i = 0; i < split.Train.Count; i++) split.Train.Prepare(new BatchRequest([i], 0, pass));
            Assert.InRange(store.KeptBytes, 1, 1 << 20);
        }
    }

    [Fact]
    public void FingerprintsTellMovedRenamedAndChangedFiles()
    {
        MakeClasses(5);
        DataFingerprint Print()
        {
            using var split = new FolderData { Path = _folder, Size = 8 }.Open(Classes);
            return split.Fingerprint;
        }
        var before = Print();
        Assert.Equal(before, Print());
        Assert.Equal(before, DataFingerprint.Parse(before.ToString()));
        File.Move(Path.Combine(_folder, "cat", "0.png"), Path.Combine(_folder, "dog", "moved.png"));
        var moved = Print();
        Assert.Contains("as many files", moved.DifferenceFrom(before)!, StringComparison.Ordinal);
        Picture("cat/new.png", 9, 9, 8);
        Assert.Contains("10 files or examples when the run began, 11 now", Print().DifferenceFrom(moved)!, StringComparison.Ordinal);
    }

    [Fact]
    public void FactsSurviveJson()
    {
        MakeClasses(5);
        using var split = new FolderData { Path = _folder, Size = 8, Fit = new PadFit { Colour = "#102030" } }.Open(Classes);
        var back = DataFacts.Parse(split.Facts.ToJson(), "x");
        Assert.Equal(split.Facts.ToJson(), back.ToJson());
        var rules = back.Picture!.Rules(new PartCatalog(typeof(DataSource).Assembly));
        Assert.Equal(new PadFit { Colour = "#102030" }, rules.Fit);
        Assert.Throws<InvalidDataException>(() => DataFacts.Parse("{", "x"));
    }

    private static string Refused(string folder) =>
        Assert.ThrowsAny<SystemException>(() => new FolderData { Path = folder, Size = 8 }.Open(Classes)).Message;

    private void MakeClasses(int each)
    {
        for (var i = 0; i < each; i++)
        {
            Picture($"cat/{i}.png", 20, 12, i);
            Picture($"dog/{i}.png", 12, 20, i + 100);
        }
    }

    private string Table(string text)
    {
        var path = Path.Combine(_folder, "table.csv");
        File.WriteAllText(path, text);
        return path;
    }

    private void Copy(string reference, string name) => File.Copy(Repository.Reference($"data/{reference}"), Path.Combine(_folder, name));

    private void Write(string name, byte[] bytes)
    {
        var path = Path.Combine(_folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }

    private void Picture(string name, int width, int height, int seed, bool half = false)
    {
        using var bitmap = new SKBitmap(width, height);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var value = half ? (byte)(x >= width / 2 ? 255 : 0) : (byte)((seed * 37) + (x * 11) + (y * 5));
                bitmap.SetPixel(x, y, half ? new SKColor(value, value, value) : new SKColor(value, (byte)(255 - value), (byte)(seed * 3)));
            }
        }
        using var memory = new MemoryStream();
        bitmap.Encode(memory, SKEncodedImageFormat.Png, 100);
        Write(name, memory.ToArray());
    }
}
