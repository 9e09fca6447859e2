using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Content-aware reassembly: every enlarged pixel is a weighted mean of a k x k neighbourhood of its source, with weights predicted from
/// the content. [N, C, H, W] to [N, C, s H, s W]. Wang et al. 2019. Keys: <c>channel_compressor</c>, <c>content_encoder</c>.
/// </summary>
public sealed class Carafe : nn.Module<Tensor, Tensor>, IOwnInitialization
{
    [ComponentName(Name = "channel_compressor")]
    private readonly Conv2d _compressor;

    [ComponentName(Name = "content_encoder")]
    private readonly Conv2d _encoder;

    // The kernel keeps one place per row of the neighbourhood on the stack.
    private const int MostTaps = 255;

    private readonly long _channels;
    private readonly int _scale;
    private readonly int _kernel;
    private readonly int _groups;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">Channels in and out.</param>
    /// <param name="scale">Enlargement s.</param>
    /// <param name="kernel">Neighbourhood k, odd.</param>
    /// <param name="encoderKernel">Kernel of the weight predictor, odd.</param>
    /// <param name="groups">Channel groups with their own weights.</param>
    /// <param name="compressed">Channels that the weights are predicted from.</param>
    /// <param name="generator">Draws the weights; null uses TorchSharp's global one.</param>
    public Carafe(long channels, int scale = 2, int kernel = 5, int encoderKernel = 3, int groups = 1, long compressed = 64,
        Generator? generator = null)
        : base(nameof(Carafe))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(scale, 1);
        if (kernel < 1 || kernel % 2 == 0)
            throw new ArgumentOutOfRangeException(nameof(kernel), kernel, "Carafe: the neighbourhood must be odd.");
        if (encoderKernel < 1 || encoderKernel % 2 == 0)
            throw new ArgumentOutOfRangeException(nameof(encoderKernel), encoderKernel, "Carafe: the encoder's kernel must be odd.");
        if (groups < 1 || channels % groups != 0)
            throw new ArgumentException($"Carafe: {channels} channels do not split into {groups} groups.", nameof(groups));
        (_channels, _scale, _kernel, _groups) = (channels, scale, kernel, groups);
        _compressor = nn.Conv2d(channels, compressed, 1);
        _encoder = nn.Conv2d(compressed, (long)groups * kernel * kernel * scale * scale, encoderKernel, padding: encoderKernel / 2);
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
        else DrawWeights(null);
    }

    /// <summary>The published start: the weights of the neighbourhood are nearly equal, so the layer begins as a local mean.</summary>
    public void DrawWeights(Generator? generator)
    {
        Initialize.XavierUniform(_compressor.weight!, 1, generator);
        Initialize.Normal(_encoder.weight!, 0, 0.001, generator);
        using var noGrad = no_grad();
        _compressor.bias!.zero_();
        _encoder.bias!.zero_();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _channels));
        using var scope = NewDisposeScope();
        var logits = PixelShuffle.Apply(_encoder.call(_compressor.call(input)), _scale); // [N, g k^2, sH, sW]
        var (n, h, w) = (input.size(0), logits.size(2), logits.size(3));
        var weights = nn.functional.softmax(logits.view(n, _groups, (long)_kernel * _kernel, h, w), 2)
            .view(n, (long)_groups * _kernel * _kernel, h, w);
        return Reassemble(input, weights, _kernel, _groups, _scale).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The reassembly alone: features [N, C, H, W], weights [N, groups k^2, s H, s W]; result [N, C, s H, s W]. Outside the picture the
    /// features are 0.
    /// </summary>
    /// <exception cref="ShapeException">The shapes do not fit.</exception>
    public static Tensor Reassemble(Tensor features, Tensor weights, int kernel, int groups = 1, int scale = 2)
    {
        Shape.Expect(features, "N C H W");
        var (n, c, h, w) = (features.size(0), features.size(1), features.size(2), features.size(3));
        if (kernel < 1 || kernel % 2 == 0)
            throw new ArgumentOutOfRangeException(nameof(kernel), kernel, "Carafe: the neighbourhood must be odd.");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(scale);
        if (groups < 1 || c % groups != 0)
            throw new ArgumentException($"Carafe: {c} channels do not split into {groups} groups.", nameof(groups));
        long taps = (long)kernel * kernel;
        Shape.Expect(weights, "N K Y X", [("N", n), ("K", groups * taps), ("Y", scale * h), ("X", scale * w)]);
        if (!Reassembly.Fits(features) || !Reassembly.Fits(weights) || kernel > MostTaps)
            return Composed(features, weights, kernel, groups, scale);
        return new Reassembled(kernel, groups, scale).Apply(features, weights);
    }

    /// <summary>The same by libtorch's operations: other types and devices, and second derivatives.</summary>
    internal static Tensor Composed(Tensor features, Tensor weights, int kernel, int groups, int scale)
    {
        var (n, c, h, w) = (features.size(0), features.size(1), features.size(2), features.size(3));
        long taps = (long)kernel * kernel;
        using var scope = NewDisposeScope();
        // A product [c, k^2] x [k^2, s^2] for each source pixel and group.
        var patches = nn.functional.unfold(features, (kernel, kernel), (1, 1), (kernel / 2, kernel / 2), (1, 1)) // [N, C k^2, HW]
            .view(n, groups, c / groups, taps, h * w).permute(0, 1, 4, 2, 3);
        var split = weights.view(n, groups, taps, h, scale, w, scale).permute(0, 1, 3, 5, 2, 4, 6)
            .reshape(n, groups, h * w, taps, scale * scale);
        var y = patches.MatMul(split).view(n, groups, h, w, c / groups, scale, scale); // [N, g, H, W, C/g, s, s]
        return y.permute(0, 1, 4, 2, 5, 3, 6).reshape(n, c, scale * h, scale * w).MoveToOuterDisposeScope();
    }
}
