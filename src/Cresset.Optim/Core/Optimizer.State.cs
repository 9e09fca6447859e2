using System.Globalization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

public sealed partial class Optimizer
{
    private const string Own = "own/", OwnNumber = "own.";

    /// <summary>The name of the rules, as saved states carry it.</summary>
    internal string StateName => string.Join('+', _work.Select(w => w.Rule.StateName));

    /// <summary>A copy of the whole state: see <see cref="OptimizerState"/>.</summary>
    public OptimizerState StateDict()
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        var tensors = new Dictionary<string, Tensor>();
        var scalars = new Dictionary<string, double> { ["steps"] = StepCount };
        foreach (var work in _work)
        {
            var prefix = PrefixOf(work);
            foreach (var (name, value) in work.Numbers.Scalars()) scalars[OwnNumber + prefix + name] = value;
            foreach (var (name, value) in work.Numbers.Tensors()) tensors[Own + prefix + name] = value.DetachFromDisposeScope();
        }
        foreach (var group in _groups)
        {
            var prefix = GroupPrefix(group.Index);
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
        return new OptimizerState(StateName, tensors, scalars);
    }

    /// <summary>
    /// Takes over a state made by <see cref="StateDict"/> of an optimizer with the same rules over parameters of the same names and shapes.
    /// Nothing changes when it does not fit.
    /// </summary>
    /// <exception cref="ArgumentException">Other rules, another number of groups, unknown names, other shapes or numbers out of range; the
    /// message lists all.</exception>
    public void LoadStateDict(OptimizerState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        if (state.Optimizer != StateName)
            throw new ArgumentException($"The state belongs to {state.Optimizer}; this optimizer is {StateName}.", nameof(state));
        Refresh();
        var problems = Problems(state);
        var loaded = new Dictionary<ParameterBinding, ParameterState>();
        using (no_grad())
        {
            using var scope = NewDisposeScope();
            foreach (var group in _groups)
            {
                foreach (var binding in group.Bindings)
                {
                    if (NameIn(state, binding) is not { } name) continue;
                    var fresh = new ParameterState();
                    group.Rule.Start(new Slot(this, group, fresh, binding.Parameter, binding.Parameter));
                    fresh.Step = (long)state.Scalars["step/" + name];
                    problems.AddRange(Fill(state, fresh, name, group.Rule, binding.Parameter));
                    loaded[binding] = fresh;
                }
            }
        }
        if (problems.Count > 0)
        {
            foreach (var fresh in loaded.Values) fresh.Dispose();
            throw new ArgumentException($"The optimizer state does not fit: {string.Join("; ", problems)}.", nameof(state));
        }
        foreach (var binding in _groups.SelectMany(g => g.Bindings))
        {
            binding.State?.Dispose();
            binding.State = loaded.GetValueOrDefault(binding);
        }
        foreach (var group in _groups)
        {
            var prefix = GroupPrefix(group.Index);
            group.Schedule(state.Scalars[prefix + "lr"]);
            group.InitialLearningRate = state.Scalars[prefix + "initial_lr"];
            group.WeightDecay = state.Scalars[prefix + "weight_decay"];
            // Earlier versions wrote a momentum of 0 for rules that keep none.
            if (group.Momentum is not null && state.Scalars.TryGetValue(prefix + "momentum", out var momentum)) group.Momentum = momentum;
        }
        StepCount = (long)state.Scalars.GetValueOrDefault("steps");
        foreach (var work in _work) work.Numbers.Load(NumbersOf(state, work), TensorsOf(state, work));
    }

    private static string GroupPrefix(int index) => string.Create(CultureInfo.InvariantCulture, $"group.{index}.");

    /// <summary>The optimizer's own rule has the plain names, which states of one rule have always had.</summary>
    private string PrefixOf(RuleWork work) => work.Rule.GetType() == Rule.GetType() ? "" : work.Rule.StateName + ":";

    /// <summary>The name under which a parameter's state is there: its own, or one it is tied to.</summary>
    private static string? NameIn(OptimizerState state, ParameterBinding binding) =>
        binding.Names.FirstOrDefault(n => state.Scalars.ContainsKey("step/" + n));

    private Dictionary<string, double> NumbersOf(OptimizerState state, RuleWork work)
        => state.Scalars.Where(s => s.Key.StartsWith(OwnNumber, StringComparison.Ordinal) && IsOf(work, s.Key[OwnNumber.Length..]))
            .ToDictionary(s => s.Key[(OwnNumber.Length + PrefixOf(work).Length)..], s => s.Value);

    private Dictionary<string, Tensor> TensorsOf(OptimizerState state, RuleWork work)
        => state.Tensors.Where(s => s.Key.StartsWith(Own, StringComparison.Ordinal) && IsOf(work, s.Key[Own.Length..]))
            .ToDictionary(s => s.Key[(Own.Length + PrefixOf(work).Length)..], s => s.Value);

    private bool IsOf(RuleWork work, string name)
        => PrefixOf(work) is { Length: > 0 } prefix ? name.StartsWith(prefix, StringComparison.Ordinal)
            : !name.Contains(':', StringComparison.Ordinal);

