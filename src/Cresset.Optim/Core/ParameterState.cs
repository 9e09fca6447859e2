using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// What an optimizer remembers of one parameter: the number of its steps, named tensors (PyTorch's names) and named numbers.
/// Tensors are float64 for float64 parameters, otherwise float32 (also under bfloat16 and float16 weights), on the parameter's device.
/// </summary>
public sealed class ParameterState : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Dictionary<string, double> _scalars = [];
    private readonly HashSet<string> _exact = [];

    /// <summary>Steps this parameter took part in.</summary>
    public long Step { get; set; }

    /// <summary>The named tensors.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>The named numbers.</summary>
    public IReadOnlyDictionary<string, double> Scalars => _scalars;

    /// <summary>The tensor <paramref name="slot"/>.</summary>
    public Tensor this[string slot] => _tensors.TryGetValue(slot, out var tensor)
        ? tensor
        : throw new KeyNotFoundException($"The optimizer state has no tensor \"{slot}\"; it has {string.Join(", ", _tensors.Keys)}.");

    /// <summary>The number <paramref name="name"/>, or <paramref name="otherwise"/> when it was never set.</summary>
    public double Scalar(string name, double otherwise = 0) => _scalars.GetValueOrDefault(name, otherwise);

    /// <summary>Sets the number <paramref name="name"/>.</summary>
    public void SetScalar(string name, double value) => _scalars[name] = value;

    /// <summary>Adds a tensor filled with <paramref name="value"/>, of the parameter's shape.</summary>
    public void Fill(string slot, Tensor parameter, double value = 0)
        => Put(slot, full(parameter.shape, value, dtype: TypeFor(parameter), device: parameter.device));

    /// <summary>
    /// Adds a tensor of its own shape; <paramref name="exact"/> tensors keep their dtype when the parameter changes its own.
    /// </summary>
    public void Put(string slot, Tensor value, bool exact = false)
    {
        ArgumentNullException.ThrowIfNull(value);
        value.DetachFromDisposeScope();
        if (!value.is_contiguous())
        {
            // Kernels read states as dense memory, and a state that was loaded has the strides of its source.
            using var strided = value;
            value = strided.contiguous().DetachFromDisposeScope();
        }
        if (_tensors.Remove(slot, out var old)) old.Dispose();
        _tensors[slot] = value;
        if (exact) _exact.Add(slot);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _tensors.Values) tensor.Dispose();
        _tensors.Clear();
    }

    internal static ScalarType TypeFor(Tensor parameter) => parameter.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32;

    internal void Follow(Tensor parameter)
    {
        var type = TypeFor(parameter);
        foreach (var slot in _tensors.Keys.ToList())
        {
            var old = _tensors[slot];
            var kind = _exact.Contains(slot) ? old.dtype : type;
            if (old.dtype == kind && old.device_type == parameter.device_type && old.device_index == parameter.device_index) continue;
            using var scope = NewDisposeScope();
            _tensors[slot] = old.to(kind, parameter.device).DetachFromDisposeScope();
            old.Dispose();
        }
    }

    internal bool IsExact(string slot) => _exact.Contains(slot);
}
