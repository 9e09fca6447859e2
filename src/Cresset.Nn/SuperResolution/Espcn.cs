using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>How an <see cref="Espcn"/> is built. Defaults: the paper's.</summary>
public sealed record EspcnOptions : IOptionsRecord
{
    /// <summary>Enlargement.</summary>
    public int Scale { get; init; } = 2;

    /// <summary>Channels of the pictures: 1 for luminance, 3 for colour.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Width of the hidden layers; the first has 5x5 kernels, the others 3x3.</summary>
    public IReadOnlyList<int> Features { get; init; } = [64, 32];

    /// <summary>The activation.</summary>
    public ActivationOptions Activation { get; init; } = new TanhActivation();

    /// <summary>Add the bicubic enlargement to the result, so the net learns what bicubic lacks (Kim et al. 2016).</summary>
    public bool Residual { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Scale, 2, "", nameof(Scale))
        .AtLeast(Channels, 1, "", nameof(Channels))
        .Must(Features is { Count: > 0 } && Features.All(f => f > 0), Features is null ? null : string.Join(", ", Features),
            "one or more positive numbers", "", nameof(Features))
        .Must(Activation is { KeepsShape: true }, Activation,
            "an activation whose result is as wide as its input (cresset list --activations)", field: nameof(Activation))
        .Nested(Activation);
}

/// <summary>
/// Super-resolution that works on the small picture and shuffles channels into pixels at the very end: [N, C, H, W] to
/// [N, C, s H, s W]. Shi et al. 2016. Keys: <c>body.*</c>, <c>shuffle.conv</c>.
/// </summary>
public sealed class Espcn : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "body")]
    private readonly Sequential _body;

    [ComponentName(Name = "shuffle")]
    private readonly SubPixelConv2d _shuffle;

    private readonly EspcnOptions _options;

    /// <summary>Builds the network.</summary>
    /// <exception cref="InvalidOptionsException">An option is not allowed.</exception>
    public Espcn(EspcnOptions? options = null, Generator? generator = null)
        : base(nameof(Espcn))
    {
        _options = (options ?? new EspcnOptions()).ThrowIfInvalid();
        var layers = new List<nn.Module<Tensor, Tensor>>();
        long from = _options.Channels;
        for (var i = 0; i < _options.Features.Count; i++)
        {
            var kernel = i == 0 ? 5 : 3;
            layers.Add(nn.Conv2d(from, _options.Features[i], kernel, padding: kernel / 2));
            layers.Add(_options.Activation.Build());
            from = _options.Features[i];
        }
        _body = nn.Sequential(layers);
        _shuffle = new SubPixelConv2d(from, _options.Channels, _options.Scale);
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        Shape.Expect(input, "N C H W", ("C", _options.Channels));
        using var scope = NewDisposeScope();
        var y = _shuffle.call(_body.call(ChannelsLast.Of(input))).contiguous();
        if (_options.Residual) y += Upsample.Apply(input, scaleFactor: [_options.Scale], mode: ResizeMode.Bicubic);
        return y.MoveToOuterDisposeScope();
    }
}
