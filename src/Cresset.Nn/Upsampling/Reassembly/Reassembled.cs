using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// CARAFE's reassembly with its gradients; keeps features and weights. Second derivatives go through libtorch's operations.
/// </summary>
internal sealed class Reassembled(int size, int groups, int scale) : DifferentiableOperation
{
    protected override Tensor[] Forward(Tensor[] inputs) => [Kernel(inputs[0]).Run(inputs[0], inputs[1])];

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
    {
        if (gradients[0] is not { } g) return [null, null];
        if (is_grad_enabled()) return ComposedGradient.Of(() => Carafe.Composed(saved[0], saved[1], size, groups, scale), saved, g);
        var kernel = Kernel(saved[0]);
        return [Wants(0) ? kernel.FeatureGradient(saved[1], g) : null, Wants(1) ? kernel.WeightGradient(saved[0], g) : null];
    }

    private Reassembly Kernel(Tensor features) => new(features, size, groups, scale);
}
