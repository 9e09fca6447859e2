using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>How ActNorm measures the spread of the first batch.</summary>
public enum ActNormVariance
{
    /// <summary>Biased variance, 1 / (sqrt(var) + 1e-6) (OpenAI's Glow).</summary>
    Biased,

    /// <summary>Unbiased deviation, 1 / (std + 1e-6) (the PyTorch ports).</summary>
    Unbiased,
}

/// <summary>
/// Activation normalization (Kingma and Dhariwal 2018): z = scale (x + loc) per feature or channel, so set that the first training batch
/// has zero mean and unit variance. Samples [N, D] or images [N, D, H, W].
/// </summary>
public sealed class ActNorm : FlowTransform
{
    private readonly long _features;
    private readonly ActNormVariance _variance;
    [ComponentName(Name = "loc")]
    private readonly Parameter _loc;
    [ComponentName(Name = "scale")]
    private readonly Parameter _scale;
    [ComponentName(Name = "initialized")]
    private readonly Tensor _initialized;
    private bool _ready;

    /// <summary>Makes the layer.</summary>
    /// <param name="features">Features or channels.</param>
    /// <param name="images">Parameters [1, C, 1, 1] for images instead of [1, D].</param>
    /// <param name="variance">Which variance the first batch is scaled by.</param>
    public ActNorm(long features, bool images = false, ActNormVariance variance = ActNormVariance.Biased)
        : base(nameof(ActNorm))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _features = features;
        _variance = variance;
        long[] shape = images ? [1, features, 1, 1] : [1, features];
        _loc = new Parameter(zeros(shape).DetachFromDisposeScope());
        _scale = new Parameter(ones(shape).DetachFromDisposeScope());
        _initialized = zeros(1, dtype: ScalarType.Byte).reshape([]).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Check(x);
        if (!_ready) Prepare(x);
        using var scope = NewDisposeScope();
        return Move(_scale * (x + _loc), PerSample(LogDet(x), x));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Check(z);
        if (!_ready) Prepare(null);
        using var scope = NewDisposeScope();
        return Move(z / _scale - _loc, PerSample(-LogDet(z), z));
    }

    /// <summary>Sets location and scale from a batch, whatever they were.</summary>
    /// <exception cref="ArgumentException">The batch is not finite.</exception>
    public void Initialize(Tensor x)
    {
        Check(x);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (x.numel() <= _features)
            throw Cresset.Tensors.Shape.Wrong(x, "at least two values of each feature",
                "ActNorm takes its scale from the spread of its first batch, and one value has none: start with a larger batch.");
        long[] others = x.dim() == 2 ? [0] : [0, 2, 3];
        var mean = x.mean(others, keepdim: true);
        var deviation = Deviation(x - mean, others) + 1e-6;
        if (!mean.isfinite().all().ToBoolean() || !deviation.isfinite().all().ToBoolean())
            throw new ArgumentException(
                "ActNorm: the batch it should take its scale from holds values that are not finite, or is too small for a variance.",
                nameof(x));
        _loc.copy_((-mean).reshape(_loc.shape));
        _scale.copy_((1 / deviation).reshape(_scale.shape));
        _initialized.fill_(1);
        _ready = true;
    }

    private Tensor Deviation(Tensor centred, long[] others)
    {
        double count = (double)centred.numel() / _features;
        var correction = _variance == ActNormVariance.Unbiased ? count / (count - 1) : 1;
        return (centred.square().mean(others, keepdim: true) * correction).sqrt();
    }

    private Tensor LogDet(Tensor x) => _scale.abs().log().sum() * (x.dim() == 2 ? 1 : x.size(2) * x.size(3));

    private void Prepare(Tensor? batch)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        // Weights loaded from a checkpoint that does not store the flag count as initialised.
        if (_initialized.ToInt64() != 0 || _loc.ne(0).any().ToBoolean() || _scale.ne(1).any().ToBoolean())
        {
            _ready = true;
            return;
        }
        if (batch is null || !training)
        {
            throw new InvalidOperationException(
                "ActNorm has not seen a batch: run the flow forwards once in training mode on data, or load weights, before using it for "
                    + "evaluation or sampling.");
        }
        Initialize(batch);
    }

    private void Check(Tensor x)
    {
        if (x.dim() is not (2 or 4) || x.size(1) != _features)
            throw Cresset.Tensors.Shape.Wrong(x, $"[N, {_features}] or [N, {_features}, H, W]");
    }
}
