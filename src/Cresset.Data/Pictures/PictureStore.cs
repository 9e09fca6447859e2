using Cresset.Numerics;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// The pictures of a data set, decoded when asked for and kept as bytes up to a limit. What is kept is never replaced: with a random order
/// every other policy finds the same share of its pictures in memory, and this one needs no bookkeeping.
/// </summary>
internal sealed class PictureStore(PictureRules rules, ListedExamples items, MaskRules? masks, long cacheBytes)
{
    private readonly byte[]?[] _kept = new byte[items.Count][];
    private long _keptBytes;

    public PictureRules Rules => rules;

    public ListedExamples Items => items;

    public bool HasMasks => masks is not null;

    /// <summary>Bytes of decoded pictures in memory.</summary>
    public long KeptBytes => Interlocked.Read(ref _keptBytes);

    /// <summary>A picture of height and width <paramref name="canvas"/> times the rules', with its mask; the caller's own copy.</summary>
    public AugmentedPicture Read(int index, double canvas)
    {
        int height = (int)Math.Ceiling(rules.Height * canvas), width = (int)Math.Ceiling(rules.Width * canvas);
        int colours = rules.Channels * height * width, all = colours + (masks is null ? 0 : height * width);
        var kept = Volatile.Read(ref _kept[index]);
        // Kept at the size of the training canvas only: evaluation reads its own pictures, which training does not.
        if (kept is null || Unpacked(kept, colours, all) is not { } bytes)
        {
            var fresh = Decode(index, height, width);
            var isKept = Interlocked.Add(ref _keptBytes, fresh.Length) <= cacheBytes
                && Interlocked.CompareExchange(ref _kept[index], fresh, null) is null;
            if (!isKept) Interlocked.Add(ref _keptBytes, -fresh.Length);
            return Unpack(fresh, height, width, colours);
        }
        return Unpack(bytes, height, width, colours);
    }

    // One byte per sample, or two where the file has 16 bits; one byte per mask pixel, 255 for none.
    private static byte[]? Unpacked(byte[] kept, int colours, int all) => kept.Length == all || kept.Length == all + colours ? kept : null;

    private byte[] Decode(int index, int height, int width)
    {
        var item = items[index];
        var path = item.File.Path;
        var decoded = PictureDecoder.Decode(path, rules.Channels, PictureColour.Parse(rules.Background));
        var planes = rules.Fitted(path, decoded.Planes, height, width);
        var samples = planes.Values.Length;
        var maskBytes = masks is null ? [] : MaskOf(item, decoded.Planes, height, width, masks);
        var bytes = new byte[(decoded.IsWide ? 2 * samples : samples) + maskBytes.Length];
        for (var i = 0; i < samples; i++)
        {
            var value = Math.Clamp(planes.Values[i], 0, 1);
            if (decoded.IsWide) BitConverter.TryWriteBytes(bytes.AsSpan(2 * i), (ushort)MathF.Round(value * 65535));
            else bytes[i] = (byte)MathF.Round(value * 255);
        }
        maskBytes.CopyTo(bytes, bytes.Length - maskBytes.Length);
        return bytes;
    }

    private byte[] MaskOf(PictureItem item, PicturePlanes picture, int height, int width, MaskRules masks)
    {
        var mask = masks.Read(item.Mask!, picture.Height, picture.Width);
        var placed = rules.Fit.ApplyToMask(mask, height, width, -1);
        return Array.ConvertAll(placed.Values, v => v < 0 ? byte.MaxValue : (byte)v);
    }

    private AugmentedPicture Unpack(byte[] bytes, int height, int width, int colours)
    {
        var picture = new PicturePlanes(rules.Channels, height, width);
        var maskLength = masks is null ? 0 : height * width;
        var isWide = bytes.Length - maskLength == 2 * colours;
        for (var i = 0; i < colours; i++) picture.Values[i] = isWide ? BitConverter.ToUInt16(bytes, 2 * i) / 65535f : bytes[i] / 255f;
        if (masks is null) return new AugmentedPicture(picture);
        var mask = new PicturePlanes(1, height, width);
        for (var i = 0; i < maskLength; i++) mask.Values[i] = bytes[^(maskLength - i)] is var value && value == byte.MaxValue ? -1 : value;
        return new AugmentedPicture(picture, mask);
    }
}

