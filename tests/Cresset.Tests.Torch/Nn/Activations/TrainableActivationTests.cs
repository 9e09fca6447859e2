using Cresset.Nn;
using TorchSharp;
using TorchSharp.Modules;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>
/// Trainable activations, the softmax family, gated pairs and whole feed-forward blocks with all gradients against PyTorch 2.6, float64.
/// </summary>
[LeakFree]
public sealed class TrainableActivationTests
{
    private const string File = "gated_softmax_param.safetensors";
    private const double Relative = 1e-11;
    private const double Absolute = 1e-13;

    private static readonly Dictionary<string, (Func<nn.Module<Tensor, Tensor>> Build, string Keys)> Cases = new()
    {
        ["prelu_shared"] = (() => new PRelu(), "weight=w"),
        ["prelu_channel"] = (() => new PRelu(5), "weight=w"),
        ["swish_beta"] = (() => new TrainableSwish(), "beta=b"),
        ["star_relu"] = (() => new TrainableStarRelu(), "scale=s bias=b"),
        ["snake_channel"] = (() => new TrainableSnake(5), "alpha=a"),
        ["snakebeta_log"] = (() => new SnakeBeta(5), "alpha=a beta=b"),
        ["acon_c"] = (() => new AconC(5), "p1=p1 p2=p2 beta=b"),
        ["xielu"] = (() => new XIelu(), "alpha_p=ap alpha_n=an"),
        ["dyt_lastdim"] = (() => new DynamicTanh(4), "alpha=a weight=w bias=b"),
        ["derf_lastdim"] = (() => new DynamicErf(4), "alpha=a shift=s weight=w bias=b"),
        ["srelu"] = (() => new SRelu(), "tl=tl al=al tr=tr ar=ar"),
        ["maxout_affine_k2"] = (() => new PiecewiseMaxout(), "weight=w bias=b"),
        ["mega_laplace"] = (() => new TrainableLaplace(), "mu=mu sigma=sg"),
    };

    public static TheoryData<string> Trainables => [.. Cases.Keys];

    public static TheoryData<string> Simplexes =>
        ["softmax", "softmax_t0.5", "softmin", "log_softmax", "softmax_off_by_one", "solu_no_ln", "squared_relu_norm", "sparsemax",
            "entmax15", "entmax_a1.3"];

    private static readonly Dictionary<string, string> Gates = new()
    {
        ["bilinear"] = "identity",
        ["glu"] = "sigmoid",
        ["reglu"] = "relu",
        ["geglu_erf"] = "gelu",
        ["geglu_tanh"] = "gelu_tanh",
        ["swiglu"] = "silu",
        ["swiglu_beta1.702"] = "swish_beta(1.702)",
        ["mishglu"] = "mish",
        ["relu2glu"] = "relu2",
        ["seglu_selu"] = "selu",
        ["tanhglu"] = "tanh",
    };

    public static TheoryData<string> Pairs => [.. Gates.Keys];

    public static TheoryData<string> Blocks =>
        [.. Gates.Keys, "geglu_erf_bias", "swiglu_bias", "swiglu_oai_clamped_bias", "mlp_gelu", "mlp_relu2"];

    [Theory]
    [MemberData(nameof(Trainables))]
    public void ValuesAndAllGradients(string name)
    {
        using var scope = NewDisposeScope();
        var r = References.Load(File, k => k.StartsWith($"param/{name}/", StringComparison.Ordinal) || k is "param/x" or "param/g");
        using var module = Cases[name].Build();
        module.to(ScalarType.Float64);
        var parameters = module.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var pairs = Cases[name].Keys.Split(' ').Select(k => k.Split('=')).ToList();
        using (no_grad())
        {
            foreach (var pair in pairs) parameters[pair[0]].copy_(r[$"param/{name}/{pair[1]}"]);
        }
        var x = r["param/x"].detach().requires_grad_();
        var y = module.call(x);
        References.Close(r[$"param/{name}/y"], y, Relative, Absolute, name);
        (y * r["param/g"]).sum().backward();
        References.Close(r[$"param/{name}/dx"], x.grad!, Relative, Absolute, name + " dx");
        foreach (var pair in pairs)
            References.Close(r[$"param/{name}/d{pair[1]}"], parameters[pair[0]].grad!, Relative, 1e-12, $"{name} {pair[0]}");
    }

