using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Where DySample predicts its offsets.</summary>
public enum DySampleStyle
{
    /// <summary>On the small picture, then pixel shuffle ("lp").</summary>
    LinearThenShuffle,

    /// <summary>On the pixel-shuffled picture ("pl"): fewer parameters, channels must be a multiple of scale^2.</summary>
    ShuffleThenLinear,
}

/// <summary>How a <see cref="DySample"/> is built.</summary>
public sealed record DySampleOptions : IOptionsRecord
{
    /// <summary>Enlargement.</summary>
    public int Scale { get; init; } = 2;

    /// <summary>Where the offsets come from.</summary>
    public DySampleStyle Style { get; init; }

    /// <summary>Channel groups with their own offsets.</summary>
    public int Groups { get; init; } = 4;

    /// <summary>A second convolution scales the offsets ("DySample+").</summary>
    public bool DynamicScope { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().AtLeast(Scale, 1, "", nameof(Scale)).Defined(Style, "", nameof(Style)).AtLeast(Groups, 1, "", nameof(Groups));
}

/// <summary>
/// Enlarges by sampling the input bilinearly at learned places: [N, C, H, W] to [N, C, s H, s W]. Liu et al. 2023. Starts as bilinear
/// interpolation. Keys: <c>offset</c>, <c>scope</c>, buffer <c>init_pos</c>, as the authors' checkpoints.
/// </summary>
public sealed class DySample : nn.Module<Tensor, Tensor>, IOwnInitialization
{
    [ComponentName(Name = "offset")]
    private readonly Conv2d _offset;

    [ComponentName(Name = "scope")]
    private readonly Conv2d? _scope;

    [ComponentName(Name = "init_pos")]
    private readonly Tensor _start;

    private readonly long _channels;
    private readonly DySampleOptions _options;

    /// <summary>Builds the layer.</summary>
    /// <exception cref="ArgumentException">The channels do not split into the groups (or into scale^2 parts), or an option is not
    /// allowed.</exception>
    public DySample(long channels, DySampleOptions? options = null, Generator? generator = null)
        : base(nameof(DySample))
    {
        _options = (options ?? new DySampleOptions()).ThrowIfInvalid();
        _channels = channels;
        var (s, square) = (_options.Scale, (long)_options.Scale * _options.Scale);
        var shuffled = _options.Style == DySampleStyle.ShuffleThenLinear;
        if (channels < _options.Groups || channels % _options.Groups != 0)
            throw new ArgumentException($"DySample: {channels} channels do not split into {_options.Groups} groups.", nameof(channels));
        if (shuffled && channels % square != 0)
            throw new ArgumentException($"DySample: {channels} channels are not a multiple of scale^2 = {square}, which this style needs.",
                nameof(channels));
        var (inside, outside) = shuffled ? (channels / square, 2L * _options.Groups) : (channels, 2L * _options.Groups * square);
        _offset = nn.Conv2d(inside, outside, 1);
        if (_options.DynamicScope) _scope = nn.Conv2d(inside, outside, 1);
        _start = StartPositions(s, _options.Groups);
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
        else DrawWeights(null);
    }

    /// <summary>The published start: offsets near 0, so the layer begins as bilinear interpolation.</summary>
    public void DrawWeights(Generator? generator)
    {
        Initialize.Normal(_offset.weight!, 0, 0.001, generator);
        using var noGrad = no_grad();
        _offset.bias!.zero_();
        _scope?.weight!.zero_();
        _scope?.bias!.zero_();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _channels));
        using var scope = NewDisposeScope();
        var shuffled = _options.Style == DySampleStyle.ShuffleThenLinear;
        var seen = shuffled ? PixelShuffle.Apply(input, _options.Scale) : input;
        var offset = _scope is null ? _offset.call(seen) * 0.25 : _offset.call(seen) * _scope.call(seen).sigmoid() * 0.5;
        if (shuffled) offset = PixelUnshuffle.Apply(offset, _options.Scale);
        return Sample(input, offset + _start).MoveToOuterDisposeScope();
    }

    // offset [N, 2 g s^2, H, W] in source pixels, x before y.
    private Tensor Sample(Tensor x, Tensor offset)
    {
        var (n, h, w, s) = (x.size(0), x.size(2), x.size(3), _options.Scale);
        var across = (arange(w, dtype: x.dtype, device: x.device) + 0.5).view(1, 1, 1, 1, w);
        var down = (arange(h, dtype: x.dtype, device: x.device) + 0.5).view(1, 1, 1, h, 1);
        var parts = offset.view(n, 2, offset.size(1) / 2, h, w);
        // [N, 2, g s^2, H, W]
        var place = cat([(parts.narrow(1, 0, 1) + across) * (2.0 / w) - 1, (parts.narrow(1, 1, 1) + down) * (2.0 / h) - 1], 1);
        // Shuffled as four dimensions: the backward of a five-dimensional shuffle refuses the strides that the permutation leaves.
        var shuffled = PixelShuffle.Apply(place.flatten(0, 1), s).view(n, 2, _options.Groups, s * h, s * w);
        var grid = shuffled.permute(0, 2, 3, 4, 1).flatten(0, 1); // [N g, sH, sW, 2]
        var grouped = x.reshape(n * _options.Groups, x.size(1) / _options.Groups, h, w);
        return nn.functional.grid_sample(grouped, grid, GridSampleMode.Bilinear, GridSamplePaddingMode.Border, align_corners: false)
            .view(n, x.size(1), s * h, s * w);
    }

    // The places that plain bilinear enlargement would look at, in source pixels around each source: [1, 2 g s^2, 1, 1].
    private static Tensor StartPositions(int scale, int groups)
    {
        var values = new float[2 * groups * scale * scale];
        var next = 0;
        for (var axis = 0; axis < 2; axis++)
        {
            for (var g = 0; g < groups; g++)
            {
                for (var row = 0; row < scale; row++)
                {
                    for (var column = 0; column < scale; column++)
                        values[next++] = (((1 - scale) / 2f) + (axis == 0 ? column : row)) / scale;
                }
            }
        }
        return tensor(values).reshape(1, -1, 1, 1).DetachFromDisposeScope();
    }
}
