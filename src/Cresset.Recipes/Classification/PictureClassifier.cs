using Cresset.Data;
using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Recipes;

/// <summary>
/// Stages of two 3x3 convolutions with batch normalisation and a pooling, the mean over the picture, one linear layer: [N, C, H, W] in 0..1
/// to logits [N, classes]. The mean and deviation of the training pictures are buffers, so that they lie in the model's file.
/// </summary>
internal sealed class PictureClassifier : Module<Tensor, Tensor>, IRecomputes
{
    [ComponentName(Name = "stages")]
    private readonly Sequential _stages;

    [ComponentName(Name = "head")]
    private readonly Sequential _head;

    [ComponentName(Name = "mean")]
    private readonly Tensor _mean;

    [ComponentName(Name = "deviation")]
    private readonly Tensor _deviation;

    private readonly long _channels;

    // A convolution twice, and a pooling: what a stage is made of.
    private const int StageLayers = 7;

    /// <summary>Builds the net for pictures and classes of the given data.</summary>
    /// <param name="options">Its size.</param>
    /// <param name="facts">Shape and classes.</param>
    /// <param name="mean">Mean of each channel over the training part; zeros by default, for a model that will be loaded.</param>
    /// <param name="deviation">Deviation of each channel.</param>
    public PictureClassifier(ClassifierOptions options, DataFacts facts, float[]? mean = null, float[]? deviation = null)
        : base(nameof(PictureClassifier))
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(facts);
        _channels = facts.Shape[0];
        var side = Math.Min(facts.Shape[1], facts.Shape[2]);
        var stages = options.Stages;
        if (stages == 0)
        {
            for (stages = 1; side >> stages > 4; stages++)
            {
            }
        }
        if (side >> stages < 1)
            throw new ArgumentException(
                $"model.stages is {stages}: pictures of {facts.Shape[2]}x{facts.Shape[1]} can be halved {(int)Math.Log2(side)} times.",
                nameof(options));
        var layers = new List<Module<Tensor, Tensor>>();
        long from = _channels;
        for (var stage = 0; stage < stages; stage++)
        {
            long to = (long)options.Width << stage;
            layers.AddRange([Conv2d(from, to, 3, padding: 1, bias: false), BatchNorm2d(to), ReLU()]);
            layers.AddRange([Conv2d(to, to, 3, padding: 1, bias: false), BatchNorm2d(to), ReLU(), MaxPool2d(2)]);
            from = to;
        }
        _stages = Sequential(layers);
        _head = Sequential(AdaptiveAvgPool2d(1), Flatten(), Dropout(options.Dropout), Linear(from, facts.Classes.Count));
        _mean = tensor(mean ?? new float[_channels]).reshape(1, _channels, 1, 1).DetachFromDisposeScope();
        _deviation = tensor(deviation ?? [.. Enumerable.Repeat(1f, (int)_channels)]).reshape(1, _channels, 1, 1).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool Recomputes { get; set; }

    /// <summary>Logits [N, classes] of pictures [N, C, H, W].</summary>
    public override Tensor forward(Tensor pictures)
    {
        Shape.Expect(pictures, "N C H W", [("C", _channels)]);
        using var scope = NewDisposeScope();
        var standard = Standard(pictures);
        if (!Recomputes) return _head.call(_stages.call(standard)).MoveToOuterDisposeScope();
        foreach (var stage in _stages.children().Cast<Module<Tensor, Tensor>>().Chunk(StageLayers))
            standard = Recomputation.Call(stage, inputs => stage.Aggregate(inputs[0], (x, layer) => layer.call(x)), standard);
        return _head.call(standard).MoveToOuterDisposeScope();
    }

    /// <summary>Logits [N, classes] and what they are made of, the mean of the last stage over the picture [N, F].</summary>
    internal (Tensor Logits, Tensor Features) Look(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        var features = _stages.call(Standard(pictures)).mean([2, 3]);
        return (((Module<Tensor, Tensor>)_head.children().Last()).call(features).MoveToOuterDisposeScope(),
            features.MoveToOuterDisposeScope());
    }

    private Tensor Standard(Tensor pictures) => ChannelsLast.Of((pictures - _mean) / _deviation);
}
