using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A residual network with activations first, as neural spline flows use; keys as in nflows.</summary>
public sealed class ResidualConditioner : Conditioner
{
    private readonly long _context;
    [ComponentName(Name = "initial_layer")]
    private readonly Linear _initial;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<Block> _blocks;
    [ComponentName(Name = "final_layer")]
    private readonly Linear _final;

    /// <summary>Makes the network.</summary>
    /// <param name="inputs">Values given.</param>
    /// <param name="outputs">Parameters wanted.</param>
    /// <param name="hidden">Width.</param>
    /// <param name="blocks">Number of residual blocks.</param>
    /// <param name="context">Context features; they join the input and gate each block.</param>
    public ResidualConditioner(long inputs, long outputs, int hidden, int blocks = 2, long context = 0)
        : base(nameof(ResidualConditioner))
    {
        _context = context;
        _initial = nn.Linear(inputs + context, hidden);
        _blocks = new ModuleList<Block>([.. Enumerable.Range(0, blocks).Select(_ => new Block(hidden, context))]);
        _final = nn.Linear(hidden, outputs);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => _context > 0;

    /// <summary>[N, D] and a context [N, K] (or null) to [N, O].</summary>
    public override Tensor forward(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        var h = _initial.call(Join(x, context, _context));
        foreach (var block in _blocks) h = block.call(h, context);
        return _final.call(h).MoveToOuterDisposeScope();
    }

    private sealed class Block : nn.Module<Tensor, Tensor?, Tensor>
    {
        [ComponentName(Name = "context_layer")]
        private readonly Linear? _context;
        [ComponentName(Name = "linear_layers")]
        private readonly ModuleList<Linear> _layers;

        public Block(int hidden, long context)
            : base(nameof(Block))
        {
            if (context > 0) _context = nn.Linear(context, hidden);
            _layers = new ModuleList<Linear>(nn.Linear(hidden, hidden), nn.Linear(hidden, hidden));
            using (no_grad())
            {
                // Blocks start as the identity.
                _layers[1].weight!.uniform_(-1e-3, 1e-3);
                _layers[1].bias!.uniform_(-1e-3, 1e-3);
            }
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor? context)
        {
            using var scope = NewDisposeScope();
            var h = _layers[1].call(_layers[0].call(x.relu()).relu());
            if (_context is not null) h = h * _context.call(context!).sigmoid();
            return (x + h).MoveToOuterDisposeScope();
        }
    }
}
