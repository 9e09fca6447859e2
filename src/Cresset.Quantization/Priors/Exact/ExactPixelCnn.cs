namespace Cresset.Quantization;

/// <summary><see cref="PixelCnn"/> in fixed order.</summary>
internal sealed class ExactPixelCnn : ExactPrior
{
    private readonly float[] _embedding;
    private readonly ExactConvolution _first;
    private readonly ExactConvolution[] _layers;
    private readonly ExactConvolution _hidden;
    private readonly ExactConvolution _output;

    public ExactPixelCnn(PixelCnn prior)
        : base(prior, "")
    {
        _embedding = Weights.Of("embedding.weight");
        _first = Masked("first", 0);
        _layers = [.. Enumerable.Range(0, Weights.Count("layers.")).Select(i => Masked($"layers.{i}", 1))];
        _hidden = ExactConvolution.Of(Weights, "output.0");
        _output = ExactConvolution.Of(Weights, "output.2");
    }

    public override ExactSession Begin(int maps, int height, int width, ReadOnlySpan<long> condition) =>
        new Session(this, maps, height, width, Conditions("class_embedding.weight", condition, maps));

    // What lies before the position in reading order; "own" 1 lets a layer of type B see the position itself too.
    private ExactConvolution Masked(string name, int own)
    {
        var half = ((int)Weights.Shape($"{name}.weight")[2]) / 2;
        return ExactConvolution.Of(Weights, name, -half, -half, (row, column) => row < 0 || (row == 0 && column < own));
    }

    private sealed class Session : ExactSession
    {
        private readonly ExactPixelCnn _model;
        private readonly float[]? _condition;
        private readonly ExactMap _codes;
        private readonly ExactMap[] _inputs;
        private readonly float[] _x;
        private readonly float[] _h;
        private readonly float[] _wide;

        public Session(ExactPixelCnn model, int maps, int height, int width, float[]? condition)
            : base(model.CodebookSize, maps)
        {
            (_model, _condition) = (model, condition);
            var channels = model._first.Outputs;
            int Kept(string name) => ((int)model.Weights.Shape($"{name}.weight")[2] / 2) + 1;
            _codes = new ExactMap(maps, height, width, channels, Kept("first"));
            _inputs =
                [.. Enumerable.Range(0, model._layers.Length)
                    .Select(i => new ExactMap(maps, height, width, channels, Kept($"layers.{i}")))];
            _x = new float[maps * channels];
            _h = new float[maps * channels];
            _wide = new float[maps * model._hidden.Outputs];
        }

        public override void Compute(int row, int column)
        {
            _model._first.Apply(_codes, row, column, _x);
            for (var i = 0; i < _inputs.Length; i++)
            {
                var input = _inputs[i].Of(row, column);
                _x.CopyTo(input);
                if (_condition is not null) Add(input, _condition);
                Relu(input);
                _model._layers[i].Apply(_inputs[i], row, column, _h);
                Add(_x, _h);
            }
            if (_condition is not null) Add(_x, _condition);
            Relu(_x);
            _model._hidden.Apply(_x, _wide, Maps);
            Relu(_wide);
            _model._output.Apply(_wide, Logits, Maps);
        }

        public override void Accept(int row, int column, ReadOnlySpan<long> codes) =>
            ExactWeights.Rows(_model._embedding, _codes.Channels, codes, _codes.Values, _codes.At(row, column));
    }
}
