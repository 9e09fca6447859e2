using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A U-Net with its own time (and class) embedding: pictures [N, C, H, W], times [N], classes [N] or null, to [N, C, H, W].
/// Keys: <c>embedding.*</c>, <c>net.*</c>.
/// </summary>
public sealed class ConditionedUNet : nn.Module<Tensor, Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "embedding")]
    private readonly ConditionEmbedding _embedding;

    [ComponentName(Name = "net")]
    private readonly UNet _net;

    /// <summary>Builds the network. An <see cref="UNetOptions.EmbeddingDim"/> of 0 becomes four times the first level's channels.</summary>
    /// <param name="inChannels">Channels of the pictures.</param>
    /// <param name="outChannels">Channels of the result.</param>
    /// <param name="options">The U-Net.</param>
    /// <param name="classes">Number of classes; 0 has none.</param>
    /// <param name="timeScale">Multiplies the time: 1000 for times in [0, 1], 1 for step numbers.</param>
    /// <param name="generator">Draws the weights from it; null leaves TorchSharp's own initial weights.</param>
    /// <exception cref="InvalidOptionsException">An option is not allowed.</exception>
    public ConditionedUNet(long inChannels, long outChannels, UNetOptions? options = null, long classes = 0, double timeScale = 1,
        Generator? generator = null)
        : base(nameof(ConditionedUNet))
    {
        options = (options ?? new UNetOptions()).ThrowIfInvalid();
        if (options.EmbeddingDim == 0) options = options with { EmbeddingDim = 4 * options.Channels[0] };
        _embedding = new ConditionEmbedding(options.EmbeddingDim, classes, timeScale);
        if (generator is not null) Initialize.Reset(_embedding, generator);
        _net = new UNet(inChannels, outChannels, options, generator);
        RegisterComponents();
    }

    /// <summary>Without a class.</summary>
    public Tensor call(Tensor input, Tensor times) => call(input, times, null);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, Tensor times, Tensor? classes)
    {
        using var scope = NewDisposeScope();
        return _net.call(input, _embedding.call(times, classes)).MoveToOuterDisposeScope();
    }
}
