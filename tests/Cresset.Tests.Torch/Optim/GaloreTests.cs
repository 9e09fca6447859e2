using System.Text.Json;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

[LeakFree]
public sealed class GaloreTests
{
    private static readonly long[][] Shapes = [[6, 4], [3, 5], [4], [2, 7]];

    [Fact]
    public void StepsAreThoseOfTheDefinition()
    {
        using var scope = NewDisposeScope();
        using var document = JsonDocument.Parse(File.ReadAllText(Repository.Reference("optim/galore.json")));
        var parameters =
            Shapes.Select(
                (s, i) => new Parameter(((arange(s.Aggregate(1L, (a, b) => a * b), dtype: ScalarType.Float64) * 0.7) + i).cos().reshape(s)))
                .ToArray();
        using var optimizer = new Optimizer(
            [new ParameterGroupSpec("all", [.. parameters.Select((p, i) => new NamedParameter($"p{i}", p))])],
            new GaloreRule { LearningRate = 0.02, WeightDecay = 0.1, Rank = 2, Interval = 3, Beta2 = 0.99 });
        var step = 0;
        foreach (var expected in document.RootElement.EnumerateArray())
        {
            for (var i = 0; i < parameters.Length; i++)
            {
                var k = arange(parameters[i].numel(), dtype: ScalarType.Float64).reshape(Shapes[i]);
                parameters[i].grad = (((k * (i + 1.0)) + step).sin() * 0.3) + (parameters[i].detach() * 0.1);
            }
            optimizer.Step();
            var got = cat([.. parameters.Select(p => p.detach().reshape(-1))]).data<double>().ToArray();
            Assert.Equal(expected.GetArrayLength(), got.Length);
            for (var i = 0; i < got.Length; i++) Assert.Equal(expected[i].GetDouble(), got[i], 1e-10);
            step++;
        }
        Assert.Equal(8, step);
        // Two moments of rank 2 instead of two of full size.
        Assert.Equal([6, 2], optimizer.StateOf("p0")!["exp_avg"].shape);
        Assert.Equal([2, 5], optimizer.StateOf("p1")!["exp_avg_sq"].shape);
        foreach (var p in parameters) p.grad = null;
    }
}
