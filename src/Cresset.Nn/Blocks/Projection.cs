using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// A linear map [..., in] to [..., out] whose weight may stay packed as a file stores it (see <see cref="PackedWeight"/>).
/// </summary>
public sealed class Projection : WeightLayer
{
    private const long WidenedElements = 1 << 22;

    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter? _bias;

    private PackedWeight? _packed;

    private readonly List<ILayerAdapter> _adapters = [];

    internal Projection(long inputs, long outputs, bool hasBias, WeightPlace place)
        : base(nameof(Projection))
    {
        var bound = 1 / Math.Sqrt(inputs);
        _weight = NewUniform(place, bound, outputs, inputs);
        if (hasBias) _bias = NewUniform(place, bound, outputs);
        RegisterComponents();
    }

    /// <summary>The weight, [out, in]; while it is packed, its shape alone (a tensor without memory).</summary>
    public Tensor Weight => _weight;

    /// <summary>The bias, [out], or null.</summary>
    public Tensor? Bias => _bias;

    /// <summary>True when the weight is stored in 8 bits or fewer.</summary>
    public bool IsQuantized => _packed is not null;

    /// <summary>True when the layer is its weight and bias alone: nothing packed, no adapter.</summary>
    internal bool IsPlain => _packed is null && _adapters.Count == 0;

    /// <summary>The packed weight, or null.</summary>
    internal PackedWeight? Packed => _packed;

    /// <summary>Adds what an adapter makes of the input to the output from now on; the adapter belongs to whoever put it here.</summary>
    internal void Add(ILayerAdapter adapter) => _adapters.Add(adapter);

    /// <summary>Takes an adapter out again.</summary>
    internal void Remove(ILayerAdapter adapter) => _adapters.Remove(adapter);

    /// <summary>Hands the packed weight over; the layer has no values until another weight is put in its place.</summary>
    internal PackedWeight? Release()
    {
        var packed = _packed;
        _packed = null;
        return packed;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (input.dim() == 0 || input.size(-1) != _weight.size(1)) throw Shape.Wrong(input, $"[..., {_weight.size(1)}]");
        if (_adapters.Count == 0) return Plain(input);
        using var scope = NewDisposeScope();
        var output = Plain(input);
        foreach (var adapter in _adapters) output = output.add(adapter.Of(input));
        return output.MoveToOuterDisposeScope();
    }

    private Tensor Plain(Tensor input)
    {
        if (_packed is not null)
            return input.is_floating_point() ? _packed.Linear(input, _bias)
                : throw new ArgumentException($"The layer takes floating-point numbers; the input is {input.dtype}.", nameof(input));
        if (_weight.dtype == input.dtype) return MatrixProduct.Linear(input, _weight, _bias);
        using var scope = NewDisposeScope();
        return Widened(input, _bias is null ? null : As(_bias, input)).MoveToOuterDisposeScope();
    }

    // The weight in the input's element type is made a few rows at a time where the result is smaller than the weight: a whole copy would
    // be the largest tensor of a step. Gradients need it whole.
    private Tensor Widened(Tensor input, Tensor? bias)
    {
        long rows = _weight.size(0), width = _weight.size(1), atOnce = Math.Max(1, WidenedElements / width);
        if (rows <= atOnce || input.numel() / width > width / 2 || is_grad_enabled())
            return MatrixProduct.Linear(input, As(_weight, input), bias);
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

    /// <summary>Stores the weight as 8-bit integers, each row scaled by its largest magnitude; what is packed already stays so.</summary>
    internal void Quantize()
    {
        if (_packed is not null) return;
        using var noGrad = no_grad();
        Assign(PackedWeight.EightBits(_weight));
    }

    /// <summary>The weight in single precision whatever its storage; the caller disposes it.</summary>
    internal Tensor Dequantized() =>
        _packed is not null ? _packed.ToTensor(ScalarType.Float32) : _weight.detach().to(ScalarType.Float32, copy: true);

    internal override bool TakesPacked(string name) => name == "weight";

    internal override void Assign(PackedWeight value)
    {
        _weight = Replace(_weight, value);
        _packed?.Dispose();
        _packed = value;
    }

    internal override void Assign(string name, Tensor value)
    {
        if (name == "weight")
        {
            _weight = Replace(name, _weight, value);
            _packed?.Dispose();
            _packed = null;
        }
        else if (name == "bias" && _bias is not null)
        {
            _bias = Replace(name, _bias, value);
        }
        else
        {
            throw NoSuchWeight(name);
        }
    }

    /// <summary>Frees the weights.</summary>
    protected override void Dispose(bool disposing)
    {
        _packed?.Dispose();
        base.Dispose(disposing);
    }
}
