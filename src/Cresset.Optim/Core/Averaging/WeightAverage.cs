using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>
/// A running average of a module's weights, kept by parameter name: exponential (EMA, with warm-up or bias correction) or uniform (Polyak,
/// and SWA when it is updated once per cycle). Give it to <see cref="Optimizer.Step(GradientClipping?, double, WeightAverage?)"/> to update
/// it in the same pass as the weights.
/// </summary>
public sealed class WeightAverage : ISaved, IDisposable
{
    private const string CountKey = "average.count";

    // Beyond it neighbours would be the same double.
    private const long MostUpdates = 9_000_000_000_000_000;
    private readonly IReadOnlyList<NamedParameter> _parameters;
    private readonly Dictionary<string, Tensor> _averages = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _saved = new(StringComparer.Ordinal);
    private readonly HashSet<string> _touched = new(StringComparer.Ordinal);
    private readonly WeightAverageOptions _options;
    private bool _isDisposed;

    /// <summary>An average over the parameters of <paramref name="module"/>.</summary>
    public WeightAverage(Module module, WeightAverageOptions? options = null)
        : this(NamedParameter.Of(module), options)
    {
    }

    /// <summary>An average over the given parameters.</summary>
    public WeightAverage(IReadOnlyList<NamedParameter> parameters, WeightAverageOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        _options = (options ?? new WeightAverageOptions()).ThrowIfInvalid();
        _parameters = parameters;
    }

    /// <summary>Updates so far.</summary>
    public long Count { get; private set; }

    /// <summary>
    /// The averages by name, on the parameters' devices; with <see cref="WeightAverageOptions.Debias"/> still to be divided by
    /// <see cref="Correction"/>. Empty before the first update.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Averages => _averages;

    /// <summary>What a zero-started average must be divided by, 1 - decay^count; 1 otherwise.</summary>
    public double Correction => _options.Debias && Count > 0 ? 1 - Math.Pow(_options.Decay, Count) : 1;

    /// <summary>True while the module holds the averaged weights.</summary>
    public bool IsApplied => _saved.Count > 0;

