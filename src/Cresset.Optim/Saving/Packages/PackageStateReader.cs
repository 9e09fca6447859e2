using System.Globalization;
using System.Text.Json.Nodes;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Takes the state that a class of another package saved over under our names. Nothing of the optimizer changes.</summary>
internal sealed class PackageStateReader
{
    private readonly PackageMethod _method;
    private readonly Optimizer _optimizer;
    private readonly IReadOnlyList<JsonObject> _groups;
    private readonly IReadOnlyDictionary<string, Tensor> _file;
    private readonly Dictionary<string, Tensor> _tensors = [];
    private readonly Dictionary<string, double> _scalars = [];

    private PackageStateReader(PackageMethod method, Optimizer optimizer, IReadOnlyList<JsonObject> groups,
        IReadOnlyDictionary<string, Tensor> file)
        => (_method, _optimizer, _groups, _file) = (method, optimizer, groups, file);

    /// <summary>
    /// The rules of the groups and the state. Tensors of the state are the file's or views of them and live as long as those and the
    /// dispose scope.
    /// </summary>
    /// <exception cref="ArgumentException">Something that cannot be continued exactly; the message says what and why.</exception>
    public static (IReadOnlyList<OptimizerRule> Rules, OptimizerState State) Read(PackageMethod method, Optimizer optimizer,
        IReadOnlyList<JsonObject> groups, IReadOnlyDictionary<string, Tensor> file)
    {
        var reader = new PackageStateReader(method, optimizer, groups, file);
        var rules = reader.Groups();
        reader.Parameters(rules);
        return (rules, new OptimizerState(optimizer.StateName, reader._tensors, reader._scalars));
    }

    private List<OptimizerRule> Groups()
    {
        var other = _optimizer.Groups.FirstOrDefault(g => g.Rule.GetType() != _method.Rule);
        if (other is not null)
            throw Refused(
                $"group \"{other.Name}\" is updated by {other.Rule.GetType().Name} here; a file of that class has one method for all");
        foreach (var key in _method.OneForAll.Where(k => _groups.Select(g => g[k]?.ToJsonString()).Distinct().Count() > 1))
            throw Refused($"its groups differ in {key}, and that class takes the first group's for some of its work");
        var rules = new List<OptimizerRule>();
        foreach (var group in _optimizer.Groups)
        {
            var json = _groups[group.Index];
            var reading = _method.ReadGroup(json, group);
            var rule = reading.Rule.ThrowIfInvalid();
            rules.Add(rule);
            var key = string.Create(CultureInfo.InvariantCulture, $"group.{group.Index}.");
            _scalars[key + "lr"] = rule.LearningRate;
            _scalars[key + "initial_lr"] = InitialRate(json, rule, group);
            _scalars[key + "weight_decay"] = rule.WeightDecay;
            if (rule.CycledMomentum is { } momentum) _scalars[key + "momentum"] = momentum;
            foreach (var (name, value) in reading.Numbers) _scalars["own." + name] = value;
        }
        return rules;
    }

    /// <summary>
    /// A corrected decay is relative to a first rate. timm takes its constructor's, which no file has: it is the rate that the group here
    /// was made with.
    /// </summary>
    private double InitialRate(JsonObject json, OptimizerRule rule, ParameterGroup group)
    {
        var saved = PyTorchGroupOptions.Number(json, "initial_lr") * _method.RateFactor(rule);
        if (rule.WeightDecay == 0 || rule is not (AdamFamilyRule { CorrectedWeightDecay: true } or LionRule { CorrectedWeightDecay: true }
            or SgdRule { CorrectedWeightDecay: true })) return saved ?? rule.LearningRate;
        if (saved is { } first && first != group.InitialLearningRate)
            throw Refused(string.Create(CultureInfo.InvariantCulture,
                $"its corrected weight decay is relative to the rate that the class was made with, which is not in the file: make group ")
                + string.Create(CultureInfo.InvariantCulture,
                    $"\"{group.Name}\" with that rate (initial_lr of the file is {first}, of the group {group.InitialLearningRate})"));
        return group.InitialLearningRate;
    }

