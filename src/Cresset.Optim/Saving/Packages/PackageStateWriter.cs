using System.Globalization;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Writes the state of an optimizer under the names of a class of another package.</summary>
internal sealed class PackageStateWriter(PackageMethod method, Optimizer optimizer)
{
    private readonly Dictionary<string, Tensor> _tensors = [];

    /// <summary>The state in that layout; the tensors are copies.</summary>
    /// <exception cref="NotSupportedException">Something that the class cannot go on from; the message says what and why.</exception>
    public PyTorchOptimizerState Write()
    {
        using var scope = NewDisposeScope();
        var groups = new JsonArray();
        try
        {
            var (index, most) = (0, 0L);
            foreach (var group in optimizer.Groups)
            {
                var writing = new PackageWriting(method, optimizer, group);
                var json = method.WriteGroup(writing, group);
                json["params"] = new JsonArray([.. group.Bindings.Select(_ => (JsonNode)index++)]);
                var steps = group.Bindings.Where(b => b.State is not null).Select(b => b.State!.Step).Distinct().ToList();
                if (steps.Count > 1 && method.Step is PackageStep.Group or PackageStep.GroupTwice or PackageStep.Global)
                    throw writing.Refused($"parameters of \"{group.Name}\" that have made {string.Join(" and ", steps.Order())} steps",
                        "the class counts the steps of a group together");
                if (method.Step is PackageStep.Group) json["step"] = steps.FirstOrDefault(optimizer.StepCount);
                if (method.Step is PackageStep.GroupTwice) json["step"] = 1 + (2 * steps.FirstOrDefault(optimizer.StepCount));
                for (var i = 0; i < group.Bindings.Count; i++)
                    Parameter(group.Bindings[i], writing, index - group.Bindings.Count + i);
                groups.Add(json);
                if (method.Step is PackageStep.Global && most > 0 && steps.Exists(s => s != most))
                    throw writing.Refused($"groups that have made {most} and {steps[0]} steps", "the class counts all steps together");
                most = Math.Max(most, steps.DefaultIfEmpty(0).Max());
            }
            foreach (var key in method.OneForAll.Where(k => groups.Select(g => g![k]?.ToJsonString()).Distinct().Count() > 1))
                throw new PackageWriting(method, optimizer, optimizer.Groups[0]).Refused($"groups that differ in {key}",
                    "the class takes the first group's for some of its work");
            if (method.Step is PackageStep.Global) Add("state.k", tensor(new[] { most }));
            return new PyTorchOptimizerState(_tensors, groups.ToJsonString());
        }
        catch
        {
            foreach (var tensor in _tensors.Values) tensor.Dispose();
            throw;
        }
    }

    private void Parameter(ParameterBinding binding, PackageWriting writing, int index)
    {
        if (binding.State is not { } state) return;
        var rule = writing.Rule;
        if (method.Refuse(rule, binding.Parameter, state.Step) is { } reason)
            throw writing.Refused($"\"{binding.Name}\" [{string.Join(", ", binding.Parameter.shape)}]", reason);
        var prefix = string.Create(CultureInfo.InvariantCulture, $"state.{index}.");
        if (method.Step is PackageStep.ParameterTensor) Add(prefix + "step", tensor((float)state.Step));
        if (method.Step is PackageStep.ParameterNumber) Add(prefix + "step", tensor(state.Step));
        foreach (var slot in method.Slots)
        {
            foreach (var (theirs, ours) in slot.Names(rule, binding.Parameter))
            {
                if (slot.IsNumber)
                {
                    if (!slot.When(rule)) continue;
                    var number = slot.Derived?.Invoke(rule, state.Step) ?? state.Scalar(ours);
                    Add(prefix + theirs, slot.Write(number, ParameterState.TypeFor(binding.Parameter)));
                }
                else if (state.Tensors.TryGetValue(ours, out var value)) Add(prefix + theirs, slot.Write(value));
                else if (slot.IsAlwaysThere)
                    Add(prefix + theirs, zeros(binding.Parameter.shape, dtype: ParameterState.TypeFor(binding.Parameter)));
            }
        }
    }

    private void Add(string name, Tensor value) => _tensors[name] = value.DetachFromDisposeScope();
}
