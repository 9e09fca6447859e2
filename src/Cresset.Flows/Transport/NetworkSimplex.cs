using System.Numerics;
using System.Runtime.InteropServices;

namespace Cresset.Flows;

/// <summary>
/// The transportation problem by the primal network simplex (Ahuja, Magnanti and Orlin 1993, chapter 11): a spanning tree over rows,
/// columns and a root, strongly feasible (Cunningham 1976) so that it does not cycle, entering arcs by blocks of rows.
/// </summary>
internal sealed class NetworkSimplex
{
    private readonly double[] _cost;
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _root;
    private readonly double _slack;
    private readonly double[] _potential;
    private readonly double[] _flow;
    private readonly int[] _parent;
    private readonly int[] _depth;
    private readonly int[] _child;
    private readonly int[] _next;
    private readonly int[] _previous;
    private readonly int[] _stack;
    // Whether the arc to the parent leads up to it.
    private readonly bool[] _up;
    private int _row;

    private NetworkSimplex(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand)
    {
        _cost = cost.ToArray();
        (_rows, _columns) = (supply.Length, demand.Length);
        _root = _rows + _columns;
        var nodes = _root + 1;
        var largest = 0.0;
        foreach (var value in _cost) largest = Math.Max(largest, Math.Abs(value));
        if (largest == 0) largest = 1;
        // Dearer than any path, so that no mass stays on the arcs of the start; and what rounding of such potentials amounts to.
        var start = largest * nodes;
        _slack = 1e-11 * largest;
        (_potential, _flow) = (new double[nodes], new double[nodes]);
        (_parent, _depth, _child, _next, _previous, _stack) = (new int[nodes], new int[nodes], new int[nodes], new int[nodes],
            new int[nodes], new int[nodes]);
        _up = new bool[nodes];
        Array.Fill(_child, -1);
        _parent[_root] = -1;
        double given = 0, wanted = 0;
        foreach (var mass in supply) given += mass;
        foreach (var mass in demand) wanted += mass;
        for (var node = 0; node < _root; node++)
        {
            var isRow = node < _rows;
            _flow[node] = isRow ? supply[node] : demand[node - _rows] * (given / wanted);
            _up[node] = isRow;
            _potential[node] = isRow ? -start : start;
            _depth[node] = 1;
            Attach(node, _root);
        }
    }

    /// <summary>The plan of least cost, row by row.</summary>
    public static double[] Solve(ReadOnlySpan<double> cost, ReadOnlySpan<double> supply, ReadOnlySpan<double> demand)
    {
        var plan = new double[(long)supply.Length * demand.Length];
        var total = 0.0;
        foreach (var mass in supply) total += mass;
        if (total == 0) return plan;
        var simplex = new NetworkSimplex(cost, supply, demand);
        simplex.Run();
        var left = 0.0;
        for (var node = 0; node < simplex._root; node++)
        {
            var parent = simplex._parent[node];
            if (parent == simplex._root)
            {
                left = Math.Max(left, simplex._flow[node]);
                continue;
            }
            var (row, column) = node < simplex._rows ? (node, parent - simplex._rows) : (parent, node - simplex._rows);
            plan[((long)row * simplex._columns) + column] = Math.Max(0, simplex._flow[node]);
        }
        if (left > 1e-9 * total)
            throw new ArithmeticException(
                $"The transport plan leaves {left / total:g3} of the mass unmoved: the costs span too many orders of magnitude for "
                    + $"float64.");
        return plan;
    }

    private void Run()
    {
        // Far above what is seen (a few pivots a node): a guard against costs that rounding makes cycle.
        var most = (1000L * _root) + 1_000_000;
        for (var pivots = 0L; Enter(out var row, out var column, out var reduced); pivots++)
        {
            if (pivots > most)
                throw new ArithmeticException(
                    $"The network simplex did not end after {most} pivots: the costs span too many orders of magnitude for float64.");
            Pivot(row, _rows + column, reduced);
        }
    }

