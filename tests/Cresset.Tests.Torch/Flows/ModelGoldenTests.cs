using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Whole flows with the reference implementations' weights.</summary>
public sealed class ModelGoldenTests
{
    private static Dictionary<string, Tensor> Parameters(SafetensorsFile file, string prefix)
        => file.Entries.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(k => k[prefix.Length..], file.Read);

    public static TheoryData<string> VectorFlows => ["NICE", "RealNVP", "MAF", "NSF"];

    [Theory]
    [MemberData(nameof(VectorFlows))]
    public void VectorFlowsEqualZuko(string name)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("vector_flows");
        var state = Parameters(file, $"zuko.{name}.param.");
        var transforms = state.Keys.Where(k => k.StartsWith("transform.transforms.", StringComparison.Ordinal)).Select(k => k.Split('.')[2])
            .Distinct().Count();
        var hidden =
            state.Where(
                p => p.Key.StartsWith("transform.transforms.0.hyper.", StringComparison.Ordinal)
                    && p.Key.EndsWith("weight", StringComparison.Ordinal)).Select(p => (int)p.Value.shape[0]).SkipLast(1).ToArray();
        var options = new VectorFlowOptions
        {
            Features = 3,
            Context = name == "NSF" && !file.Entries.ContainsKey("zuko.NSF.c") ? 0 : 2,
            Transforms = transforms,
            Hidden = hidden,
            Spline = SplineOptions.Bounded(5) with { Parameters = SplineParameters.SoftClip }
        };
        Flow flow = name switch { "MAF" => new Maf(options), "NSF" => new NeuralSplineFlow(options), _ => new RealNvp(options) };
        flow.to(ScalarType.Float64);
        StateDict.Load(flow, state, strict: false);
        foreach (var (key, value) in flow.state_dict())
        {
            if (state.TryGetValue(key, out var expected)) FlowGoldens.Close(expected, value, 0, key);
            else Assert.DoesNotContain("weight", key);
        }
        Tensor x = file.Read($"zuko.{name}.x"), c = file.Read($"zuko.{name}.c");
        var log = flow.LogProb(x, c);
        FlowGoldens.Close(file.Read($"zuko.{name}.log_prob"), log, 1e-9, "log p");
        FlowGoldens.Close(file.Read($"zuko.{name}.z"), flow.Encode(x, c), 1e-9, "z");
        FlowGoldens.Close(x, flow.Decode(flow.Encode(x, c), c), 1e-8, "round trip");
        flow.Loss(x, c).backward();
        foreach (var (key, parameter) in flow.named_parameters())
        {
            if (file.Entries.ContainsKey($"zuko.{name}.grad.{key}"))
                FlowGoldens.Close(file.Read($"zuko.{name}.grad.{key}"), parameter.grad!, 1e-7, key);
        }
    }

    [Fact]
    public void NeuralSplineCouplingEqualsNflows()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("vector_flows");
        var state = Parameters(file, "nflows.NSFcoupling.param._transform._transforms.");
        const int hidden = 10;
        FlowTransform Spline(string prefix)
        {
            var passes = new bool[3];
            foreach (var i in state[$"{prefix}.identity_features"].data<long>().ToArray()) passes[i] = true;
            // The height of raw parameters in nflows is divided by the root of the network's width.
            var options = SplineOptions.Bounded(3) with { RawScale = 1 / Math.Sqrt(hidden) };
            return new Coupling(passes, new RationalQuadraticSpline(options),
                (inputs, outputs) => new ResidualConditioner(inputs, outputs, hidden, blocks: 1));
        }
        var flow = new Flow(new CompositeTransform([new ActNorm(3), Spline("1"), new LuLinear(3), Spline("3")]), new NormalBase(3));
        flow.to(ScalarType.Float64);
        Dictionary<string, Tensor> mapped = [];
        foreach (var (key, value) in state)
            mapped["transform.transforms." + key.Replace("transform_net", "hyper", StringComparison.Ordinal)] = value;
        mapped["transform.transforms.0.scale"] = state["0.log_scale"].exp().unsqueeze(0);
        mapped["transform.transforms.0.loc"] = (state["0.shift"] / state["0.log_scale"].exp()).unsqueeze(0);
        StateDict.Load(flow, mapped, strict: false);
        var x = file.Read("nflows.NSFcoupling.x");
        FlowGoldens.Close(file.Read("nflows.NSFcoupling.z"), flow.Encode(x), 1e-9, "z");
        FlowGoldens.Close(file.Read("nflows.NSFcoupling.log_prob"), flow.LogProb(x), 1e-9, "log p");
        FlowGoldens.Close(x, flow.Decode(flow.Encode(x)), 1e-8);
    }

    [Fact]
    public void MaskedAutoregressiveFlowEqualsNflows()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("vector_flows");
        var state = Parameters(file, "nflows.MAF.param._transform._transforms.");
        const int hidden = 8;
        static FlowTransform Layer() =>
            new MaskedAutoregressive(new Made([0, 1, 2], 2, [hidden, hidden]),
                new AffineUnivariate(AffineScale.Softplus, scaleFirst: true));
        var order = state["1._permutation"].data<long>().Select(i => (int)i).ToArray();
        var flow = new Flow(new CompositeTransform([Layer(), new Permutation(order), Layer()]), new NormalBase(3));
        flow.to(ScalarType.Float64);
        (string Theirs, string Ours)[] names = [("autoregressive_net.initial_layer", "hyper.0"),
            ("autoregressive_net.blocks.0.linear", "hyper.2"), ("autoregressive_net.final_layer", "hyper.4")];
        Dictionary<string, Tensor> mapped = [];
        foreach (var layer in new[] { 0, 2 })
        {
            foreach (var (theirs, ours) in names)
            {
                foreach (var part in new[] { "weight", "bias" })
                    mapped[$"transform.transforms.{layer}.{ours}.{part}"] = state[$"{layer}.{theirs}.{part}"];
                // The masks are ours; they must be the reference's.
                var mask = flow.state_dict()[$"transform.transforms.{layer}.{ours}.mask"];
                FlowGoldens.Close(state[$"{layer}.{theirs}.mask"], mask, 0, $"mask of {theirs}");
            }
        }
        StateDict.Load(flow, mapped, strict: false);
        var x = file.Read("nflows.MAF.x");
        FlowGoldens.Close(file.Read("nflows.MAF.z"), flow.Encode(x), 1e-9, "z");
        FlowGoldens.Close(file.Read("nflows.MAF.log_prob"), flow.LogProb(x), 1e-9, "log p");
        FlowGoldens.Close(x, flow.Decode(flow.Encode(x)), 1e-9, "round trip");
        flow.Loss(x).backward();
        var compared = 0;
        foreach (var (key, parameter) in flow.named_parameters())
        {
            var parts = key.Split('.');
            var name = names.First(n => n.Ours == $"hyper.{parts[4]}").Theirs;
            FlowGoldens.Close(file.Read($"nflows.MAF.grad._transform._transforms.{parts[2]}.{name}.{parts[5]}"), parameter.grad!, 1e-7,
                key);
            compared++;
        }
        Assert.Equal(12, compared);
    }

    [Fact]
    public void GlowEqualsTheReference()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("glow_affine_lu");
        var glow = new Glow(new GlowOptions { Size = 8, Levels = 2, Steps = 2, Width = 16 });
        glow.to(ScalarType.Float64);
        var report = StateDict.Load(glow, Parameters(file, "param."), strict: false);
        Assert.Empty(report.Unexpected);
        Assert.All(report.Missing, k => Assert.EndsWith("initialized", k));
        var x = file.Read("x");
        var (latents, logPrior, logDet) = glow.EncodeScales(x);
        for (var i = 0; i < 2; i++) FlowGoldens.Close(file.Read($"z{i}"), latents[i], 1e-9, $"z{i}");
        FlowGoldens.Close(file.Read("log_p"), logPrior, 1e-9, "log p of z");
        FlowGoldens.Close(file.Read("logdet"), logDet, 1e-9, "log det");
        FlowGoldens.Close(file.Read("log_prob"), glow.LogProb(x), 1e-9, "log p of x");
        FlowGoldens.Close(x, glow.DecodeScales(latents), 1e-9, "inverse");
        FlowGoldens.Close(x, glow.Decode(glow.Encode(x)), 1e-8, "inverse of flat latents");
        FlowGoldens.Close(file.Read("sample_x"), glow.DecodeNoise([file.Read("sample_eps_T0.7_0"), file.Read("sample_eps_T0.7_1")]), 1e-9,
            "sample");
        glow.Loss(x).backward();
        var compared = 0;
        foreach (var (key, parameter) in glow.named_parameters())
        {
            if (!file.Entries.ContainsKey($"grad.{key}")) continue;
            FlowGoldens.Close(file.Read($"grad.{key}"), parameter.grad!, 2e-6, key);
            compared++;
        }
        Assert.True(compared > 30);
        var direct = glow.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!.clone());
        glow.zero_grad();
        var saving = new Glow(glow.Options with { RecomputeActivations = true });
        saving.to(ScalarType.Float64);
        StateDict.Load(saving, Parameters(file, "param."), strict: false);
        saving.Loss(x).backward();
        foreach (var (key, parameter) in saving.named_parameters())
            FlowGoldens.Close(direct[key], parameter.grad!, 1e-9, "by inversion: " + key);
    }
}
