namespace Cresset.Quantization;

/// <summary><see cref="GatedPixelCnn"/> in fixed order: the vertical stack once per row, the horizontal one position by position.</summary>
internal sealed class ExactGatedPixelCnn : ExactPrior
{
    private readonly float[] _embedding;
    private readonly Layer[] _layers;
    private readonly ExactConvolution _hidden;
    private readonly ExactConvolution _output;

    public ExactGatedPixelCnn(GatedPixelCnn prior)
        : base(prior, "")
    {
        _embedding = Weights.Of("embedding.weight");
        _layers = [.. Enumerable.Range(0, Weights.Count("layers.")).Select(Read)];
        _hidden = ExactConvolution.Of(Weights, "output_conv.0");
        _output = ExactConvolution.Of(Weights, "output_conv.2");
    }

    public override ExactSession Begin(int maps, int height, int width, ReadOnlySpan<long> condition)
    {
        var conditions = new float[]?[_layers.Length];
        var vectors = Captions(condition, maps);
        for (var i = 0; i < conditions.Length; i++)
            conditions[i] = vectors is null ? Conditions($"layers.{i}.class_cond_embedding.weight", condition, maps)
                : Piece(vectors, i, conditions.Length, maps);
        return new Session(this, maps, height, width, conditions);
    }

    // A caption's vector has a piece for each layer.
    private static float[] Piece(float[] vectors, int piece, int pieces, int maps)
    {
        var (whole, each) = (vectors.Length / maps, vectors.Length / maps / pieces);
        return [.. Enumerable.Range(0, maps).SelectMany(map => vectors.AsSpan((map * whole) + (piece * each), each).ToArray())];
    }

    private Layer Read(int i)
    {
        var name = $"layers.{i}";
        var half = (int)Weights.Shape($"{name}.vert_stack.weight")[3] / 2;
        // The first layer is of type A: it sees neither its row from the vertical stack nor its position from the horizontal one.
        var last = i == 0 ? 0 : 1;
        return new Layer(
            ExactConvolution.Of(Weights, $"{name}.vert_stack", -half, -half, (row, _) => row < last),
            ExactConvolution.Of(Weights, $"{name}.vert_to_horiz"),
            ExactConvolution.Of(Weights, $"{name}.horiz_stack", 0, -half, (_, column) => column < last),
            ExactConvolution.Of(Weights, $"{name}.horiz_resid"),
            half + 1,
            HasResidual: i > 0);
    }

    private sealed record Layer(ExactConvolution Vertical, ExactConvolution Link, ExactConvolution Horizontal, ExactConvolution Residual,
        int Rows, bool HasResidual);

    private sealed class Session : ExactSession
    {
        private readonly ExactGatedPixelCnn _model;
        private readonly float[]?[] _conditions;
        private readonly ExactMap[] _vertical;
        private readonly ExactMap[] _horizontal;
        private readonly float[][][] _links;
        private readonly float[] _two;
        private readonly float[] _one;
        private readonly float[] _x;
        private readonly float[] _wide;

        public Session(ExactGatedPixelCnn model, int maps, int height, int width, float[]?[] conditions)
            : base(model.CodebookSize, maps)
        {
            (_model, _conditions) = (model, conditions);
            var channels = model._layers[0].Residual.Outputs;
            _vertical = [.. model._layers.Select(layer => new ExactMap(maps, height, width, channels, layer.Rows))];
            _horizontal = [.. model._layers.Select(_ => new ExactMap(maps, height, width, channels, 1))];
            _links = [.. model._layers.Select(_ => Enumerable.Range(0, width).Select(_ => new float[maps * 2 * channels]).ToArray())];
            _two = new float[maps * 2 * channels];
            _one = new float[maps * channels];
            _x = new float[maps * channels];
            _wide = new float[maps * model._hidden.Outputs];
        }

        public override void Compute(int row, int column)
        {
            if (column == 0) StartRow(row);
            for (var i = 0; i < _model._layers.Length; i++)
            {
                var layer = _model._layers[i];
                if (i > 0) _x.CopyTo(_horizontal[i].Of(row, column));
                layer.Horizontal.Apply(_horizontal[i], row, column, _two);
                Add(_two, _links[i][column]);
                if (_conditions[i] is { } condition) Add(_two, condition);
                FixedOrder.Gate(_two, _one, 0, layer.Residual.Inputs, Maps);
                layer.Residual.Apply(_one, _x, Maps);
                if (layer.HasResidual) Add(_x, _horizontal[i].Of(row, column));
            }
            _model._hidden.Apply(_x, _wide, Maps);
            Relu(_wide);
            _model._output.Apply(_wide, Logits, Maps);
        }

        public override void Accept(int row, int column, ReadOnlySpan<long> codes)
        {
            ExactWeights.Rows(_model._embedding, _vertical[0].Channels, codes, _vertical[0].Values, _vertical[0].At(row, column));
            ExactWeights.Rows(_model._embedding, _horizontal[0].Channels, codes, _horizontal[0].Values, _horizontal[0].At(row, column));
        }

        private void StartRow(int row)
        {
            for (var i = 0; i < _model._layers.Length; i++)
            {
                var layer = _model._layers[i];
                for (var column = 0; column < _vertical[i].Width; column++)
                {
                    layer.Vertical.Apply(_vertical[i], row, column, _two);
                    layer.Link.Apply(_two, _links[i][column], Maps);
                    if (i + 1 == _model._layers.Length) continue;
                    if (_conditions[i] is { } condition) Add(_two, condition);
                    FixedOrder.Gate(_two, _vertical[i + 1].Values, _vertical[i + 1].At(row, column), _vertical[i].Channels, Maps);
                }
            }
        }
    }
}
