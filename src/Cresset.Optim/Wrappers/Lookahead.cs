using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Lookahead (Zhang et al. 2019): slow weights follow the fast ones every k steps, and the fast ones restart there.</summary>
public sealed class Lookahead : IDisposable
{
    private readonly Dictionary<string, Tensor> _slow = new(StringComparer.Ordinal);
    private bool _isDisposed;

    /// <summary>
    /// Wraps <paramref name="inner"/>; every <paramref name="period"/> steps slow weights move by <paramref name="alpha"/> towards its
    /// weights.
    /// </summary>
    public Lookahead(Optimizer inner, int period = 5, double alpha = 0.5)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentOutOfRangeException.ThrowIfLessThan(period, 1);
        if (!(alpha is > 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "The part of the way must lie in (0, 1].");
        (Inner, Period, Alpha) = (inner, period, alpha);
        Join();
    }

    /// <summary>The optimizer of the fast weights.</summary>
    public Optimizer Inner { get; }

    /// <summary>Steps between two moves of the slow weights.</summary>
    public int Period { get; }

    /// <summary>The part of the way that slow weights go.</summary>
    public double Alpha { get; }

    /// <summary>One step of the inner optimizer and, every <see cref="Period"/>-th time, of the slow weights.</summary>
    public StepResult Step(GradientClipping? clipping = null, double gradientScale = 1)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Join();
        var result = Inner.Step(clipping, gradientScale);
        if (result.Skipped || Inner.StepCount % Period != 0) return result;
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        foreach (var binding in Inner.Groups.SelectMany(g => g.Bindings))
        {
            var slow = Of(binding);
            slow.lerp_(binding.Parameter.to(slow.dtype), Alpha);
            binding.Parameter.copy_(slow);
            binding.Spread();
        }
        return result;
    }

    /// <summary>Copies of the slow weights by name, for a checkpoint.</summary>
    public IReadOnlyDictionary<string, Tensor> StateDict()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Join();
        return _slow.ToDictionary(s => s.Key, s => s.Value.clone().DetachFromDisposeScope());
    }

    /// <summary>Takes slow weights over.</summary>
    /// <exception cref="ArgumentException">A name is missing or unknown, a shape differs, or a value lies beyond the type.</exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        Join();
        var unknown = state.Keys.Where(k => !_slow.ContainsKey(k)).ToList();
        if (unknown.Count > 0)
            throw new ArgumentException($"Slow weights of parameters that are not here: {string.Join(", ", unknown)}.", nameof(state));
        var bad = _slow.Where(s => !state.TryGetValue(s.Key, out var t) || !t.shape.SequenceEqual(s.Value.shape)).Select(s => s.Key)
            .ToList();
        if (bad.Count > 0) throw new ArgumentException($"Slow weights are missing or mis-shaped: {string.Join(", ", bad)}.", nameof(state));
        var lost = _slow.Select(s => TensorCasts.Loss(state[s.Key], s.Value.dtype) is { } loss ? $"\"{s.Key}\" {loss}" : null)
            .OfType<string>().ToList();
        if (lost.Count > 0) throw new ArgumentException($"The slow weights do not fit: {string.Join("; ", lost)}.", nameof(state));
        using var quiet = no_grad();
        foreach (var (name, slow) in _slow) slow.copy_(state[name]);
    }

    /// <summary>Frees the slow weights; the inner optimizer stays.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        foreach (var tensor in _slow.Values) tensor.Dispose();
        _slow.Clear();
    }

    /// <summary>Parameters that are new in the inner optimizer have slow weights from here on.</summary>
    private void Join()
    {
        Inner.Refresh();
        using var quiet = no_grad();
        foreach (var binding in Inner.Groups.SelectMany(g => g.Bindings))
        {
            if (_slow.ContainsKey(binding.Name)) continue;
            using var scope = NewDisposeScope();
            _slow[binding.Name] = Copy(binding.Parameter, binding.Parameter);
        }
    }

    /// <summary>The slow weights of a parameter, in the type and place that <c>module.to(...)</c> may have given it since.</summary>
    private Tensor Of(ParameterBinding binding)
    {
        var (slow, parameter) = (_slow[binding.Name], binding.Parameter);
        if (slow.dtype == ParameterState.TypeFor(parameter) && slow.device_type == parameter.device_type
            && slow.device_index == parameter.device_index) return slow;
        _slow[binding.Name] = Copy(slow, parameter);
        slow.Dispose();
        return _slow[binding.Name];
    }

    // Half-precision weights would lose small moves: their slow ones are float32.
    private static Tensor Copy(Tensor values, Tensor parameter) =>
        values.detach().to(ParameterState.TypeFor(parameter), parameter.device, copy: true).DetachFromDisposeScope();
}
