namespace Cresset.Quantization;

/// <summary><see cref="NextScaleTransformer"/> in fixed order, a scale at a time, with cached keys and values.</summary>
internal sealed class ExactNextScaleTransformer : ExactPrior
{
    private readonly ScaleGrid _grid;
    private readonly float[] _told;
    private readonly float[] _tokens;
    private readonly float[] _positions;
    private readonly ExactTransformerBlock[] _blocks;
    private readonly (float[] Scale, float[] Shift) _norm;
    private readonly ExactConvolution _head;
    private readonly int _heads;

    public ExactNextScaleTransformer(NextScaleTransformer prior)
        : base(prior, $"heads {prior.Options.Heads} scales {string.Join(" ", prior.Scales)}")
    {
        (_grid, _told, _heads) = (prior.Grid, prior.Told, prior.Options.Heads);
        _tokens = Weights.Of("tok.weight");
        _positions = Weights.Of("pos");
        _blocks = ExactTransformerBlock.All(Weights);
        _norm = ExactTransformerBlock.Norm(Weights, "ln_f");
        _head = ExactConvolution.Of(Weights, "head");
    }

    public override ExactSession Begin(int maps, int height, int width, ReadOnlySpan<long> condition)
    {
        if ((long)height * width != _grid.Codes)
            throw new ArgumentException(
                $"The map has {(long)height * width} codes; the scales [{string.Join(", ", _grid.Scales)}] have {_grid.Codes}.");
        var (table, channels) = (Weights.Of("cls.weight"), _norm.Scale.Length);
        var start = new float[maps * channels];
        ExactWeights.Rows(table, channels, Labels(condition, maps), start, 0);
        if (Captions(condition, maps) is { } told)
        {
            for (var i = 0; i < start.Length; i++) start[i] += told[i];
        }
        return new Session(this, maps, width, start);
    }

    private sealed class Session : ExactSession
    {
        private readonly ExactNextScaleTransformer _model;
        private readonly int _mapWidth;
        private readonly int _width;
        private readonly float[] _start;
        private readonly float[][] _known;
        private readonly ExactAttention[] _attention;
        private float[] _all = [];
        private int _scale = -1;

        public Session(ExactNextScaleTransformer model, int maps, int mapWidth, float[] start)
            : base(model.CodebookSize, maps)
        {
            (_model, _mapWidth, _start) = (model, mapWidth, start);
            _width = model._norm.Scale.Length;
            _known = [.. Enumerable.Range(0, maps).Select(_ => new float[model._grid.Codes * _width])];
            _attention = [.. model._blocks.Select(_ => new ExactAttention(maps, model._heads, _width, model._grid.Codes))];
        }

        public override void Compute(int row, int column)
        {
            var (position, starts) = ((row * _mapWidth) + column, _model._grid.Starts);
            if (_scale < 0 || position == starts[_scale + 1]) Run(++_scale);
            var (count, place) = (starts[_scale + 1] - starts[_scale], position - starts[_scale]);
            for (var map = 0; map < Maps; map++)
                _all.AsSpan(((map * count) + place) * CodebookSize, CodebookSize).CopyTo(Logits.AsSpan(map * CodebookSize));
        }

        public override void Accept(int row, int column, ReadOnlySpan<long> codes)
        {
            var position = (row * _mapWidth) + column;
            for (var map = 0; map < Maps; map++)
                _model._tokens.AsSpan((int)codes[map] * _width, _width).CopyTo(_known[map].AsSpan(position * _width));
        }

        private int CodebookSize => _model.CodebookSize;

        // Logits [map, place, code] of a scale.
        private void Run(int scale)
        {
            var first = _model._grid.Starts[scale];
            var count = _model._grid.Starts[scale + 1] - first;
            var rows = checked(Maps * count);
            var x = new float[checked(rows * _width)];
            var one = new float[count * _width];
            for (var map = 0; map < Maps; map++)
            {
                Array.Clear(one);
                if (first > 0)
                    FixedOrder.Accumulate(_model._told, first * _model._grid.Codes, _model._grid.Codes, first, _known[map], one, _width,
                        count);
                Add(one, _model._positions.AsSpan(first * _width, one.Length));
                for (var place = 0; place < count; place++)
                    Add(one.AsSpan(place * _width, _width), _start.AsSpan(map * _width, _width));
                one.CopyTo(x, map * one.Length);
            }
            float[] normed = new float[x.Length], merged = new float[x.Length], projected = new float[checked(3 * x.Length)],
                wide = new float[checked(4 * x.Length)];
            for (var i = 0; i < _attention.Length; i++)
                _model._blocks[i].Apply(x, rows, normed, projected, merged, wide,
                    () => _attention[i].Take(projected, first, count, normed));
            FixedOrder.Normalize(x, _model._norm.Scale, _model._norm.Shift, normed, rows);
            _all = new float[checked(rows * CodebookSize)];
            _model._head.Apply(normed, _all, rows);
        }
    }
}
