using static TorchSharp.torch;

namespace Cresset.Nn;

public static partial class Activations
{
    /// <summary><see cref="Silu(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor Silu(Tensor x, ActivationBuffers? buffers) => FusedActivation.Apply(default(SiluKernel), x, buffers);

    /// <summary><see cref="Gelu(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor Gelu(Tensor x, ActivationBuffers? buffers) => FusedActivation.Apply(default(GeluKernel), x, buffers);

    /// <summary><see cref="GeluTanh(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor GeluTanh(Tensor x, ActivationBuffers? buffers) => FusedActivation.Apply(default(GeluTanhKernel), x, buffers);

    /// <summary><see cref="Mish(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor Mish(Tensor x, ActivationBuffers? buffers) => FusedActivation.Apply(default(MishKernel), x, buffers);

    /// <summary><see cref="SquaredRelu(Tensor)"/> with its result and gradient in reused memory.</summary>
    public static Tensor SquaredRelu(Tensor x, ActivationBuffers? buffers) => FusedActivation.Apply(default(SquaredReluKernel), x, buffers);
}
