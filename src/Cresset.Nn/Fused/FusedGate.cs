using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>The gated units that have a fused kernel, by the name of their activation.</summary>
internal sealed record FusedGate(Func<Tensor, Tensor, ActivationBuffers?, Tensor> Pair, Func<Tensor, bool, ActivationBuffers?, Tensor> Packed)
{
    /// <summary>The fused form for a catalog name, or null: parameters in parentheses, rare activations.</summary>
    /// <exception cref="ArgumentException">Unknown activation.</exception>
    public static FusedGate? Find(string activation)
    {
        var (info, values) = ActivationCatalog.Parse(activation);
        return info.Name switch
        {
            "silu" => Of(default(SiluKernel)),
            "gelu" => Of(default(GeluKernel)),
            "gelu_tanh" => Of(default(GeluTanhKernel)),
            "quick_gelu" => Of(new SwishKernel(1.702)),
            "swish_beta" when values[0] != 0 && double.IsFinite(values[0]) => Of(new SwishKernel(values[0])),
            "mish" => Of(default(MishKernel)),
            "relu" => Of(default(ReluKernel)),
            "relu2" => Of(default(SquaredReluKernel)),
            "sigmoid" => Of(default(SigmoidKernel)),
            "tanh" => Of(default(TanhKernel)),
            _ => null,
        };
    }

    private static FusedGate Of<TKernel>(TKernel kernel)
        where TKernel : struct, IFusedKernel
        => new((a, b, buffers) => FusedActivation.Gate(kernel, a, b, buffers), (x, first, buffers) => FusedActivation.GatePacked(kernel, x, first, buffers));
}
