using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A prior over the codes of a <see cref="NextScaleQuantizer"/>: all codes of a scale are predicted at once, from the class and from what
/// the coarser scales add up to, brought to the scale's size. A map takes as many passes as there are scales.
/// </summary>
/// <remarks>
/// Its maps are rows [1, L] of the scales' codes, the coarsest first. What is brought up are vectors of its own for each code, so that it
/// needs nothing of the tokenizer but the codes. A place sees all places of its own scale and of coarser ones, whose inputs come from
/// coarser codes alone: given those, the codes of a scale are independent of each other.
/// </remarks>
public sealed class NextScaleTransformer : CodePrior, IRecomputes
{
    [ComponentName(Name = "tok")]
    private readonly Embedding _tokens;
    [ComponentName(Name = "cls")]
    private readonly Embedding _classes;
    [ComponentName(Name = "pos")]
    private readonly Parameter _positions;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<TransformerBlock> _blocks = [];
    [ComponentName(Name = "ln_f")]
    private readonly nn.Module<Tensor, Tensor> _norm;
    [ComponentName(Name = "head")]
    private readonly Projection _head;
    private readonly NextScaleTransformerOptions _options;
    private readonly ScaleGrid _grid;
    private readonly float[] _told;
    private readonly bool[] _sight;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    public NextScaleTransformer(NextScaleTransformerOptions options, Generator? generator = null)
        : base(nameof(NextScaleTransformer), options.ThrowIfInvalid().CodebookSize, options.Classes)
    {
        _options = options;
        _grid = new ScaleGrid(options.Scales);
        _told = _grid.Told();
        int[] scales = [.. Enumerable.Range(0, _grid.Codes).Select(_grid.ScaleOf)];
        _sight = [.. scales.SelectMany(own => scales.Select(other => other <= own))];
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        _tokens = nn.Embedding(options.CodebookSize, options.Width);
        _classes = nn.Embedding(Math.Max(1, options.Classes), options.Width);
        _positions = new Parameter(Initialize.Normal(empty(_grid.Codes, options.Width), 0, 0.02, generator));
        _positions.DetachFromDisposeScope();
        var layer = new CodeTransformerOptions { Width = options.Width, Heads = options.Heads, Dropout = options.Dropout };
        for (var i = 0; i < options.Layers; i++) _blocks.Add(CodeTransformerBlock.New(layer, generator!));
        _norm = TransformerBlock.NewNorm(options.Width, isRootMeanSquare: false, 1e-5);
        _head = new Projection(options.Width, options.CodebookSize, false, WeightPlace.Cpu);
        foreach (var weight in new[] { _tokens.weight!, _classes.weight!, _head.Weight }) Initialize.Normal(weight, 0, 0.02, generator);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool Recomputes { get; set; }

    /// <summary>Sides of the maps of codes.</summary>
    public IReadOnlyList<int> Scales => _grid.Scales;

    internal NextScaleTransformerOptions Options => _options;

    internal ScaleGrid Grid => _grid;

    /// <summary>See <see cref="ScaleGrid.Told"/>.</summary>
    internal float[] Told => _told;

    private protected override ExactPrior ToExact() => new ExactNextScaleTransformer(this);

    private protected override Tensor Logits(Tensor codes, Tensor? labels)
    {
        CheckLength(codes.size(1) * codes.size(2));
        using var scope = NewDisposeScope();
        var x = Inputs(codes.reshape(codes.size(0), -1), labels, 0, _grid.Codes);
        var sight = tensor(_sight, [_grid.Codes, _grid.Codes], device: x.device);
        foreach (var block in _blocks)
            x = Recomputes ? Recomputation.Call([block], inputs => block.Forward(inputs[0], inputs[1]), x, sight) : block.Forward(x, sight);
        return Head(x).transpose(1, 2).reshape(codes.size(0), CodebookSize, codes.size(1), codes.size(2)).MoveToOuterDisposeScope();
    }

    /// <summary>Logits [N, count, K] of places that begin at one of a scale, from all codes before it, int64 [N, first].</summary>
    internal Tensor Step(Tensor before, Tensor? labels, long batch, int first, int count, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        cache.Length = first;
        var x = first == 0 ? Start(batch, labels) + _positions.narrow(0, 0, count) : Inputs(before, labels, first, count);
        var sight = ones(count, first + count, dtype: ScalarType.Bool, device: x.device);
        for (var i = 0; i < _blocks.Count; i++) x = _blocks[i].Forward(x, sight, cache: cache, layer: i);
        return Head(x).MoveToOuterDisposeScope();
    }

    internal KeyValueCache NewCache(long batch)
        => new(_blocks.Count, batch, _options.Heads, _grid.Codes, _options.Width / _options.Heads, _positions);

    private protected override CodeSession OpenSession(long batch, long height, long width, Tensor? labels)
    {
        CheckLength(height * width);
        return new NextScaleSession(this, batch, height, width, labels);
    }

    /// <summary>Inputs [N, count, D] of places from one on, of codes int64 [N, n]: those of coarser scales count alone.</summary>
    private Tensor Inputs(Tensor codes, Tensor? labels, int first, int count)
    {
        var told = tensor(_told, [_grid.Codes, _grid.Codes], dtype: _positions.dtype, device: _positions.device)
            .narrow(0, first, count).narrow(1, 0, codes.size(1));
        return told.MatMul(_tokens.call(codes.to(_positions.device))) + _positions.narrow(0, first, count) + Start(codes.size(0), labels);
    }

    // [N, 1, D]: the class, at every place.
    private Tensor Start(long batch, Tensor? labels) => _classes.call(labels is null
        ? zeros([batch], dtype: ScalarType.Int64, device: _positions.device) : labels.to(_positions.device)).unsqueeze(1);

    private Tensor Head(Tensor x) => _head.call(_norm.call(x));

    private void CheckLength(long length)
    {
        if (length != _grid.Codes)
            throw new ArgumentException(
                $"The map has {length} codes; the scales [{string.Join(", ", Scales)}] have {_grid.Codes}: a row [1, {_grid.Codes}].");
    }
}
