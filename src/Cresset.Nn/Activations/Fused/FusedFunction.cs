using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>An activation with a kernel of its own: where the kernel cannot be used it runs through libtorch's operations.</summary>
internal abstract class FusedFunction
{
    public static FusedFunction Silu { get; } = Of(default(SiluKernel), x => nn.functional.silu(x));

    public static FusedFunction Gelu { get; } = Of(default(GeluKernel), x => nn.functional.gelu(x));

    public static FusedFunction GeluTanh { get; } = Of(default(GeluTanhKernel), ComposedGeluTanh);

    public static FusedFunction Mish { get; } = Of(default(MishKernel), x => nn.functional.mish(x));

    public static FusedFunction Relu { get; } = Of(default(ReluKernel), x => nn.functional.relu(x));

    public static FusedFunction SquaredRelu { get; } = Of(default(SquaredReluKernel), ComposedSquaredRelu);

    public static FusedFunction Sigmoid { get; } = Of(default(SigmoidKernel), x => x.sigmoid());

    public static FusedFunction LogSigmoid { get; } = Of(default(LogSigmoidKernel), x => nn.functional.logsigmoid(x));

    public static FusedFunction Tanh { get; } = Of(default(TanhKernel), x => x.tanh());

    public static FusedFunction Tanhshrink { get; } = Of(default(TanhshrinkKernel), x => nn.functional.tanhshrink(x));

    public static FusedFunction Softsign { get; } = Of(default(SoftsignKernel), x => nn.functional.softsign(x));

    public static FusedFunction Erf { get; } = Of(default(ErfKernel), x => x.erf());

    public static FusedFunction Selu { get; } = Of(new EluKernel(1.6732632423543772, 1.0507009873554805, 1), x => nn.functional.selu(x));

    public static FusedFunction Elu(double alpha) => Of(new EluKernel(alpha, 1, 1), x => nn.functional.elu(x, alpha));

    /// <summary>For a positive alpha: a negative one makes the exponent positive, which the kernel is not made for.</summary>
    public static FusedFunction Celu(double alpha) => Of(new EluKernel(alpha, 1, alpha), x => nn.functional.celu(x, alpha));

    public static FusedFunction Softplus(double beta, double threshold) =>
        Of(new SoftplusKernel(beta, threshold), x => nn.functional.softplus(x, beta, threshold));

    /// <summary>For a finite beta other than 0.</summary>
    public static FusedFunction Swish(double beta) => Of(new SwishKernel(beta), x => ComposedSwish(x, beta));

    /// <summary>
    /// The fused form of a gate by the catalog name of its activation, or null: parameters in parentheses, rare activations.
    /// </summary>
    /// <exception cref="ArgumentException">Unknown activation.</exception>
    public static FusedFunction? Find(string activation)
    {
        var (info, values) = ActivationCatalog.Parse(activation);
        return info.Name switch
        {
            "silu" => Silu,
            "gelu" => Gelu,
            "gelu_tanh" => GeluTanh,
            "quick_gelu" => Swish(1.702),
            "swish_beta" when values[0] != 0 && double.IsFinite(values[0]) => Swish(values[0]),
            "mish" => Mish,
            "relu" => Relu,
            "relu2" => SquaredRelu,
            "sigmoid" => Sigmoid,
            "tanh" => Tanh,
            _ => null,
        };
    }

    /// <summary>f(x), [...] to the same shape.</summary>
    public abstract Tensor Apply(Tensor x, ActivationBuffers? buffers = null);

    /// <summary>f(gate) * value for two tensors of one shape.</summary>
    public abstract Tensor Gate(Tensor gate, Tensor value, ActivationBuffers? buffers = null);

    /// <summary>f(gate) * value of a packed tensor [..., 2H] whose halves are gate and value, to [..., H].</summary>
    public abstract Tensor GatePacked(Tensor packed, bool gateFirst, ActivationBuffers? buffers = null);

    private static FusedFunction<TKernel> Of<TKernel>(TKernel kernel, Func<Tensor, Tensor> composed)
        where TKernel : struct, ILaneFunction
        => new(kernel, composed);

