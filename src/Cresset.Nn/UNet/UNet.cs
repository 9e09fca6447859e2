using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// U-Net of any depth, [N, in, H, W] to [N, out, H, W] (Ronneberger et al. 2015), optionally conditioned on a vector
/// [N, embeddingDim]. Any size is accepted: the picture is padded at its lower right edge to a multiple of 2^(depth - 1) by repeating the
/// border, and the result is cut back.
/// </summary>
public sealed class UNet : nn.Module<Tensor, Tensor?, Tensor>, IRecomputes
{
    [ComponentName(Name = "input")]
    private readonly SquareConvolution _input;

    [ComponentName(Name = "encoder")]
    private readonly ModuleList<UNetLevel> _encoder;

    [ComponentName(Name = "middle")]
    private readonly UNetLevel _middle;

    [ComponentName(Name = "decoder")]
    private readonly ModuleList<UNetLevel> _decoder;

    [ComponentName(Name = "output_norm")]
    private readonly nn.Module<Tensor, Tensor> _outputNorm;

    [ComponentName(Name = "output")]
    private readonly SquareConvolution _output;

    [ComponentName(Name = "act")]
    private readonly nn.Module<Tensor, Tensor> _activation;

    private readonly long _inChannels;
    private readonly UNetOptions _options;

    /// <summary>Builds the network.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the result (classes for segmentation).</param>
    /// <param name="options">Everything else; null takes the defaults.</param>
    /// <param name="generator">Draws the weights from it; null leaves TorchSharp's own initial weights.</param>
    /// <exception cref="InvalidOptionsException">An option is not allowed.</exception>
    public UNet(long inChannels, long outChannels, UNetOptions? options = null, Generator? generator = null)
        : base(nameof(UNet))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inChannels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outChannels);
        _options = (options ?? new UNetOptions()).ThrowIfInvalid();
        _inChannels = inChannels;
        var channels = _options.Channels;
        var depth = channels.Count;
        _input = new SquareConvolution(inChannels, channels[0], 3, WeightPlace.Cpu, padding: 1);
        _encoder = new ModuleList<UNetLevel>();
        _decoder = new ModuleList<UNetLevel>();
        for (var level = 0; level < depth - 1; level++)
        {
            _encoder.Add(UNetLevel.Encoder(level, _options));
            _decoder.Add(UNetLevel.Decoder(level, _options));
        }
        _middle = UNetLevel.Middle(_options);
        _outputNorm = _options.Residual ? _options.Norm.Build(channels[0]) : new Activation("identity");
        _activation = _options.Residual ? _options.Activation.Build() : new Activation("identity");
        _output = new SquareConvolution(channels[0], outChannels, _options.Residual ? 3 : 1, WeightPlace.Cpu,
            padding: _options.Residual ? 1 : 0);
        RegisterComponents();
        if (generator is not null) Initialize.Reset(this, generator);
        if (_options.ZeroOutput)
        {
            using var noGrad = no_grad();
            _output.Weight.zero_();
            _output.Bias!.zero_();
        }
    }

    /// <summary>The sizes of the input are padded to a multiple of this.</summary>
    public int Stride => 1 << (_options.Channels.Count - 1);

    /// <inheritdoc/>
    public bool Recomputes { get; set; }

    /// <summary>Without conditioning.</summary>
    public Tensor call(Tensor input) => call(input, null);

    /// <inheritdoc/>
    /// <exception cref="ShapeException">Input or embedding have another shape.</exception>
    public override Tensor forward(Tensor input, Tensor? embedding)
    {
        Shape.Expect(input, "N C H W", ("C", _inChannels));
        if ((embedding is not null) != (_options.EmbeddingDim > 0))
            throw new ArgumentException(embedding is null
                ? $"UNet: it was built with EmbeddingDim = {_options.EmbeddingDim}, so it needs an embedding [N, {_options.EmbeddingDim}]."
                : "UNet: it was built without conditioning (EmbeddingDim = 0) but got an embedding.", nameof(embedding));
        if (embedding is not null) Shape.Expect(embedding, "N E", [("N", input.size(0)), ("E", _options.EmbeddingDim)]);
        using var scope = NewDisposeScope();
        var (height, width) = (input.size(2), input.size(3));
        var padded = Pad(input);
        var x = _input.call(padded);
        var skips = new List<Tensor>();
        foreach (var level in _encoder)
        {
            x = Refine(level, x, embedding);
            skips.Add(x);
            x = level.Resample(x);
        }
        x = Refine(_middle, x, embedding);
        for (var level = _decoder.Count - 1; level >= 0; level--)
        {
            x = cat([_decoder[level].Resample(x), skips[level]], 1);
            x = Refine(_decoder[level], x, embedding);
        }
        var y = _output.call(_activation.call(_outputNorm.call(x)));
        if (!ReferenceEquals(padded, input)) y = y.narrow(2, 0, height).narrow(3, 0, width);
        return y.MoveToOuterDisposeScope();
    }

    private Tensor Refine(UNetLevel level, Tensor x, Tensor? embedding)
        => !Recomputes ? level.Refine(x, embedding)
            : embedding is null ? Recomputation.Call([level], inputs => level.Refine(inputs[0], null), x)
            : Recomputation.Call([level], inputs => level.Refine(inputs[0], inputs[1]), x, embedding);

    private Tensor Pad(Tensor x)
    {
        long Missing(long size) => (Stride - (size % Stride)) % Stride;
        var (down, right) = (Missing(x.size(2)), Missing(x.size(3)));
        return down == 0 && right == 0 ? x : nn.functional.pad(x, [0, right, 0, down], PaddingModes.Replicate);
    }
}
