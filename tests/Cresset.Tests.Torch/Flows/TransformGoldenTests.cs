using Cresset.Flows;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>Single transforms against the reference implementations' values.</summary>
public sealed class TransformGoldenTests
{
    /// <summary>Gives the raw parameters of a golden instead of computing them.</summary>
    private sealed class Fixed(Tensor raw) : Conditioner(nameof(Fixed))
    {
        private readonly Tensor[] _raw = [raw];

        public override Tensor forward(Tensor x, Tensor? context) => _raw[0].alias();
    }

    private static Coupling Make(bool[] passes, Univariate univariate, Tensor raw, ParameterLayout layout) =>
        new(passes, univariate, (_, _) => new Fixed(raw), layout);

    [Fact]
    public void VectorCouplings()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("coupling_masks_squeeze");
        var x = file.Read("vec.x");
        bool[] passes = [true, false, true, false, true];
        void Check(string name, Univariate univariate, Tensor raw)
        {
            using var coupling = Make(passes, univariate, raw, ParameterLayout.ByParameter);
            var (y, log) = coupling.Forward(x);
            FlowGoldens.Close(file.Read($"vec.{name}.y"), y, 1e-9, name);
            FlowGoldens.Close(file.Read($"vec.{name}.lad"), log, 1e-9, name);
            FlowGoldens.Close(x, coupling.Inverse(y).Output, 1e-9, name + " inverse");
        }
        Check("nflows_affine_sig2", new AffineUnivariate(AffineScale.SigmoidOffset), file.Read("vec.raw"));
        Check("nflows_affine_softplus_clamp3", new AffineUnivariate(AffineScale.ClampedSoftplus), file.Read("vec.raw"));
        Check("additive", new AdditiveUnivariate(), file.Read("vec.raw_add"));
        var (z, l) = new AffineUnivariate(AffineScale.SoftClip).Forward(x,
            stack([file.Read("vec.zuko.shift"), file.Read("vec.zuko.rawscale")], 2));
        FlowGoldens.Close(file.Read("vec.zuko.y"), z, 1e-9);
        FlowGoldens.Close(file.Read("vec.zuko.lad"), l, 1e-9);
        FlowGoldens.Close(file.Read("freia.atan_clamp2"), AffineScales.Log(AffineScale.ArcTangent, file.Read("freia.raw")), 1e-9);
    }

    [Fact]
    public void ImageCouplings()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("coupling_masks_squeeze");
        Tensor x = file.Read("img.x"), raw = file.Read("img.net_out");
        bool[] passes = [true, true, true, false, false, false];
        using (var glow = Make(passes, new AffineUnivariate(AffineScale.Sigmoid, scaleFirst: true, shiftInside: true), raw,
            ParameterLayout.ByParameter))
        {
            var (y, log) = glow.Forward(x);
            FlowGoldens.Close(file.Read("img.glow_affine.y"), y, 1e-9);
            FlowGoldens.Close(file.Read("img.glow_affine.logdet"), log, 1e-9);
            FlowGoldens.Close(x, glow.Inverse(y).Output, 1e-9);
        }
        using (var additive = Make(passes, new AdditiveUnivariate(), raw.narrow(1, 0, 3), ParameterLayout.ByValue))
        {
            FlowGoldens.Close(file.Read("img.glow_additive.y"), additive.Forward(x).Output, 1e-9);
        }
        foreach (var (name, scale) in new[] { ("exp", AffineScale.Exponential), ("sigmoid", AffineScale.InverseSigmoid),
            ("sigmoid_inv", AffineScale.Sigmoid) })
        {
            using var coupling = Make(passes, new AffineUnivariate(scale), raw, ParameterLayout.ByValue);
            var (y, log) = coupling.Forward(x);
            FlowGoldens.Close(file.Read($"img.nf_{name}.fwd"), y, 1e-9, name);
            FlowGoldens.Close(file.Read($"img.nf_{name}.fwd_ld"), log, 1e-9, name);
            var (back, backLog) = coupling.Inverse(x);
            FlowGoldens.Close(file.Read($"img.nf_{name}.inv"), back, 1e-9, name);
            FlowGoldens.Close(file.Read($"img.nf_{name}.inv_ld"), backLog, 1e-9, name);
        }
    }

    [Fact]
    public void MasksAndSqueezes()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("coupling_masks_squeeze");
        var x = file.Read("arange");
        foreach (var (name, factor, order) in new[]
        {
            ("glow", 2, SqueezeOrder.ChannelMajor), ("realnvp_default", 2, SqueezeOrder.ChannelMajor),
            ("space_to_depth", 2, SqueezeOrder.SpaceToDepth),
            ("realnvp_factorout_order", 2, SqueezeOrder.RealNvpFactorOut), ("factor4_glow", 4, SqueezeOrder.ChannelMajor),
        })
        {
            var z = Squeeze.Apply(x, factor, order);
            FlowGoldens.Close(file.Read($"squeeze.{name}"), z, 0, name);
            FlowGoldens.Close(x, Squeeze.Undo(z, factor, order), 0, name);
        }
        FlowGoldens.Close(file.Read("mask.checker_4x4"), FeatureMasks.Checkerboard(4, 4), 0);
        FlowGoldens.Close(file.Read("mask.checker_4x4_rev"), FeatureMasks.Checkerboard(4, 4, true), 0);
        FlowGoldens.Close(file.Read("mask.checker_3x5"), FeatureMasks.Checkerboard(3, 5), 0);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(12)]
    public void InvertibleConvolutions(int channels)
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("invconv");
        Tensor Read(string name) => file.Read($"C{channels}.{name}");
        Tensor x = Read("x"), gy = Read("gy");
        var lu = new LuConvolution(channels);
        lu.to(ScalarType.Float64);
        var state = lu.state_dict();
        using (no_grad())
        {
            foreach (var (key, name) in new[] { ("w_p", "P"), ("w_l", "L_raw"), ("w_u", "U_raw"), ("w_s", "log_s"), ("s_sign", "sign_s") })
                state[key].copy_(Read(name));
        }
        var (y, log) = lu.Forward(x);
        FlowGoldens.Close(Read("y"), y, 1e-9);
        FlowGoldens.Close(Read("logdet").expand(2), log, 1e-9);
        FlowGoldens.Close(x, lu.Inverse(y).Output, 1e-9);
        ((y * gy).sum() + 1.7 * log[0]).backward();
        var parameters = lu.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        FlowGoldens.Close(Read("grad_L"), parameters["w_l"].grad!, 1e-8);
        FlowGoldens.Close(Read("grad_U"), parameters["w_u"].grad!, 1e-8);
        FlowGoldens.Close(Read("grad_log_s"), parameters["w_s"].grad!, 1e-8);
        var plain = new InvertibleConvolution(channels);
        plain.to(ScalarType.Float64);
        var weight = plain.parameters().Single();
        using (no_grad()) weight.copy_(Read("plain.W").reshape(weight.shape));
        var (py, plog) = plain.Forward(x);
        FlowGoldens.Close(Read("plain.y"), py, 1e-9);
        FlowGoldens.Close(Read("plain.logdet").expand(2), plog, 1e-9);
        FlowGoldens.Close(x, plain.Inverse(py).Output, 1e-9);
        ((py * gy).sum() + 1.7 * plog[0]).backward();
        FlowGoldens.Close(Read("plain.grad_W"), weight.grad!, 1e-8);
        using (no_grad()) weight.zero_();
        Assert.Contains("singular", Assert.Throws<InvalidOperationException>(() => plain.Forward(x)).Message);
    }

    [Fact]
    public void ActNormAndBatchNorm()
    {
        using var scope = NewDisposeScope();
        using var file = FlowGoldens.Open("actnorm_batchnorm");
        var x = file.Read("x");
        foreach (var (name, variance) in new[] { ("glow_pytorch", ActNormVariance.Unbiased), ("paper", ActNormVariance.Biased) })
        {
            var norm = new ActNorm(6, images: true, variance);
            norm.to(ScalarType.Float64);
            Assert.Contains("training mode", Assert.Throws<InvalidOperationException>(() => norm.Inverse(x)).Message);
            norm.eval();
            Assert.Throws<InvalidOperationException>(() => norm.Forward(x));
            norm.train();
            var (y, log) = norm.Forward(x);
            FlowGoldens.Close(file.Read($"{name}.y"), y, 1e-9, name);
            if (name == "glow_pytorch") FlowGoldens.Close(file.Read("glow_pytorch.logdet").expand(8), log, 1e-9);
            norm.eval();
            FlowGoldens.Close(x, norm.Inverse(y).Output, 1e-9);
            FlowGoldens.Close(y * 2, norm.Forward(x * 2).Output + norm.Forward(zeros_like(x)).Output, 1e-8, "initialised once");
        }
        var vector = file.Read("vec.x");
        var flat = new ActNorm(5, variance: ActNormVariance.Unbiased);
        flat.to(ScalarType.Float64);
        // nflows has no epsilon.
        FlowGoldens.Close(file.Read("vec.y"), flat.Forward(vector).Output, 1e-4);
        var bn = new BatchNormTransform(5);
        bn.to(ScalarType.Float64);
        var state = bn.state_dict();
        using (no_grad())
        {
            state["unconstrained_weight"].copy_(file.Read("bn.unconstrained_weight"));
            state["bias"].copy_(file.Read("bn.bias"));
        }
        var (trained, trainedLog) = bn.Forward(vector);
        FlowGoldens.Close(file.Read("bn.train_y"), trained, 1e-9);
        FlowGoldens.Close(file.Read("bn.train_lad"), trainedLog, 1e-9);
        Assert.Throws<InvalidOperationException>(() => bn.Inverse(trained));
        using (no_grad())
        {
            state["running_mean"].copy_(file.Read("bn.running_mean"));
            state["running_var"].copy_(file.Read("bn.running_var"));
        }
        bn.eval();
        var (z, zLog) = bn.Forward(vector);
        FlowGoldens.Close(file.Read("bn.eval_y"), z, 1e-9);
        FlowGoldens.Close(file.Read("bn.eval_lad"), zLog, 1e-9);
        FlowGoldens.Close(file.Read("bn.eval_back"), bn.Inverse(z).Output, 1e-8);
    }
}
