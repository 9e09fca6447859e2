using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>The block of the transformers over codes: layer norms, queries, keys and values in one matrix, GELU.</summary>
internal static class CodeTransformerBlock
{
    private static readonly TransformerKeys Keys = new("ln_1", new("qkv", "", "", "proj", Together: true), "ln_2",
        new("", "fc", "out", "act"));

    /// <summary>Draws weights N(0, 0.02); biases are 0.</summary>
    public static TransformerBlock New(CodeTransformerOptions options, Generator generator)
    {
        var block = new TransformerBlock(
            new(new(options.Width, options.Heads), FeedForwardOptions.Gelu, Keys) { Dropout = options.Dropout });
        foreach (var layer in block.Projections)
        {
            Initialize.Normal(layer.Weight, 0, 0.02, generator);
            using var noGrad = no_grad();
            layer.Bias!.zero_();
        }
        return block;
    }
}
