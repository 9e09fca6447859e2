using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Size of an image RealNVP.</summary>
public sealed record RealNvpImageOptions : IOptionsRecord
{
    /// <summary>Channels of the images.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>Height, and width unless <see cref="Columns"/> says otherwise; divisible by 2^(<see cref="Scales"/> - 1).</summary>
    public int Size { get; init; } = 32;

    /// <summary>Width of images that are not square; 0 takes <see cref="Size"/>.</summary>
    public int Columns { get; init; }

    /// <summary>Features of a context that all couplings read; 0 for none.</summary>
    public int Context { get; init; }

    /// <summary>Scales.</summary>
    public int Scales { get; init; } = 2;

    /// <summary>Channels inside the networks of the first scale; doubled at each further one.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Residual blocks of each network.</summary>
    public int Blocks { get; init; } = 8;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Channels, 1, 4096)
        .Within(Scales, 1, 12)
        .Within(Width, 1, 100_000)
        .Within(Blocks, 0, 1000)
        .AtLeast(Context, 0)
        .Must(Columns >= 0 && Scales is > 0 and < 31 && Columns % (1 << (Scales - 1)) == 0, Columns, "0, or divisible by 2^(Scales - 1)",
            "Pad the images or use fewer scales.")
        .Must(Size > 0 && Scales is > 0 and < 31 && Size % (1 << (Scales - 1)) == 0, Size, "divisible by 2^(Scales - 1)",
            "Pad the images or use fewer scales.");
}

/// <summary>
/// RealNVP for images (Dinh et al. 2017): per scale three checkerboard couplings, squeeze, three channel couplings, and half of the
/// channels factored out. Works on logits [N, C, H, W]; put <see cref="LogitPreprocessing"/> before it for values in [0, 1].
/// </summary>
public sealed class RealNvpImage : Flow
{
    /// <summary>Makes the model.</summary>
    public RealNvpImage(RealNvpImageOptions options)
        : base(new RealNvpScale(options.ThrowIfInvalid(), 0),
            new NormalBase(options.Channels, options.Size, options.Columns == 0 ? options.Size : options.Columns))
    {
    }
}

/// <summary>One scale and, inside it, the next.</summary>
internal sealed class RealNvpScale : FlowTransform
{
    [ComponentName(Name = "in_couplings")]
    private readonly ModuleList<FlowTransform> _in;
    [ComponentName(Name = "out_couplings")]
    private readonly ModuleList<FlowTransform>? _out;
    [ComponentName(Name = "next_block")]
    private readonly RealNvpScale? _next;

    public RealNvpScale(RealNvpImageOptions options, int scale)
        : base(nameof(RealNvpScale))
    {
        int channels = options.Channels << scale, width = options.Width << scale;
        var last = scale == options.Scales - 1;
        _in = new ModuleList<FlowTransform>(
            [.. Enumerable.Range(0, last ? 4 : 3)
                .Select(
                    i => new ImageCoupling(channels, width, options.Blocks, checkerboard: true, reverse: i % 2 == 1, options.Context))]);
        if (!last)
        {
            _out = new ModuleList<FlowTransform>(
                [.. Enumerable.Range(0, 3)
                    .Select(
                        i => new ImageCoupling(4 * channels, 2 * width, options.Blocks, checkerboard: false, reverse: i % 2 == 1,
                            options.Context))]);
            _next = new RealNvpScale(options, scale + 1);
        }
        RegisterComponents();
    }

    public override bool TakesContext => _in[0].TakesContext;

    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        var (h, total) = Run([.. _in], x, zeros(x.size(0), dtype: x.dtype, device: x.device), context, forward: true);
        if (_next is null) return Move(h, total);
        (h, total) = Run([.. _out!], Squeeze.Apply(h), total, context, forward: true);
        var halves = Squeeze.Apply(Squeeze.Undo(h), 2, SqueezeOrder.RealNvpFactorOut).chunk(2, 1);
        var (inner, log) = _next.Forward(halves[0], context);
        return Move(Squeeze.Undo(cat([inner, halves[1]], 1), 2, SqueezeOrder.RealNvpFactorOut), total + log);
    }

    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        Tensor h = z, total = zeros(z.size(0), dtype: z.dtype, device: z.device);
        if (_next is not null)
        {
            var halves = Squeeze.Apply(z, 2, SqueezeOrder.RealNvpFactorOut).chunk(2, 1);
            var (inner, log) = _next.Inverse(halves[0], context);
            h = Squeeze.Apply(Squeeze.Undo(cat([inner, halves[1]], 1), 2, SqueezeOrder.RealNvpFactorOut));
            (h, total) = Run([.. _out!.Reverse()], h, total + log, context, forward: false);
            h = Squeeze.Undo(h);
        }
        (h, total) = Run([.. _in.Reverse()], h, total, context, forward: false);
        return Move(h, total);
    }

    private static (Tensor, Tensor) Run(FlowTransform[] parts, Tensor value, Tensor total, Tensor? context, bool forward)
    {
        foreach (var part in parts)
        {
            var (output, log) = forward ? part.Forward(value, context) : part.Inverse(value, context);
            (value, total) = (output, total + log);
        }
        return (value, total);
    }
}
