using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A masked autoregressive network (Germain et al. 2015): the parameters of a value depend on the values before it in the order, and on the
/// context. Units of a hidden layer are spread evenly over the distinct sets of inputs they may see.
/// </summary>
public sealed class Made : Conditioner, IAutoregressiveNetwork
{
    private readonly long _context;
    private readonly int _perValue;
    private readonly LayerActivation _activation;
    private readonly MaskedLinear[] _layers;
    private int[] _order;
    private Schedule? _schedule;
    private byte[][] _known;

    /// <summary>Makes the network.</summary>
    /// <param name="order">Position of each value in the order; equal positions do not see each other.</param>
    /// <param name="parametersPerValue">Outputs for each value.</param>
    /// <param name="hidden">Widths of the hidden layers.</param>
    /// <param name="context">Context features.</param>
    /// <param name="activation">Between layers; ReLU by default.</param>
    public Made(IReadOnlyList<int> order, int parametersPerValue, IReadOnlyList<int> hidden, long context = 0,
        ActivationOptions? activation = null)
        : base(nameof(Made))
    {
        _order = [.. order];
        _perValue = parametersPerValue;
        _context = context;
        _activation = new LayerActivation(activation ?? new ReluActivation());
        var masks = Masks(_order, parametersPerValue, hidden, (int)context);
        _layers = [.. masks.Select(m => new MaskedLinear(m))];
        for (var i = 0; i < _layers.Length; i++)
            register_module((2 * i).ToString(System.Globalization.CultureInfo.InvariantCulture), _layers[i]);
        _known = [.. _layers.Select(l => MaskBytes.Of(l.Allowed))];
    }

    /// <summary>Position of each value in the order; read off the masks where weights with other masks were loaded.</summary>
    public IReadOnlyList<int> Order
    {
        get
        {
            Refresh();
            return _order;
        }
    }

    /// <inheritdoc/>
    public override bool TakesContext => _context > 0;

    internal int Count => _order.Length;

    int IAutoregressiveNetwork.Count => Count;

    Tensor IAutoregressiveNetwork.Generate(long count, Tensor? context, Tensor like, Func<int[], Tensor, Tensor> next) =>
        Generate(count, context, like, next);