/// <summary>The examples of a folder, a few bytes each.</summary>
/// <param name="listing">Where the pictures were listed.</param>
/// <param name="places">The place of each there.</param>
/// <param name="labels">Index of its class or caption; 0 without either.</param>
/// <param name="masks">The file of its mask; null where there are none.</param>
internal sealed class ListedExamples(PictureListing listing, int[] places, int[] labels, string[]? masks)
{
    public int Count => places.Length;

    public PictureItem this[int index] => new(new PictureFile(listing, places[index]), labels[index], masks?[index]);
}

/// <summary>An example of a folder.</summary>
/// <param name="File">The picture.</param>
/// <param name="Label">Index of its class or caption; 0 without either.</param>
/// <param name="Mask">The file of its mask.</param>
internal readonly record struct PictureItem(PictureFile File, int Label, string? Mask = null);

/// <summary>
/// Some pictures of a store: inputs float32 [N, C, H, W] in 0..1; targets int64 [N], or [N, H, W] with masks (-1 counts nowhere).
/// </summary>
internal sealed class PictureExamples(PictureStore store, int[] indices, IReadOnlyList<PictureAugmentation> augmentations) : IDataset
{
    private readonly double _canvas = augmentations.Aggregate(1.0, (largest, a) => Math.Max(largest, a.Canvas));

    public int Count => indices.Length;

    public IReadOnlyList<int> Indices => indices;

    public PictureStore Store => store;

    public IPreparedBatch Prepare(BatchRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var rules = store.Rules;
        int plane = rules.Height * rules.Width, one = rules.Channels * plane, count = request.Indices.Count;
        var pixels = new float[count * one];
        var labels = new long[store.HasMasks ? count * plane : count];
        for (var i = 0; i < count; i++)
        {
            var index = indices[request.Indices[i]];
            var example = store.Read(index, _canvas);
            if (augmentations.Count > 0)
            {
                // Each picture has its own stream: it is changed alike whatever batch or thread it falls to.
                var random = new RandomStream(Mix(request.Seed, (ulong)request.Epoch, (ulong)index));
                foreach (var augmentation in augmentations) augmentation.Apply(example, rules.Height, rules.Width, random);
                // After the crops, if there are any, the picture has its size.
                if (example.Picture.Height != rules.Height || example.Picture.Width != rules.Width)
                {
                    throw new InvalidOperationException($"The augmentations "
                        + $"{string.Join(", ", augmentations.Select(a => a.GetType().Name))} leave "
                        + $"{example.Picture.Width}x{example.Picture.Height} pixels where {rules.Width}x{rules.Height} are asked for.");
                }
            }
            example.Picture.Values.CopyTo(pixels, i * one);
            if (!store.HasMasks) labels[i] = store.Items[index].Label;
            else for (var p = 0; p < plane; p++) labels[(i * plane) + p] = (long)example.Mask!.Values[p];
        }
        return new Prepared(pixels, labels, [count, rules.Channels, rules.Height, rules.Width],
            store.HasMasks ? [count, rules.Height, rules.Width] : [count]);
    }

    // The finalizer of SplitMix64 after each part: neighbouring pictures and epochs get unlike seeds.
    private static ulong Mix(ulong seed, ulong epoch, ulong index)
    {
        var state = seed;
        foreach (var part in (ReadOnlySpan<ulong>)[epoch, index])
        {
            state = unchecked((state + part + 1) * 0x9e3779b97f4a7c15);
            state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9;
            state = (state ^ (state >> 27)) * 0x94d049bb133111eb;
            state ^= state >> 31;
        }
        return state;
    }

    private sealed class Prepared(float[] pixels, long[] labels, long[] shape, long[] labelShape) : IPreparedBatch
    {
        public Batch ToBatch() => new(tensor(pixels, shape), tensor(labels, labelShape));
    }
}
