using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// The state of a PyTorch optimizer (<c>optimizer.state_dict()</c>) laid out flat for a safetensors file: tensors <c>state.N.slot</c>,
/// where N counts the parameters through the groups, and the text <c>param_groups</c> as JSON in the metadata.
/// </summary>
/// <param name="Tensors">State tensors; also numbers such as <c>state.N.step</c>, as scalars.</param>
/// <param name="ParamGroups">PyTorch's <c>param_groups</c> as JSON.</param>
public sealed record PyTorchOptimizerState(IReadOnlyDictionary<string, Tensor> Tensors, string ParamGroups) : IDisposable
{
    /// <summary>Numbers that PyTorch keeps as tensors of no dimension.</summary>
    private static readonly string[] ScalarSlots = ["mu_product", "eta", "mu", "exp_avg_lr", "decay"];

    private const string OwnNumbers = "cresset_numbers", Own = "own.";

    /// <summary>The state of <paramref name="optimizer"/> in the layout of another package. The tensors are copies.</summary>
    /// <exception cref="NotSupportedException">The package has no such method, or its class cannot go on exactly from these options; the
    /// message says why.</exception>
    public static PyTorchOptimizerState Export(Optimizer optimizer, OptimizerOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        return origin == OptimizerOrigin.PyTorch ? Export(optimizer) : PackageStates.Write(optimizer, origin);
    }

    /// <summary>The state of <paramref name="optimizer"/> in PyTorch's layout. The tensors are copies.</summary>
    public static PyTorchOptimizerState Export(Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        var tensors = new Dictionary<string, Tensor>();
        var groups = new JsonArray();
        var index = 0;
        foreach (var group in optimizer.Groups)
        {
            var members = new JsonArray();
            foreach (var binding in group.Bindings)
            {
                members.Add(index);
                if (binding.State is { } state)
                {
                    var prefix = string.Create(CultureInfo.InvariantCulture, $"state.{index}.");
                    // torch.optim.SGD counts no steps.
                    if (group.Rule is not SgdRule) tensors[prefix + "step"] = tensor((float)state.Step).DetachFromDisposeScope();
                    foreach (var (slot, value) in state.Tensors) tensors[prefix + slot] = value.clone().DetachFromDisposeScope();
                    foreach (var (slot, value) in state.Scalars) tensors[prefix + slot] = tensor(value).DetachFromDisposeScope();
                }
                index++;
            }
            var json = PyTorchGroupOptions.Write(group);
            json["params"] = members;
            groups.Add(json);
        }
        using var all = optimizer.StateDict();
        if (optimizer.Rule is LbfgsRule)
        {
            PyTorchLbfgsState.Write(all, tensors);
            return new PyTorchOptimizerState(tensors, groups.ToJsonString());
        }
        var numbers = new JsonObject { ["steps"] = optimizer.StepCount.ToString(CultureInfo.InvariantCulture) };
        foreach (var (key, value) in all.Scalars.Where(s => s.Key.StartsWith(Own, StringComparison.Ordinal)))
            numbers[key] = value.ToString("R", CultureInfo.InvariantCulture);
        groups[0]![OwnNumbers] = numbers;
        foreach (var (key, value) in all.Tensors.Where(t => t.Key.StartsWith("own/", StringComparison.Ordinal)))
            tensors[key] = value.clone().DetachFromDisposeScope();
        return new PyTorchOptimizerState(tensors, groups.ToJsonString());
    }

