using Cresset.Nn;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>Gradients of 0, weights of 0 and parameters without elements, under every rule and every norm.</summary>
[LeakFree]
public sealed class NothingToLearnTests
{
    public static TheoryData<string> Names => [.. OptimizerCatalog.Entries.Select(e => e.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void ZeroGradientsAndEmptyParametersLeaveNumbers(string name)
    {
        using var scope = NewDisposeScope();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            var parameters =
                new[] { ones([6, 5], type), zeros([6, 5], type), zeros([4], type), zeros([0], type),
                    zeros([0, 5], type) }.Select(t => new Parameter(t)).ToArray();
            using var optimizer = OptimizerCatalog.Create(name)
                .Build([new ParameterGroupSpec("all", [.. parameters.Select((p, i) => new NamedParameter($"p{i}", p))])]);
            foreach (var p in parameters) p.grad = zeros_like(p);
            for (var i = 0; i < 3; i++)
            {
                if (optimizer.Groups[0].Rule.NeedsClosure) optimizer.Step(() => 0.0);
                else optimizer.Step();
            }
            foreach (var p in parameters)
            {
                Assert.True(p.isfinite().all().ToBoolean(), $"{name} makes {p.cstr()} of gradients of 0");
                p.grad = null;
            }
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(double.PositiveInfinity)]
    public void AnEmptyParameterAddsNothingToANorm(double norm)
    {
        using var scope = NewDisposeScope();
        var parameters = new[] { zeros(3), zeros([0]) }.Select(t => new Parameter(t)).ToArray();
        using var optimizer = new SgdRule { LearningRate = 1 }.Build(
            [new ParameterGroupSpec("all", [.. parameters.Select((p, i) => new NamedParameter($"p{i}", p))])]);
        parameters[0].grad = tensor(new[] { 0f, 4, 0 });
        parameters[1].grad = zeros([0]);
        Assert.Equal(4, optimizer.Step(GradientClipping.Norm(1, norm)).GradientNorm, 1e-5);
        Assert.Equal(-1, parameters[0][1].ToDouble(), 1e-5);
        foreach (var p in parameters) p.grad = null;
    }

    [Theory]
    [InlineData("swiglu")]
    [InlineData("glu")]
    [InlineData("crelu")]
    [InlineData("maxout")]
    public void AnActivationThatChangesTheWidthIsRefusedByName(string name)
        => Assert.Contains(name,
            Assert.ThrowsAny<ArgumentException>(() => new FeedForward(8, new FeedForwardOptions { Activation = name })).Message,
            StringComparison.Ordinal);
}
