using System.Globalization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Resizing of pictures as other libraries do it. Takes [N, C, H, W] or [C, H, W] of float32, float64, float16, bfloat16 or uint8, also
/// with the channels last in memory, and gives the same type and layout back. Floating-point results have gradients of any order. PyTorch's
/// own convention is <see cref="Upsample"/>.
/// </summary>
public static class Resize
{
    /// <summary>The largest result, in numbers: whoever asks for more has mistaken a unit.</summary>
    internal const long Largest = 1L << 36;

    /// <summary>Which kernels a convention has, in the order of <see cref="ResizeKernel"/>.</summary>
    public static IReadOnlyList<ResizeKernel> KernelsOf(ResizeConvention convention) => convention switch
    {
        ResizeConvention.Pillow =>
            [ResizeKernel.Nearest, ResizeKernel.Box, ResizeKernel.Bilinear, ResizeKernel.Hamming, ResizeKernel.Bicubic,
                ResizeKernel.Lanczos3],
        ResizeConvention.OpenCv =>
            [ResizeKernel.Nearest, ResizeKernel.Bilinear, ResizeKernel.Bicubic, ResizeKernel.Lanczos4, ResizeKernel.Area],
        ResizeConvention.Matlab =>
            [ResizeKernel.Nearest, ResizeKernel.Box, ResizeKernel.Bilinear, ResizeKernel.Bicubic, ResizeKernel.Lanczos2,
                ResizeKernel.Lanczos3],
        ResizeConvention.Jax =>
            [ResizeKernel.Nearest, ResizeKernel.Bilinear, ResizeKernel.Bicubic, ResizeKernel.Lanczos3, ResizeKernel.Lanczos5],
        _ => throw new ArgumentOutOfRangeException(nameof(convention), convention, "Not a convention."),
    };

    /// <summary>Resizes to [N, C, height, width] (or [C, height, width]).</summary>
    /// <param name="x">Pictures.</param>
    /// <param name="height">Rows of the result, at least 1.</param>
    /// <param name="width">Columns of the result, at least 1.</param>
    /// <param name="kernel">How pixels between pixels are found; <see cref="KernelsOf"/> says which a convention has.</param>
    /// <param name="convention">Whose resizing to repeat.</param>
    /// <param name="antialias">Whether shrinking averages: a choice in MATLAB's and JAX's convention (null: yes); Pillow always does,
    /// OpenCV never.</param>
    /// <exception cref="ShapeException">Not [N, C, H, W] or [C, H, W], or a side of 0.</exception>
    /// <exception cref="ArgumentException">A size, type or kernel that is not taken.</exception>
    public static Tensor Apply(Tensor x, long height, long width, ResizeKernel kernel = ResizeKernel.Bicubic,
        ResizeConvention convention = ResizeConvention.Pillow, bool? antialias = null)
    {
        ArgumentNullException.ThrowIfNull(x);
        Check(x, height, width, kernel, convention, antialias);
        using var scope = NewDisposeScope();
        var batch = x.dim() == 3 ? x.unsqueeze(0) : x;
        var enlarges = height > batch.size(2) || width > batch.size(3);
        var smooth = antialias ?? convention is ResizeConvention.Matlab or ResizeConvention.Jax;
        var down = PixelTaps.Of(convention, kernel, (int)batch.size(2), (int)height, smooth, enlarges);
        var across = PixelTaps.Of(convention, kernel, (int)batch.size(3), (int)width, smooth, enlarges);
        var last = ChannelsAreLast(batch);
        var y = batch.dtype == ScalarType.Byte ? Bytes(batch, down, across, kernel, convention, last, enlarges)
            : Floats(batch, down, across, last);
        return (x.dim() == 3 ? y.squeeze(0) : y).MoveToOuterDisposeScope();
    }

    private static void Check(Tensor x, long height, long width, ResizeKernel kernel, ResizeConvention convention, bool? antialias)
    {
        if (x.dim() is not (3 or 4)) throw Shape.Wrong(x, "[N, C, H, W] or [C, H, W]");
        if (x.size(-1) == 0 || x.size(-2) == 0) throw Shape.Wrong(x, "[N, C, H, W] or [C, H, W] with sides of 1 or more");
        if (x.dtype is not (ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Byte))
            throw new ArgumentException($"Resize: x is {x.dtype}; it takes Byte, Float16, BFloat16, Float32 and Float64.", nameof(x));
        if (height < 1) throw new ArgumentOutOfRangeException(nameof(height), height, "Resize: the height must be 1 or more.");
        if (width < 1) throw new ArgumentOutOfRangeException(nameof(width), width, "Resize: the width must be 1 or more.");
        RefuseExtremes(x, [height, width], nameof(Resize), 1 << 26);
        var kernels = KernelsOf(convention);
        if (!kernels.Contains(kernel))
            throw new ArgumentException($"Resize: {convention} has no {kernel}; it has {string.Join(", ", kernels)}.", nameof(kernel));
        if (convention == ResizeConvention.Pillow && antialias == false && kernel != ResizeKernel.Nearest)
            throw new ArgumentException(
                "Resize: Pillow always averages when shrinking; for results without, take the convention Jax or Matlab, or Upsample.",
                nameof(antialias));
        if (convention == ResizeConvention.OpenCv && antialias == true && kernel != ResizeKernel.Area)
            throw new ArgumentException("Resize: OpenCV does not average when shrinking but with Area; take that, or another convention.",
                nameof(antialias));
        if (kernel == ResizeKernel.Nearest && antialias == true)
            throw new ArgumentException("Resize: Nearest takes single pixels and averages nothing.", nameof(antialias));
    }

