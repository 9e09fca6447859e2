namespace Cresset.Quantization;

/// <summary><see cref="PixelSnail"/> in fixed order.</summary>
internal sealed class ExactPixelSnail : ExactPrior
{
    private readonly float[] _embedding;
    private readonly ExactConvolution _above;
    private readonly ExactConvolution _left;
    private readonly ExactConvolution _previous;
    private readonly Block[] _blocks;
    private readonly ExactConvolution _output;
    private readonly int _heads;

    public ExactPixelSnail(PixelSnail prior)
        : base(prior, $"heads {prior.Options.Heads}")
    {
        _heads = prior.Options.Heads;
        _embedding = Weights.Of("embedding.weight");
        // Two rows above in five columns, three positions to the left, and the code before in reading order.
        _above = ExactConvolution.Of(Weights, "above", -2, -2);
        _left = ExactConvolution.Of(Weights, "left", 0, -3);
        _previous = ExactConvolution.Of(Weights, "previous");
        _blocks = [.. Enumerable.Range(0, Weights.Count("blocks.")).Select(Read)];
        _output = ExactConvolution.Of(Weights, "output");
    }

    public override ExactSession Begin(int maps, int height, int width, ReadOnlySpan<long> condition) =>
        new Session(this, maps, height, width, Conditions("class_embedding.weight", condition, maps));

    private Block Read(int i)
    {
        var units = Weights.Count($"blocks.{i}.first.");
        return new Block(
            [.. Enumerable.Range(0, units).Select(u => ExactConvolution.Of(Weights, $"blocks.{i}.first.{u}", -1, -1))],
            [.. Enumerable.Range(0, units).Select(u => ExactConvolution.Of(Weights, $"blocks.{i}.second.{u}", -1, -1))],
            ExactConvolution.Of(Weights, $"blocks.{i}.qkv"),
            ExactConvolution.Of(Weights, $"blocks.{i}.merge"));
    }

    private sealed record Block(ExactConvolution[] First, ExactConvolution[] Second, ExactConvolution Projection, ExactConvolution Merge);

    private sealed class Session : ExactSession
    {
        private readonly ExactPixelSnail _model;
        private readonly float[]? _condition;
        private readonly ExactMap _codes;
        private readonly ExactMap[][] _firstInputs;
        private readonly ExactMap[][] _secondInputs;
        private readonly ExactAttention[] _attention;
        private readonly int _channels;
        private readonly int _height;
        private readonly int _width;
        private readonly float[] _before;
        private readonly float[] _x;
        private readonly float[] _h;
        private readonly float[] _two;
        private readonly float[] _placed;
        private readonly float[] _projected;

        public Session(ExactPixelSnail model, int maps, int height, int width, float[]? condition)
            : base(model.CodebookSize, maps)
        {
            (_model, _condition, _height, _width) = (model, condition, height, width);
            _channels = model._previous.Outputs;
            _codes = new ExactMap(maps, height, width, _channels, 3);
            _firstInputs =
                [.. model._blocks.Select(block => block.First.Select(_ => new ExactMap(maps, height, width, _channels, 2)).ToArray())];
            _secondInputs =
                [.. model._blocks.Select(block => block.First.Select(_ => new ExactMap(maps, height, width, _channels, 2)).ToArray())];
            _attention = [.. model._blocks.Select(_ => new ExactAttention(maps, model._heads, _channels, checked(height * width)))];
            _before = new float[maps * _channels];
            _x = new float[maps * _channels];
            _h = new float[maps * _channels];
            _two = new float[maps * 2 * _channels];
            _placed = new float[maps * (_channels + 2)];
            _projected = new float[maps * 3 * _channels];
        }

        public override void Compute(int row, int column)
        {
            _model._above.Apply(_codes, row, column, _x);
            _model._left.Apply(_codes, row, column, _h);
            Add(_x, _h);
            _model._previous.Apply(_before, _h, Maps);
            Add(_x, _h);
            if (_condition is not null) Add(_x, _condition);
            for (var b = 0; b < _attention.Length; b++)
            {
                var block = _model._blocks[b];
                for (var u = 0; u < block.First.Length; u++)
                {
                    Elu(_x, _firstInputs[b][u].Of(row, column));
                    block.First[u].Apply(_firstInputs[b][u], row, column, _h);
                    Elu(_h, _secondInputs[b][u].Of(row, column));
                    block.Second[u].Apply(_secondInputs[b][u], row, column, _two);
                    for (var map = 0; map < Maps; map++)
                    {
                        for (var c = 0; c < _channels; c++)
                        {
                            var from = (map * 2 * _channels) + c;
                            _x[(map * _channels) + c] += (float)(_two[from] * FixedOrder.Sigmoid(_two[from + _channels]));
                        }
                    }
                }
                for (var map = 0; map < Maps; map++)
                {
                    var at = map * (_channels + 2);
                    _x.AsSpan(map * _channels, _channels).CopyTo(_placed.AsSpan(at));
                    _placed[at + _channels] = ((float)row / _height) - 0.5f;
                    _placed[at + _channels + 1] = ((float)column / _width) - 0.5f;
                }
                block.Projection.Apply(_placed, _projected, Maps);
                _attention[b].Take(_projected, (row * _width) + column, 1, _h);
                block.Merge.Apply(_h, _before, Maps);
                Add(_x, _before);
            }
            Elu(_x, _h);
            _model._output.Apply(_h, Logits, Maps);
        }

        public override void Accept(int row, int column, ReadOnlySpan<long> codes)
        {
            ExactWeights.Rows(_model._embedding, _channels, codes, _codes.Values, _codes.At(row, column));
            // Until the next position the embedding stays here; in between this array is free for other use.
            ExactWeights.Rows(_model._embedding, _channels, codes, _before, 0);
        }

        private static void Elu(ReadOnlySpan<float> values, Span<float> output)
        {
            for (var i = 0; i < values.Length; i++) output[i] = FixedOrder.Elu(values[i]);
        }
    }
}
