using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class TextEncoderTests
{
    private const double Tolerance = 2e-5;

    private static ClipTextEncoder Clip(string folder, Func<ClipTextOptions, ClipTextOptions>? change = null)
    {
        var config = Reference.PathOf($"tiny_sd3/{folder}/config.json");
        var options = SdConfig.Clip(ConfigJson.Read(config), config);
        var encoder = new ClipTextEncoder(change is null ? options : change(options), WeightPlace.Nowhere);
        using var file = Reference.Open($"tiny_sd3/{folder}/model.safetensors");
        WeightLoader.Load(encoder, file, ScalarType.Float32);
        return encoder;
    }

    [Theory]
    [InlineData("clip_l", "text_encoder")]
    [InlineData("clip_g", "text_encoder_2")]
    public void ClipEqualsTheReference(string name, string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var encoder = Clip(folder);
        using var io = Reference.Open("text_io.safetensors");
        var output = encoder.Encode(io.Read($"{name}.input_ids").to(int64));
        Reference.Close(io.Read($"{name}.hidden_minus2"), output.Hidden, Tolerance, "hidden");
        Reference.Close(io.Read($"{name}.last_hidden_state"), output.LastHidden, Tolerance, "last");
        Reference.Close(io.Read($"{name}.text_embeds"), output.Pooled, Tolerance, "pooled");
        var masked = encoder.Encode(io.Read($"{name}.input_ids").to(int64), mask: ones(2, 77, int64));
        Reference.Close(output.LastHidden, masked.LastHidden, Tolerance, "mask of ones");
    }

    [Fact]
    public void ClipPoolsAtTheEndToken()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var io = Reference.Open("text_io.safetensors");
        var ids = io.Read("pool.input_ids").to(int64);
        using var largest = Clip("text_encoder");
        Reference.Close(io.Read("pool.clip_l(eos_id=2,argmax)"), largest.call(ids), Tolerance, "largest id");
        using var first = Clip("text_encoder", o => o with { EndTokenId = 9 });
        Reference.Close(io.Read("pool.clip_l(eos_id=9,first match)"), first.call(ids), Tolerance, "first end token");
    }

    [Fact]
    public void T5EqualsTheReference()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var config = Reference.PathOf("tiny_sd3/text_encoder_3/config.json");
        using var encoder = new T5Encoder(SdConfig.T5(ConfigJson.Read(config), config), WeightPlace.Nowhere);
        using (var file = Reference.Open("tiny_sd3/text_encoder_3/model.safetensors")) WeightLoader.Load(encoder, file, ScalarType.Float32);
        using var io = Reference.Open("text_io.safetensors");
        var ids = io.Read("t5.input_ids").to(int64);
        Reference.Close(io.Read("t5.position_bias_6x6"), encoder.PositionBias(6), 1e-6, "bias");
        Reference.Close(io.Read("t5.last_hidden_state(no mask)"), encoder.call(ids), Tolerance, "no mask");
        Reference.Close(io.Read("t5.last_hidden_state(attention mask)"), encoder.Encode(ids, ids.ne(0)), Tolerance, "mask");
        var tail = encoder.call(io.Read("t5.long.input_ids").to(int64));
        Reference.Close(io.Read("t5.long.last_hidden_state.last4"), tail.narrow(1, 296, 4), Tolerance, "long");
        var buckets = io.Read("t5.relative_bucket").data<int>().ToArray();
        var positions = io.Read("t5.relative_position").data<int>().ToArray();
        Assert.Equal(buckets, positions.Select(p => (int)T5Encoder.Bucket(p, 32, 128)));
    }

    [Fact]
    public void ReleasedSizesHaveTheRightCounts()
    {
        using var scope = NewDisposeScope();
        var sizes = Reference.Json("mmdit.json").GetProperty("real_model_sizes");
        void Check(string name, nn.Module module)
        {
            using (module) Assert.Equal(sizes.GetProperty(name).GetProperty("params").GetInt64(), module.parameters().Sum(p => p.numel()));
        }
        Check("clip_l", new ClipTextEncoder(ClipTextOptions.Large, WeightPlace.Nowhere));
        Check("clip_g", new ClipTextEncoder(ClipTextOptions.BigG, WeightPlace.Nowhere));
        Check("t5xxl_encoder", new T5Encoder(T5EncoderOptions.Xxl, WeightPlace.Nowhere));
        Check("vae", new Vae(VaeOptions.Sd3, WeightPlace.Nowhere));
    }
}
