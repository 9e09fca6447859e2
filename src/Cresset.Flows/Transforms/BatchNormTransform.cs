using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Batch normalization as a transform of vectors [N, D] (RealNVP, section 3.7; keys as in nflows): batch statistics in training, running
/// ones in evaluation. The inverse exists in evaluation only.
/// </summary>
public sealed class BatchNormTransform : FlowTransform
{
    private readonly double _epsilon;
    private readonly double _momentum;
    [ComponentName(Name = "unconstrained_weight")]
    private readonly Parameter _weight;
    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;
    [ComponentName(Name = "running_mean")]
    private readonly Tensor _mean;
    [ComponentName(Name = "running_var")]
    private readonly Tensor _variance;

    /// <summary>Makes the layer; running statistics start at mean 0 and variance 1.</summary>
    public BatchNormTransform(int features, double epsilon = 1e-5, double momentum = 0.1)
        : base(nameof(BatchNormTransform))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        if (!(epsilon > 0 && epsilon < 1)) throw new ArgumentOutOfRangeException(nameof(epsilon), epsilon, "Must lie in (0, 1).");
        if (!(momentum > 0 && momentum <= 1)) throw new ArgumentOutOfRangeException(nameof(momentum), momentum, "Must lie in (0, 1].");
        (_epsilon, _momentum) = (epsilon, momentum);
        _weight = new Parameter(full(features, Math.Log(Math.Exp(1 - epsilon) - 1)).DetachFromDisposeScope());
        _bias = new Parameter(zeros(features).DetachFromDisposeScope());
        _mean = zeros(features).DetachFromDisposeScope();
        _variance = ones(features).DetachFromDisposeScope();
        RegisterComponents();
    }

    private Tensor Weight => nn.functional.softplus(_weight, 1, 20) + _epsilon;

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _bias.size(0)));
        if (training && x.size(0) < 2)
            throw Cresset.Tensors.Shape.Wrong(x, "[N, D] with at least two samples", "Batch statistics of one sample do not exist.");
        using var scope = NewDisposeScope();
        Tensor mean = _mean, variance = _variance;
        if (training)
        {
            mean = x.mean([0L]);
            variance = (x - mean).square().sum([0L]) / (x.size(0) - 1);
            using var noGrad = no_grad();
            _mean.mul_(1 - _momentum).add_(mean, _momentum);
            _variance.mul_(1 - _momentum).add_(variance, _momentum);
        }
        var weight = Weight;
        var log = (weight.log() - 0.5 * (variance + _epsilon).log()).sum();
        return Move(weight * (x - mean) / (variance + _epsilon).sqrt() + _bias, PerSample(log, x));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _bias.size(0)));
        if (training)
            throw new InvalidOperationException(
                "BatchNormTransform has no inverse in training mode, where its statistics depend on the batch: call eval() first.");
        using var scope = NewDisposeScope();
        var weight = Weight;
        var log = (weight.log() - 0.5 * (_variance + _epsilon).log()).sum();
        return Move((z - _bias) / weight * (_variance + _epsilon).sqrt() + _mean, PerSample(-log, z));
    }
}
