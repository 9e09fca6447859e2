using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Every prior in raster order, small, with weights from plain arithmetic: the same bits on every processor.</summary>
internal static class PriorFamily
{
    public static TheoryData<string, int> All => new()
    {
        { "PixelCnn", 0 }, { "PixelCnn", 3 }, { "GatedPixelCnn", 0 }, { "GatedPixelCnn", 3 }, { "PixelSnail", 0 }, { "PixelSnail", 3 },
        { "CodeTransformer", 0 }, { "CodeTransformer", 3 },
    };

    public static CodePrior Make(string name, int classes, int codes = 21, ulong seed = 1)
    {
        CodePrior prior = name switch
        {
            "PixelCnn" =>
                new PixelCnn(new() { CodebookSize = codes, Classes = classes, Width = 12, Layers = 3, FirstKernel = 5, OutputWidth = 18 }),
            "GatedPixelCnn" =>
                new GatedPixelCnn(
                    new() { CodebookSize = codes, Classes = classes, Width = 12, Layers = 3, FirstKernel = 5, OutputWidth = 18 }),
            "PixelSnail" => new PixelSnail(new() { CodebookSize = codes, Classes = classes, Width = 12, Heads = 2 }),
            "CodeTransformer" =>
                new CodeTransformer(new() { CodebookSize = codes, Classes = classes, Width = 12, Heads = 2, MaxLength = 96 }),
            _ => throw new ArgumentException(name),
        };
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var stream = new SplitMix64(seed);
        foreach (var (_, parameter) in prior.named_parameters().OrderBy(p => p.name, StringComparer.Ordinal))
        {
            var values = new float[parameter.numel()];
            for (var i = 0; i < values.Length; i++)
                values[i] = (float)(stream.NextDouble() - 0.5) * (name == "CodeTransformer" ? 1.6f : 0.9f);
            parameter.copy_(tensor(values, parameter.shape));
        }
        prior.eval();
        return prior;
    }

    /// <summary>Codes that follow a rule most of the time, so that frames differ in what they cost.</summary>
    public static long[] Codes(int count, int size, ulong seed)
    {
        var stream = new SplitMix64(seed);
        var codes = new long[count];
        for (var i = 0; i < count; i++) codes[i] = stream.NextDouble() < 0.6 ? i % 3 : (long)(stream.NextDouble() * size);
        return codes;
    }
}
