using System.Reflection;
using System.Text.Json.Nodes;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>A case of the files of timm and pytorch_optimizer: a state after 5 steps, the weights then and 5 steps later.</summary>
internal sealed class PackageCase : IDisposable
{
    private readonly string _name;

    public PackageCase(string title, OptimizerRule? rule = null)
    {
        var split = title.IndexOf('/', StringComparison.Ordinal);
        (Origin, _name) = (title[..split] == "timm" ? OptimizerOrigin.Timm : OptimizerOrigin.PyTorchOptimizer, title[(split + 1)..]);
        Method = PackageStates.Methods.Single(m => m.Origin == Origin && m.Class == _name.Split(' ')[0]);
        State = PyTorchOptimizerFile.Read(File(Origin), "cases." + _name);
        using var scope = NewDisposeScope();
        Parameters = [.. Weights("before").Select(w => new Parameter(w.clone()))];
        foreach (var p in Parameters) p.DetachFromDisposeScope();
        After = [.. Weights("after").SelectMany(w => w.reshape(-1).data<double>().ToArray())];
        Optimizer = new Optimizer(
            [new ParameterGroupSpec("first", [Named(0), Named(2)]), new ParameterGroupSpec("second", [Named(1)])], rule ?? Other(Method));
    }

    /// <summary>Package and case, such as "timm/Adan proximal".</summary>
    public static IEnumerable<string> Titles => new[] { OptimizerOrigin.Timm, OptimizerOrigin.PyTorchOptimizer }.SelectMany(origin =>
    {
        using var file = PyTorchFile.OpenOverview(File(origin));
        return file.Optimizers.Select(o => $"{PackageStates.NameOf(origin)}/{o["cases.".Length..]}").ToList();
    });

    public OptimizerOrigin Origin { get; }

    public PackageMethod Method { get; }

    public PyTorchOptimizerState State { get; }

    public Optimizer Optimizer { get; }

    public Parameter[] Parameters { get; }

    public double[] After { get; }

    public double[] Flat()
    {
        using var scope = NewDisposeScope();
        return [.. Parameters.SelectMany(p => p.detach().reshape(-1).data<double>().ToArray())];
    }

    /// <summary>Steps 5 to 9 of the reference.</summary>
    public void GoOn()
    {
        for (var step = 5; step < 10; step++)
        {
            for (var i = 0; i < 3; i++)
            {
                var (k, t) = (i + 1.0, step);
                var n = (int)Parameters[i].numel();
                Parameters[i].grad = tensor(Enumerable.Range(0, n).Select(j => 0.3 * Math.Sin((j * k) + t)).ToArray())
                    .reshape(Parameters[i].shape);
            }
            Optimizer.Step();
        }
    }

    /// <summary>The state with its groups changed.</summary>
    public PyTorchOptimizerState With(Action<JsonObject> change)
    {
        var groups = JsonNode.Parse(State.ParamGroups)!.AsArray();
        foreach (var group in groups) change(group!.AsObject());
        return State with { ParamGroups = groups.ToJsonString() };
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        foreach (var p in Parameters)
        {
            p.grad = null;
            p.Dispose();
        }
        State.Dispose();
    }

    public static string File(OptimizerOrigin origin) => Repository.Reference($"optim/{PackageStates.NameOf(origin)}_states.pt");

    /// <summary>The rule with another value of as many options as may differ at once, but those that no file has.</summary>
    public static OptimizerRule Other(PackageMethod method)
    {
        var rule = OptimizerCatalog.Entries.Select(e => (OptimizerRule)e.Create()).Single(r => r.GetType() == method.Rule);
        var kept = method.Options.Where(o => o.IsKept).SelectMany(o => o.Ours).ToHashSet();
        rule = rule with { LearningRate = 0.02 };
        foreach (var property in method.Rule.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            if (!property.CanWrite || property.Name == nameof(OptimizerRule.LearningRate) || kept.Contains(property.Name)) continue;
            foreach (var value in Values(property, property.GetValue(rule)))
            {
                var copy = rule with { };
                property.SetValue(copy, value);
                if (copy.Validate().Any()) continue;
                rule = copy;
                break;
            }
        }
        return rule;
    }

    private static IEnumerable<object> Values(PropertyInfo property, object? value)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        if (type == typeof(bool)) return [!(bool)(value ?? false)];
        if (type == typeof(int)) return [13];
        if (type == typeof(long)) return [13L];
        if (type == typeof(double)) return [0.37, 1.37, -0.37];
        return [(IReadOnlyList<double>)[0, 0.37]];
    }

    private NamedParameter Named(int i) => new($"p{i}", Parameters[i]);

    private IEnumerable<Tensor> Weights(string when)
    {
        using var file = PyTorchFile.Open(File(Origin), when);
        return [.. Enumerable.Range(0, 3).Select(i => file.Read($"{_name}/{i}"))];
    }
}
