using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// x / sqrt(mean(x^2) + eps) * weight over the last dimension, [..., dim] to the same shape; the statistics are float32 (float64 for
/// float64 input) whatever the input's type. From magnitudes of 1.8e19 on the squares overflow in float32 and the result is 0, as in
/// PyTorch. Zhang and Sennrich 2019. Key: <c>weight</c>.
/// </summary>
public sealed class RmsNorm : WeightLayer
{
    [ComponentName(Name = "weight")]
    private Parameter? _weight;

    private readonly long _dim;
    private readonly double _eps;

    /// <summary>Builds the layer with weight 1.</summary>
    /// <param name="dim">Size of the last dimension.</param>
    /// <param name="eps">Added to the mean square; LLaMA uses 1e-5 or 1e-6.</param>
    /// <param name="affine">False: no weight.</param>
    /// <param name="place">Element type and device of the weight; null is single precision on the CPU.</param>
    public RmsNorm(long dim, double eps = 1e-6, bool affine = true, WeightPlace? place = null)
        : base(nameof(RmsNorm))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dim);
        CheckEpsilon(eps);
        (_dim, _eps) = (dim, eps);
        if (affine) _weight = NewConstant(place ?? WeightPlace.Cpu, 1, dim);
        RegisterComponents();
    }

    /// <summary>Added to the mean square.</summary>
    internal float Epsilon => (float)_eps;

    /// <summary>The weight, [dim], or null.</summary>
    public Tensor? Weight => _weight;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() == 0 || input.size(-1) != _dim) throw Shape.Wrong(input, $"[..., {_dim}]");
        return Apply(input, _weight, _eps);
    }

    internal override void Assign(string name, Tensor value) =>
        _weight = name == "weight" && _weight is not null ? Replace(name, _weight, value) : throw NoSuchWeight(name);

    /// <summary>The function itself: x [..., dim], weight [dim] or null; the result has the type of x.</summary>
    public static Tensor Apply(Tensor x, Tensor? weight, double eps = 1e-6)
    {
        if (!x.is_floating_point())
            throw new ArgumentException($"RmsNorm: x is {x.dtype}; a norm needs floating-point numbers.", nameof(x));
        CheckEpsilon(eps);
        if (weight is not null && (weight.dim() != 1 || x.dim() == 0 || weight.size(0) != x.size(-1)))
            throw Shape.Wrong(weight, $"[{(x.dim() == 0 ? 1 : x.size(-1))}], one factor for each of the last dimension");
        return weight is not null && FusedRmsNorm.Fits(x, weight) ? new FusedRmsNorm(eps).Apply(x, weight) : Composed(x, weight, eps);
    }

    /// <summary>The same by libtorch's operations.</summary>
    internal static Tensor Composed(Tensor x, Tensor? weight, double eps)
    {
        using var scope = NewDisposeScope();
        var wide = x.dtype is ScalarType.BFloat16 or ScalarType.Float16 ? x.to(ScalarType.Float32) : x;
        var y = wide * (wide.square().mean([-1], keepdim: true) + eps).rsqrt();
        if (wide.dtype != x.dtype) y = y.to(x.dtype);
        return (weight is null ? y : y * As(weight, y)).MoveToOuterDisposeScope();
    }

    private static void CheckEpsilon(double eps)
    {
        if (!(eps >= 0) || !double.IsFinite(eps))
            throw new ArgumentOutOfRangeException(nameof(eps), eps, "RmsNorm: eps must be finite and at least 0 (usual: 1e-6).");
    }
}
