using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>CARAFE's reassembly as an autograd node; keeps features and weights. Second derivatives go through libtorch's operations.</summary>
internal sealed class Reassembled : autograd.SingleTensorFunction<Reassembled>
{
    public override string Name => nameof(Reassembled);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (features, weights, shape) = ((Tensor)vars[0], (Tensor)vars[1], (Neighbourhood)vars[2]);
        ctx.save_for_backward([features, weights]);
        ctx.save_data("shape", shape);
        return shape.Kernel(features).Run(features, weights);
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var saved = ctx.get_saved_variables();
        var shape = (Neighbourhood)ctx.get_data("shape");
        return FusedBackward.Pair(
            saved,
            grad_output,
            () =>
            {
                var kernel = shape.Kernel(saved[0]);
                return (saved[0].requires_grad ? kernel.FeatureGradient(saved[1], grad_output) : null, saved[1].requires_grad ? kernel.WeightGradient(saved[0], grad_output) : null);
            },
            () => shape.Composed(saved[0], saved[1]));
    }

    /// <summary>The numbers of a reassembly.</summary>
    internal sealed record Neighbourhood(int Size, int Groups, int Scale)
    {
        public Reassembly Kernel(Tensor features) => new(features, Size, Groups, Scale);

        public Tensor Composed(Tensor features, Tensor weights) => Carafe.Composed(features, weights, Size, Groups, Scale);
    }
}
