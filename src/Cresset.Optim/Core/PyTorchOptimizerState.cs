using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>
/// The state of a PyTorch optimizer (<c>optimizer.state_dict()</c>) laid out flat for a safetensors file: tensors <c>state.N.slot</c>, where N counts the
/// parameters through the groups, and the text <c>param_groups</c> as JSON in the metadata.
/// </summary>
/// <param name="Tensors">State tensors; also numbers such as <c>state.N.step</c>, as scalars.</param>
/// <param name="ParamGroups">PyTorch's <c>param_groups</c> as JSON.</param>
public sealed record PyTorchOptimizerState(IReadOnlyDictionary<string, Tensor> Tensors, string ParamGroups) : IDisposable
{
    /// <summary>Slots that PyTorch keeps as tensors and Cresset as numbers.</summary>
    private static readonly string[] ScalarSlots = ["mu_product", "eta", "mu"];

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
                    if (state.Tensors.Keys.Any(k => k != "momentum_buffer") || optimizer is RmsProp) tensors[prefix + "step"] = tensor((float)state.Step).DetachFromDisposeScope();
                    foreach (var (slot, value) in state.Tensors) tensors[prefix + slot] = value.clone().DetachFromDisposeScope();
                    foreach (var (slot, value) in state.Scalars) tensors[prefix + slot] = tensor(value).DetachFromDisposeScope();
                }
                index++;
            }
            var json = PyTorchGroupOptions.Write(group);
            json["params"] = members;
            groups.Add(json);
        }
        return new PyTorchOptimizerState(tensors, groups.ToJsonString());
    }

    /// <summary>Loads this state into <paramref name="optimizer"/>, whose parameters must be in PyTorch's order with the same groups.</summary>
    /// <exception cref="ArgumentException">Groups or parameters differ in number, or a tensor is missing or has another shape; nothing changes then.</exception>
    /// <exception cref="FormatException">The groups are not JSON of PyTorch's form.</exception>
    public void Load(Optimizer optimizer)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        var groups = Parse();
        var counts = groups.Select(g => g["params"]?.AsArray().Count ?? 0).ToArray();
        if (!counts.SequenceEqual(optimizer.Groups.Select(g => g.Bindings.Count)))
            throw new ArgumentException($"The file has groups of {string.Join(", ", counts)} parameters; the optimizer has {string.Join(", ", optimizer.Groups.Select(g => g.Bindings.Count))}.", nameof(optimizer));
        using var current = optimizer.StateDict();
        var tensors = new Dictionary<string, Tensor>();
        var scalars = current.Scalars.Where(s => !s.Key.Contains('/', StringComparison.Ordinal)).ToDictionary(s => s.Key, s => s.Value);
        var index = 0;
        var largest = 0.0;
        for (var g = 0; g < groups.Count; g++)
        {
            PyTorchGroupOptions.Read(groups[g], scalars, string.Create(CultureInfo.InvariantCulture, $"group.{g}."));
            foreach (var binding in optimizer.Groups[g].Bindings)
            {
                var prefix = string.Create(CultureInfo.InvariantCulture, $"state.{index++}.");
                var own = Tensors.Where(t => t.Key.StartsWith(prefix, StringComparison.Ordinal)).ToList();
                if (own.Count == 0) continue;
                scalars["step/" + binding.Name] = 0;
                foreach (var (key, value) in own)
                {
                    var slot = key[prefix.Length..];
                    if (slot == "step") scalars["step/" + binding.Name] = Number(value);
                    else if (ScalarSlots.Contains(slot)) scalars[$"{slot}/{binding.Name}"] = Number(value);
                    else tensors[$"{slot}/{binding.Name}"] = value;
                }
                largest = Math.Max(largest, scalars["step/" + binding.Name]);
            }
        }
        scalars["steps"] = largest;
        optimizer.LoadStateDict(new OptimizerState(optimizer.GetType().Name, tensors, scalars));
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