    [Theory]
    [MemberData(nameof(Simplexes))]
    public void SoftmaxFamily(string name)
    {
        using var scope = NewDisposeScope();
        var r = References.Load(File, k => k.StartsWith("soft/", StringComparison.Ordinal));
        var x = r["soft/x"].detach().requires_grad_();
        var y = ActivationCatalog.Function(name switch
        {
            "softmax_t0.5" => "softmax(0.5)",
            "solu_no_ln" => "solu",
            "squared_relu_norm" => "relu2_norm",
            "entmax_a1.3" => "entmax(1.3)",
            _ => name,
        })(x);
        References.Close(r[$"soft/{name}/y"], y, Relative, 1e-12, name);
        (y * r["soft/g"]).sum().backward();
        References.Close(r[$"soft/{name}/d"], x.grad!, Relative, name.StartsWith("entmax_", StringComparison.Ordinal) ? 1e-9 : 1e-12,
            name + "'");
    }

    [Theory]
    [InlineData("sparsemax")]
    [InlineData("entmax15")]
    [InlineData("entmax(1.3)")]
    [InlineData("softmax_off_by_one")]
    public void SimplexDerivativesOfSecondOrderAgreeWithDifferences(string name)
    {
        using var scope = NewDisposeScope();
        var f = ActivationCatalog.Function(name);
        var weights = tensor(new[] { 0.3, -1.1, 0.7, 0.2 });
        Tensor First(Tensor v) => autograd.grad([(f(v) * weights).square().sum()], [v], retain_graph: true, create_graph: true)[0];
        var x = tensor(new[] { 0.9, 0.4, 0.7, -2.0 }).requires_grad_();
        var second = autograd.grad([(First(x) * weights).sum()], [x])[0];
        for (var i = 0; i < 4; i++)
        {
            var step = zeros(4, dtype: ScalarType.Float64);
            step[i] = 1e-5;
            var up = (First((x.detach() + step).requires_grad_()) * weights).sum().item<double>();
            var down = (First((x.detach() - step).requires_grad_()) * weights).sum().item<double>();
            Assert.Equal((up - down) / 2e-5, second[i].item<double>(), 1e-5);
        }
    }