    /// <summary>Takes the current weights into the average, outside a step.</summary>
    public void Update()
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        BeginUpdate();
        foreach (var (name, value) in Current()) Blend(name, value);
        EndUpdate();
    }

    /// <summary>Puts the averaged weights into the module and keeps its own for <see cref="Restore"/>.</summary>
    public void Apply()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (IsApplied) throw new InvalidOperationException("The averaged weights are in the module already: call Restore first.");
        if (Count == 0) throw new InvalidOperationException("The average has taken no weights yet.");
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        // All are kept before one is changed: two names may have become one weight since the average was made.
        var averaged = Current().Where(p => _averages.ContainsKey(p.Name)).ToList();
        foreach (var (name, value) in averaged) _saved[name] = value.clone().DetachFromDisposeScope();
        foreach (var (name, value) in averaged)
        {
            value.copy_(Correction == 1 ? _averages[name] : _averages[name] / Correction);
            Spread(name, value);
        }
    }

    /// <summary>Puts the module's own weights back after <see cref="Apply"/>.</summary>
    public void Restore()
    {
        if (!IsApplied) throw new InvalidOperationException("The averaged weights are not in the module: call Apply first.");
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, value) in Current())
        {
            if (_saved.Remove(name, out var own))
            {
                value.copy_(own);
                Spread(name, value);
                own.Dispose();
            }
        }
    }

    /// <summary>Copies of the averages (bias not corrected) and the count, for a checkpoint.</summary>
    public (IReadOnlyDictionary<string, Tensor> Tensors, long Count) StateDict()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return (_averages.ToDictionary(a => a.Key, a => a.Value.clone().DetachFromDisposeScope()), Count);
    }

    /// <summary>Takes over a state.</summary>
    /// <exception cref="ArgumentException">A name is unknown, a shape differs, a value lies beyond the type, or the count is no
    /// count.</exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> tensors, long count)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (count is < 0 or > MostUpdates)
            throw new ArgumentOutOfRangeException(nameof(count), count, $"The count of updates must lie between 0 and {MostUpdates}.");
        var current = Current().ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);
        var bad = tensors.Where(t => !current.TryGetValue(t.Key, out var p) || !p.shape.SequenceEqual(t.Value.shape)).Select(t => t.Key)
            .ToList();
        if (bad.Count > 0)
            throw new ArgumentException($"The averages do not fit the module: unknown or mis-shaped {string.Join(", ", bad)}.",
                nameof(tensors));
        var lost = tensors.Select(t => TensorCasts.Loss(t.Value, ParameterState.TypeFor(current[t.Key])) is { } loss
            ? $"\"{t.Key}\" {loss}" : null).OfType<string>().ToList();
        if (lost.Count > 0)
            throw new ArgumentException($"The averages do not fit the module: {string.Join("; ", lost.Take(5))}.", nameof(tensors));
        foreach (var (name, tensor) in tensors)
            Replace(name, Dense(tensor.to(ParameterState.TypeFor(current[name]), current[name].device, copy: true)));
        Count = count;
    }

    /// <summary>Puts the averages in by parameter name, and their count.</summary>
    public void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        foreach (var (name, value) in _averages) state.Put(name, value);
        state.Put(CountKey, Count);
    }

    /// <summary>Takes over what <see cref="Save"/> put in.</summary>
    /// <exception cref="InvalidDataException">A name is unknown, a shape differs or the count is missing.</exception>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        var count = state.Whole(CountKey);
        using var scope = NewDisposeScope();
        try
        {
            // Loading may take tensors over, and those of the snapshot are the snapshot's.
            var averages = state.Under("").ToDictionary(t => t.Key, t => t.Value.clone(), StringComparer.Ordinal);
            LoadStateDict(averages, count);
            foreach (var name in _averages.Keys.Where(name => !averages.ContainsKey(name)).ToList())
            {
                if (_averages.Remove(name, out var late)) late.Dispose();
            }
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException($"{state.Origin}: {e.Message}", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (var tensor in _averages.Values.Concat(_saved.Values)) tensor.Dispose();
        _averages.Clear();
        _saved.Clear();
    }

    /// <summary>The weight w of the coming update a += w (p - a); 1 copies.</summary>
    internal double BlendWeight { get; private set; }

    internal void BeginUpdate()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (IsApplied) throw new InvalidOperationException("The averaged weights are in the module: call Restore before training on.");
        BlendWeight = _options.WeightAt(Count);
        _touched.Clear();
    }

    /// <summary>The tensor that the fused pipeline blends into.</summary>
    internal Tensor Target(string name, Tensor parameter)
    {
        _touched.Add(name);
        if (!_averages.TryGetValue(name, out var average)) return Create(name, parameter);
        // module.to(...) may have changed type or device since; the kernels rely on the type that belongs to the parameter's.
        var type = ParameterState.TypeFor(parameter);
        if (average.dtype == type && average.device_type == parameter.device_type && average.device_index == parameter.device_index
            && average.is_contiguous()) return average;
        using var scope = NewDisposeScope();
        Replace(name, average.to(type, parameter.device, copy: true).contiguous());
        return _averages[name];
    }

    internal void Blend(string name, Tensor parameter)
    {
        var average = Target(name, parameter);
        using var scope = NewDisposeScope();
        var p = parameter.dtype == average.dtype ? parameter : parameter.to(average.dtype);
        average.lerp_(p, BlendWeight);
    }

    internal void EndUpdate()
    {
        // Weights that had no gradient in this step stay the same, but their average still moves towards them.
        if (_touched.Count < _parameters.Count)
        {
            foreach (var (name, value) in Current())
            {
                if (!_touched.Contains(name)) Blend(name, value);
            }
        }
        Count++;
    }

    private Tensor Create(string name, Tensor parameter)
    {
        var average = zeros(parameter.shape, dtype: ParameterState.TypeFor(parameter), device: parameter.device);
        // A parameter that joins late starts from its own value, times what it will be divided by.
        if (Count > 0) average.copy_(parameter).mul_(Correction);
        Replace(name, average);
        return average;
    }

    private static Tensor Dense(Tensor tensor)
    {
        if (tensor.is_contiguous()) return tensor;
        using (tensor) return tensor.contiguous();
    }

    private void Replace(string name, Tensor tensor)
    {
        if (_averages.Remove(name, out var old)) old.Dispose();
        _averages[name] = tensor.DetachFromDisposeScope();
    }

    private IEnumerable<(string Name, Tensor Value)> Current() => _parameters.Select(p => (p.Name, Today(p)));

    /// <summary>Gives weights to the other names of a parameter, which <c>module.to(...)</c> may have parted from it.</summary>
    private void Spread(string name, Tensor value)
    {
        foreach (var alias in _parameters.First(p => p.Name == name).Aliases)
        {
            var other = Today(alias);
            if (TensorIdentity.Place(other) != TensorIdentity.Place(value)) other.copy_(value);
        }
    }

    private static Tensor Today(NamedParameter p)
        => p.Owner is null ? p.Value : p.Owner.named_parameters(recurse: false).First(n => n.name == p.OwnName).parameter;
}