    private List<string> Problems(OptimizerState state)
    {
        var problems = new List<string>();
        foreach (var group in _groups)
        {
            var prefix = GroupPrefix(group.Index);
            if (!state.Scalars.ContainsKey(prefix + "lr"))
            {
                problems.Add($"group {group.Index} (\"{group.Name}\") is missing");
                continue;
            }
            foreach (var name in new[] { "lr", "initial_lr", "weight_decay" })
            {
                if (!(state.Scalars.TryGetValue(prefix + name, out var value) && double.IsFinite(value) && value >= 0))
                    problems.Add($"\"{prefix}{name}\" is missing, negative or not finite");
            }
            if (group.Momentum is not null && state.Scalars.TryGetValue(prefix + "momentum", out var momentum)
                && group.MomentumProblem(momentum) is { } problem) problems.Add(problem);
        }
        if (state.Scalars.ContainsKey(GroupPrefix(_groups.Count) + "lr")) problems.Add($"it has more groups than the {_groups.Count} here");
        var names = _groups.SelectMany(g => g.Bindings).SelectMany(b => b.Names).ToHashSet(StringComparer.Ordinal);
        foreach (var key in state.Tensors.Keys.Concat(state.Scalars.Keys.Where(k => k.Contains('/', StringComparison.Ordinal))))
        {
            if (key.StartsWith(Own, StringComparison.Ordinal)) continue;
            var slash = key.IndexOf('/', StringComparison.Ordinal);
            if (slash < 0 || !names.Contains(key[(slash + 1)..])) problems.Add($"\"{key}\" belongs to no parameter here");
        }
        if (StepProblem(state.Scalars.GetValueOrDefault("steps")) is { } off) problems.Add($"\"steps\" {off}");
        var elements = _groups.Sum(g => g.ElementCount);
        foreach (var work in _work) problems.AddRange(work.Numbers.Problems(NumbersOf(state, work), TensorsOf(state, work), elements));
        return problems;
    }

    private static IEnumerable<string> Fill(OptimizerState state, ParameterState fresh, string name, OptimizerRule rule, Tensor parameter)
    {
        if (StepProblem(state.Scalars["step/" + name]) is { } problem) yield return $"\"step/{name}\" {problem}";
        foreach (var (slot, target) in fresh.Tensors.ToList())
        {
            if (!state.Tensors.TryGetValue($"{slot}/{name}", out var source)) yield return $"\"{slot}/{name}\" is missing";
            else if (Misfit(source, target.shape, target.dtype) is { } misfit) yield return $"\"{slot}/{name}\" {misfit}";
            else fresh.Put(slot, Taken(source, target.dtype, target.device), fresh.IsExact(slot));
        }
        var suffix = "/" + name;
        foreach (var (key, source) in state.Tensors)
        {
            if (!key.EndsWith(suffix, StringComparison.Ordinal)) continue;
            var slot = key[..^suffix.Length];
            if (slot.Contains('/', StringComparison.Ordinal) || fresh.Tensors.ContainsKey(slot)) continue;
            if (!rule.IsOptionalSlot(slot)) yield return $"\"{key}\" is not a state of {rule.StateName} with these options";
            else if (Misfit(source, parameter.shape, ParameterState.TypeFor(parameter)) is { } misfit) yield return $"\"{key}\" {misfit}";
            else fresh.Put(slot, Taken(source, ParameterState.TypeFor(parameter), parameter.device));
        }
        foreach (var (key, value) in state.Scalars)
        {
            if (key.EndsWith(suffix, StringComparison.Ordinal) && key[..^suffix.Length] is var slot && slot != "step"
                && !slot.Contains('/', StringComparison.Ordinal)) fresh.SetScalar(slot, value);
        }
    }

    /// <summary>A count that would be cut, or whose neighbours would be the same double, is none.</summary>
    private static string? StepProblem(double steps)
        => steps is >= 0 and <= 9e15 && Math.Floor(steps) == steps ? null
            : string.Create(CultureInfo.InvariantCulture, $"is {steps}; a whole number from 0 up is needed");

    /// <summary>Codes must be codes; moments and scales may come in any floating type.</summary>
    private static string? Misfit(Tensor source, long[] shape, ScalarType type)
    {
        if (!source.shape.SequenceEqual(shape))
            return $"has shape [{string.Join(", ", source.shape)}], needed is [{string.Join(", ", shape)}]";
        var fits = type is ScalarType.Float16 or ScalarType.BFloat16 or ScalarType.Float32 or ScalarType.Float64
            ? source.is_floating_point() : source.dtype == type;
        return fits ? TensorCasts.Loss(source, type) : $"is {source.dtype}, needed is {type}";
    }

    /// <summary>A dense copy: what is saved may be a view with strides of its own, and the kernels read state by its address.</summary>
    private static Tensor Taken(Tensor source, ScalarType type, Device device)
    {
        var copy = source.to(type, device, copy: true);
        return copy.is_contiguous() ? copy : copy.contiguous();
    }
}
