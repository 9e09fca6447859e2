using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>What every module of Cresset.Nn must keep.</summary>
public sealed class ModuleLaws
{
    public static TheoryData<string> Names => [.. ModuleCase.All.Select(c => c.Name)];

    private static ModuleCase Case(string name) => ModuleCase.All.Single(c => c.Name == name);

    [Fact]
    public void EveryPublicModuleHasACase()
    {
        var covered = ModuleCase.All.Select(c => c.Type).ToHashSet();
        var missing = typeof(ActivationCatalog).Assembly.GetExportedTypes()
            .Where(t => t is { IsAbstract: false } && typeof(nn.Module).IsAssignableFrom(t) && !covered.Contains(t)
                && !ModuleCase.Parts.Contains(t)).ToList();
        Assert.Empty(missing);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void RunsInFloat64AndKeepsTheType(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Case(name).Build();
        module.eval();
        var single = Case(name).Run(module, ScalarType.Float32);
        Assert.Equal(ScalarType.Float32, single.dtype);
        module.to(ScalarType.Float64);
        var y = Case(name).Run(module, ScalarType.Float64);
        Assert.Equal(ScalarType.Float64, y.dtype);
        Assert.True(y.allclose(single.to(ScalarType.Float64), 1e-3, 1e-4), "float32 and float64 differ");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void EveryParameterGetsAGradient(string name)
    {
        using var scope = NewDisposeScope();
        using var module = Case(name).Build();
        module.to(ScalarType.Float64);
        var y = Case(name).Run(module, ScalarType.Float64);
        if (!module.parameters().Any()) return;
        (y * ModuleCase.Input(ScalarType.Float64, y.shape)).sum().backward();
        foreach (var (key, parameter) in module.named_parameters()) Assert.True(parameter.grad is not null, $"{key} gets no gradient");
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void StateRoundTripGivesTheSameResult(string name)
    {
        using var scope = NewDisposeScope();
        using var first = Case(name).Build();
        using var second = Case(name).Build();
        first.eval();
        second.eval();
        var state = first.state_dict().ToDictionary(p => p.Key, p => p.Value.detach().clone());
        second.load_state_dict(state);
        Assert.Equal(first.state_dict().Keys, second.state_dict().Keys);
        Assert.DoesNotContain(state.Keys,
            k => k.Contains("__", StringComparison.Ordinal) || k.Contains("._", StringComparison.Ordinal) || k.StartsWith('_'));
        Assert.True(Case(name).Run(first, ScalarType.Float32).allclose(Case(name).Run(second, ScalarType.Float32), 0, 0, equal_nan: true));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ForwardLeaksNothing(string name)
    {
        using var module = Case(name).Build();
        module.eval();
        long Live() => DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) Case(name).Run(module, ScalarType.Float32);
        var before = Live();
        for (var i = 0; i < 3; i++)
        {
            using var scope = NewDisposeScope();
            Case(name).Run(module, ScalarType.Float32);
        }
        Assert.Equal(before, Live());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void ForwardGivesOneNewTensorThatOutlivesItsInput(string name)
    {
        if (Case(name).Shape is not { } shape) return;
        using var scope = NewDisposeScope();
        using var module = Case(name).Build();
        module.eval();
        var x = ModuleCase.Input(ScalarType.Float32, shape);
        var before = scope.DisposablesCount;
        var y = ((nn.Module<Tensor, Tensor>)module).call(x);
        Assert.Equal(before + 1, scope.DisposablesCount);
        Assert.NotSame(x, y);
        x.Dispose();
        Assert.False(y.IsInvalid);
        Assert.False(y.sum().isnan().item<bool>());
    }
}
