using Cresset.Nn;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>A linear map [..., in] to [..., out] whose weight may be stored as 8-bit integers with one scale a row.</summary>
public sealed class Projection : WeightLayer
{
    private const long WidenedElements = 1 << 22;

    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter? _bias;

    [ComponentName(Name = "weight_scale")]
    private Tensor? _scale;

    internal Projection(long inputs, long outputs, bool hasBias, WeightPlace place)
        : base(nameof(Projection))
    {
        var bound = 1 / Math.Sqrt(inputs);
        _weight = NewUniform(place, bound, outputs, inputs);
        if (hasBias) _bias = NewUniform(place, bound, outputs);
        RegisterComponents();
    }

    /// <summary>The weight, [out, in].</summary>
    public Tensor Weight => _weight;

    /// <summary>The bias, [out], or null.</summary>
    public Tensor? Bias => _bias;

    /// <summary>True when the weight is stored in 8 bits.</summary>
    public bool IsQuantized => _scale is not null;

    /// <summary>A low-rank change in training, added to the output; it belongs to whoever put it here.</summary>
    internal LoraLayer? Adapter { get; set; }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (Adapter is null) return Plain(input);
        using var scope = NewDisposeScope();
        return Plain(input).add(Adapter.call(input)).MoveToOuterDisposeScope();
    }

    private Tensor Plain(Tensor input)
    {
        if (_scale is null && _weight.dtype == input.dtype) return MatrixProduct.Linear(input, _weight, _bias);
        using var scope = NewDisposeScope();
        var bias = _bias is null ? null : As(_bias, input);
        if (_scale is null) return Widened(input, bias).MoveToOuterDisposeScope();
        var y = Widened(input, null).mul_(_scale.to(input.dtype));
        return (bias is null ? y : y.add_(bias)).MoveToOuterDisposeScope();
    }

    // The weight in the input's element type is made a few rows at a time where the result is smaller than the weight: a whole
    // copy would be the largest tensor of a step. Gradients need it whole.
    private Tensor Widened(Tensor input, Tensor? bias)
    {
        long rows = _weight.size(0), width = _weight.size(1), atOnce = Math.Max(1, WidenedElements / width);
        if (rows <= atOnce || input.numel() / width > width / 2 || is_grad_enabled()) return MatrixProduct.Linear(input, As(_weight, input), bias);
        var parts = new List<Tensor>();
        for (long row = 0; row < rows; row += atOnce)
        {
            var count = Math.Min(atOnce, rows - row);
            using var stored = _weight.narrow(0, row, count);
            using var weight = stored.to(input.dtype);
            using var part = bias?.narrow(0, row, count);
            parts.Add(MatrixProduct.Linear(input, weight, part));
        }
        return cat(parts, -1);
    }

    /// <summary>Stores the weight as 8-bit integers, each row scaled by its largest magnitude.</summary>
    internal void Quantize()
    {
        if (_scale is not null) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var weight = _weight.to(ScalarType.Float32);
        var scale = weight.abs().amax([1]).clamp_min(1e-12).div(127);
        var rounded = weight.div(scale.unsqueeze(1)).round().to(ScalarType.Int8);
        _scale = scale.DetachFromDisposeScope();
        register_buffer("weight_scale", _scale);
        _weight = Replace("weight", _weight, rounded);
    }

    /// <summary>The weight in single precision whatever its storage; the caller disposes it.</summary>
    internal Tensor Dequantized()
    {
        using var scope = NewDisposeScope();
        var weight = _weight.detach().to(ScalarType.Float32, copy: true);
        return (_scale is null ? weight : weight.mul_(_scale.unsqueeze(1))).MoveToOuterDisposeScope();
    }

    internal override void Assign(string name, Tensor value)
    {
        if (name == "weight") _weight = Replace(name, _weight, value);
        else if (name == "bias" && _bias is not null) _bias = Replace(name, _bias, value);
        else throw NoSuchWeight(name);
    }
}
