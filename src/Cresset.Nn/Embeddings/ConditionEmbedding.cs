using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// The vector that conditions a network on a time and, if wanted, a class: sinusoidal features through a two-layer net, plus a learned
/// vector per class. Times [N], classes [N] (int64) or null; result [N, dim]. Class index <c>classes</c> (one past the last) is "no class",
/// for classifier-free guidance. Keys: <c>time.0</c>, <c>time.2</c>, <c>label.weight</c>.
/// </summary>
internal sealed class ConditionEmbedding : nn.Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "features")]
    private readonly SinusoidalEmbedding _features;

    [ComponentName(Name = "time")]
    private readonly Sequential _time;

    [ComponentName(Name = "label")]
    private readonly Embedding? _label;

    /// <summary>Builds the embedding.</summary>
    /// <param name="dim">Width of the result.</param>
    /// <param name="classes">Number of classes; 0 has none.</param>
    /// <param name="timeScale">Multiplies the time: 1000 for times in [0, 1], 1 for step numbers.</param>
    /// <param name="frequencyDim">Number of sinusoidal features.</param>
    public ConditionEmbedding(long dim, long classes = 0, double timeScale = 1, long frequencyDim = 128)
        : base(nameof(ConditionEmbedding))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dim);
        ArgumentOutOfRangeException.ThrowIfNegative(classes);
        Classes = classes;
        _features = new SinusoidalEmbedding(frequencyDim, scale: timeScale);
        _time = nn.Sequential(nn.Linear(frequencyDim, dim), new Activation("silu"), nn.Linear(dim, dim));
        if (classes > 0) _label = nn.Embedding(classes + 1, dim);
        RegisterComponents();
    }

    /// <summary>Number of classes; this number itself, as a class, means "none".</summary>
    public long Classes { get; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor times, Tensor? classes)
    {
        Shape.Expect(times, "N");
        if (classes is not null && _label is null)
            throw new ArgumentException("ConditionEmbedding: classes were given, but it was built with classes = 0.", nameof(classes));
        using var scope = NewDisposeScope();
        var features = _features.call(times);
        if (_time[0] is Linear { weight: { } weight } && weight.dtype != features.dtype) features = features.to(weight.dtype);
        var y = _time.call(features);
        if (_label is not null) y += _label.call(classes ?? full(times.size(0), Classes, dtype: ScalarType.Int64, device: times.device));
        return y.MoveToOuterDisposeScope();
    }
}
