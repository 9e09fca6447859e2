using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>A training picture with its mask, if it has one, on its way through the augmentations.</summary>
public sealed class AugmentedPicture
{
    /// <summary>Takes picture and mask over.</summary>
    public AugmentedPicture(PicturePlanes picture, PicturePlanes? mask = null) => (Picture, Mask) = (picture, mask);

    /// <summary>The picture, [C, H, W] in 0..1.</summary>
    public PicturePlanes Picture { get; set; }

    /// <summary>Class indices [1, H, W] of the picture's pixels; -1 counts nowhere.</summary>
    public PicturePlanes? Mask { get; set; }
}

/// <summary>
/// A random change of training pictures. Every draw comes from the given stream, which depends on seed, epoch and picture alone:
/// the same picture is changed alike whatever batch, thread or resumed run it falls to.
/// </summary>
[PartKind("augmentation")]
public abstract record PictureAugmentation : IOptionsRecord
{
    /// <summary>How much larger than the target the picture must be decoded; 1 for most.</summary>
    public virtual double Canvas => 1;

    /// <summary>Changes the example; geometry changes picture and mask alike.</summary>
    public abstract void Apply(AugmentedPicture example, int height, int width, RandomStream random);

    /// <inheritdoc/>
    public virtual IEnumerable<OptionProblem> Validate() => [];
}

/// <summary>Mirror images of a share of the pictures.</summary>
[Part("mirror")]
public sealed record MirrorAugmentation : PictureAugmentation
{
    /// <summary>Share of the pictures whose left and right are exchanged.</summary>
    public double Share { get; init; } = 0.5;

    /// <summary>Share of the pictures whose top and bottom are exchanged.</summary>
    public double Vertical { get; init; }

    /// <inheritdoc/>
    public override void Apply(AugmentedPicture example, int height, int width, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(example);
        ArgumentNullException.ThrowIfNull(random);
        // Both draws are made always, so that one share does not move the other's.
        bool sideways = random.NextDouble() < Share, upsideDown = random.NextDouble() < Vertical;
        foreach (var planes in new[] { example.Picture, example.Mask })
        {
            if (planes is null) continue;
            var rows = planes.Channels * planes.Height;
            for (var row = 0; sideways && row < rows; row++) planes.Values.AsSpan(row * planes.Width, planes.Width).Reverse();
            if (!upsideDown) continue;
            for (var c = 0; c < planes.Channels; c++)
            {
                // Reversing a whole plane turns it; reversing each of its rows then leaves top and bottom exchanged.
                planes.Plane(c).Reverse();
                for (var y = 0; y < planes.Height; y++) planes.Plane(c).Slice(y * planes.Width, planes.Width).Reverse();
            }
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Share, 0, 1).Within(Vertical, 0, 1);
}

/// <summary>A window at a random place of a picture that was decoded somewhat larger; evaluation sees the whole picture.</summary>
[Part("random-crop")]
public sealed record RandomCropAugmentation : PictureAugmentation
{
    /// <summary>Size of the decoded picture over that of the window.</summary>
    public double Enlarge { get; init; } = 1.15;

    /// <inheritdoc/>
    public override double Canvas => Enlarge;

    /// <inheritdoc/>
    public override void Apply(AugmentedPicture example, int height, int width, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(example);
        ArgumentNullException.ThrowIfNull(random);
        var picture = example.Picture;
        int top = random.NextInt32(picture.Height - height + 1), left = random.NextInt32(picture.Width - width + 1);
        example.Picture = Window(picture, top, left, height, width);
        if (example.Mask is { } mask) example.Mask = Window(mask, top, left, height, width);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Enlarge, 1, 4);

    internal static PicturePlanes Window(PicturePlanes picture, int top, int left, int height, int width)
    {
        if (picture.Height == height && picture.Width == width) return picture;
        var window = new PicturePlanes(picture.Channels, height, width);
        for (var c = 0; c < picture.Channels; c++)
        {
            for (var y = 0; y < height; y++)
                picture.Plane(c).Slice(((top + y) * picture.Width) + left, width).CopyTo(window.Plane(c).Slice(y * width, width));
        }
        return window;
    }
}

/// <summary>Turns, shifts, stretches and slants (bilinear; black, or no class, outside).</summary>
[Part("affine")]
public sealed record AffineAugmentation : PictureAugmentation
{
    /// <summary>Largest turn in degrees.</summary>
    public double Rotation { get; init; } = 10;

    /// <summary>Largest shift as a share of the side.</summary>
    public double Shift { get; init; } = 0.05;

    /// <summary>Largest change of size and slant as a share.</summary>
    public double Stretch { get; init; } = 0.1;

    /// <inheritdoc/>
    public override void Apply(AugmentedPicture example, int height, int width, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(example);
        ArgumentNullException.ThrowIfNull(random);
        double Draw(double largest) => random.Uniform(-1, 1) * largest;
        double angle = Draw(Rotation * Math.PI / 180), scaleX = 1 + Draw(Stretch), scaleY = 1 + Draw(Stretch), slant = Draw(Stretch);
        double shiftX = Draw(Shift) * example.Picture.Width, shiftY = Draw(Shift) * example.Picture.Height;
        double cos = Math.Cos(angle), sin = Math.Sin(angle);
        var source = new Map(cos * scaleX, (slant * cos) - (sin * scaleY), sin * scaleX, (slant * sin) + (cos * scaleY), shiftX, shiftY);
        example.Picture = Warp(example.Picture, source, nearest: false, 0);
        if (example.Mask is { } mask) example.Mask = Warp(mask, source, nearest: true, -1);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Rotation, 0, 180)
        .Within(Shift, 0, 1)
        .Within(Stretch, 0, 0.9);

