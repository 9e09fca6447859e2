using System.Globalization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How values between samples are found.</summary>
public enum ResizeMode
{
    /// <summary>floor(i s): PyTorch's old rule, shifted by half a pixel.</summary>
    Nearest,

    /// <summary>floor((i + 1/2) s): what other libraries call nearest.</summary>
    NearestExact,

    /// <summary>[N, C, L]: linear.</summary>
    Linear,

    /// <summary>[N, C, H, W]: bilinear.</summary>
    Bilinear,

    /// <summary>[N, C, H, W]: bicubic with a = -0.75 (with antialias -0.5, as Pillow).</summary>
    Bicubic,

    /// <summary>[N, C, D, H, W]: trilinear.</summary>
    Trilinear,

    /// <summary>Mean over the area that falls on each result (adaptive average pooling).</summary>
    Area,
}

/// <summary>
/// Resizes [N, C, L], [N, C, H, W] or [N, C, D, H, W] as PyTorch's interpolate. Positions: half-pixel by default, src = (i + 1/2) s - 1/2
/// with s = 1/factor when a factor is given (in/out when a size is given or <c>recomputeScaleFactor</c> is set); with <c>alignCorners</c>
/// src = i (in - 1)/(out - 1).
/// </summary>
public sealed class Upsample : nn.Module<Tensor, Tensor>
{
    private readonly long[]? _size;
    private readonly double[]? _scaleFactor;
    private readonly ResizeMode _mode;
    private readonly bool? _alignCorners;
    private readonly bool _antialias;
    private readonly bool _recompute;