    // The best arc of the next rows, at least the root of all arcs many.
    private bool Enter(out int row, out int column, out double reduced)
    {
        (row, column, reduced) = (-1, -1, -_slack);
        var block = Math.Max(_columns, (long)Math.Sqrt((double)_rows * _columns));
        var prices = _potential.AsSpan(_rows, _columns);
        var scanned = 0L;
        for (var tried = 0; tried < _rows; tried++)
        {
            var costs = _cost.AsSpan((int)((long)_row * _columns), _columns);
            var least = Least(costs, prices);
            if (least + _potential[_row] < reduced)
            {
                reduced = least + _potential[_row];
                row = _row;
                column = 0;
                while (costs[column] - prices[column] != least) column++;
            }
            if (++_row == _rows) _row = 0;
            scanned += _columns;
            if (scanned >= block && row >= 0) break;
        }
        return row >= 0;
    }

    private static double Least(ReadOnlySpan<double> costs, ReadOnlySpan<double> prices)
    {
        var vectors = MemoryMarshal.Cast<double, Vector<double>>(costs);
        var subtracted = MemoryMarshal.Cast<double, Vector<double>>(prices);
        var least = double.PositiveInfinity;
        if (vectors.Length > 0)
        {
            var lowest = new Vector<double>(double.PositiveInfinity);
            for (var i = 0; i < vectors.Length; i++) lowest = Vector.Min(lowest, vectors[i] - subtracted[i]);
            for (var i = 0; i < Vector<double>.Count; i++) least = Math.Min(least, lowest[i]);
        }
        for (var i = vectors.Length * Vector<double>.Count; i < costs.Length; i++) least = Math.Min(least, costs[i] - prices[i]);
        return least;
    }

    private void Pivot(int from, int to, double reduced)
    {
        int a = from, b = to;
        while (a != b)
        {
            if (_depth[a] > _depth[b]) a = _parent[a];
            else if (_depth[b] > _depth[a]) b = _parent[b];
            else (a, b) = (_parent[a], _parent[b]);
        }
        var join = a;
        var mass = double.PositiveInfinity;
        var leaving = -1;
        var onFrom = true;
        // Mass runs along the new arc, up from its end to the join and down to its start; the last blocking arc seen from the join leaves.
        for (var u = from; u != join; u = _parent[u])
        {
            if (_up[u] && _flow[u] < mass) (mass, leaving) = (_flow[u], u);
        }
        for (var u = to; u != join; u = _parent[u])
        {
            if (!_up[u] && _flow[u] <= mass) (mass, leaving, onFrom) = (_flow[u], u, false);
        }
        if (mass > 0)
        {
            for (var u = from; u != join; u = _parent[u]) _flow[u] += _up[u] ? -mass : mass;
            for (var u = to; u != join; u = _parent[u]) _flow[u] += _up[u] ? mass : -mass;
        }
        Hang(onFrom ? from : to, onFrom ? to : from, leaving, mass, onFrom);
        Shift(onFrom ? from : to, onFrom ? -reduced : reduced);
    }

    // The part of the tree below the leaving arc is turned round to hang from the new one.
    private void Hang(int node, int parent, int last, double flow, bool up)
    {
        while (true)
        {
            var (oldParent, oldFlow, oldUp) = (_parent[node], _flow[node], _up[node]);
            Detach(node);
            (_flow[node], _up[node]) = (flow, up);
            Attach(node, parent);
            if (node == last) return;
            (parent, node, flow, up) = (node, oldParent, oldFlow, !oldUp);
        }
    }

    private void Shift(int top, double by)
    {
        var count = 0;
        _stack[count++] = top;
        while (count > 0)
        {
            var node = _stack[--count];
            _potential[node] += by;
            _depth[node] = _depth[_parent[node]] + 1;
            for (var c = _child[node]; c >= 0; c = _next[c]) _stack[count++] = c;
        }
    }

    private void Attach(int node, int parent)
    {
        _parent[node] = parent;
        _previous[node] = -1;
        _next[node] = _child[parent];
        if (_child[parent] >= 0) _previous[_child[parent]] = node;
        _child[parent] = node;
    }

    private void Detach(int node)
    {
        if (_previous[node] >= 0) _next[_previous[node]] = _next[node];
        else _child[_parent[node]] = _next[node];
        if (_next[node] >= 0) _previous[_next[node]] = _previous[node];
    }
}
