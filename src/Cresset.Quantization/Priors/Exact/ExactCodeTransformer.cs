namespace Cresset.Quantization;

/// <summary><see cref="CodeTransformer"/> in fixed order, with cached keys and values.</summary>
internal sealed class ExactCodeTransformer : ExactPrior
{
    private readonly float[] _tokens;
    private readonly float[] _positions;
    private readonly ExactTransformerBlock[] _blocks;
    private readonly (float[] Scale, float[] Shift) _norm;
    private readonly ExactConvolution _head;
    private readonly int _heads;
    private readonly int _maxLength;

    public ExactCodeTransformer(CodeTransformer prior)
        : base(prior, $"heads {prior.Options.Heads}")
    {
        (_heads, _maxLength) = (prior.Options.Heads, prior.Options.MaxLength);
        _tokens = Weights.Of("tok.weight");
        _positions = Weights.Of("pos");
        _blocks = ExactTransformerBlock.All(Weights);
        _norm = ExactTransformerBlock.Norm(Weights, "ln_f");
        _head = ExactConvolution.Of(Weights, "head");
    }

    public override ExactSession Begin(int maps, int height, int width, ReadOnlySpan<long> condition)
    {
        if ((long)height * width > _maxLength)
            throw new ArgumentException(
                $"The map has {(long)height * width} codes; the transformer was made for at most {_maxLength} (MaxLength).");
        long[] starts = [.. Labels(condition, maps).Select(label => CodebookSize + label)];
        return new Session(this, maps, height * width, width, starts, Captions(condition, maps));
    }

    private sealed class Session : ExactSession
    {
        private readonly ExactCodeTransformer _model;
        private readonly int _mapWidth;
        private readonly ExactAttention[] _attention;
        private readonly int _width;
        private readonly long[] _inputs;
        private readonly float[]? _told;
        private readonly float[] _x;
        private readonly float[] _normed;
        private readonly float[] _projected;
        private readonly float[] _merged;
        private readonly float[] _wide;

        public Session(ExactCodeTransformer model, int maps, int length, int mapWidth, long[] starts, float[]? told)
            : base(model.CodebookSize, maps)
        {
            (_model, _mapWidth, _inputs, _told) = (model, mapWidth, starts, told);
            _width = model._norm.Scale.Length;
            _attention = [.. model._blocks.Select(_ => new ExactAttention(maps, model._heads, _width, length))];
            _x = new float[maps * _width];
            _normed = new float[maps * _width];
            _merged = new float[maps * _width];
            _projected = new float[maps * 3 * _width];
            _wide = new float[maps * 4 * _width];
        }

        public override void Compute(int row, int column)
        {
            var position = (row * _mapWidth) + column;
            ExactWeights.Rows(_model._tokens, _width, _inputs, _x, 0);
            for (var map = 0; map < Maps; map++) Add(_x.AsSpan(map * _width, _width), _model._positions.AsSpan(position * _width, _width));
            if (_told is not null) Add(_x, _told);
            for (var i = 0; i < _attention.Length; i++)
                _model._blocks[i].Apply(_x, Maps, _normed, _projected, _merged, _wide,
                    () => _attention[i].Take(_projected, position, 1, _normed));
            FixedOrder.Normalize(_x, _model._norm.Scale, _model._norm.Shift, _normed, Maps);
            _model._head.Apply(_normed, Logits, Maps);
        }

        public override void Accept(int row, int column, ReadOnlySpan<long> codes) => codes.CopyTo(_inputs);
    }
}