    private static Tensor ComposedSwish(Tensor x, double beta)
    {
        using var scope = NewDisposeScope();
        // Where the sigmoid is 0 in every type the product's slope is 0, not 0 times an overflow.
        var end = 1000 / beta;
        if (x.device_type == DeviceType.CPU && Math.Abs(end) <= (x.dtype == ScalarType.Float16 ? 6e4 : 1e30))
            x = beta > 0 ? Finite.AtLeast(x, -end) : Finite.AtMost(x, -end);
        return (x * (x * beta).sigmoid()).MoveToOuterDisposeScope();
    }

    private static Tensor ComposedGeluTanh(Tensor x)
    {
        // libtorch cubes x, which overflows long before x does; graphics cards keep its one kernel.
        if (x.device_type != DeviceType.CPU) return x.gelu(TorchSharp.Modules.GELU.Approximate.tanh);
        using var scope = NewDisposeScope();
        var right = x.gt(1000) & x.lt(double.PositiveInfinity);
        return where(right, x, Finite.AtLeast(x.masked_fill(right, 1000), -1000).gelu(TorchSharp.Modules.GELU.Approximate.tanh))
            .MoveToOuterDisposeScope();
    }

    private static Tensor ComposedSquaredRelu(Tensor x)
    {
        using var scope = NewDisposeScope();
        return nn.functional.relu(x).square().MoveToOuterDisposeScope();
    }
}

/// <summary>The kernel and the same function from libtorch's operations: for other types and devices, and for second derivatives.</summary>
internal sealed class FusedFunction<TKernel>(TKernel kernel, Func<Tensor, Tensor> composed) : FusedFunction
    where TKernel : struct, ILaneFunction
{
    // Without buffers a node holds nothing of a call.
    private readonly FusedNode<TKernel> _node = new(kernel, composed, buffers: null);

    public override Tensor Apply(Tensor x, ActivationBuffers? buffers = null)
    {
        if (!Fits(x)) return IsBrainFloatWithoutGradient(x) ? Brain(x) : composed(x);
        if (ChannelsLast.Is(x))
        {
            // In the order of memory, so that the layout is kept and nothing is copied.
            using var scope = NewDisposeScope();
            return Apply(x.permute(0, 2, 3, 1), buffers).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }
        var node = NodeOf(buffers);
        return x.requires_grad && is_grad_enabled() ? new FusedUnary(node).Apply(x) : node.Value(x);
    }

    public override Tensor Gate(Tensor gate, Tensor value, ActivationBuffers? buffers = null)
    {
        if (!Fits(gate) || !Fits(value) || !SameShape(gate, value))
        {
            using var scope = NewDisposeScope();
            return (composed(gate) * value).MoveToOuterDisposeScope();
        }
        var node = NodeOf(buffers);
        return (gate.requires_grad || value.requires_grad) && is_grad_enabled() ? new FusedPair(node).Apply(gate, value)
            : node.Gate(gate, value);
    }

    public override Tensor GatePacked(Tensor packed, bool gateFirst, ActivationBuffers? buffers = null)
    {
        if (!Fits(packed))
        {
            using var scope = NewDisposeScope();
            var (gate, value) = GatedUnits.Split(packed, gateFirst ? GateLayout.GateFirst : GateLayout.GateLast);
            return (composed(gate) * value).MoveToOuterDisposeScope();
        }
        return new FusedPacked(new FusedNode<TKernel>(kernel, composed, buffers) { GateFirst = gateFirst }).Apply(packed);
    }

    private FusedNode<TKernel> NodeOf(ActivationBuffers? buffers) => buffers is null ? _node : new(kernel, composed, buffers);

    private unsafe Tensor Brain(Tensor x)
    {
        var (f, y) = (kernel, TensorView.New<ushort>(x.shape));
        using TensorView<ushort> from = TensorView.Dense<ushort>(x), to = TensorView.Dense<ushort>(y, from.Count);
        TensorWork.Chunks(from.Count, (start, count) => BrainFloat.Map(f, from.Start + start, to.Start + start, count));
        return y;
    }

    private static bool IsBrainFloatWithoutGradient(Tensor x)
        => Vector512.IsHardwareAccelerated && TensorView.IsDense<ushort>(x) && x.numel() > 0 && !(x.requires_grad && is_grad_enabled());

    private static bool Fits(Tensor x) => Vector256.IsHardwareAccelerated && TensorView.Holds<float>(x) && x.numel() > 0;

    private static bool SameShape(Tensor a, Tensor b)
    {
        var same = a.dim() == b.dim();
        for (var i = 0; same && i < a.dim(); i++) same = a.size(i) == b.size(i);
        return same;
    }
}
