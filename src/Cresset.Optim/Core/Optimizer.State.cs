using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

public abstract partial class Optimizer
{
    private const string Own = "own/";

    /// <summary>A copy of the whole state: see <see cref="OptimizerState"/>.</summary>
    public OptimizerState StateDict()
    {
        var tensors = new Dictionary<string, Tensor>();
        var scalars = new Dictionary<string, double> { ["steps"] = StepCount };
        foreach (var (name, value) in OwnScalars()) scalars["own." + name] = value;
        foreach (var (name, value) in OwnTensors()) tensors[Own + name] = value.DetachFromDisposeScope();
        for (var g = 0; g < _groups.Count; g++)
        {
            var group = _groups[g];
            var prefix = string.Create(CultureInfo.InvariantCulture, $"group.{g}.");
            scalars[prefix + "lr"] = group.LearningRate;
            scalars[prefix + "initial_lr"] = group.InitialLearningRate;
            scalars[prefix + "weight_decay"] = group.WeightDecay;
            if (group.Momentum is { } momentum) scalars[prefix + "momentum"] = momentum;
            foreach (var binding in group.Bindings)
            {
                if (binding.State is not { } state) continue;
                scalars["step/" + binding.Name] = state.Step;
                foreach (var (slot, value) in state.Scalars) scalars[$"{slot}/{binding.Name}"] = value;
                foreach (var (slot, tensor) in state.Tensors) tensors[$"{slot}/{binding.Name}"] = tensor.clone().DetachFromDisposeScope();
            }
        }
        return new OptimizerState(GetType().Name, tensors, scalars);
    }

    /// <summary>Takes over a state made by <see cref="StateDict"/> of an optimizer of the same type over parameters of the same names and shapes. Nothing changes when it does not fit.</summary>
    /// <exception cref="ArgumentException">Another type of optimizer, another number of groups, unknown names or other shapes; the message lists all.</exception>
    public void LoadStateDict(OptimizerState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (state.Optimizer != GetType().Name)
            throw new ArgumentException($"The state belongs to {state.Optimizer}; this optimizer is {GetType().Name}.", nameof(state));
        Refresh();
        var bindings = _groups.SelectMany(g => g.Bindings.Select(b => (Group: g, Binding: b))).ToDictionary(x => x.Binding.Name, StringComparer.Ordinal);
        var problems = Problems(state, bindings.Keys.ToHashSet(StringComparer.Ordinal));
        var loaded = new Dictionary<string, ParameterState>(StringComparer.Ordinal);
        using (no_grad())
        {
            using var scope = NewDisposeScope();
            foreach (var (name, (group, binding)) in bindings)
            {
                if (!state.Scalars.TryGetValue("step/" + name, out var step)) continue;
                var fresh = new ParameterState();
                Initialize(group, fresh, binding.Parameter);
                fresh.Step = (long)step;
                problems.AddRange(Fill(state, fresh, name, binding.Parameter));
                loaded[name] = fresh;
            }
        }
        if (problems.Count > 0)
        {
            foreach (var fresh in loaded.Values) fresh.Dispose();
            throw new ArgumentException($"The optimizer state does not fit: {string.Join("; ", problems)}.", nameof(state));
        }
        foreach (var (name, (_, binding)) in bindings)
        {
            binding.State?.Dispose();
            binding.State = loaded.GetValueOrDefault(name);
        }
        for (var g = 0; g < _groups.Count; g++)
        {
            var prefix = string.Create(CultureInfo.InvariantCulture, $"group.{g}.");
            _groups[g].LearningRate = state.Scalars[prefix + "lr"];
            _groups[g].InitialLearningRate = state.Scalars[prefix + "initial_lr"];
            _groups[g].WeightDecay = state.Scalars[prefix + "weight_decay"];
            if (state.Scalars.TryGetValue(prefix + "momentum", out var momentum)) _groups[g].Momentum = momentum;
        }
        StepCount = (long)state.Scalars.GetValueOrDefault("steps");
        LoadOwnTensors(state.Tensors.Where(t => t.Key.StartsWith(Own, StringComparison.Ordinal)).ToDictionary(t => t.Key[Own.Length..], t => t.Value));
        LoadOwnScalars(state.Scalars.Where(s => s.Key.StartsWith("own.", StringComparison.Ordinal)).ToDictionary(s => s.Key[4..], s => s.Value));
    }

