using System.Text.Json;
using Cresset.Optim;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>The reference problem: three parameters, twenty given gradients.</summary>
internal sealed class ReferenceProblem : IDisposable
{
    private static readonly long[][] Shapes = [[5, 4], [4], [3, 2, 2]];

    public static readonly ReferenceTensors Torch = new("optim/optim_torch.safetensors");

    public static readonly ReferenceTensors Modern = new("optim/optim_modern.safetensors");

    private readonly double[][] _gradients;
    private readonly ScalarType _type;

    public ReferenceProblem(ScalarType type)
    {
        _type = type;
        using var scope = NewDisposeScope();
        Parameters = [.. Shapes.Select((s, i) => new Parameter(tensor(Torch[$"problem/p{i}"]).reshape(s).to(type), true))];
        foreach (var p in Parameters) p.DetachFromDisposeScope();
        _gradients = [.. Enumerable.Range(0, 3).Select(i => Torch[$"problem/g{i}"])];
    }

    public Parameter[] Parameters { get; }

    public IReadOnlyList<NamedParameter> Named => [.. Parameters.Select((p, i) => new NamedParameter($"p{i}", p))];

    public IReadOnlyList<ParameterGroupSpec> OneGroup => [new ParameterGroupSpec("all", Named)];

    public void SetGradients(int step, Func<int, bool>? skip = null, double factor = 1)
    {
        for (var i = 0; i < 3; i++)
        {
            if (skip?.Invoke(i) == true)
            {
                Parameters[i].grad = null;
                continue;
            }
            using var scope = NewDisposeScope();
            var n = (int)Parameters[i].numel();
            Parameters[i].grad = (tensor(_gradients[i].AsSpan(step * n, n).ToArray()).reshape(Shapes[i]) * factor).to(_type);
        }
    }

    public double[] Flat()
    {
        using var scope = NewDisposeScope();
        return [.. Parameters.SelectMany(p => p.detach().to(ScalarType.Float64).reshape(-1).data<double>().ToArray())];
    }

    /// <summary>
    /// Runs the optimizer and returns the worst relative error against the reference path, with its place. In float32 the error is relative
    /// to the largest value the weight has had on its path: every step rounds at that size, so a weight that crosses zero keeps the
    /// rounding of where it came from.
    /// </summary>
    public (double Error, string Where) Compare(Optimizer optimizer, double[] expected, int steps = 20, Action<int>? before = null,
        GradientClipping? clipping = null, Func<int, bool>? counted = null, double floor = 1e-3)
    {
        var worst = (0.0, "");
        var sizes = Flat().Select(Math.Abs).ToArray();
        for (var t = 0; t < steps; t++)
        {
            if (before is null) SetGradients(t);
            else before(t);
            optimizer.Step(clipping);
            var got = Flat();
            for (var i = 0; i < 36; i++)
            {
                if (counted?.Invoke(i) == false) continue;
                var e = expected[(t * 36) + i];
                sizes[i] = Math.Max(sizes[i], Math.Abs(e));
                var error = Math.Abs(got[i] - e) / Math.Max(_type == ScalarType.Float64 ? Math.Abs(e) : sizes[i], floor);
                if (!(error <= worst.Item1))
                    worst = (double.IsNaN(error) ? double.PositiveInfinity : error, $"step {t} element {i}: {got[i]:R}, expected {e:R}");
            }
        }
        return worst;
    }

    public static JsonElement Config(ReferenceTensors file, string name) =>
        JsonDocument.Parse(file.Metadata["cfg"]).RootElement.GetProperty(name);

    public void Dispose()
    {
        foreach (var p in Parameters) p.Dispose();
    }
}
