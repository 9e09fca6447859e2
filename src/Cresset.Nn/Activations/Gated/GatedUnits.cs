using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Gated linear units as functions: act(gate) * value. Shazeer 2020, "GLU variants improve transformers".</summary>
public static class GatedUnits
{
    /// <summary>
    /// act(gate) * value for two tensors of one shape. Common activations run as one fused kernel on float32 CPU tensors and keep only gate
    /// and value for backward.
    /// </summary>
    /// <param name="gate">What goes through the activation.</param>
    /// <param name="value">What is gated.</param>
    /// <param name="activation">Catalog name.</param>
    /// <param name="buffers">Memory to write into again each step; null makes new tensors.</param>
    /// <exception cref="ArgumentException">Unknown activation.</exception>
    public static Tensor Apply(Tensor gate, Tensor value, string activation = "silu", ActivationBuffers? buffers = null)
    {
        Check(gate, value);
        if (FusedFunction.Find(activation) is { } fused) return fused.Gate(gate, value, buffers);
        CheckActivation(activation);
        using var scope = NewDisposeScope();
        return (ActivationCatalog.Function(activation)(gate) * value).MoveToOuterDisposeScope();
    }

    /// <summary>[..., 2H] to [..., H].</summary>
    /// <param name="packed">Gate and value side by side.</param>
    /// <param name="activation">Catalog name.</param>
    /// <param name="layout">Where the gate stands.</param>
    /// <param name="buffers">Memory to write into again each step; null makes new tensors.</param>
    /// <exception cref="ShapeException">The last dimension is odd.</exception>
    /// <exception cref="ArgumentException">Unknown activation.</exception>
    public static Tensor Apply(Tensor packed, string activation = "silu", GateLayout layout = GateLayout.GateFirst,
        ActivationBuffers? buffers = null)
    {
        if (packed.dim() == 0 || packed.size(-1) % 2 != 0) throw Odd(packed, -1);
        if (layout != GateLayout.Interleaved && FusedFunction.Find(activation) is { } fused)
            return fused.GatePacked(packed, layout == GateLayout.GateFirst, buffers);
        using var scope = NewDisposeScope();
        var (gate, value) = Split(packed, layout);
        return Apply(gate, value, activation, buffers).MoveToOuterDisposeScope();
    }

    /// <summary>silu(gate) * value.</summary>
    public static Tensor SwiGlu(Tensor gate, Tensor value, ActivationBuffers? buffers = null) => Apply(gate, value, "silu", buffers);

    /// <summary>gelu(gate) * value, erf form.</summary>
    public static Tensor GeGlu(Tensor gate, Tensor value, ActivationBuffers? buffers = null) => Apply(gate, value, "gelu", buffers);

    /// <summary>relu(gate) * value.</summary>
    public static Tensor ReGlu(Tensor gate, Tensor value, ActivationBuffers? buffers = null) => Apply(gate, value, "relu", buffers);

    /// <summary>PyTorch's glu: splits <paramref name="x"/> along <paramref name="dim"/>, first half * sigmoid(second half).</summary>
    /// <exception cref="ShapeException">The dimension is odd.</exception>
    public static Tensor Glu(Tensor x, long dim = -1)
    {
        if (!x.is_floating_point())
            throw new ArgumentException($"A gated unit needs floating-point numbers; these are {x.dtype}.", nameof(x));
        if (x.dim() == 0 || dim < -x.dim() || dim >= x.dim())
            throw new ArgumentOutOfRangeException(nameof(dim), dim,
                $"A tensor of shape [{string.Join(", ", x.shape)}] has no such dimension to split.");
        if (x.size((int)dim) % 2 != 0) throw Odd(x, dim);
        return nn.functional.glu(x, dim);
    }

    /// <summary>
    /// gpt-oss: gate g = min(a, limit), value u = min(max(b, -limit), limit), result (u + 1) * g * sigmoid(alpha g).
    /// <paramref name="packed"/> is [..., 2H], the result [..., H].
    /// </summary>
    /// <exception cref="ShapeException">The last dimension is odd.</exception>
    public static Tensor ClampedSwiGlu(Tensor packed, double alpha = 1.702, double limit = 7, GateLayout layout = GateLayout.GateFirst)
    {
        using var scope = NewDisposeScope();
        var (gate, value) = Split(packed, layout);
        return ClampedSwiGlu(gate, value, alpha, limit).MoveToOuterDisposeScope();
    }

    /// <summary>gpt-oss's clamped SwiGLU for two tensors of one shape.</summary>
    public static Tensor ClampedSwiGlu(Tensor gate, Tensor value, double alpha = 1.702, double limit = 7)
    {
        if (!(limit > 0)) throw new ArgumentOutOfRangeException(nameof(limit), limit, "The limit must be greater than 0 (usual: 7).");
        using var scope = NewDisposeScope();
        var g = gate.clamp_max(limit);
        var u = value.clamp(-limit, limit);
        return ((u + 1) * Cresset.Nn.Activations.Swish(g, alpha)).MoveToOuterDisposeScope();
    }

    /// <summary>Views of gate and value in a packed tensor [..., 2H] (also a weight's rows: pass <paramref name="dim"/> 0).</summary>
    /// <exception cref="ShapeException">The dimension is odd.</exception>
    public static (Tensor Gate, Tensor Value) Split(Tensor packed, GateLayout layout, long dim = -1)
    {
        var size = packed.size((int)dim);
        if (size % 2 != 0) throw Odd(packed, dim);
        var axis = dim < 0 ? packed.dim() + dim : dim;
        if (layout == GateLayout.Interleaved) return (packed.slice(axis, 0, size, 2), packed.slice(axis, 1, size, 2));
        var first = packed.narrow(axis, 0, size / 2);
        var second = packed.narrow(axis, size / 2, size / 2);
        return layout == GateLayout.GateFirst ? (first, second) : (second, first);
    }

    private static void Check(Tensor gate, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(gate);
        ArgumentNullException.ThrowIfNull(value);
        for (var i = 1; i <= (int)Math.Min(gate.dim(), value.dim()); i++)
        {
            long g = gate.size(-i), v = value.size(-i);
            if (g != v && g != 1 && v != 1)
                throw new ShapeException(
                    $"A gated unit multiplies gate and value element by element: gate {Shape.Text(gate)} and value {Shape.Text(value)} do "
                        + $"not broadcast.");
        }
    }

    private static void CheckActivation(string activation)
    {
        if (ActivationCatalog.Get(activation) is { KeepsShape: false } info)
            throw new ArgumentException(
                $"The activation of a gated unit must keep the width; \"{info.Name}\" changes it. Take the gate alone, for example "
                    + $"\"silu\" for SwiGLU.", nameof(activation));
    }

    private static ShapeException Odd(Tensor x, long dim) =>
        new($"A gated unit splits dimension {dim} into gate and value, so it must be even; the tensor has shape {Shape.Text(x)}. Make the "
            + $"layer before it twice the hidden width.");
}
