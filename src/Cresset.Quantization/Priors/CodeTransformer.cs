using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A decoder-only transformer over codes in raster order. Its first input is the class (or a start token), so each output predicts the code
/// at its own position.
/// </summary>
public sealed class CodeTransformer : CodePrior, IRecomputes
{
    [ComponentName(Name = "tok")]
    private readonly Embedding _tokens;
    [ComponentName(Name = "pos")]
    private readonly Parameter _positions;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<TransformerBlock> _blocks = [];
    [ComponentName(Name = "ln_f")]
    private readonly nn.Module<Tensor, Tensor> _norm;
    [ComponentName(Name = "head")]
    private readonly Projection _head;
    private readonly CodeTransformerOptions _options;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    public CodeTransformer(CodeTransformerOptions options, Generator? generator = null)
        : base(nameof(CodeTransformer), options.ThrowIfInvalid().CodebookSize, options.Classes)
    {
        _options = options;
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        // The start tokens follow the codes: one per class, or one alone.
        _tokens = nn.Embedding(options.CodebookSize + Math.Max(1, options.Classes), options.Width);
        Initialize.Normal(_tokens.weight!, 0, 0.02, generator);
        _positions = new Parameter(Initialize.Normal(empty(options.MaxLength, options.Width), 0, 0.02, generator));
        _positions.DetachFromDisposeScope();
        for (var i = 0; i < options.Layers; i++) _blocks.Add(CodeTransformerBlock.New(options, generator!));
        _norm = TransformerBlock.NewNorm(options.Width, isRootMeanSquare: false, 1e-5);
        _head = new Projection(options.Width, options.CodebookSize, false, WeightPlace.Cpu);
        Initialize.Normal(_head.Weight, 0, 0.02, generator);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool Recomputes { get; set; }

    internal CodeTransformerOptions Options => _options;

    internal ModuleList<TransformerBlock> Blocks => _blocks;

    private protected override ExactPrior ToExact() => new ExactCodeTransformer(this);

    private protected override Tensor Logits(Tensor codes, Tensor? labels)
    {
        using var scope = NewDisposeScope();
        long batch = codes.size(0), height = codes.size(1), width = codes.size(2), length = height * width;
        CheckLength(length);
        var inputs = cat([Start(batch, labels).unsqueeze(1), codes.reshape(batch, length).narrow(1, 0, length - 1)], 1);
        var x = _tokens.call(inputs) + _positions.narrow(0, 0, length);
        foreach (var block in _blocks) x = Recomputes ? Recomputation.Call([block], inputs => block.call(inputs[0]), x) : block.call(x);
        return _head.call(_norm.call(x)).transpose(1, 2).reshape(batch, CodebookSize, height, width).MoveToOuterDisposeScope();
    }

    /// <summary>Start tokens int64 [N].</summary>
    internal Tensor Start(long batch, Tensor? labels) =>
        labels is null ? full([batch], (long)CodebookSize, dtype: ScalarType.Int64, device: _positions.device)
            : labels.to(_positions.device) + CodebookSize;

    /// <summary>Input [N, D] of tokens [N] at a position.</summary>
    internal Tensor Embed(Tensor tokens, long position) => _tokens.call(tokens.to(_positions.device)) + _positions[position];

    /// <summary>Sizes of the keys, and of the values, of <see cref="Step"/>: [N, layers, heads, longest, head width].</summary>
    public long[] StepShape(long batch) => [batch, _options.Layers, _options.Heads, _options.MaxLength, _options.Width / _options.Heads];

    /// <summary>One step in tensors alone: what a program without this library repeats.</summary>
    /// <param name="tokens">int64 [N]: at place 0 the class after the codes, later the code of the place before.</param>
    /// <param name="places">Places whose code is wanted, in raster order, int64 [N].</param>
    /// <param name="keys">Keys of the places before, of <see cref="StepShape"/>; any finite numbers at the first.</param>
    /// <param name="values">Their values, of the same shape.</param>
    /// <returns>Logits [N, K] of the places' codes, and keys and values for the next step.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A token is neither code nor start token, or a place beyond the longest.</exception>
    public (Tensor Logits, Tensor Keys, Tensor Values) Step(Tensor tokens, Tensor places, Tensor keys, Tensor values)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        Shape.Expect(tokens, "N");
        Shape.Expect(places, "N", ("N", tokens.size(0)));
        RowNumbers.Check(tokens, CodebookSize + Math.Max(1, _options.Classes), "the codes and the start tokens behind them",
            nameof(CodeTransformer), nameof(tokens));
        RowNumbers.Check(places, _options.MaxLength, "the places it was made for", nameof(CodeTransformer), nameof(places));
        using var scope = NewDisposeScope();
        using var cache = new PlacedCache(places, keys, values, StepShape(tokens.size(0)));
        var x = (_tokens.call(tokens) + _positions.index_select(0, places)).unsqueeze(1);
        for (var i = 0; i < _blocks.Count; i++) x = _blocks[i].Forward(x, cache: cache, layer: i);
        return (Head(x.squeeze(1)).MoveToOuterDisposeScope(), cache.Keys.MoveToOuterDisposeScope(), cache.Values.MoveToOuterDisposeScope());
    }

    /// <summary>Logits [N, K] of the last block's output [N, D].</summary>
    internal Tensor Head(Tensor x) => _head.call(_norm.call(x));

    private protected override CodeSession OpenSession(long batch, long height, long width, Tensor? labels)
    {
        CheckLength(height * width);
        return new CodeTransformerSession(this, batch, height, width, labels);
    }

    private void CheckLength(long length)
    {
        if (length > _options.MaxLength)
            throw new ArgumentException(
                $"The map has {length} codes; the transformer was made for at most {_options.MaxLength} (MaxLength).");
    }
}
