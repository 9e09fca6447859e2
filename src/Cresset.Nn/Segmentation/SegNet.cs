using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How a <see cref="SegNet"/> is built.</summary>
public sealed record SegNetOptions : IOptionsRecord
{
    /// <summary>Channels of each level, finest first; a pooling follows each.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [64, 128, 256];

    /// <summary>Convolutions on each level.</summary>
    public int ConvolutionsPerLevel { get; init; } = 2;

    /// <summary>Normalisation.</summary>
    public NormOptions Norm { get; init; } = new BatchNormOptions();

    /// <summary>The activation.</summary>
    public ActivationOptions Activation { get; init; } = new ReluActivation();

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Channels is { Count: > 0 } && Channels.All(c => c > 0), Channels is null ? null : string.Join(", ", Channels),
            "one or more positive numbers", "", nameof(Channels))
        .AtLeast(ConvolutionsPerLevel, 1, "", nameof(ConvolutionsPerLevel))
        .Must(Norm is not null, Norm, "a norm (cresset list --norms)", field: nameof(Norm))
        .Nested(Norm)
        .Must(Activation is { KeepsShape: true }, Activation,
            "an activation whose result is as wide as its input (cresset list --activations)", field: nameof(Activation))
        .Nested(Activation);
}

/// <summary>
/// Encoder and decoder that remember where each maximum stood and put the decoder's values back there: [N, in, H, W] to
/// [N, classes, H, W], any size. Badrinarayanan et al. 2017. Keys: <c>encoder.*</c>, <c>decoder.*</c>, <c>classifier</c>.
/// </summary>
public sealed class SegNet : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "encoder")]
    private readonly ModuleList<Sequential> _encoder = [];

    [ComponentName(Name = "decoder")]
    private readonly ModuleList<Sequential> _decoder = [];

    [ComponentName(Name = "classifier")]
    private readonly Conv2d _classifier;

    private readonly long _inChannels;

    /// <summary>Builds the network.</summary>
    /// <exception cref="InvalidOptionsException">An option is not allowed.</exception>
    public SegNet(long inChannels, long classes, SegNetOptions? options = null, Generator? generator = null)
        : base(nameof(SegNet))
    {
        options = (options ?? new SegNetOptions()).ThrowIfInvalid();
        _inChannels = inChannels;
        for (var level = 0; level < options.Channels.Count; level++)
        {
            var (channels, finer) = (options.Channels[level], level == 0 ? inChannels : options.Channels[level - 1]);
            _encoder.Add(Stack(finer, channels, channels, options));
            _decoder.Add(Stack(channels, channels, level == 0 ? channels : finer, options));
        }
        _classifier = nn.Conv2d(options.Channels[0], classes, 1);
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _inChannels));
        var least = 1L << _encoder.Count;
        if (input.size(2) < least || input.size(3) < least)
            throw Shape.Wrong(input, $"[N, {_inChannels}, H, W] with H and W of {least} or more", $"{_encoder.Count} poolings halve it.");
        using var scope = NewDisposeScope();
        var x = input;
        var pooled = new Stack<(Tensor Indices, long[] Size)>();
        foreach (var level in _encoder)
        {
            x = level.call(x);
            var size = new[] { x.size(2), x.size(3) };
            (x, var indices) = IndexedPooling.MaxPool(x, [2]);
            pooled.Push((indices, size));
        }
        for (var level = _decoder.Count - 1; level >= 0; level--)
        {
            var (indices, size) = pooled.Pop();
            x = _decoder[level].call(IndexedPooling.MaxUnpool(x, indices, [2], outputSize: size));
        }
        return _classifier.call(x).MoveToOuterDisposeScope();
    }

    private static Sequential Stack(long from, long through, long to, SegNetOptions options)
    {
        var layers = new List<nn.Module<Tensor, Tensor>>();
        for (var i = 0; i < options.ConvolutionsPerLevel; i++)
        {
            var last = i == options.ConvolutionsPerLevel - 1;
            var (a, b) = (i == 0 ? from : through, last ? to : through);
            layers.Add(nn.Conv2d(a, b, 3, padding: 1));
            layers.Add(options.Norm.Build(b));
            layers.Add(options.Activation.Build());
        }
        return nn.Sequential(layers);
    }
}