    // Constant outputs at the start, the same for each value.
    internal Made StartAt(IReadOnlyList<double> raw)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _layers[^1].Weight.zero_();
        _layers[^1].Bias.copy_(tensor(raw.ToArray()).repeat(_layers[^1].Bias.size(0) / raw.Count));
        return this;
    }

    // Masks come with the weights: loaded ones may belong to another order than the constructor's.
    private void Refresh()
    {
        if (_layers.Zip(_known).All(p => MaskBytes.Same(p.First.Allowed, p.Second))) return;
        _known = [.. _layers.Select(l => MaskBytes.Of(l.Allowed))];
        _order = MaskOrder.Read(_known, [.. _layers.Select(l => (int)l.Allowed.size(1))], _order, _perValue);
        _schedule = null;
    }

    /// <summary>[N, D] and a context [N, K] (or null) to [N, O].</summary>
    public override Tensor forward(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        var h = Join(x, context, _context);
        for (var i = 0; i < _layers.Length; i++)
        {
            h = _layers[i].call(h);
            if (i < _layers.Length - 1) h = _activation.Apply(h);
        }
        return h.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Finds values one position after the other. Each hidden unit is computed once, when the last value it reads is known:
    /// all positions together cost one pass of the network, not one each.
    /// </summary>
    /// <param name="count">Number of samples.</param>
    /// <param name="context">Context [N, C].</param>
    /// <param name="like">Gives type and device.</param>
    /// <param name="next">Makes the values of some columns from their raw parameters [N, columns, P].</param>
    internal Tensor Generate(long count, Tensor? context, Tensor like, Func<int[], Tensor, Tensor> next)
    {
        Refresh();
        if (_schedule is null || !MaskBytes.SamePlace(_schedule.Unsorted.device, _layers[0].Allowed.device))
            _schedule = new Schedule(_order, _perValue, [.. _layers.Select(l => l.Allowed)], (int)_context);
        var schedule = _schedule;
        // The caller's scope holds what is made here: it keeps log-determinants of its own from inside this loop.
        var empty = zeros(count, 0, dtype: like.dtype, device: like.device);
        var weights = _layers.Select((l, i) => l.Masked().index_select(0, schedule.Rows(i)).index_select(1, schedule.Columns(i))).ToArray();
        var biases = _layers.Select((l, i) => l.Bias.index_select(0, schedule.Rows(i))).ToArray();
        var known = Enumerable.Repeat(empty, _layers.Length).ToArray();
        known[0] = Join(empty, context, _context);
        List<Tensor> values = [];
        for (var step = 0; step < schedule.Steps; step++)
        {
            Tensor raw = empty;
            for (var i = 0; i < _layers.Length; i++)
            {
                var (start, length) = schedule.Slice(i, step);
                if (length == 0) continue;
                var inputs = known[i].size(1);
                var h = nn.functional.linear(known[i], weights[i].narrow(0, start, length).narrow(1, 0, inputs),
                    biases[i].narrow(0, start, length));
                if (i == _layers.Length - 1) raw = h;
                else known[i + 1] = cat([known[i + 1], _activation.Apply(h)], 1);
            }
            var columns = schedule.ColumnsOf(step);
            var value = next(columns, raw.reshape(count, columns.Length, _perValue));
            values.Add(value);
            known[0] = cat([known[0], value], 1);
        }
        return cat(values, 1).index_select(1, schedule.Unsorted);
    }

    private static List<bool[,]> Masks(int[] order, int perValue, IReadOnlyList<int> hidden, int context)
    {
        // Distinct sets of inputs, by how many positions they reach: set p holds the values before position p.
        var positions = order.Distinct().Order().ToArray();
        var inputs = order.Length + context;
        bool Sees(int position, int input) => input >= order.Length || order[input] < position;
        // A set that sees nothing cannot feed a unit.
        var reachable = positions.Where(p => Enumerable.Range(0, inputs).Any(i => Sees(p, i))).ToArray();
        if (reachable.Length == 0) reachable = [positions[^1]];
        List<bool[,]> masks = [];
        int[]? previous = null;
        foreach (var width in hidden)
        {
            var units = Enumerable.Range(0, width).Select(u => reachable[u % reachable.Length]).ToArray();
            masks.Add(Mask(width, previous?.Length ?? inputs, (u, i) => previous is null ? Sees(units[u], i) : previous[i] <= units[u]));
            previous = units;
        }
        masks.Add(
            Mask(order.Length * perValue, previous?.Length ?? inputs,
                (o, i) => previous is null ? Sees(order[o / perValue], i) : previous[i] <= order[o / perValue]));
        return masks;
    }

    private static bool[,] Mask(int outputs, int inputs, Func<int, int, bool> allowed)
    {
        var mask = new bool[outputs, inputs];
        for (var o = 0; o < outputs; o++)
        {
            for (var i = 0; i < inputs; i++) mask[o, i] = allowed(o, i);
        }
        return mask;
    }

    /// <summary>When each unit can be computed, read off the masks.</summary>
    private sealed class Schedule
    {
        private readonly Tensor[] _rows;
        private readonly Tensor[] _columns;
        private readonly (long Start, long Length)[][] _slices;
        private readonly int[][] _columnsOf;

        public Schedule(int[] order, int perValue, Tensor[] masks, int context)
        {
            var positions = order.Distinct().Order().ToArray();
            Steps = positions.Length;
            var device = masks[0].device;
            _columnsOf = [.. positions.Select(p => Enumerable.Range(0, order.Length).Where(i => order[i] == p).ToArray())];
            var sorted = _columnsOf.SelectMany(c => c).ToArray();
            Unsorted = Index(device, Enumerable.Range(0, order.Length).Select(i => Array.IndexOf(sorted, i)));
            // The level of an input is the step before which it must be known; the context is known at once.
            var inputOrder = Enumerable.Range(order.Length, context).Concat(sorted).ToArray();
            var levels = Enumerable.Range(0, order.Length + context)
                .Select(i => i >= order.Length ? 0 : Array.IndexOf(positions, order[i]) + 1).ToArray();
            _rows = new Tensor[masks.Length];
            _columns = new Tensor[masks.Length];
            _slices = new (long, long)[masks.Length][];
            for (var layer = 0; layer < masks.Length; layer++)
            {
                using var scope = NewDisposeScope();
                var allowed = masks[layer].to(ScalarType.Bool).cpu().data<bool>().ToArray();
                int inputs = levels.Length, outputs = allowed.Length / inputs;
                var next = new int[outputs];
                for (var o = 0; o < outputs; o++)
                {
                    for (var i = 0; i < inputs; i++)
                    {
                        if (allowed[o * inputs + i]) next[o] = Math.Max(next[o], levels[i]);
                    }
                    // Outputs belong to the step of their value, whenever they could be known.
                    if (layer == masks.Length - 1) next[o] = Array.IndexOf(positions, order[o / perValue]);
                }
                var rows = Enumerable.Range(0, outputs).OrderBy(o => next[o]).ThenBy(o => o).ToArray();
                _rows[layer] = Index(device, rows);
                _columns[layer] = Index(device, inputOrder);
                _slices[layer] = new (long, long)[Steps];
                var start = 0;
                for (var step = 0; step < Steps; step++)
                {
                    var length = rows.Count(r => next[r] == step);
                    _slices[layer][step] = (start, length);
                    start += length;
                }
                inputOrder = rows;
                levels = next;
            }
        }

        public int Steps { get; }

        public Tensor Unsorted { get; }

        public Tensor Rows(int layer) => _rows[layer];

        public Tensor Columns(int layer) => _columns[layer];

        public (long Start, long Length) Slice(int layer, int step) => _slices[layer][step];

        public int[] ColumnsOf(int step) => _columnsOf[step];

        private static Tensor Index(Device device, IEnumerable<int> values) =>
            tensor(values.Select(v => (long)v).ToArray(), device: device).DetachFromDisposeScope();
    }
}
