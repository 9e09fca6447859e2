using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Gradients by libtorch's operations, themselves differentiable: what fused operations give under create_graph.</summary>
internal static class ComposedGradient
{
    /// <summary>The gradients of those inputs that want one, null for the others.</summary>
    public static Tensor?[] Of(Func<Tensor> output, Tensor[] inputs, Tensor gradient)
    {
        using var grad = enable_grad();
        using var y = output();
        var wanted = Array.FindAll(inputs, i => i.requires_grad);
        var found = Derivatives.Of([y], wanted, [gradient], createGraph: true);
        var next = 0;
        return Array.ConvertAll(inputs, i => i.requires_grad ? found[next++] : null);
    }
}

/// <summary>y = f(x); keeps x for backward.</summary>
internal sealed class FusedUnary(FusedNode node) : DifferentiableOperation
{
    protected override Tensor[] Forward(Tensor[] inputs) => [node.Value(inputs[0])];

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
    {
        if (gradients[0] is not { } g) return [null];
        return is_grad_enabled() ? ComposedGradient.Of(() => node.Composed(saved[0]), saved, g) : [node.Gradient(saved[0], g)];
    }
}

/// <summary>y = f(a) b; keeps a and b for backward, not f(a).</summary>
internal sealed class FusedPair(FusedNode node) : DifferentiableOperation
{
    protected override Tensor[] Forward(Tensor[] inputs) => [node.Gate(inputs[0], inputs[1])];

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
    {
        if (gradients[0] is not { } g) return [null, null];
        if (is_grad_enabled())
        {
            return ComposedGradient.Of(
                () =>
                {
                    using var fa = node.Composed(saved[0]);
                    return fa * saved[1];
                },
                saved,
                g);
        }
        var (a, b) = node.GateGradient(saved[0], saved[1], g);
        return [a, b];
    }
}

/// <summary>y = f(gate) value of a packed tensor; keeps the packed tensor.</summary>
internal sealed class FusedPacked(FusedNode node) : DifferentiableOperation
{
    protected override Tensor[] Forward(Tensor[] inputs) => [node.Packed(inputs[0])];

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
    {
        if (gradients[0] is not { } g) return [null];
        return is_grad_enabled() ? ComposedGradient.Of(Composed, saved, g) : [node.PackedGradient(saved[0], g)];

        Tensor Composed()
        {
            using var scope = NewDisposeScope();
            var (gate, value) = GatedUnits.Split(saved[0], node.GateFirst ? GateLayout.GateFirst : GateLayout.GateLast);
            return (node.Composed(gate) * value).MoveToOuterDisposeScope();
        }
    }
}
