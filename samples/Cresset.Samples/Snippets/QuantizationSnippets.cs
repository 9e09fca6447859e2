using Cresset.Quantization;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/vq-vae.md.</summary>
internal static class QuantizationSnippets
{
    public static void Quantizing()
    {
        using var scope = NewDisposeScope();
        var latents = randn(2, 64, 7, 7);
        using var quantizer = new VectorQuantizer(new() { Codebook = new() { Size = 256, Width = 64 } });
        using var output = quantizer.QuantizeMap(latents);        // [N, 64, H, W]
        // output.Quantized [N, 64, H, W], output.Indices int64 [N, H, W], output.Loss, output.Statistics
        using var again = quantizer.DecodeMap(output.Indices);     // the same values, from the numbers alone
    }

    public static void Scales()
    {
        using var scope = NewDisposeScope();
        var latents = randn(2, 16, 4, 4);
        var labels = arange(8, ScalarType.Int64);
        using var quantizer = new NextScaleQuantizer(new() { Scales = [1, 2, 3, 4], Codebook = new() { Size = 32, Width = 16 } });
        using var output = quantizer.QuantizeMap(latents);        // [N, 16, 4, 4]; output.Indices int64 [N, 30]: 1 + 4 + 9 + 16
        using var prior = new NextScaleTransformer(new() { CodebookSize = 32, Classes = 10, Scales = [1, 2, 3, 4] });
        using var codes = prior.Sample(8, 1, 30, seed: 1, labels);   // four passes
    }

    public static void Importing()
    {
        using var source = TensorFile.Open("quantizer.pt");
        using var quantizer = new ResidualQuantizer(
            new() { Stages = 3, Stage = new VectorQuantizerOptions { Codebook = new() { Size = 1024, Width = 64 } } });
        QuantizerStates.Load(quantizer, source.Entries.Keys.ToDictionary(key => key, source.Read));
    }

    public static void Drawing()
    {
        using var scope = NewDisposeScope();
        using var quantizer = new VectorQuantizer(new() { Codebook = new() { Size = 256, Width = 64 } });
        using var tokenizer = new VqVae(new() { Channels = 1 }, quantizer);
        var labels = arange(64, ScalarType.Int64).remainder(10);
        using var prior = new CodeTransformer(new() { CodebookSize = 256, Classes = 10, MaxLength = 49 });
        using var codes = prior.Sample(64, 7, 7, seed: 1, labels, new() { Temperature = 0.9, TopP = 0.95 });
        using var pictures = tokenizer.Decode([codes]);
    }
}