    private void Parameters(List<OptimizerRule> rules)
    {
        var (index, most) = (0, 0L);
        foreach (var group in _optimizer.Groups)
        {
            foreach (var binding in group.Bindings)
            {
                var prefix = string.Create(CultureInfo.InvariantCulture, $"state.{index++}.");
                var own = _file.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal))
                    .ToDictionary(t => t.Key[prefix.Length..], t => t.Value);
                if (own.Count == 0) continue;
                var (rule, step) = (rules[group.Index], StepOf(group.Index, own, prefix));
                most = Math.Max(most, step);
                if (_method.Refuse(rule, binding.Parameter, step) is { } reason)
                    throw Refused($"\"{binding.Name}\" [{string.Join(", ", binding.Parameter.shape)}]: {reason}");
                _scalars["step/" + binding.Name] = step;
                Take(rule, group, binding, own, step);
            }
        }
        _scalars["steps"] = most;
    }

    private void Take(OptimizerRule rule, ParameterGroup group, ParameterBinding binding, Dictionary<string, Tensor> own, long step)
    {
        using var fresh = new ParameterState();
        using (no_grad()) rule.Start(new Slot(_optimizer, group, fresh, binding.Parameter, binding.Parameter));
        var known = new HashSet<string>(_method.Scratch, StringComparer.Ordinal) { "step" };
        foreach (var slot in _method.Slots)
        {
            foreach (var (theirs, ours) in slot.Names(rule, binding.Parameter))
            {
                known.Add(theirs);
                var isThere = own.TryGetValue(theirs, out var value);
                var isKept = slot.IsNumber ? slot.When(rule) : fresh.Tensors.ContainsKey(ours) || (isThere && rule.IsOptionalSlot(ours));
                if (!isKept) continue;
                if (!isThere) throw Refused($"\"{theirs}\" of \"{binding.Name}\" is missing");
                if (!slot.IsNumber) _tensors[$"{ours}/{binding.Name}"] = slot.Read(value!);
                else if (slot.Derived is null) _scalars[$"{ours}/{binding.Name}"] = Number(value!, theirs);
                else Compare(Number(value!, theirs), slot.Derived(rule, step), theirs, binding.Name);
            }
        }
        var unknown = own.Keys.Where(k => !known.Contains(k)).ToList();
        if (unknown.Count > 0)
            throw Refused($"\"{binding.Name}\" has a state that the method here does not keep: {string.Join(", ", unknown)}");
    }

    private void Compare(double saved, double derived, string slot, string name)
    {
        if (Math.Abs(saved - derived) <= 1e-5 * Math.Max(Math.Abs(derived), 1e-3)) return;
        throw Refused(string.Create(CultureInfo.InvariantCulture,
            $"\"{slot}\" of \"{name}\" is {saved} and not {derived} as options and steps say: an option was changed on the way"));
    }

    private long StepOf(int group, Dictionary<string, Tensor> own, string prefix)
    {
        double? found = _method.Step switch
        {
            PackageStep.None => 1,
            PackageStep.Group => PyTorchGroupOptions.Number(_groups[group], "step"),
            PackageStep.GroupTwice => Math.Floor(((PyTorchGroupOptions.Number(_groups[group], "step") ?? double.NaN) - 1) / 2),
            PackageStep.Global => _file.TryGetValue("state.k", out var k) ? Number(k, "k") : null,
            _ => own.TryGetValue("step", out var step) ? Number(step, "step") : null,
        };
        // No count is kept for what needs none; what is there has seen a step.
        return found is >= 0 and <= 9e15 && Math.Floor(found.Value) == found ? (long)found
            : throw Refused($"the number of steps of {prefix[..^1]} is {found?.ToString(CultureInfo.InvariantCulture) ?? "missing"}; "
                + "a whole number from 0 up is needed");
    }

    private double Number(Tensor value, string name)
    {
        if (value.numel() != 1) throw Refused($"\"{name}\" is a tensor [{string.Join(", ", value.shape)}], not a number");
        using var scope = NewDisposeScope();
        return value.reshape(1).to(ScalarType.Float64).cpu()[0].ToDouble();
    }

    private ArgumentException Refused(string what)
        => new($"The state of {_method.Title} cannot be continued exactly: {what}. It was not loaded.");
}
