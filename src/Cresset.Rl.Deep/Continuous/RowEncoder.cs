using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>An encoder of observations that stand alone, such as pictures.</summary>
internal sealed class RowEncoder : FeatureEncoder
{
    private readonly nn.Module<Tensor, Tensor> _online;
    private readonly nn.Module<Tensor, Tensor> _target;

    /// <summary>An encoder and a target that equals it.</summary>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="make">Makes a module [batch, observation] to [batch, features].</param>
    /// <param name="device">Where libtorch computes.</param>
    /// <param name="rows">Rows of a batch.</param>
    /// <param name="initial">The stream of the weights.</param>
    /// <exception cref="ArgumentException">The module does not make rows of features.</exception>
    public RowEncoder(int observationSize, Func<nn.Module<Tensor, Tensor>> make, string device, int rows, RandomStream initial)
        : this(make(), make(), observationSize, device, rows, initial)
    {
    }

    private RowEncoder(nn.Module<Tensor, Tensor> online, nn.Module<Tensor, Tensor> target, int observationSize, string device, int rows,
        RandomStream initial)
        : base(online, target, observationSize, WidthOf(online, observationSize), device, rows, initial)
        => (_online, _target) = (online, target);

    /// <inheritdoc/>
    protected override Tensor Read(Tensor observations, Span<float> memory) => _online.call(observations);

    /// <inheritdoc/>
    protected override Tensor ReadBatch(Tensor here, Tensor next, StretchBatch? stretches)
    {
        var features = _online.call(here);
        using var quiet = no_grad();
        Copy(_online.call(next), Next);
        Copy(_target.call(next), NextByTarget);
        return features;
    }

    private static int WidthOf(nn.Module<Tensor, Tensor> encoder, int observationSize)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        var features = encoder.call(zeros(1, observationSize));
        return features.dim() == 2
            ? (int)features.size(1)
            : throw new ArgumentException(
                $"The encoder makes {Shape.Text(features)} from [1, {observationSize}]; needed is [1, features].", nameof(encoder));
    }
}
