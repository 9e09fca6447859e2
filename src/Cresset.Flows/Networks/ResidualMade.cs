using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>How a context enters a <see cref="ResidualMade"/>.</summary>
internal enum ResidualMadeContext
{
    /// <summary>Added after a rectifier at the entry, and inside each block (nflows).</summary>
    Added,

    /// <summary>Added at the entry, and as the gate of each block (normflows).</summary>
    Gating,
}

/// <summary>
/// A masked autoregressive network of residual blocks with rectifiers first; keys as in nflows. Masks come with the weights. Its inverse
/// takes a pass of the network for each position.
/// </summary>
internal sealed class ResidualMade : Conditioner, IAutoregressiveNetwork
{
    private readonly int _features;
    private readonly int _perValue;
    private readonly long _context;
    private readonly ResidualMadeContext _use;
    [ComponentName(Name = "initial_layer")]
    private readonly MaskedLinear _initial;
    [ComponentName(Name = "context_layer")]
    private readonly Linear? _entry;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<Block> _blocks;
    [ComponentName(Name = "final_layer")]
    private readonly MaskedLinear _final;
    private byte[][]? _known;
    private int[] _order = [];

    public ResidualMade(int features, int perValue, int hidden, int blocks, long context, ResidualMadeContext use)
        : base(nameof(ResidualMade))
    {
        (_features, _perValue, _context, _use) = (features, perValue, context, use);
        _initial = new MaskedLinear(new bool[hidden, features]);
        if (context > 0) _entry = nn.Linear(context, hidden);
        _blocks = new ModuleList<Block>([.. Enumerable.Range(0, blocks).Select(_ => new Block(hidden, context, use))]);
        _final = new MaskedLinear(new bool[features * perValue, hidden]);
        RegisterComponents();
    }

    public override bool TakesContext => _context > 0;

    public int Count => _features;

    public override Tensor forward(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        var given = ContextOf(x, context, _context);
        var h = _initial.call(x);
        if (given is not null)
        {
            var added = _entry!.call(given);
            h = h + (_use == ResidualMadeContext.Added ? added.relu() : added);
        }
        foreach (var block in _blocks) h = block.call(h, given);
        return _final.call(h).MoveToOuterDisposeScope();
    }

    public Tensor Generate(long count, Tensor? context, Tensor like, Func<int[], Tensor, Tensor> next)
    {
        var order = Order();
        var columns = new Tensor?[_features];
        var blank = zeros(count, dtype: like.dtype, device: like.device);
        for (var position = 0; position <= order.Max(); position++)
        {
            var x = stack(columns.Select(c => c ?? blank), 1);
            var raw = call(x, context).reshape(count, _features, _perValue);
            int[] wanted = [.. Enumerable.Range(0, _features).Where(i => order[i] == position)];
            using var index = tensor(wanted.Select(i => (long)i).ToArray(), device: like.device);
            var values = next(wanted, raw.index_select(1, index));
            for (var i = 0; i < wanted.Length; i++) columns[wanted[i]] = values.select(1, i);
        }
        return stack(columns.Select(c => c!), 1);
    }

    // Positions of the values, read off the masks.
    private int[] Order()
    {
        MaskedLinear[] layers = [_initial, .. _blocks.SelectMany(b => b.Layers), _final];
        if (_known is not null && layers.Zip(_known).All(p => MaskBytes.Same(p.First.Allowed, p.Second))) return _order;
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        Tensor Through(MaskedLinear layer, Tensor reach) =>
            (layer.Allowed.to(ScalarType.Float32).cpu().MatMul(reach) > 0).to(ScalarType.Float32);
        var reach = Through(_initial, eye(_features));
        // A block's sum hands on what came in.
        foreach (var block in _blocks) reach = reach.maximum(Through(block.Layers[1], Through(block.Layers[0], reach)));
        var reads = Through(_final, reach).reshape(_features, _perValue, _features).amax([1]).data<float>().ToArray();
        var order = new int[_features];
        Array.Fill(order, -1);
        for (var position = 0; order.Contains(-1); position++)
        {
            int[] free = [.. Enumerable.Range(0, _features)
                .Where(i => order[i] < 0 && Enumerable.Range(0, _features).All(j => reads[(i * _features) + j] == 0 || order[j] >= 0))];
            if (free.Length == 0)
                throw new InvalidDataException(
                    "The masks that were loaded are not autoregressive: a value depends on itself. They belong to another kind of "
                        + "network.");
            foreach (var i in free) order[i] = position;
        }
        _known = [.. layers.Select(l => MaskBytes.Of(l.Allowed))];
        return _order = order;
    }

    private sealed class Block : nn.Module<Tensor, Tensor?, Tensor>
    {
        private readonly ResidualMadeContext _use;
        [ComponentName(Name = "context_layer")]
        private readonly Linear? _context;
        [ComponentName(Name = "linear_layers")]
        private readonly ModuleList<MaskedLinear> _layers;

        public Block(int hidden, long context, ResidualMadeContext use)
            : base(nameof(Block))
        {
            _use = use;
            if (context > 0) _context = nn.Linear(context, hidden);
            _layers = new ModuleList<MaskedLinear>(new MaskedLinear(new bool[hidden, hidden]), new MaskedLinear(new bool[hidden, hidden]));
            RegisterComponents();
        }

        public IReadOnlyList<MaskedLinear> Layers => [.. _layers];

        public override Tensor forward(Tensor x, Tensor? context)
        {
            using var scope = NewDisposeScope();
            var h = _layers[0].call(x.relu());
            if (_context is not null && _use == ResidualMadeContext.Added) h = h + _context.call(context!);
            h = _layers[1].call(h.relu());
            if (_context is not null && _use == ResidualMadeContext.Gating) h = h * _context.call(context!).sigmoid();
            return (x + h).MoveToOuterDisposeScope();
        }
    }
}
