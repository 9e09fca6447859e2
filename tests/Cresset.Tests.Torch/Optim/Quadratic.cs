using Cresset.Optim;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Half the squared distance of a matrix, a vector and a kernel from fixed targets.</summary>
internal sealed class Quadratic : IDisposable
{
    private readonly List<Tensor> _targets = [];

    public Quadratic(ScalarType type, bool large = false)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        long[][] shapes = large ? [[600, 701], [37], [8, 3, 3, 3], [5003]] : [[6, 5], [7], [4, 3, 2, 2]];
        foreach (var shape in shapes)
        {
            _targets.Add(randn(shape, generator: generator).to(type).DetachFromDisposeScope());
            var p = new Parameter((randn(shape, generator: generator) * 2).to(type));
            p.DetachFromDisposeScope();
            Parameters.Add(p);
        }
    }

    public List<Parameter> Parameters { get; } = [];

    public IReadOnlyList<NamedParameter> Named => [.. Parameters.Select((p, i) => new NamedParameter($"p{i}", p))];

    public IReadOnlyList<ParameterGroupSpec> Groups => [new ParameterGroupSpec("all", Named)];

    public void SetGradients(double factor = 1)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        for (var i = 0; i < Parameters.Count; i++) Parameters[i].grad = (Parameters[i] - _targets[i]) * factor;
    }

    public double Loss()
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        return Parameters.Select((p, i) => (p - _targets[i]).to(ScalarType.Float64).square().sum().ToDouble()).Sum();
    }

    public double[] Values() => [.. Enumerable.Range(0, Parameters.Count).SelectMany(Values)];

    public double[] Values(int i)
    {
        using var scope = NewDisposeScope();
        return Parameters[i].detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray();
    }

    public void CopyFrom(Quadratic other)
    {
        using var quiet = no_grad();
        for (var i = 0; i < Parameters.Count; i++) Parameters[i].copy_(other.Parameters[i]);
    }

    public void Dispose()
    {
        foreach (var p in Parameters)
        {
            p.grad = null;
            p.Dispose();
        }
        foreach (var t in _targets) t.Dispose();
    }
}
