using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// What the transformers over codes have behind their inputs: blocks, a norm and the head that gives logits. No module of its own: its
/// layers stand in the model, under the model's keys.
/// </summary>
internal sealed class CodeStack
{
    private static readonly TransformerKeys Keys = new("ln_1", new("qkv", "", "", "proj", Together: true), "ln_2",
        new("", "fc", "out", "act"));

    private readonly TransformerPriorOptions _options;
    private readonly ModuleList<TransformerBlock> _blocks = [];
    private readonly nn.Module<Tensor, Tensor> _norm;

    /// <summary>Makes the layers and draws the blocks' weights; those of the head are the model's to draw.</summary>
    public CodeStack(nn.Module owner, TransformerPriorOptions options, long outputs, bool hasBias, Generator generator)
    {
        _options = options;
        for (var i = 0; i < options.Layers; i++) _blocks.Add(NewBlock(options.Width, options.Heads, options.Dropout, generator));
        LayerKeys.Add(owner, "blocks", _blocks);
        _norm = LayerKeys.Add(owner, "ln_f", TransformerBlock.NewNorm(options.Width, isRootMeanSquare: false, 1e-5));
        Head = LayerKeys.Add(owner, "head", new Projection(options.Width, outputs, hasBias, WeightPlace.Cpu));
    }

    /// <summary>The layer that gives logits.</summary>
    public Projection Head { get; }

    /// <summary>A block: layer norms, queries, keys and values in one matrix, GELU; weights N(0, 0.02), biases 0.</summary>
    public static TransformerBlock NewBlock(int width, int heads, double dropout, Generator generator)
    {
        var block = new TransformerBlock(new(new(width, heads), FeedForwardOptions.Gelu, Keys) { Dropout = dropout });
        foreach (var layer in block.Projections)
        {
            Initialize.Normal(layer.Weight, 0, 0.02, generator);
            using var noGrad = no_grad();
            layer.Bias!.zero_();
        }
        return block;
    }

    /// <summary>Room for keys and values of <paramref name="capacity"/> places.</summary>
    public KeyValueCache NewCache(long batch, long capacity, Tensor like)
        => new(_blocks.Count, batch, _options.Heads, capacity, _options.Width / _options.Heads, like);

    /// <summary>Logits [N, L, outputs] of inputs [N, L, width].</summary>
    /// <param name="x">The inputs.</param>
    /// <param name="sight">What each place sees; null for all, or for those before it where <paramref name="causal"/>.</param>
    /// <param name="causal">A place sees itself and those before it.</param>
    /// <param name="recomputes">Whether blocks are computed again in the backward pass.</param>
    public Tensor Logits(Tensor x, Tensor? sight = null, bool causal = false, bool recomputes = false)
    {
        foreach (var block in _blocks)
            x = !recomputes ? block.Forward(x, sight, causal)
                : sight is null ? Recomputation.Call([block], inputs => block.Forward(inputs[0], causal: causal), x)
                : Recomputation.Call([block], inputs => block.Forward(inputs[0], inputs[1], causal), x, sight);
        return Head.call(_norm.call(x));
    }

    /// <summary>Logits [N, L, outputs] of places behind those of a cache, which takes them up.</summary>
    public Tensor Step(Tensor x, KeyValueCache cache, Tensor? sight = null)
    {
        for (var i = 0; i < _blocks.Count; i++) x = _blocks[i].Forward(x, sight, cache: cache, layer: i);
        return Head.call(_norm.call(x));
    }
}
