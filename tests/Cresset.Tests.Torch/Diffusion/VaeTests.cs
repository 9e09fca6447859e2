using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

public sealed class VaeTests
{
    private const double Tolerance = 1e-4;

    private static Vae Load()
    {
        var config = Reference.PathOf("tiny_sd3/vae/config.json");
        var vae = new Vae(SdConfig.Autoencoder(ConfigJson.Read(config), config), WeightPlace.Nowhere);
        using var file = Reference.Open("tiny_sd3/vae/diffusion_pytorch_model.safetensors");
        Assert.True(WeightLoader.Load(vae, file, ScalarType.Float32).IsExact);
        return vae;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EncodesAndDecodesAsTheReference(bool channelsLast)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var vae = Load();
        if (channelsLast) vae.UseChannelsLast();
        using var io = Reference.Open("vae_io.safetensors");
        using var latent = vae.Encode(io.Read("in.image"));
        Reference.Close(io.Read("out.mean"), latent.Mean, Tolerance, "mean");
        Reference.Close(io.Read("out.logvar"), latent.LogVariance, Tolerance, "log-variance");
        Reference.Close(io.Read("out.kl_per_item").div(1000), latent.Divergence().div(1000), Tolerance, "divergence");
        Reference.Close(io.Read("out.sample_scaled"), vae.EncodeScaled(io.Read("in.image"), io.Read("in.eps")), Tolerance, "sample");
        Reference.Close(io.Read("out.decoded"), vae.DecodeRaw(io.Read("in.latent")), Tolerance, "decoded");
        vae.Slicing = true;
        Reference.Close(io.Read("out.decoded"), vae.DecodeRaw(io.Read("in.latent")), Tolerance, "decoded by slices");
        Reference.Close(io.Read("out.decoded_big"), vae.DecodeRaw(io.Read("in.latent_big")), Tolerance, "decoded big");
    }

    [Fact]
    public void TilesBlendAsTheReference()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var vae = Load();
        vae.Tiling = new VaeTiling(32);
        using var io = Reference.Open("vae_io.safetensors");
        Reference.Close(io.Read("out.decoded_big_tiled"), vae.DecodeRaw(io.Read("in.latent_big")), Tolerance, "decoded");
        using var latent = vae.Encode(io.Read("in.image_big"));
        Reference.Close(io.Read("out.mean_big_tiled"), latent.Mean, Tolerance, "mean");
        Reference.Close(io.Read("out.decoded"), vae.DecodeRaw(io.Read("in.latent")), 100, "small pictures still decode");
    }

    [Fact]
    public void SizesMustFit()
    {
        using var scope = NewDisposeScope();
        using var vae = Load();
        Assert.Contains("multiples of 8", Assert.Throws<ShapeException>(() => vae.Encode(zeros(1, 3, 33, 40))).Message,
            StringComparison.Ordinal);
    }
}
