using Cresset.Numerics;
using SkiaSharp;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>
/// PNG and JPEG files below a folder, decoded when asked for; the name of the first sub-folder is the class.
/// Inputs float32 [N, C, Size, Size] in 0..1, targets int64 [N].
/// </summary>
public sealed class ImageFolder : IDataset
{
    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg"];
    private readonly (string Path, int Label)[] _files;
    private readonly ImageFolderOptions _options;

    /// <summary>Lists the folder (sorted by name, so that the order is the same everywhere).</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">It holds no pictures.</exception>
    public ImageFolder(string folder, ImageFolderOptions? options = null)
    {
        _options = (options ?? new ImageFolderOptions()).ThrowIfInvalid();
        if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"No folder '{folder}'.");
        Classes = [.. Directory.GetDirectories(folder).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];
        _files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(file => Extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))
            .Order(StringComparer.Ordinal)
            .Select(file => (file, Label(folder, file)))];
        if (_files.Length == 0) throw new InvalidDataException($"{folder} holds no {string.Join(", ", Extensions)} files.");
    }

    /// <summary>Names of the classes, in the order of their labels; empty when the pictures lie directly in the folder.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>The files, in the order of their indices.</summary>
    public IReadOnlyList<string> Files => [.. _files.Select(f => f.Path)];

    /// <inheritdoc/>
    public int Count => _files.Length;

    /// <inheritdoc/>
    public IPreparedBatch Prepare(BatchRequest request)
    {
        int size = _options.Size, channels = _options.Channels, one = channels * size * size;
        var pixels = new float[request.Indices.Count * one];
        var labels = new long[request.Indices.Count];
        for (var i = 0; i < labels.Length; i++)
        {
            var (path, label) = _files[request.Indices[i]];
            // Own stream for every example: the same picture is cropped alike whatever batch or worker it falls to.
            var random = new Random(unchecked((int)((request.Seed * 0x9e3779b97f4a7c15) ^ ((ulong)request.Epoch * 0xbf58476d1ce4e5b9) ^ (ulong)request.Indices[i])));
            Decode(path, random, pixels.AsSpan(i * one, one));
            labels[i] = label;
        }
        return new Decoded(pixels, labels, channels, size);
    }

    private int Label(string folder, string file)
    {
        var parts = Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar);
        return parts.Length == 1 ? 0 : ((List<string>)[.. Classes]).IndexOf(parts[0]);
    }

    private void Decode(string path, Random random, Span<float> target)
    {
        using var picture = SKBitmap.Decode(path) ?? throw new InvalidDataException($"{path} is no readable PNG or JPEG.");
        var size = _options.Size;
        var scale = (float)size / Math.Min(picture.Width, picture.Height);
        int width = Math.Max(size, (int)MathF.Round(picture.Width * scale)), height = Math.Max(size, (int)MathF.Round(picture.Height * scale));
        using var scaled = new SKBitmap(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        if (!picture.ScalePixels(scaled, new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear))) throw new InvalidDataException($"{path}: {picture.Width}x{picture.Height} could not be scaled.");
        int left = (width - size) / 2, top = (height - size) / 2;
        var mirror = false;
        if (_options.Augment) (left, top, mirror) = (random.Next(width - size + 1), random.Next(height - size + 1), random.Next(2) == 1);
        var bytes = scaled.GetPixelSpan();
        var plane = size * size;
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                var at = 4 * (((top + y) * width) + left + (mirror ? size - 1 - x : x));
                float r = bytes[at] / 255f, g = bytes[at + 1] / 255f, b = bytes[at + 2] / 255f;
                var to = (y * size) + x;
                if (_options.Channels == 1)
                {
                    // ITU-R BT.601 luma, as in every grey conversion of PIL and OpenCV.
                    target[to] = (0.299f * r) + (0.587f * g) + (0.114f * b);
                    continue;
                }
                target[to] = r;
                target[plane + to] = g;
                target[(2 * plane) + to] = b;
            }
        }
    }

    private sealed class Decoded(float[] pixels, long[] labels, int channels, int size) : IPreparedBatch
    {
        public Batch ToBatch() => new(tensor(pixels, labels.Length, channels, size, size), tensor(labels));
    }
}