    /// <summary>Builds the layer; give either a size or a factor, one number for all dimensions or one each.</summary>
    /// <exception cref="ArgumentException">Both or neither of size and factor, or an option that the mode does not have.</exception>
    public Upsample(long[]? size = null, double[]? scaleFactor = null, ResizeMode mode = ResizeMode.Nearest, bool? alignCorners = null,
        bool antialias = false, bool recomputeScaleFactor = false)
        : base(nameof(Upsample))
    {
        Check(size, scaleFactor, mode, alignCorners, antialias, recomputeScaleFactor);
        (_size, _scaleFactor, _mode, _alignCorners, _antialias, _recompute) = (size, scaleFactor, mode, alignCorners, antialias,
            recomputeScaleFactor);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => Apply(input, _size, _scaleFactor, _mode, _alignCorners, _antialias, _recompute);

    /// <summary>The function itself; see the class for the arguments.</summary>
    /// <exception cref="ArgumentException">Arguments that do not go together.</exception>
    /// <exception cref="ShapeException">The mode does not take this number of dimensions.</exception>
    public static Tensor Apply(Tensor x, long[]? size = null, double[]? scaleFactor = null, ResizeMode mode = ResizeMode.Nearest,
        bool? alignCorners = null, bool antialias = false, bool recomputeScaleFactor = false)
    {
        Check(size, scaleFactor, mode, alignCorners, antialias, recomputeScaleFactor);
        var places = (int)x.dim() - 2;
        var wanted = mode switch
        {
            ResizeMode.Linear => 1,
            ResizeMode.Bilinear or ResizeMode.Bicubic => 2,
            ResizeMode.Trilinear => 3,
            _ => places,
        };
        if (places is < 1 or > 3 || places != wanted)
            throw Shape.Wrong(x,
                mode switch
                {
                    ResizeMode.Linear => "[N, C, L]",
                    ResizeMode.Bilinear or ResizeMode.Bicubic => "[N, C, H, W]",
                    ResizeMode.Trilinear => "[N, C, D, H, W]",
                    _ => "[N, C, L], [N, C, H, W] or [N, C, D, H, W]",
                }, $"The mode is {mode}.");
        // libtorch has kernels of bytes for these alone.
        if (!(x.is_floating_point() || (x.dtype == ScalarType.Byte && (mode is ResizeMode.Nearest or ResizeMode.NearestExact
            || (places == 2 && mode is ResizeMode.Bilinear or ResizeMode.Bicubic)))))
            throw new ArgumentException(
                $"Upsample: x is of {x.dtype}, which {mode} does not take; convert it with x.to(ScalarType.Float32).", nameof(x));
        if (x.size(0) > 0 && x.numel() == 0)
            throw new ArgumentException($"Upsample: x has shape {Shape.Text(x)}; a picture without channels or sides has no places.",
                nameof(x));
        (size, scaleFactor) = (Spread(size, places, nameof(size)), Spread(scaleFactor, places, nameof(scaleFactor)));
        var sides = new double[places];
        for (var i = 0; i < places; i++) sides[i] = size?[i] ?? Math.Floor(x.size(2 + i) * scaleFactor![i]);
        if (x.size(0) > 0 && sides.Any(s => s < 1))
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture,
                    $"Upsample: scaleFactor [{string.Join(", ", scaleFactor!)}] makes sides of {string.Join(" x ", sides)} from "
                        + $"{Shape.Text(x)}; every side must be 1 or more."), nameof(scaleFactor));
        Resize.RefuseExtremes(x, sides, nameof(Upsample));
        // Where a centre lies on the border of two pixels, libtorch's gradient of a nearest place goes to the pixel that its forward pass
        // did not read.
        var isOurs = mode is ResizeMode.Nearest or ResizeMode.NearestExact && x.requires_grad && is_grad_enabled();
        if (Resample.Fits(x)
            && Resampling.Between(x, size, scaleFactor, mode, alignCorners ?? false, antialias, recomputeScaleFactor) is { } map
            && (isOurs || map.Pays(x, mode))) return Resample.Of(x, map);
        return Native(x, size, scaleFactor, mode, alignCorners, antialias, recomputeScaleFactor);
    }

    /// <summary>The same by libtorch's kernels.</summary>
    internal static Tensor Native(Tensor x, long[]? size, double[]? scaleFactor, ResizeMode mode, bool? alignCorners = null,
        bool antialias = false, bool recomputeScaleFactor = false)
    {
        if (antialias && (size is null ? Math.Floor(x.size(3) * scaleFactor![1]) : size[1]) == 1)
        {
            // libtorch 2.10 repeats the first row where an antialiased result has width 1; height 1 is right.
            using var scope = NewDisposeScope();
            return Run(x.transpose(2, 3).contiguous(), size?.Reverse().ToArray(), scaleFactor?.Reverse().ToArray()).transpose(2, 3)
                .contiguous().MoveToOuterDisposeScope();
        }
        return Run(x, size, scaleFactor);

        Tensor Run(Tensor x, long[]? size, double[]? scaleFactor) =>
            Interpolate(x, size, scaleFactor, mode, alignCorners, antialias, recomputeScaleFactor);
    }

    private static Tensor Interpolate(Tensor x, long[]? size, double[]? scaleFactor, ResizeMode mode, bool? alignCorners, bool antialias,
        bool recomputeScaleFactor)
    {
        var native = mode switch
        {
            ResizeMode.Nearest => InterpolationMode.Nearest,
            ResizeMode.NearestExact => InterpolationMode.NearestExact,
            ResizeMode.Linear => InterpolationMode.Linear,
            ResizeMode.Bilinear => InterpolationMode.Bilinear,
            ResizeMode.Bicubic => InterpolationMode.Bicubic,
            ResizeMode.Trilinear => InterpolationMode.Trilinear,
            _ => InterpolationMode.Area,
        };
        // libtorch prints a warning that does not apply when nearest-exact comes without align_corners.
        bool? align = mode is ResizeMode.Nearest or ResizeMode.Area ? null : alignCorners ?? false;
        return nn.functional.interpolate(x, size, scaleFactor, native, align, recomputeScaleFactor, antialias);
    }

    private static T[]? Spread<T>(T[]? values, int places, string name)
    {
        if (values is null || values.Length == places) return values;
        if (values.Length == 1) return Enumerable.Repeat(values[0], places).ToArray();
        throw new ArgumentException(
            $"Upsample: {name} has {values.Length} numbers; the input has {places} dimensions to resize: give 1 or {places}.", name);
    }

    private static void Check(long[]? size, double[]? scaleFactor, ResizeMode mode, bool? alignCorners, bool antialias, bool recompute)
    {
        if (size is not null && scaleFactor is not null)
            throw new ArgumentException("Upsample: size and scaleFactor are both given; give one of them.", nameof(scaleFactor));
        if (size is null && scaleFactor is null)
            throw new ArgumentException("Upsample: neither size nor scaleFactor is given; give one of them.", nameof(size));
        if (size?.Any(s => s < 1) == true)
            throw new ArgumentException($"Upsample: size is {Shape.Text(size)}; every number must be 1 or more.", nameof(size));
        if (scaleFactor?.Any(s => !(s > 0) || !double.IsFinite(s)) == true)
            throw new ArgumentException(
                $"Upsample: scaleFactor is [{string.Join(", ", scaleFactor)}]; every number must be positive and finite.",
                nameof(scaleFactor));
        if (!Enum.IsDefined(mode)) throw new ArgumentOutOfRangeException(nameof(mode), mode, "Upsample: not a mode.");
        var linear = mode is ResizeMode.Linear or ResizeMode.Bilinear or ResizeMode.Bicubic or ResizeMode.Trilinear;
        if (alignCorners is not null && !linear)
            throw new ArgumentException(
                $"Upsample: alignCorners belongs to linear, bilinear, bicubic and trilinear; the mode is {mode}. Leave it null.",
                nameof(alignCorners));
        if (antialias && mode is not (ResizeMode.Bilinear or ResizeMode.Bicubic))
            throw new ArgumentException($"Upsample: antialias belongs to bilinear and bicubic; the mode is {mode}.", nameof(antialias));
        if (recompute && scaleFactor is null)
            throw new ArgumentException("Upsample: recomputeScaleFactor needs a scaleFactor.", nameof(recompute));
    }
}
