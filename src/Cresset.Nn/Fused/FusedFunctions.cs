using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// What the autograd nodes share. An exception that leaves a custom backward crosses native frames and ends the process, so
/// a failure there (out of memory) gives NaN gradients, which training notices, instead of an end without a message.
/// </summary>
internal static class FusedBackward
{
    /// <summary>Gradients of an output by libtorch's operations, themselves differentiable: for create_graph.</summary>
    public static IList<Tensor> Composed(Func<Tensor> output, Tensor[] inputs, Tensor gradient)
    {
        using var grad = enable_grad();
        using var y = output();
        return autograd.grad([y], inputs, [gradient], create_graph: true, retain_graph: true, allow_unused: true);
    }

    /// <summary>Backward of a node with two inputs and one option: by the kernel, or composed where second derivatives are wanted. Frees what was handed in.</summary>
    public static List<Tensor> Pair(IReadOnlyList<Tensor> saved, Tensor gradient, Func<(Tensor?, Tensor?)> kernel, Func<Tensor> composed)
    {
        var result = Guard(
            () =>
            {
                if (!is_grad_enabled())
                {
                    var (first, second) = kernel();
                    return [first!, second!, null!];
                }
                var wanted = saved.Where(s => s.requires_grad).ToArray();
                var found = Composed(composed, wanted, gradient);
                var next = 0;
                return [.. saved.Select(s => s.requires_grad ? found[next++] : null!), null!];
            },
            saved,
            1);
        foreach (var tensor in saved) tensor.Dispose();
        gradient.Dispose();
        return result;
    }

    /// <summary>An exception must not leave a backward that native code called, since that ends the process: gradients of NaN, which training reports, stand for it.</summary>
    public static List<Tensor> Guard(Func<List<Tensor>> gradients, IReadOnlyList<Tensor> inputs, int extra)
        => Guard(gradients, () => [.. inputs.Select(i => full_like(i, double.NaN)), .. Enumerable.Repeat<Tensor>(null!, extra)]);

    /// <summary>The same for a node with one float32 input, known by its shape.</summary>
    public static List<Tensor> Guard(Func<List<Tensor>> gradients, long[] shape, int extra)
        => Guard(gradients, () => [full(shape, double.NaN, dtype: ScalarType.Float32), .. Enumerable.Repeat<Tensor>(null!, extra)]);

    private static List<Tensor> Guard(Func<List<Tensor>> gradients, Func<List<Tensor>> damaged)
    {
        try
        {
            return gradients();
        }
#pragma warning disable CA1031 // see the summary
        catch (Exception)
#pragma warning restore CA1031
        {
            return damaged();
        }
    }
}

/// <summary>y = f(x) as an autograd node; keeps x for backward.</summary>
internal sealed class FusedUnary : autograd.SingleTensorFunction<FusedUnary>
{
    public override string Name => nameof(FusedUnary);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, node) = ((Tensor)vars[0], (FusedNode)vars[1]);
        ctx.save_for_backward([x]);
        ctx.save_data("node", node);
        return node.Value(x);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        var node = (FusedNode)ctx.get_data("node");
        var result = FusedBackward.Guard(() => is_grad_enabled() ? [FusedBackward.Composed(() => node.Composed(saved[0]), [saved[0]], grad_output)[0], null!] : [node.Gradient(saved[0], grad_output), null!], saved, 1);
        saved[0].Dispose();
        grad_output.Dispose();
        return result;
    }
}

/// <summary>y = f(a) b as an autograd node; keeps a and b for backward, not f(a).</summary>
internal sealed class FusedPair : autograd.SingleTensorFunction<FusedPair>
{
    public override string Name => nameof(FusedPair);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (a, b, node) = ((Tensor)vars[0], (Tensor)vars[1], (FusedNode)vars[2]);
        ctx.save_for_backward([a, b]);
        ctx.save_data("node", node);
        return node.Gate(a, b);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        var node = (FusedNode)ctx.get_data("node");
        return FusedBackward.Pair(
            saved,
            grad_output,
            () => node.GateGradient(saved[0], saved[1], grad_output),
            () => { using var fa = node.Composed(saved[0]); return fa * saved[1]; });
    }
}

/// <summary>y = f(gate) value of a packed tensor as an autograd node; keeps the packed tensor.</summary>
internal sealed class FusedPacked : autograd.SingleTensorFunction<FusedPacked>
{
    public override string Name => nameof(FusedPacked);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, node) = ((Tensor)vars[0], (FusedNode)vars[1]);
        ctx.save_for_backward([x]);
        ctx.save_data("node", node);
        return node.Packed(x);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        var node = (FusedNode)ctx.get_data("node");
        Tensor Composed()
        {
            using var scope = NewDisposeScope();
            var (gate, value) = GatedUnits.Split(saved[0], node.GateFirst ? GateLayout.GateFirst : GateLayout.GateLast);
            return (node.Composed(gate) * value).MoveToOuterDisposeScope();
        }
        var result = FusedBackward.Guard(() => is_grad_enabled() ? [FusedBackward.Composed(Composed, [saved[0]], grad_output)[0], null!] : [node.PackedGradient(saved[0], grad_output), null!], saved, 1);
        saved[0].Dispose();
        grad_output.Dispose();
        return result;
    }
}
