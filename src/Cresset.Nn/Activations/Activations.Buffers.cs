using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Activations
{
    /// <summary><see cref="Silu(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor Silu(Tensor x, ActivationBuffers? buffers) => FusedFunction.Silu.Apply(x, buffers);

    /// <summary><see cref="Gelu(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor Gelu(Tensor x, ActivationBuffers? buffers) => FusedFunction.Gelu.Apply(x, buffers);

    /// <summary><see cref="GeluTanh(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor GeluTanh(Tensor x, ActivationBuffers? buffers) => FusedFunction.GeluTanh.Apply(x, buffers);

    /// <summary><see cref="Mish(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor Mish(Tensor x, ActivationBuffers? buffers) => FusedFunction.Mish.Apply(x, buffers);

    /// <summary><see cref="SquaredRelu(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor SquaredRelu(Tensor x, ActivationBuffers? buffers) => FusedFunction.SquaredRelu.Apply(x, buffers);
}
