using Cresset.Nn;
using static TorchSharp.torch;

namespace Cresset.Samples.Snippets;

/// <summary>docs/activations.md.</summary>
internal static class ActivationSnippets
{
    public static void Catalogue()
    {
        using var scope = NewDisposeScope();
        var gateUp = zeros(2 * 11008, 4096);
        var gelu = ActivationCatalog.Create("gelu_new");             // a module; Hugging Face's name for the tanh form
        var elu = ActivationCatalog.Function("elu(alpha=0.5)");      // a plain function
        var block = new FeedForward(4096, FeedForwardOptions.SwiGlu); // hidden width 11008 by LLaMA's rule
        block.LoadPacked(gateUp, GateLayout.GateFirst);               // Phi-3's packed weight; gpt-oss: Interleaved
        block.Dispose();
    }

    public static void ReusedBuffers()
    {
        using var scope = NewDisposeScope();
        using var block = new FeedForward(64, FeedForwardOptions.SwiGlu);
        using var buffers = new ActivationBuffers();
        block.Buffers = buffers;
        // forward, backward, optimizer step ...
        buffers.NextStep();
    }
}
