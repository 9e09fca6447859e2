using System.Text.Json;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class MmDitTests
{
    private const double Tolerance = 2e-5;

    private static MmDitOptions Options(JsonElement config) => SdConfig.Transformer(config, "mmdit.json");

    [Theory]
    [InlineData("a_plain")]
    [InlineData("c_dual")]
    public void ForwardEqualsTheReference(string name)
    {
        var options = Options(Reference.Json("mmdit.json").GetProperty(name).GetProperty("config"));
        using var scope = NewDisposeScope();
        using var model = Load(name, options);
        using var io = Reference.Open($"mmdit_{name}_io.safetensors");
        var (latents, times, context, pooled) = Inputs(io);
        using var noGrad = no_grad();
        var (positioned, conditioning, embedded) = model.Embed(latents, times, context, pooled);
        Reference.Close(io.Read("mid.pos_embed_out"), positioned, Tolerance, "pos_embed_out");
        Reference.Close(io.Read("mid.temb"), conditioning, Tolerance, "temb");
        Reference.Close(io.Read("mid.context_embedder"), embedded, Tolerance, "context");
        var activated = nn.functional.silu(conditioning);
        Tensor image = positioned, text = embedded;
        for (var i = 0; i < options.Layers; i++)
        {
            var (nextImage, nextText) = model.Block(i, image, text, activated);
            Reference.Close(io.Read($"mid.block{i}.hidden"), nextImage, Tolerance, $"block {i}");
            if (nextText is not null) Reference.Close(io.Read($"mid.block{i}.encoder"), nextText, Tolerance, $"block {i} text");
            (image, text) = (nextImage, nextText ?? text);
        }
        Reference.Close(io.Read("out.sample"), model.call(latents, times, context, pooled), Tolerance, "sample");
        Reference.Close(io.Read("out.sample_skip_layers_1"), model.Forward(latents, times, context, pooled, skipLayers: [1]), Tolerance,
            "skip");
        Reference.Close(io.Read("out.sample_controlnet"),
            model.Forward(latents, times, context, pooled, residuals: [io.Read("in.controlnet.0"), io.Read("in.controlnet.1")]), Tolerance,
            "controlnet");
    }

    [Theory]
    [InlineData("a_plain")]
    [InlineData("c_dual")]
    public void GradientsEqualTheReference(string name)
    {
        var section = Reference.Json("mmdit.json").GetProperty(name);
        using var scope = NewDisposeScope();
        using var model = Load(name, Options(section.GetProperty("config")));
        foreach (var parameter in model.parameters()) parameter.requires_grad_(true);
        using var io = Reference.Open($"mmdit_{name}_io.safetensors");
        var (latents, times, context, pooled) = Inputs(io);
        latents.requires_grad_(true);
        var loss = model.call(latents, times, context, pooled).square().mean();
        loss.backward();
        Reference.Close(io.Read("grad.loss").reshape(1), loss.detach().reshape(1), Tolerance, "loss");
        Reference.Close(io.Read("grad.hidden_states"), latents.grad!, Tolerance, "input gradient");
        var norms = section.GetProperty("grad_norms").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble());
        var parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        Assert.Equal(norms.Keys.Order(StringComparer.Ordinal), parameters.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, norm) in norms)
        {
            var actual = parameters[key].grad!.norm().item<float>();
            Assert.True(Math.Abs(actual - norm) <= 1e-4 * Math.Max(norm, 0.01), $"{key}: gradient norm {actual} instead of {norm}");
        }
    }

    [Theory]
    [InlineData("sd3-medium")]
    [InlineData("sd3.5-medium")]
    [InlineData("sd3.5-large(+turbo)")]
    public void ReleasedSizesHaveTheRightCounts(string name)
    {
        var section = Reference.Json("mmdit.json").GetProperty("real_model_sizes").GetProperty(name);
        var preset = name switch
        {
            "sd3-medium" => MmDitOptions.Sd3Medium,
            "sd3.5-medium" => MmDitOptions.Sd35Medium,
            _ => MmDitOptions.Sd35Large,
        };
        var options = Options(section.GetProperty("config"));
        Assert.Equal(preset with { DualAttentionLayers = [] }, options with { DualAttentionLayers = [] });
        Assert.Equal(preset.DualAttentionLayers, options.DualAttentionLayers);
        using var scope = NewDisposeScope();
        using var model = new MmDit(options, WeightPlace.Nowhere);
        Assert.Equal(section.GetProperty("params").GetInt64(), model.parameters().Sum(p => p.numel()));
        Assert.Equal(section.GetProperty("tensors_in_state_dict").GetInt32(), model.state_dict().Count);
    }

    [Fact]
    public void FreshPositionTableIsTheReferenceFormula()
    {
        using var scope = NewDisposeScope();
        var table = PatchEmbedding.SinusoidTable(3, 8, 1.5);
        // Second patch of the first row: column 1, row 0.
        double angle = 1 / 1.5;
        float[] expected = [(float)Math.Sin(angle), (float)Math.Sin(angle / 100), (float)Math.Cos(angle), (float)Math.Cos(angle / 100), 0,
            0, 1, 1];
        Reference.Close(tensor(expected), table[0][1], 1e-6, "table");
    }

    [Fact]
    public void WrongInputsAreNamed()
    {
        using var scope = NewDisposeScope();
        using var model = new MmDit(Options(Reference.Json("mmdit.json").GetProperty("a_plain").GetProperty("config")));
        Assert.Contains("multiples of 2",
            Assert.Throws<ShapeException>(() => model.call(zeros(1, 16, 7, 8), zeros(1), zeros(1, 3, 20), zeros(1, 12))).Message,
            StringComparison.Ordinal);
        Assert.Contains("at most 20",
            Assert.Throws<ShapeException>(() => model.call(zeros(1, 16, 24, 8), zeros(1), zeros(1, 3, 20), zeros(1, 12))).Message,
            StringComparison.Ordinal);
        Assert.Throws<ShapeException>(() => model.call(zeros(1, 16, 8, 8), zeros(1), zeros(1, 3, 21), zeros(1, 12)));
        var error = Assert.ThrowsAny<ArgumentException>(() => new MmDit(new MmDitOptions { Layers = 0, DualAttentionLayers = [3] }));
        Assert.Contains("Layers", error.Message, StringComparison.Ordinal);
        Assert.Contains("DualAttentionLayers", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void EightBitWeightsStayClose()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = Load("a_plain", Options(Reference.Json("mmdit.json").GetProperty("a_plain").GetProperty("config")));
        using var io = Reference.Open("mmdit_a_plain_io.safetensors");
        var (latents, times, context, pooled) = Inputs(io);
        WeightQuantization.ToEightBits(model);
        var sample = model.call(latents, times, context, pooled);
        Reference.Close(io.Read("out.sample"), sample, 0.15, "8-bit sample");
        Assert.Contains(model.modules(), m => m is Projection { Packed.Format.Name: "I8" });
    }

    [Fact]
    public void HalfPrecisionWeightsStayStoredAndComputeInFloat32()
    {
        // The weights of this network were rounded to half precision before the reference was run.
        var options = Options(Reference.Json("mmdit.json").GetProperty("c_dual").GetProperty("config"));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var model = new MmDit(options, WeightPlace.Nowhere);
        using (var file = Reference.Open("mmdit_c_dual.safetensors")) WeightLoader.Load(model, file);
        Assert.All(model.parameters(), p => Assert.Equal(ScalarType.Float16, p.dtype));
        Assert.Equal(ScalarType.Float32, model.ComputeDtype);
        using var io = Reference.Open("mmdit_c_dual_io.safetensors");
        var (latents, times, context, pooled) = Inputs(io);
        Reference.Close(io.Read("out.sample"), model.call(latents, times, context, pooled), Tolerance, "sample");
    }

    private static MmDit Load(string name, MmDitOptions options)
    {
        var model = new MmDit(options, WeightPlace.Nowhere);
        using var file = Reference.Open($"mmdit_{name}.safetensors");
        Assert.True(WeightLoader.Load(model, file, ScalarType.Float32).IsExact);
        return model;
    }

    private static (Tensor Latents, Tensor Times, Tensor Context, Tensor Pooled) Inputs(ITensorSource io)
        => (io.Read("in.hidden_states"), io.Read("in.timestep"), io.Read("in.encoder_hidden_states"), io.Read("in.pooled_projections"));
}
