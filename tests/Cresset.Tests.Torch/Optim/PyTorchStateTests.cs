using System.Text.Json;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>States that PyTorch 2.6 saved are loaded, and the run goes on as PyTorch's did.</summary>
[LeakFree]
public sealed class PyTorchStateTests
{
    private static readonly ReferenceTensors Reference = new("optim/pytorch_state.safetensors");

    private static readonly long[][] Shapes = [[5, 4], [4], [3, 2, 2]];

    public static TheoryData<string> Names => [.. Reference.Metadata.Keys];

    /// <summary>Every rule has other options than the file: all of the file's must be taken.</summary>
    private static OptimizerRule Other(string name) => name switch
    {
        "SGD" => new SgdRule { LearningRate = 1, Momentum = 0.5, Nesterov = true, WeightDecay = 0.3, Maximize = true },
        "Adam" => new AdamRule { Beta1 = 0.5, Beta2 = 0.6, Epsilon = 0.1, WeightDecay = 0.2 },
        "AdamW" => new AdamWRule { Beta1 = 0.5, Beta2 = 0.6, Epsilon = 0.1, AmsGrad = true, WeightDecay = 0.2, Maximize = true },
        "NAdam" => new NAdamRule { Beta1 = 0.5, MomentumDecay = 0.1, DecoupledWeightDecay = true },
        "RAdam" => new RAdamRule { Beta2 = 0.6, Epsilon = 0.1, DecoupledWeightDecay = true },
        "RMSprop" => new RmsPropRule { Alpha = 0.5, Epsilon = 0.1 },
        "Adagrad" => new AdagradRule { LearningRateDecay = 0.5, Epsilon = 0.1 },
        "Adadelta" => new AdadeltaRule { Rho = 0.5, Epsilon = 0.1 },
        "Adamax" => new AdamaxRule { Beta1 = 0.5, Beta2 = 0.6, Epsilon = 0.1 },
        "ASGD" => new AsgdRule { Lambda = 0.1, Alpha = 0.5 },
        "Rprop" => new RpropRule { EtaMinus = 0.1, EtaPlus = 3, MinStep = 1e-3, MaxStep = 2 },
        "Adafactor" => new AdafactorRule { Beta2Decay = -0.3, Epsilon2 = 0.5, ClippingThreshold = 4 },
        _ => throw new NotSupportedException(name),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void ContinuesAsPyTorchDoes(string name)
    {
        using var scope = NewDisposeScope();
        var before = Reference[name + "/before"];
        var at = 0;
        var parameters = Shapes.Select(s =>
        {
            var n = (int)s.Aggregate(1L, (a, b) => a * b);
            at += n;
            return new Parameter(tensor(before.AsSpan(at - n, n).ToArray()).reshape(s));
        }).ToArray();
        NamedParameter Named(int i) => new($"p{i}", parameters[i]);
        using var optimizer = new Optimizer([new ParameterGroupSpec("first", [Named(0), Named(2)]),
            new ParameterGroupSpec("second", [Named(1)])], Other(name));
        var prefix = name + "/state.";
        var tensors = Reference.Names.Where(k => k.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(k => k[(name.Length + 1)..],
                k => Reference.Shape(k) is { Length: > 0 } shape ? tensor(Reference[k]).reshape(shape) : tensor(Reference[k][0]));
        new PyTorchOptimizerState(tensors, Reference.Metadata[name]).Load(optimizer);
        Assert.Equal(0.01, optimizer.Groups[1].LearningRate);
        for (var step = 5; step < 10; step++)
        {
            for (var i = 0; i < 3; i++)
            {
                var (k, t) = (i + 1.0, step);
                var n = (int)parameters[i].numel();
                parameters[i].grad = tensor(Enumerable.Range(0, n).Select(j => 0.3 * Math.Sin((j * k) + t)).ToArray()).reshape(Shapes[i]);
            }
            optimizer.Step();
        }
        var after = Reference[name + "/after"];
        var got = cat([.. parameters.Select(p => p.detach().reshape(-1))]).data<double>().ToArray();
        for (var i = 0; i < 36; i++) Assert.Equal(after[i], got[i], 1e-11);
        foreach (var p in parameters) p.grad = null;
    }

    [Theory]
    [InlineData("fixed")]
    [InlineData("wolfe")]
    public void LbfgsContinuesAsPyTorchDoes(string name)
    {
        using var scope = NewDisposeScope();
        using var document = JsonDocument.Parse(File.ReadAllText(Repository.Reference("optim/lbfgs_state.json")));
        var reference = document.RootElement.GetProperty(name);
        double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(v => v.GetDouble())];
        var tensors = reference.GetProperty("tensors").EnumerateObject()
            .ToDictionary(t => t.Name,
                t => t.Value.ValueKind == JsonValueKind.Array ? tensor(Numbers(t.Value)) : tensor(t.Value.GetDouble()));
        var (before, after) = (Numbers(reference.GetProperty("before")), Numbers(reference.GetProperty("after")));
        using var state = new PyTorchOptimizerState(tensors, reference.GetProperty("groups").GetString()!);
        PyTorchOptimizerState? exported = null;
        // Once from PyTorch's state, once from our export of it.
        for (var round = 0; round < 2; round++)
        {
            Parameter[] parameters = [new(tensor(before[..6]).reshape(2, 3)), new(tensor(before[6..]))];
            using var optimizer = new Optimizer([new ParameterGroupSpec("all", [new("a", parameters[0]), new("b", parameters[1])])],
                new LbfgsRule { LearningRate = 0.7, MaxIterations = 9, HistorySize = 50 });
            (exported ?? state).Load(optimizer);
            exported ??= PyTorchOptimizerState.Export(optimizer);
            for (var step = 0; step < 2; step++)
            {
                optimizer.Step(() =>
                {
                    using var inner = NewDisposeScope();
                    optimizer.ZeroGrad();
                    var loss = parameters[0].reshape(-1)[0] * parameters[1].reshape(-1)[0];
                    foreach (var p in parameters)
                    {
                        var k = arange(p.numel(), dtype: ScalarType.Float64).reshape(p.shape);
                        var off = p - k.cos();
                        loss = loss + ((off.pow(4) / 4) + (off.square() * (k + 1) / 2)).sum();
                    }
                    loss.backward();
                    return loss.ToDouble();
                });
            }
            var got = cat([.. parameters.Select(p => p.detach().reshape(-1))]).data<double>().ToArray();
            for (var i = 0; i < got.Length; i++) Assert.Equal(after[i], got[i], 1e-9);
            foreach (var p in parameters) p.grad = null;
        }
        exported!.Dispose();
    }

    [Fact]
    public void AnOptionThatTheRuleDoesNotKnowIsRefusedAndNothingChanges()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(zeros(2));
        using var optimizer = new Optimizer([new ParameterGroupSpec("g", [new NamedParameter("p", p)])], new AdamWRule());
        var state = new PyTorchOptimizerState(new Dictionary<string, Tensor>(),
            """[{"lr": 0.5, "betas": [0.8, 0.95], "warp": 3, "foreach": true, "params": [0]}]""");
        Assert.Contains("warp = 3", Assert.Throws<ArgumentException>(() => state.Load(optimizer)).Message, StringComparison.Ordinal);
        Assert.Equal(1e-3, optimizer.Groups[0].LearningRate);
        Assert.Equal(0.9, optimizer.Groups[0].Momentum);
        (state with
        {
            ParamGroups =
            """[{"lr": 0.5, "betas": [0.8, 0.95], "eps": 1e-6, "foreach": true, "maximize": true, "params": [0]}]"""
        }).Load(optimizer);
        var rule = Assert.IsType<AdamWRule>(optimizer.Groups[0].Rule);
        Assert.Equal((0.8, 0.95, 1e-6, true), (rule.Beta1, rule.Beta2, rule.Epsilon, rule.Maximize));
    }

    [Fact]
    public void AFileWithOtherGroupsIsRefused()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(zeros(2));
        using var optimizer = new Optimizer([new ParameterGroupSpec("g", [new NamedParameter("p", p)])], new AdamWRule());
        var state = new PyTorchOptimizerState(new Dictionary<string, Tensor>(), Reference.Metadata["AdamW"]);
        Assert.Contains("2, 1", Assert.Throws<ArgumentException>(() => state.Load(optimizer)).Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => (state with { ParamGroups = "{}" }).Load(optimizer));
    }
}
