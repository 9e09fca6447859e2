using BitMiracle.LibTiff.Classic;

namespace Cresset.Data;

/// <summary>TIFF through LibTiff: 8 bits in every colour space that it converts, 16 bits grey or RGB in strips.</summary>
internal static class TiffPicture
{
    static TiffPicture() => Tiff.SetErrorHandler(new Collected());

    public static bool Is(ReadOnlySpan<byte> content)
        => content.Length >= 4 && (content[..4].SequenceEqual("II*\0"u8) || content[..4].SequenceEqual("MM\0*"u8));

    public static DecodedPicture Decode(string path, byte[] content, int channels, PictureColour background)
    {
        var errors = new List<string>();
        using var memory = new MemoryStream(content, writable: false);
        try
        {
            using var tiff = Tiff.ClientOpen(path, "r", memory, new Source(errors)) ?? throw Damaged(path, content, errors);
            return Decode(path, content, tiff, errors, channels, background);
        }
        catch (Exception e) when (e is IndexOutOfRangeException or NullReferenceException or ArgumentException or OverflowException
            or IOException or InvalidCastException or DivideByZeroException
            && e is not InvalidDataException)
        {
            // LibTiff walks off its tables where a directory is damaged.
            errors.Add(e.Message.Split('\n')[0]);
            throw Damaged(path, content, errors);
        }
    }

    private static DecodedPicture Decode(string path, byte[] content, Tiff tiff, List<string> errors, int channels,
        PictureColour background)
    {
        int Field(TiffTag tag, int otherwise) => tiff.GetField(tag) is [var value, ..] ? value.ToInt() : otherwise;
        int width = Field(TiffTag.IMAGEWIDTH, 0), height = Field(TiffTag.IMAGELENGTH, 0), bits = Field(TiffTag.BITSPERSAMPLE, 1);
        int samples = Field(TiffTag.SAMPLESPERPIXEL, 1), orientation = Field(TiffTag.ORIENTATION, 1);
        var format = (SampleFormat)Field(TiffTag.SAMPLEFORMAT, (int)SampleFormat.UINT);
        if (width < 1 || height < 1) throw Damaged(path, content, errors);
        PictureDecoder.CheckSize(path, width, height);
        if (format is not (SampleFormat.UINT or SampleFormat.VOID) || bits > 16)
        {
            throw new InvalidDataException($"{path}: samples of {bits} bits ({format}); TIFF is read with unsigned samples of up to "
                + $"16 bits. Convert the picture to 8 or 16 bits.");
        }
        // What is not compressed has its size: no memory is taken for pixels that cannot be there.
        if (Field(TiffTag.COMPRESSION, 1) == (int)Compression.NONE
            && (long)width * height * Math.Max(1, samples) * Math.Max(1, bits) > 8L * content.Length)
        {
            throw new InvalidDataException(
                $"{path}: claims {width}x{height} pixels of {samples} samples with {bits} bits, more than its {content.Length} bytes hold. "
                    + $"The file is truncated or damaged.");
        }
        var planes = new PicturePlanes(channels, height, width);
        var writer = new PixelWriter(planes, background);
        if (bits == 16) Wide(path, content, tiff, errors, samples, width, height, writer);
        else
        {
            var raster = new int[width * height];
            // Asked for as it is stored, since LibTiff only mirrors and never transposes. Its colours are multiplied by alpha.
            if (orientation is < 1 or > 8) orientation = 1;
            if (!tiff.ReadRGBAImageOriented(width, height, raster, (Orientation)orientation, stopOnError: true))
                throw Damaged(path, content, errors);
            for (var i = 0; i < raster.Length; i++)
            {
                var alpha = Tiff.GetA(raster[i]) / 255f;
                float Straight(int value) => alpha > 0 ? Math.Min(1, value / 255f / alpha) : 0;
                if (alpha >= 1) writer.Write(i, (byte)Tiff.GetR(raster[i]), (byte)Tiff.GetG(raster[i]), (byte)Tiff.GetB(raster[i]), 255);
                else writer.Write(i, Straight(Tiff.GetR(raster[i])), Straight(Tiff.GetG(raster[i])), Straight(Tiff.GetB(raster[i])), alpha);
            }
        }
        return new DecodedPicture(PictureOrientation.Apply(planes, orientation), IsWide: bits == 16, Pages: tiff.NumberOfDirectories());
    }

    private static void Wide(string path, byte[] content, Tiff tiff, List<string> errors, int samples, int width, int height,
        PixelWriter writer)
    {
        var photometric = tiff.GetField(TiffTag.PHOTOMETRIC) is [var p, ..] ? (Photometric)p.ToInt() : Photometric.MINISBLACK;
        var isPlanar = tiff.GetField(TiffTag.PLANARCONFIG) is [var c, ..] && (PlanarConfig)c.ToInt() == PlanarConfig.SEPARATE;
        var isGrey = photometric is Photometric.MINISBLACK or Photometric.MINISWHITE;
        if (tiff.IsTiled() || (isPlanar && samples > 1) || !(isGrey || photometric == Photometric.RGB) || samples > 4)
        {
            throw new InvalidDataException($"{path}: 16 bits in "
                + $"{(tiff.IsTiled() ? "tiles" : isPlanar ? "separate planes" : photometric.ToString())}; they are read in strips of "
                + $"grey or RGB. Save the picture as PNG of 16 bits.");
        }
        var colours = isGrey ? 1 : 3;
        var line = new byte[tiff.ScanlineSize()];
        for (var y = 0; y < height; y++)
        {
            if (!tiff.ReadScanline(line, y)) throw Damaged(path, content, errors);
            for (var x = 0; x < width; x++)
            {
                float Sample(int s) => BitConverter.ToUInt16(line, 2 * ((x * samples) + s)) / 65535f;
                var alpha = samples > colours ? Sample(colours) : 1;
                var first = photometric == Photometric.MINISWHITE ? 1 - Sample(0) : Sample(0);
                writer.Write((y * width) + x, first, isGrey ? first : Sample(1), isGrey ? first : Sample(2), alpha);
            }
        }
    }

    private static InvalidDataException Damaged(string path, byte[] content, List<string> errors)
        => new($"{path}: a TIFF file of {content.Length} bytes that is truncated or "
            + $"damaged{(errors.Count == 0 ? "" : $" ({errors[0].Trim().TrimEnd('.')})")}.");

    // Errors belong to the file that is read; LibTiff has one handler for all threads.
    private sealed class Source(List<string> errors) : TiffStream
    {
        public void Add(string error)
        {
            lock (errors) errors.Add(error);
        }
    }

    private sealed class Collected : TiffErrorHandler
    {
        public override void ErrorHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void ErrorHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
            => (tif?.GetStream() as Source)
                ?.Add($"{method}: {string.Format(System.Globalization.CultureInfo.InvariantCulture, format, args)}");

        public override void WarningHandler(Tiff tif, string method, string format, params object[] args)
        {
        }

        public override void WarningHandlerExt(Tiff tif, object clientData, string method, string format, params object[] args)
        {
        }
    }
}
