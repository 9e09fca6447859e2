using Cresset.Data;
using Cresset.Quantization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Pictures of any size and aspect to codes and back: what the strides need is added at the right and below, and taken off again.
/// </summary>
/// <param name="tokenizer">The tokenizer; stays the caller's.</param>
public sealed class PictureCodec(TokenizerRun tokenizer)
{
    // Positions of a tile along each side: 512 pixels at a stride of 4.
    private const int Tile = 128;

    /// <summary>
    /// Codes of a picture, stages innermost, and their shape: [1, h, w], or [1, n] where a tokenizer of several levels or scales lays them
    /// one after the other.
    /// </summary>
    /// <exception cref="ArgumentException">The picture has other channels than the tokenizer, or a size that its scales do not
    /// take.</exception>
    public (long[] Codes, long[] Shape) Encode(PicturePlanes picture)
    {
        ArgumentNullException.ThrowIfNull(picture);
        if (tokenizer.Rate > 0)
            throw new ArgumentException($"{tokenizer.Id} is a tokenizer of sounds; pictures need one of pictures.", nameof(picture));
        if (picture.Channels != tokenizer.Channels)
            throw new ArgumentException($"The picture has {picture.Channels} channels; the tokenizer takes {tokenizer.Channels}.",
                nameof(picture));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (height, width) = tokenizer.Padded(picture.Height, picture.Width);
        var shapes = tokenizer.Model.CodeShapes([height, width]);
        var border = tokenizer.Border;
        var planes = tensor(picture.Values, [1, picture.Channels, picture.Height, picture.Width]);
        if (border > 0) planes = nn.functional.pad(planes, [border, border, border, border]);
        long right = width - planes.size(3), below = height - planes.size(2);
        // The edge goes on: a sharp line at the end of the picture would cost the codes beside it.
        if (right > 0 || below > 0) planes = nn.functional.pad(planes, [0, right, 0, below], mode: PaddingModes.Replicate);
        if (tokenizer.Model is { Strides.Count: 1 } single)
        {
            var codes = IsLarge(shapes[0]) ? TokenizerTiles.Encode(single, planes, Tile) : single.Encode(planes)[0];
            return (codes.cpu().contiguous().data<long>().ToArray(), [1, .. shapes[0]]);
        }
        long[] all = [.. tokenizer.Model.Encode(planes).SelectMany(level => level.cpu().contiguous().data<long>().ToArray())];
        return (all, [1, all.Length / tokenizer.CodebookSizes.Count]);
    }

    /// <summary>The picture of codes.</summary>
    /// <param name="codes">As <see cref="Encode"/> gives them; -1 for a stage that was left out.</param>
    /// <param name="height">Rows of the picture.</param>
    /// <param name="width">Columns.</param>
    /// <exception cref="ArgumentException">A picture of this size has another number of codes.</exception>
    public PicturePlanes Decode(long[] codes, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(codes);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (rows, columns) = tokenizer.Padded(height, width);
        var stages = tokenizer.CodebookSizes.Count;
        var shapes =
            tokenizer.Model.CodeShapes([rows, columns]).Select(shape => stages == 1 ? (long[])[1, .. shape] : [1, .. shape, stages])
                .ToArray();
        var expected = shapes.Sum(shape => shape.Aggregate(1L, (a, b) => a * b));
        if (codes.Length != expected)
            throw new ArgumentException($"{codes.Length} codes; a picture of {width}x{height} takes {expected}.", nameof(codes));
        var levels = new List<Tensor>();
        var start = 0;
        foreach (var shape in shapes)
        {
            var count = (int)shape.Aggregate(1L, (a, b) => a * b);
            levels.Add(tensor(codes.AsSpan(start, count).ToArray(), shape));
            start += count;
        }
        var all = tokenizer.Model is { Strides.Count: 1 } single && IsLarge(shapes[0][1..])
            ? TokenizerTiles.Decode(single, levels[0], Tile) : tokenizer.Model.Decode(levels);
        var picture = all.clamp(0, 1).narrow(2, tokenizer.Border, height).narrow(3, tokenizer.Border, width).cpu().contiguous();
        var planes = new PicturePlanes((int)picture.size(1), height, width);
        picture.data<float>().ToArray().CopyTo(planes.Values, 0);
        return planes;
    }

    /// <summary>
    /// Peak signal-to-noise ratio in decibels and structural similarity (null where a side is shorter than its window of 11) of two
    /// pictures of one size, as 8-bit files hold them.
    /// </summary>
    public static (double Psnr, double? Ssim) Compare(PicturePlanes picture, PicturePlanes original)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(original);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        // Channels count as pictures: their mean is that of the picture.
        long[] shape = [original.Channels, 1, original.Height, original.Width];
        Tensor Held(PicturePlanes planes) => (tensor(planes.Values, shape) * 255).round_() / 255;
        Tensor ours = Held(picture), theirs = Held(original);
        var psnr = ImageQuality.Psnr(ours, theirs);
        if (original.Height < 11 || original.Width < 11) return (psnr, null);
        // In strips of rows that overlap by the window, so that a large picture takes no more memory than a small one.
        const int strip = 256;
        var (sum, rows) = (0.0, original.Height - 10);
        for (var start = 0; start < rows; start += strip)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(strip, rows - start);
            sum += ImageQuality.Ssim(ours.narrow(2, start, count + 10), theirs.narrow(2, start, count + 10)) * count;
        }
        return (psnr, sum / rows);
    }

    private static bool IsLarge(long[] map) => map[0] * (map.Length > 1 ? map[1] : 1) > 2L * Tile * Tile;
}
