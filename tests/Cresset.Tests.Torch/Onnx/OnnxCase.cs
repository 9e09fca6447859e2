using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>A module that is exported, run in ONNX Runtime at two batch sizes and compared.</summary>
/// <param name="Name">Its row in the guide's table.</param>
/// <param name="Make">Makes it.</param>
/// <param name="Inputs">Makes its example.</param>
public sealed record OnnxCase(string Name, Func<nn.Module> Make, Func<Tensor[]> Inputs)
{
    public static OnnxCase Of(string name, Func<nn.Module> make, params long[] shape) => new(name, make, () => [randn(shape)]);

    /// <summary>A function of one tensor as a module.</summary>
    public static OnnxCase Function(string name, Func<Tensor, Tensor> function, params long[] shape) =>
        Of(name, () => new Composed(function), shape);

    public override string ToString() => Name;
}

/// <summary>A function as a module.</summary>
internal sealed class Composed(Func<Tensor, Tensor> function) : nn.Module<Tensor, Tensor>("Composed")
{
    // Optimised, the call would replace this frame, by which refusals find the module.
    [MethodImpl(MethodImplOptions.NoOptimization)]
    public override Tensor forward(Tensor t) => function(t);
}
