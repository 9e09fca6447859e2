namespace Cresset.Data;

/// <summary>What the values of mask files mean: a palette's index, a grey value or a colour each stand for a class.</summary>
internal sealed class MaskRules
{
    private const int MostClasses = 255;
    private const int Void = 255;
    private readonly Dictionary<int, int> _classOf;

    private MaskRules(IReadOnlyList<int> values, int? noClass)
    {
        Values = values;
        _classOf = values.Select((value, i) => (value, i)).ToDictionary(p => p.value, p => p.i);
        if (noClass is { } v) _classOf[v] = -1;
    }

    /// <summary>The value of each class; a colour as 0x1rrggbb.</summary>
    public IReadOnlyList<int> Values { get; }

    /// <summary>Rules for stated values, or for those that the masks are found to hold.</summary>
    public static MaskRules For(IReadOnlyList<int> stated, IEnumerable<string> files, string folder, List<string> notes)
    {
        if (stated.Count > 0) return new MaskRules(stated, stated.Contains(Void) ? null : Void);
        var found = new SortedSet<int>();
        foreach (var file in files)
        {
            foreach (var value in Load(file).Pixels) found.Add(value);
            if (found.Count > MostClasses + 1)
            {
                throw new InvalidDataException($"{file}: the masks of {folder} hold more than {MostClasses} different values, so they "
                    + $"are not masks; a mask has one value per class and is not compressed as JPEG.");
            }
        }
        // 255 beside classes counted from 0 is the border that PASCAL VOC leaves unmarked; alone with 0 it is the one class there is.
        var counted = found.Where(v => v != Void).ToList();
        var hasVoid = found.Contains(Void) && counted.Count >= 2 && counted.SequenceEqual(Enumerable.Range(0, counted.Count));
        int[] values = hasVoid ? [.. counted] : [.. found];
        if (values.Length < 2)
        {
            throw new InvalidDataException($"{folder}: all masks hold the one value {string.Join(", ", values.Select(Name))}; there "
                + $"is nothing to tell apart.");
        }
        if (hasVoid) notes.Add($"{folder}: mask value 255 counts nowhere.");
        if (!values.SequenceEqual(Enumerable.Range(0, values.Length))) notes.Add($"{folder}: mask values "
            + $"{string.Join(", ", values.Select(Name))} are classes 0 to {values.Length - 1}.");
        return new MaskRules(values, hasVoid ? Void : null);
    }

    /// <summary>A mask as class indices [1, H, W].</summary>
    /// <exception cref="InvalidDataException">It has another size than its picture, or a value of no class.</exception>
    public PicturePlanes Read(string path, int height, int width)
    {
        var (pixels, h, w) = Load(path);
        if (h != height || w != width)
        {
            throw new InvalidDataException($"{path}: a mask of {w}x{h} pixels for a picture of {width}x{height}.");
        }
        var planes = new PicturePlanes(1, h, w);
        for (var i = 0; i < pixels.Length; i++)
        {
            planes.Values[i] = _classOf.TryGetValue(pixels[i], out var index)
                ? index
                : throw new InvalidDataException($"{path}: value {Name(pixels[i])} at row {i / w}, column {i % w} is none of the "
                    + $"classes' {string.Join(", ", Values.Select(Name))}.");
        }
        return planes;
    }

    public static string Name(int value)
        => value < 0x1000000 ? value.ToString(System.Globalization.CultureInfo.InvariantCulture) : $"#{value & 0xffffff:x6}";

    private static (int[] Pixels, int Height, int Width) Load(string path)
    {
        var content = PictureDecoder.ReadAll(path);
        if (JpegFile.Is(content))
        {
            throw new InvalidDataException($"{path}: a mask compressed as JPEG, which changes its values. Save masks as PNG.");
        }
        if (PngFile.Is(content))
        {
            var png = PngFile.Open(path, content);
            if (png.ColourType is 0 or 3 or 4)
            {
                var samples = png.Decode();
                var stored = new PicturePlanes(1, png.Height, png.Width);
                for (var i = 0; i < stored.Values.Length; i++) stored.Values[i] = samples[i * png.Samples];
                var upright = PictureOrientation.Apply(stored, png.Orientation);
                return (Array.ConvertAll(upright.Values, v => (int)v), upright.Height, upright.Width);
            }
        }
        var planes = PictureDecoder.Decode(path, content, 3, default).Planes;
        var plane = planes.Height * planes.Width;
        var pixels = new int[plane];
        for (var i = 0; i < plane; i++)
        {
            int Byte(int channel) => (int)MathF.Round(planes.Values[(channel * plane) + i] * 255);
            var (r, g, b) = (Byte(0), Byte(1), Byte(2));
            pixels[i] = r == g && g == b ? r : 0x1000000 | (r << 16) | (g << 8) | b;
        }
        return (pixels, planes.Height, planes.Width);
    }
}