    /// <summary>Refuses results that no memory holds, before anything is allocated.</summary>
    internal static void RefuseExtremes(Tensor x, ReadOnlySpan<double> sizes, string name, int most = int.MaxValue / 2)
    {
        double total = 1;
        for (var i = 0; i < x.dim() - sizes.Length; i++) total *= x.size(i);
        foreach (var size in sizes)
        {
            total *= size;
            if (size > most)
                throw new ArgumentException(
                    FormattableString.Invariant($"{name}: a side of {size:0} is asked for; at most {most} is possible."));
        }
        if (total > Largest)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture,
                    $"{name}: the result would have {total:0.##e0} numbers ({Shape.Text(x)} to sides "
                        + $"{string.Join(" x ", sizes.ToArray())}); more than {Largest} is refused."));
        for (var i = 0; i < sizes.Length; i++)
        {
            if (x.size(i - sizes.Length) > most)
                throw new ArgumentException($"{name}: a side of {x.size(i - sizes.Length)}; at most {most} is possible.");
        }
    }

    internal static bool ChannelsAreLast(Tensor x) =>
        x.dim() == 4 && x.size(1) > 1 && !x.is_contiguous() && x.permute(0, 2, 3, 1).is_contiguous();

    private static Tensor Bytes(Tensor x, PixelTaps down, PixelTaps across, ResizeKernel kernel, ResizeConvention convention, bool last,
        bool enlarges)
    {
        if (!TensorView.Holds<byte>(x) || x.numel() == 0)
            return Rounded(TapSums.Of(x.to(ScalarType.Float32), down, across), convention, kernel, down, across);
        var whole = convention == ResizeConvention.Pillow
            || (convention == ResizeConvention.OpenCv && kernel is ResizeKernel.Bilinear or ResizeKernel.Bicubic or ResizeKernel.Lanczos4)
            || kernel == ResizeKernel.Nearest || (kernel == ResizeKernel.Area && enlarges);
        if (!whole) return InLayout(Rounded(TapSums.Of(x.to(ScalarType.Float32), down, across), convention, kernel, down, across), last);
        var rows = last ? x.permute(0, 2, 3, 1) : x.contiguous();
        var (n, c, h, w) = (x.size(0), x.size(1), (long)down.OutSize, (long)across.OutSize);
        var y = last ? TensorView.New<byte>(n, h, w, c) : TensorView.New<byte>(n, c, h, w);
        ByteResizing.Run(rows, y, last ? n : n * c, last ? (int)c : 1, down, across,
            kernel == ResizeKernel.Nearest ? ResizeConvention.Pillow : convention);
        return last ? y.permute(0, 3, 1, 2) : y;
    }

    // OpenCV halves four pixels upwards; every other mean is rounded to even, as its saturate_cast does.
    private static Tensor Rounded(Tensor values, ResizeConvention convention, ResizeKernel kernel, PixelTaps down, PixelTaps across)
    {
        var up = convention == ResizeConvention.Matlab
            || (kernel == ResizeKernel.Area && down.InSize == 2 * down.OutSize && across.InSize == 2 * across.OutSize);
        return (up ? (values + 0.5).floor() : values.round()).clamp(0, 255).to(ScalarType.Byte);
    }

    private static Tensor Floats(Tensor x, PixelTaps down, PixelTaps across, bool last)
    {
        var type = x.dtype;
        var wide = type is ScalarType.Float16 or ScalarType.BFloat16 ? x.to(ScalarType.Float32) : x;
        Tensor y;
        if (!last && wide.numel() > 0 && Resample.Fits(wide)) y = Resample.Of(wide, new Resampling([across.ToFloat(), down.ToFloat()]));
        else if (last && Resample.Fits(wide.permute(0, 2, 3, 1)))
            y = Resample.Of(wide.permute(0, 2, 3, 1), new Resampling([across.ToFloat(), down.ToFloat()], channelsLast: true))
                .permute(0, 3, 1, 2);
        else y = InLayout(TapSums.Of(wide, down, across), last);
        return y.to(type);
    }

    private static Tensor InLayout(Tensor y, bool last) => last ? y.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : y;
}