    private static PicturePlanes Warp(PicturePlanes picture, Map map, bool nearest, float outside)
    {
        var result = new PicturePlanes(picture.Channels, picture.Height, picture.Width);
        double centreY = (picture.Height - 1) / 2.0, centreX = (picture.Width - 1) / 2.0;
        for (var y = 0; y < picture.Height; y++)
        {
            for (var x = 0; x < picture.Width; x++)
            {
                double dx = x - centreX, dy = y - centreY;
                double fromX = (map.Xx * dx) + (map.Xy * dy) + map.ShiftX + centreX,
                    fromY = (map.Yx * dx) + (map.Yy * dy) + map.ShiftY + centreY;
                for (var c = 0; c < picture.Channels; c++)
                {
                    result.At(c, y, x) = nearest ? Pixel(picture, c, (int)Math.Round(fromY), (int)Math.Round(fromX), outside)
                        : Between(picture, c, fromY, fromX, outside);
                }
            }
        }
        return result;
    }

    private static float Between(PicturePlanes picture, int c, double y, double x, float outside)
    {
        int top = (int)Math.Floor(y), left = (int)Math.Floor(x);
        float down = (float)(y - top), right = (float)(x - left);
        var upper = (Pixel(picture, c, top, left, outside) * (1 - right)) + (Pixel(picture, c, top, left + 1, outside) * right);
        var lower = (Pixel(picture, c, top + 1, left, outside) * (1 - right)) + (Pixel(picture, c, top + 1, left + 1, outside) * right);
        return (upper * (1 - down)) + (lower * down);
    }

    private static float Pixel(PicturePlanes picture, int c, int y, int x, float outside)
        => (uint)y < (uint)picture.Height && (uint)x < (uint)picture.Width ? picture.At(c, y, x) : outside;

    private readonly record struct Map(double Xx, double Xy, double Yx, double Yy, double ShiftX, double ShiftY);
}

/// <summary>Changes brightness, contrast and saturation, as light and cameras do.</summary>
[Part("colour")]
public sealed record ColourAugmentation : PictureAugmentation
{
    /// <summary>Largest change of brightness as a share.</summary>
    public double Brightness { get; init; } = 0.2;

    /// <summary>Largest change of contrast as a share.</summary>
    public double Contrast { get; init; } = 0.2;

    /// <summary>Largest change of saturation as a share; grey pictures have none.</summary>
    public double Saturation { get; init; } = 0.2;

    /// <inheritdoc/>
    public override void Apply(AugmentedPicture example, int height, int width, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(example);
        ArgumentNullException.ThrowIfNull(random);
        float Draw(double largest) => (float)(1 + (random.Uniform(-1, 1) * largest));
        float brightness = Draw(Brightness), contrast = Draw(Contrast), saturation = Draw(Saturation);
        var picture = example.Picture;
        var values = picture.Values;
        if (picture.Channels == 3)
        {
            var plane = picture.Height * picture.Width;
            for (var i = 0; i < plane; i++)
            {
                var grey = (0.299f * values[i]) + (0.587f * values[plane + i]) + (0.114f * values[(2 * plane) + i]);
                for (var c = 0; c < 3; c++) values[(c * plane) + i] = grey + (saturation * (values[(c * plane) + i] - grey));
            }
        }
        double sum = 0;
        foreach (var value in values) sum += value;
        var mean = (float)(sum / values.Length);
        for (var i = 0; i < values.Length; i++) values[i] = Math.Clamp(brightness * (mean + (contrast * (values[i] - mean))), 0, 1);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Brightness, 0, 1)
        .Within(Contrast, 0, 1)
        .Within(Saturation, 0, 1);
}

/// <summary>Blots out a rectangle with the picture's mean (random erasing, Zhong et al. 2017), so that no single spot decides.</summary>
[Part("erase")]
public sealed record EraseAugmentation : PictureAugmentation
{
    /// <summary>Share of the pictures that lose a rectangle.</summary>
    public double Share { get; init; } = 0.5;

    /// <summary>Largest side of the rectangle as a share of the picture's.</summary>
    public double Side { get; init; } = 0.4;

    /// <inheritdoc/>
    public override void Apply(AugmentedPicture example, int height, int width, RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(example);
        ArgumentNullException.ThrowIfNull(random);
        var picture = example.Picture;
        var isHit = random.NextDouble() < Share;
        int h = Math.Max(1, (int)(random.NextDouble() * Side * picture.Height)),
            w = Math.Max(1, (int)(random.NextDouble() * Side * picture.Width));
        int top = random.NextInt32(picture.Height - h + 1), left = random.NextInt32(picture.Width - w + 1);
        if (!isHit) return;
        for (var c = 0; c < picture.Channels; c++)
        {
            double sum = 0;
            foreach (var value in picture.Plane(c)) sum += value;
            var mean = (float)(sum / (picture.Height * picture.Width));
            for (var y = top; y < top + h; y++) picture.Plane(c).Slice((y * picture.Width) + left, w).Fill(mean);
        }
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Share, 0, 1).Within(Side, 0, 1, includeMin: false);
}