    [Fact]
    public void SoftmaxAtTheEdges()
    {
        using var scope = NewDisposeScope();
        var r = References.Load(File, k => k.StartsWith("soft_edge/", StringComparison.Ordinal));
        References.Close(r["soft_edge/softmax"], Simplex.Softmax(r["soft_edge/x"]), Relative, 0, "softmax");
        References.Close(r["soft_edge/log_softmax"], Simplex.LogSoftmax(r["soft_edge/x"]), Relative, 0, "log softmax");
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void GatedPairs(string name)
    {
        using var scope = NewDisposeScope();
        var r = References.Load(File, k => k.StartsWith("pair", StringComparison.Ordinal));
        var (a, b) = (r["pair/a"].detach().requires_grad_(), r["pair/b"].detach().requires_grad_());
        var y = GatedUnits.Apply(a, b, Gates[name]);
        References.Close(r[$"pair_{name}/y"], y, Relative, Absolute, name);
        (y * r["pair/g"]).sum().backward();
        References.Close(r[$"pair_{name}/da"], a.grad!, Relative, Absolute, name + " da");
        References.Close(r[$"pair_{name}/db"], b.grad!, Relative, Absolute, name + " db");
    }

    [Theory]
    [MemberData(nameof(Blocks))]
    public void FeedForwardBlocks(string name)
    {
        using var scope = NewDisposeScope();
        var r = References.Load(File,
            k => k.StartsWith("in/", StringComparison.Ordinal) || k.StartsWith(name + "/", StringComparison.Ordinal));
        var bias = name.EndsWith("bias", StringComparison.Ordinal);
        var gated = !name.StartsWith("mlp_", StringComparison.Ordinal);
        var clamped = name.Contains("clamped", StringComparison.Ordinal);
        // The clamped case multiplies gate and value by 4, so that the limits are reached.
        double Scale(string key) => clamped && key != "W2" ? 4 : 1;
        var act = gated ? (clamped ? "silu" : Gates[name.Replace("_bias", "", StringComparison.Ordinal)]) : name[4..];
        using var block = new FeedForward(12, new() { Activation = act, Gated = gated, Bias = bias, Hidden = 16, Clamped = clamped });
        block.to(ScalarType.Float64);
        var parameters = block.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var keys = gated ? new Dictionary<string, string> { ["gate_proj"] = "W", ["up_proj"] = "V", ["down_proj"] = "W2" }
            : new() { ["up_proj"] = "W", ["down_proj"] = "W2" };
        using (no_grad())
        {
            foreach (var (layer, key) in keys)
            {
                parameters[layer + ".weight"].copy_(r["in/" + key] * Scale(key));
                if (bias) parameters[layer + ".bias"].copy_(r["in/b" + (key == "W2" ? "2" : key)] * Scale(key));
            }
        }
        var x = r["in/x"].detach().requires_grad_();
        var y = block.call(x);
        References.Close(r[name + "/y"], y, Relative, Absolute, name);
        (y * r["in/gy"]).sum().backward();
        References.Close(r[name + "/dx"], x.grad!, Relative, 1e-12, name + " dx");
        foreach (var (layer, key) in keys)
        {
            References.Close(r[$"{name}/d{key}"], parameters[layer + ".weight"].grad! * Scale(key), Relative, 1e-12, $"{name} d{key}");
            if (bias)
                References.Close(r[$"{name}/db{(key == "W2" ? "2" : key)}"], parameters[layer + ".bias"].grad! * Scale(key), Relative,
                    1e-12, $"{name} db{key}");
        }
    }

    [Fact]
    public void GluMaxoutAndCrelu()
    {
        using var scope = NewDisposeScope();
        var r = References.Load(File,
            k => k.StartsWith("fglu/", StringComparison.Ordinal) || k.StartsWith("maxout/", StringComparison.Ordinal)
                || k is "crelu/y" or "param/x");
        References.Close(r["fglu/y_dim-1"], GatedUnits.Glu(r["fglu/x"]), Relative, 0, "glu");
        References.Close(r["fglu/y_dim-1"], GatedUnits.Apply(r["fglu/x"], "sigmoid", GateLayout.GateLast), Relative, 0, "glu packed");
        References.Close(r["fglu/y_dim0"], GatedUnits.Glu(r["fglu/x0"], 0), Relative, 0, "glu dim 0");
        References.Close(r["crelu/y"], Cresset.Nn.Activations.Crelu(r["param/x"]), Relative, 0, "crelu");
        var x = r["param/x"].detach().requires_grad_();
        var y = Maxout.Apply(x);
        References.Close(r["maxout/y_k2_lastdim"], y, Relative, 0, "maxout");
        (y * r["maxout/g"]).sum().backward();
        References.Close(r["maxout/dx"], x.grad!, Relative, 0, "maxout dx");
    }

    [Fact]
    public void PackedWeightsOfEveryLayoutGiveTheSameBlock()
    {
        using var scope = NewDisposeScope();
        var options = new FeedForwardOptions { Hidden = 5, Bias = true };
        using var reference = new FeedForward(4, options, new Generator(3));
        var p = reference.named_parameters().ToDictionary(q => q.name, q => (Tensor)q.parameter.detach());
        var x = ModuleCase.Input(ScalarType.Float32, 2, 4);
        foreach (var layout in Enum.GetValues<GateLayout>())
        {
            Tensor Pack(string kind)
            {
                var (gate, up) = (p["gate_proj." + kind], p["up_proj." + kind]);
                if (layout == GateLayout.Interleaved) return stack([gate, up], 1).flatten(0, 1);
                return layout == GateLayout.GateFirst ? cat([gate, up], 0) : cat([up, gate], 0);
            }
            using var block = new FeedForward(4, options);
            block.LoadPacked(Pack("weight"), layout, Pack("bias"));
            using (no_grad())
            {
                foreach (var (name, parameter) in block.named_parameters().Where(q => q.name.StartsWith("down", StringComparison.Ordinal)))
                    parameter.copy_(p[name]);
            }
            Assert.True(block.call(x).allclose(reference.call(x), 0, 0));
        }
    }
}