    /// <summary>Numbers of the optimizer as a whole that belong to its state.</summary>
    private protected virtual IEnumerable<(string Name, double Value)> OwnScalars() => [];

    /// <summary>Takes the numbers of <see cref="OwnScalars"/> back.</summary>
    private protected virtual void LoadOwnScalars(IReadOnlyDictionary<string, double> scalars)
    {
    }

    /// <summary>New tensors of the optimizer as a whole that belong to its state.</summary>
    private protected virtual IEnumerable<(string Name, Tensor Value)> OwnTensors() => [];

    /// <summary>Takes the tensors of <see cref="OwnTensors"/> back; they stay the caller's.</summary>
    private protected virtual void LoadOwnTensors(IReadOnlyDictionary<string, Tensor> tensors)
    {
    }

    /// <summary>State tensors that only some steps make (a momentum buffer that a schedule switches on), beyond those of <see cref="Initialize"/>.</summary>
    private protected virtual bool IsOptionalSlot(string slot) => false;

    private List<string> Problems(OptimizerState state, HashSet<string> names)
    {
        var problems = new List<string>();
        for (var g = 0; g < _groups.Count; g++)
        {
            if (!state.Scalars.ContainsKey(string.Create(CultureInfo.InvariantCulture, $"group.{g}.lr"))) problems.Add($"group {g} (\"{_groups[g].Name}\") is missing");
        }
        if (state.Scalars.ContainsKey(string.Create(CultureInfo.InvariantCulture, $"group.{_groups.Count}.lr"))) problems.Add($"it has more groups than the {_groups.Count} here");
        foreach (var key in state.Tensors.Keys.Concat(state.Scalars.Keys.Where(k => k.Contains('/', StringComparison.Ordinal))))
        {
            if (key.StartsWith(Own, StringComparison.Ordinal)) continue;
            var slash = key.IndexOf('/', StringComparison.Ordinal);
            if (slash < 0 || !names.Contains(key[(slash + 1)..])) problems.Add($"\"{key}\" belongs to no parameter here");
        }
        return problems;
    }

    private IEnumerable<string> Fill(OptimizerState state, ParameterState fresh, string name, Tensor parameter)
    {
        foreach (var (slot, target) in fresh.Tensors.ToList())
        {
            if (!state.Tensors.TryGetValue($"{slot}/{name}", out var source)) yield return $"\"{slot}/{name}\" is missing";
            else if (!source.shape.SequenceEqual(target.shape)) yield return $"\"{slot}/{name}\" has shape [{string.Join(", ", source.shape)}], needed is [{string.Join(", ", target.shape)}]";
            else fresh.Put(slot, source.to(fresh.IsExact(slot) ? source.dtype : target.dtype, parameter.device, copy: true), fresh.IsExact(slot));
        }
        var suffix = "/" + name;
        foreach (var (key, source) in state.Tensors)
        {
            if (!key.EndsWith(suffix, StringComparison.Ordinal)) continue;
            var slot = key[..^suffix.Length];
            if (slot.Contains('/', StringComparison.Ordinal) || fresh.Tensors.ContainsKey(slot)) continue;
            if (!IsOptionalSlot(slot)) yield return $"\"{key}\" is not a state of {GetType().Name} with these options";
            else if (!source.shape.SequenceEqual(parameter.shape)) yield return $"\"{key}\" has shape [{string.Join(", ", source.shape)}], needed is [{string.Join(", ", parameter.shape)}]";
            else fresh.Put(slot, source.to(ParameterState.TypeFor(parameter), parameter.device, copy: true));
        }
        foreach (var (key, value) in state.Scalars)
        {
            if (key.EndsWith(suffix, StringComparison.Ordinal) && key[..^suffix.Length] is var slot && slot != "step" && !slot.Contains('/', StringComparison.Ordinal)) fresh.SetScalar(slot, value);
        }
    }
}
