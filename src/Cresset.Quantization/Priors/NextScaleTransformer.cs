using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A prior over the codes of a <see cref="NextScaleQuantizer"/>: all codes of a scale are predicted at once, from the class or caption
/// and from what the coarser scales add up to, brought to the scale's size. A map takes as many passes as there are scales.
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
    private readonly CodeStack _stack;
    private readonly NextScaleTransformerOptions _options;
    private readonly ScaleGrid _grid;
    private readonly float[] _told;
    private readonly bool[] _sight;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    public NextScaleTransformer(NextScaleTransformerOptions options, Generator? generator = null)
        : base(nameof(NextScaleTransformer), options)
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
        RegisterComponents();
        _stack = new CodeStack(this, options, options.CodebookSize, hasBias: false, generator!);
        foreach (var weight in new[] { _tokens.weight!, _classes.weight!, _stack.Head.Weight })
            Initialize.Normal(weight, 0, 0.02, generator);
        Condition.AddEncoder(this, options.Width, generator!);
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

    private protected override Tensor Logits(Tensor codes, Tensor? condition)
    {
        CheckLength(codes.size(1) * codes.size(2));
        using var scope = NewDisposeScope();
        var x = Inputs(codes.reshape(codes.size(0), -1), Start(codes.size(0), condition), 0, _grid.Codes);
        var sight = tensor(_sight, [_grid.Codes, _grid.Codes], device: x.device);
        return _stack.Logits(x, sight, recomputes: Recomputes).transpose(1, 2)
            .reshape(codes.size(0), CodebookSize, codes.size(1), codes.size(2)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Logits [N, count, K] of places that begin at one of a scale, from all codes before it, int64 [N, first], and from
    /// <see cref="Start"/>.
    /// </summary>
    internal Tensor Step(Tensor before, Tensor start, int first, int count, KeyValueCache cache)
    {
        using var scope = NewDisposeScope();
        cache.Length = first;
        var x = first == 0 ? start + _positions.narrow(0, 0, count) : Inputs(before, start, first, count);
        var sight = ones(count, first + count, dtype: ScalarType.Bool, device: x.device);
        return _stack.Step(x, cache, sight).MoveToOuterDisposeScope();
    }

    internal KeyValueCache NewCache(long batch) => _stack.NewCache(batch, _grid.Codes, _positions);

    private protected override CodeSession OpenSession(long batch, long height, long width, Tensor? condition)
    {
        CheckLength(height * width);
        return new NextScaleSession(this, batch, height, width, condition);
    }

    /// <summary>Inputs [N, count, D] of places from one on, of codes int64 [N, n]: those of coarser scales count alone.</summary>
    private Tensor Inputs(Tensor codes, Tensor start, int first, int count)
    {
        var told = tensor(_told, [_grid.Codes, _grid.Codes], dtype: _positions.dtype, device: _positions.device)
            .narrow(0, first, count).narrow(1, 0, codes.size(1));
        return told.MatMul(_tokens.call(codes.to(_positions.device))) + _positions.narrow(0, first, count) + start;
    }

    /// <summary>What stands at every place, [N, 1, D]: the class, or what stands for none and the vector of the caption.</summary>
    internal Tensor Start(long batch, Tensor? condition)
    {
        var rows = _classes.call(Condition.Labels(condition)?.to(_positions.device)
            ?? zeros([batch], dtype: ScalarType.Int64, device: _positions.device));
        return (Condition.Vectors(condition) is { } told ? rows + told : rows).unsqueeze(1);
    }

    private void CheckLength(long length)
    {
        if (length != _grid.Codes)
            throw new ArgumentException(
                $"The map has {length} codes; the scales [{string.Join(", ", Scales)}] have {_grid.Codes}: a row [1, {_grid.Codes}].");
    }
}
