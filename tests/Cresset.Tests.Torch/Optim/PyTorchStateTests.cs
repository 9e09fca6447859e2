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

    private static Optimizer Create(string name, IReadOnlyList<ParameterGroupSpec> groups) => name switch
    {
        "SGD" => new Sgd(groups, new SgdOptions { LearningRate = 1, Momentum = 0.9 }),
        "Adam" => new Adam(groups, new AdamOptions { AmsGrad = true }),
        "AdamW" => new AdamW(groups),
        "NAdam" => new NAdam(groups),
        "RAdam" => new RAdam(groups),
        "RMSprop" => new RmsProp(groups, new RmsPropOptions { Momentum = 0.5, Centered = true }),
        "Adagrad" => new Adagrad(groups),
        "Adadelta" => new Adadelta(groups),
        "Adamax" => new Adamax(groups),
        "ASGD" => new Asgd(groups, new AsgdOptions { AverageFrom = 3 }),
        "Rprop" => new Rprop(groups),
        "Adafactor" => new Adafactor(groups),
        _ => throw new NotSupportedException(name),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void Continues_as_PyTorch_does(string name)
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
        using var optimizer = Create(name, [new ParameterGroupSpec("first", [Named(0), Named(2)]), new ParameterGroupSpec("second", [Named(1)])]);
        var prefix = name + "/state.";
        var tensors = Reference.Names.Where(k => k.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(k => k[(name.Length + 1)..], k => Reference.Shape(k) is { Length: > 0 } shape ? tensor(Reference[k]).reshape(shape) : tensor(Reference[k][0]));
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

    [Fact]
    public void A_file_with_other_groups_is_refused()
    {
        using var scope = NewDisposeScope();
        using var p = new Parameter(zeros(2));
        using var optimizer = new AdamW([new ParameterGroupSpec("g", [new NamedParameter("p", p)])]);
        var state = new PyTorchOptimizerState(new Dictionary<string, Tensor>(), Reference.Metadata["AdamW"]);
        Assert.Contains("2, 1", Assert.Throws<ArgumentException>(() => state.Load(optimizer)).Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => (state with { ParamGroups = "{}" }).Load(optimizer));
    }
}
