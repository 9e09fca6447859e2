using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>The flat layout of an optimizer's state as the nested one that Python has.</summary>
internal static class PyTorchOptimizerTree
{
    private static readonly string[] LbfgsLists = ["old_dirs", "old_stps", "ro"];

    public static void Write(string path, Optimizer optimizer, OptimizerOrigin origin)
    {
        using var scope = NewDisposeScope();
        if (origin == OptimizerOrigin.PyTorch)
        {
            if (!PyTorchGroupOptions.IsOfPyTorch(optimizer.Rule))
                throw new NotSupportedException(
                    $"PyTorch has no {optimizer.Rule.StateName}: name another package, or write the layout with Export."
                        + PackageStates.Note(optimizer.Rule));
            using var own = PyTorchOptimizerState.Export(optimizer);
            TorchWriter.Write(path, Tree(own, null));
            return;
        }
        var method = PackageStates.MethodFor(optimizer, origin, out var state);
        using (state) TorchWriter.Write(path, Tree(state, method));
    }

    private static PickleDict Tree(PyTorchOptimizerState state, PackageMethod? method)
    {
        var parameters = new PickleDict();
        foreach (var (key, value) in state.Tensors)
        {
            var parts = key.Split('.', 3);
            // What PyTorch has no place for stays here.
            if (parts[0] != "state") continue;
            if (parts.Length == 2) parameters.Set(parts[1], value);
            else Put(In(parameters, long.Parse(parts[1], CultureInfo.InvariantCulture)), parts[2], value, method);
        }
        foreach (var (_, own) in parameters.Items)
        {
            if (own is not PickleDict slots) continue;
            foreach (var name in method?.Lists ?? [])
            {
                // A dimension without an entry has an empty list.
                if (!slots.Contains(name)) slots.Set(name, ListOf());
                var list = (PickleSequence)slots[name]!;
                var dimensions = Math.Max(1, ((Tensor)slots["exp_avg"]!).dim());
                while (list.Items.Count < dimensions) list.AddRange([ListOf()]);
            }
        }
        var groups = ListOf([.. JsonNode.Parse(state.ParamGroups)!.AsArray().Select(g => Group(g!.AsObject(), method))]);
        var root = new PickleDict();
        root.Set("state", parameters);
        root.Set("param_groups", groups);
        return root;
    }

    private static void Put(PickleDict slots, string name, Tensor value, PackageMethod? method)
    {
        var dot = name.IndexOf('.', StringComparison.Ordinal);
        var (slot, place) = dot < 0 ? (name, "") : (name[..dot], name[(dot + 1)..]);
        if (dot >= 0 && method?.ByNumber.Contains(slot) == true)
        {
            if (!slots.Contains(slot)) slots.Set(slot, new PickleDict());
            ((PickleDict)slots[slot]!).Set(double.Parse(place, CultureInfo.InvariantCulture), value);
        }
        else if (dot >= 0 && (method?.Lists ?? LbfgsLists).Contains(slot))
        {
            if (!slots.Contains(slot)) slots.Set(slot, ListOf());
            var list = (PickleSequence)slots[slot]!;
            while (list.Items.Count < int.Parse(place, CultureInfo.InvariantCulture)) list.AddRange([ListOf()]);
            list.AddRange([method is null && slot == "ro" ? value : Plain(slot, value, method)]);
        }
        else
        {
            slots.Set(name, method is null ? OfPyTorch(name, value) : Plain(name, value, method));
        }
    }

    /// <summary>Numbers of Python are tensors without dimensions in the flat layout.</summary>
    private static object Plain(string name, Tensor value, PackageMethod? method)
    {
        if (value.dim() > 0) return value;
        if (value.dtype == ScalarType.Int64) return value.item<long>();
        return method?.Slots.Any(s => s.Form is SlotForm.Number && s.Theirs == name) == true ? value.item<double>() : value;
    }

    /// <summary>PyTorch's own numbers are tensors of float32, but those of L-BFGS.</summary>
    private static object OfPyTorch(string name, Tensor value)
    {
        if (value.dim() > 0 || value.dtype != ScalarType.Float64) return value;
        return name switch
        {
            "n_iter" or "func_evals" => (long)value.item<double>(),
            "t" or "prev_loss" => value.item<double>(),
            "H_diag" => value,
            _ => tensor((float)value.item<double>()),
        };
    }

    private static PickleDict Group(JsonObject json, PackageMethod? method)
    {
        var group = new PickleDict();
        foreach (var (key, node) in json)
        {
            if (key.StartsWith("cresset", StringComparison.Ordinal)) continue;
            group.Set(key, method?.GroupTensors.Contains(key) == true ? tensor(new[] { PyTorchGroupOptions.Number(node, key) },
                dtype: ScalarType.Float32) : Value(node));
        }
        return group;
    }

    private static object? Value(JsonNode? node) => node switch
    {
        null => null,
        JsonArray list => ListOf([.. list.Select(Value)]),
        _ => node.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.Number => long.TryParse(node.ToJsonString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out var whole) ? whole : (object)node.GetValue<double>(),
            // JSON has no infinity, and names of types are names.
            _ when double.TryParse(node.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
            _ when node.ToString().StartsWith("torch.", StringComparison.Ordinal) => new PickleGlobal("torch", node.ToString()[6..]),
            _ => node.ToString(),
        },
    };

    private static PickleDict In(PickleDict parameters, long index)
    {
        var found = parameters.Items.FirstOrDefault(p => p.Key is long own && own == index).Value as PickleDict;
        if (found is null) parameters.Set(index, found = new PickleDict());
        return found;
    }

    private static PickleSequence ListOf(params IReadOnlyList<object?> items)
    {
        var list = new PickleSequence(PickleSequenceKind.List);
        list.AddRange(items);
        return list;
    }
}
