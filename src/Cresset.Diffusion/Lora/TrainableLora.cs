using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// Low-rank changes of a transformer's attention, to be trained while its own weights stay as they are. Its module holds the small matrices
/// alone, so checkpoints and optimizer state are small too.
/// </summary>
public sealed class TrainableLora : nn.Module
{
    private static readonly string[] Attention = ["attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "attn.add_q_proj",
        "attn.add_k_proj", "attn.add_v_proj", "attn.to_add_out"];

    private readonly List<(string Target, Projection Layer, LoraLayer Change)> _changes = [];

    /// <summary>Freezes the transformer and puts changes at its attention: A drawn from a normal of deviation 1/rank, B zero.</summary>
    /// <param name="model">The transformer; must outlive this.</param>
    /// <param name="rank">Rank of the changes.</param>
    /// <param name="alpha">Scale times rank; null takes the rank, which makes the scale 1.</param>
    /// <param name="generator">Source of A.</param>
    public TrainableLora(MmDit model, int rank, double? alpha, Generator generator)
        : base(nameof(TrainableLora))
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(rank, 1);
        Alpha = alpha ?? rank;
        foreach (var parameter in model.parameters()) parameter.requires_grad_(false);
        foreach (var (name, module) in model.named_modules())
        {
            if (module is not Projection layer || !Attention.Any(a => name.EndsWith("." + a, StringComparison.Ordinal))) continue;
            var change = new LoraLayer(layer.Weight.size(1), layer.Weight.size(0), rank, Alpha, generator);
            layer.Add(change);
            // Dots separate modules in keys and cannot be part of a name.
            register_module(name.Replace('.', '/'), change);
            _changes.Add((name, layer, change));
        }
    }

    /// <summary>Scale times rank.</summary>
    public double Alpha { get; }

    /// <summary>The changes as an adapter that can be saved or merged; copies.</summary>
    public LoraAdapter ToAdapter(string name)
        => new(name,
            [.. _changes.Select(
                c => new LoraPair(c.Target, c.Change.Down.detach().clone().DetachFromDisposeScope(),
                    c.Change.Up.detach().clone().DetachFromDisposeScope(), Alpha))]);

    /// <summary>Takes the changes off the transformer and frees them.</summary>
    protected override void Dispose(bool disposing)
    {
        foreach (var (_, layer, change) in _changes) layer.Remove(change);
        base.Dispose(disposing);
    }
}

/// <summary>x to scale * x A^T B^T.</summary>
internal sealed class LoraLayer : nn.Module<Tensor, Tensor>, ILayerAdapter
{
    private readonly double _scale;

    [ComponentName(Name = "lora_A")]
    private readonly Parameter _down;

    [ComponentName(Name = "lora_B")]
    private readonly Parameter _up;

    public LoraLayer(long inputs, long outputs, int rank, double alpha, Generator generator)
        : base(nameof(LoraLayer))
    {
        _scale = alpha / rank;
        _down = new Parameter(Initialize.Normal(empty(rank, inputs).DetachFromDisposeScope(), 0, 1.0 / rank, generator));
        _up = new Parameter(zeros(outputs, rank).DetachFromDisposeScope());
        RegisterComponents();
    }

    public Tensor Down => _down;

    public Tensor Up => _up;

    Tensor ILayerAdapter.Of(Tensor input) => call(input);

    /// <summary>[..., in] to [..., out].</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var x = input.to(_down.dtype);
        return nn.functional.linear(nn.functional.linear(x, _down), _up).mul(_scale).to(input.dtype).MoveToOuterDisposeScope();
    }
}