    /// <summary>
    /// Loads this state into <paramref name="optimizer"/>, whose parameters must be in PyTorch's order with the same groups. Every option
    /// of the file is taken (betas, eps, amsgrad, maximize, nesterov, ...); only how PyTorch computes (foreach, fused, capturable,
    /// differentiable) is left out. A state of timm or pytorch_optimizer is told by its options, and continued where that is possible
    /// exactly.
    /// </summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="origin">Whose state it is; null tells it by the options.</param>
    /// <exception cref="ArgumentException">Groups or parameters differ in number, a tensor is missing or has another shape, or the file has
    /// an option that the rule does not know; nothing changes then.</exception>
    /// <exception cref="FormatException">The groups are not JSON of PyTorch's form.</exception>
    public void Load(Optimizer optimizer, OptimizerOrigin? origin = null)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        using var scope = NewDisposeScope();
        var groups = Parse();
        var counts = groups.Select(g => g["params"]?.AsArray().Count ?? 0).ToArray();
        if (!counts.SequenceEqual(optimizer.Groups.Select(g => g.Bindings.Count)))
            throw new ArgumentException(
                $"The file has groups of {string.Join(", ", counts)} parameters; the optimizer has "
                    + $"{string.Join(", ", optimizer.Groups.Select(g => g.Bindings.Count))}.", nameof(optimizer));
        IReadOnlyList<OptimizerRule> rules;
        OptimizerState? state = null;
        if (PackageStates.Find(groups, optimizer.Rule, origin) is { } method)
            (rules, state) = PackageStateReader.Read(method, optimizer, groups, Tensors);
        else rules = Rules(optimizer, groups);
        var before = optimizer.Groups.Select(g => (g.Rule, g.LearningRate, g.WeightDecay, g.Momentum)).ToList();
        for (var g = 0; g < rules.Count; g++) optimizer.Groups[g].Take(rules[g]);
        try
        {
            optimizer.LoadStateDict(state ?? Translate(optimizer, groups));
        }
        catch (ArgumentException)
        {
            for (var g = 0; g < rules.Count; g++)
            {
                var (rule, rate, decay, momentum) = before[g];
                optimizer.Groups[g].Take(rule);
                (optimizer.Groups[g].LearningRate, optimizer.Groups[g].WeightDecay, optimizer.Groups[g].Momentum) = (rate, decay, momentum);
            }
            throw;
        }
    }

    private static IReadOnlyList<OptimizerRule> Rules(Optimizer optimizer, List<JsonObject> groups)
    {
        try
        {
            return [.. optimizer.Groups.Select((g, i) => PyTorchGroupOptions.Read(groups[i], g.Rule))];
        }
        catch (ArgumentException e) when (!groups.Exists(PyTorchGroupOptions.IsOwn) && PackageStates.Note(optimizer.Rule) is { } note)
        {
            throw new ArgumentException(e.Message + note, e);
        }
    }

    /// <summary>The state under Cresset's names.</summary>
    private OptimizerState Translate(Optimizer optimizer, List<JsonObject> groups)
    {
        var tensors = Tensors.Where(t => t.Key.StartsWith("own/", StringComparison.Ordinal)).ToDictionary(t => t.Key, t => t.Value);
        var scalars = new Dictionary<string, double>();
        var index = 0;
        foreach (var group in optimizer.Groups)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"group.{group.Index}.");
            scalars[key + "lr"] = group.LearningRate;
            scalars[key + "initial_lr"] = PyTorchGroupOptions.Number(groups[group.Index], "initial_lr") ?? group.LearningRate;
            scalars[key + "weight_decay"] = group.WeightDecay;
            if (group.Momentum is { } momentum) scalars[key + "momentum"] = momentum;
            if (group.Rule is LbfgsRule) continue;
            foreach (var binding in group.Bindings)
            {
                var prefix = string.Create(CultureInfo.InvariantCulture, $"state.{index++}.");
                var own = Tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
                if (own.Count == 0) continue;
                scalars["step/" + binding.Name] = 0;
                // A parameter without dimensions has tensors of state without dimensions: the rule says which they are.
                using var fresh = new ParameterState();
                if (binding.Parameter.dim() == 0) StartIn(optimizer, group, fresh, binding.Parameter);
                foreach (var (name, value) in own)
                {
                    var slot = name[prefix.Length..];
                    var isNumber = value.dim() == 0
                        && (binding.Parameter.dim() != 0 || !(fresh.Tensors.ContainsKey(slot) || group.Rule.IsOptionalSlot(slot)));
                    if (slot == "step" || ScalarSlots.Contains(slot) || isNumber)
                        scalars[$"{slot}/{binding.Name}"] = Number(value);
                    else tensors[$"{slot}/{binding.Name}"] = value;
                }
            }
        }
        if (optimizer.Rule is LbfgsRule) PyTorchLbfgsState.Read(Tensors, Number, tensors, scalars);
        scalars["steps"] = scalars.Where(s => s.Key.StartsWith("step/", StringComparison.Ordinal)).Select(s => s.Value).DefaultIfEmpty(0)
            .Max();
        if (groups[0][OwnNumbers] is JsonObject numbers)
        {
            foreach (var (name, value) in numbers)
                scalars[name] = double.Parse(value!.GetValue<string>(), NumberStyles.Float, CultureInfo.InvariantCulture);
        }
        return new OptimizerState(optimizer.StateName, tensors, scalars);
    }

    private static void StartIn(Optimizer optimizer, ParameterGroup group, ParameterState fresh, Tensor parameter)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        group.Rule.Start(new Slot(optimizer, group, fresh, parameter, parameter));
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in Tensors.Values) tensor.Dispose();
    }

    private static double Number(Tensor value)
    {
        using var scope = NewDisposeScope();
        return value.to(ScalarType.Float64).ToDouble();
    }

    private List<JsonObject> Parse()
    {
        try
        {
            return [.. JsonNode.Parse(ParamGroups)!.AsArray().Select(g => g!.AsObject())];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new FormatException("param_groups is not a JSON list of objects as PyTorch's optimizer.state_dict() has it.", e);
        }
    }
}
