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
/// at its own position; the vector of a caption is added to every input.
/// </summary>
public sealed class CodeTransformer : CodePrior, IRecomputes
{
    [ComponentName(Name = "tok")]
    private readonly Embedding _tokens;
    [ComponentName(Name = "pos")]
    private readonly Parameter _positions;
    private readonly CodeStack _stack;
    private readonly CodeTransformerOptions _options;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    public CodeTransformer(CodeTransformerOptions options, Generator? generator = null)
        : base(nameof(CodeTransformer), options)
    {
        _options = options;
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        // The start tokens follow the codes: one per class, or one alone.
        _tokens = nn.Embedding(options.CodebookSize + Math.Max(1, options.Classes), options.Width);
        Initialize.Normal(_tokens.weight!, 0, 0.02, generator);
        _positions = new Parameter(Initialize.Normal(empty(options.MaxLength, options.Width), 0, 0.02, generator));
        _positions.DetachFromDisposeScope();
        RegisterComponents();
        _stack = new CodeStack(this, options, options.CodebookSize, hasBias: false, generator!);
        Initialize.Normal(_stack.Head.Weight, 0, 0.02, generator);
        Condition.AddEncoder(this, options.Width, generator!);
    }

    /// <inheritdoc/>
    public bool Recomputes { get; set; }

    internal CodeTransformerOptions Options => _options;

    private protected override ExactPrior ToExact() => new ExactCodeTransformer(this);

    private protected override Tensor Logits(Tensor codes, Tensor? condition)
    {
        using var scope = NewDisposeScope();
        long batch = codes.size(0), height = codes.size(1), width = codes.size(2), length = height * width;
        CheckLength(length);
        var inputs = cat([Start(batch, condition).unsqueeze(1), codes.reshape(batch, length).narrow(1, 0, length - 1)], 1);
        var x = _tokens.call(inputs) + _positions.narrow(0, 0, length);
        if (Told(condition) is { } told) x = x + told.unsqueeze(1);
        return _stack.Logits(x, causal: true, recomputes: Recomputes).transpose(1, 2).reshape(batch, CodebookSize, height, width)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Start tokens int64 [N].</summary>
    internal Tensor Start(long batch, Tensor? condition) =>
        Condition.Labels(condition) is { } labels ? labels.to(_positions.device) + CodebookSize
            : full([batch], (long)CodebookSize, dtype: ScalarType.Int64, device: _positions.device);

    /// <summary>What a caption adds to every input, [N, D]; null without captions.</summary>
    internal Tensor? Told(Tensor? condition) => Condition.Vectors(condition);

    /// <summary>Input [N, D] of tokens [N] at a position.</summary>
    internal Tensor Embed(Tensor tokens, long position) => _tokens.call(tokens.to(_positions.device)) + _positions[position];

    internal KeyValueCache NewCache(long batch, long length) => _stack.NewCache(batch, length, _positions);

    /// <summary>Logits [N, K] of the next place from its input [N, D].</summary>
    internal Tensor Next(Tensor input, KeyValueCache cache) => _stack.Step(input.unsqueeze(1), cache).squeeze(1);

    /// <summary>Sizes of the keys, and of the values, of <see cref="Step"/>: [N, layers, heads, longest, head width].</summary>
    public long[] StepShape(long batch) => [batch, _options.Layers, _options.Heads, _options.MaxLength, _options.Width / _options.Heads];

    /// <summary>One step in tensors alone: what a program without this library repeats.</summary>
    /// <param name="tokens">int64 [N]: at place 0 the class after the codes, later the code of the place before.</param>
    /// <param name="places">Places whose code is wanted, in raster order, int64 [N].</param>
    /// <param name="keys">Keys of the places before, of <see cref="StepShape"/>; any finite numbers at the first.</param>
    /// <param name="values">Their values, of the same shape.</param>
    /// <param name="captions">Captions int64 [N, T], where it is conditioned on them; at each step the same.</param>
    /// <returns>Logits [N, K] of the places' codes, and keys and values for the next step.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A token is neither code nor start token, or a place beyond the longest.</exception>
    public (Tensor Logits, Tensor Keys, Tensor Values) Step(Tensor tokens, Tensor places, Tensor keys, Tensor values,
        Tensor? captions = null)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        Shape.Expect(tokens, "N");
        Shape.Expect(places, "N", ("N", tokens.size(0)));
        RowNumbers.Check(tokens, CodebookSize + Math.Max(1, _options.Classes), "the codes and the start tokens behind them",
            nameof(CodeTransformer), nameof(tokens));
        RowNumbers.Check(places, _options.MaxLength, "the places it was made for", nameof(CodeTransformer), nameof(places));
        if (captions is not null || Captions is not null) Condition.Check(captions, tokens.size(0));
        using var scope = NewDisposeScope();
        using var cache = new PlacedCache(places, keys, values, StepShape(tokens.size(0)));
        var x = _tokens.call(tokens) + _positions.index_select(0, places);
        if (Told(captions) is { } told) x = x + told;
        return (Next(x, cache).MoveToOuterDisposeScope(), cache.Keys.MoveToOuterDisposeScope(), cache.Values.MoveToOuterDisposeScope());
    }

    private protected override CodeSession OpenSession(long batch, long height, long width, Tensor? condition)
    {
        CheckLength(height * width);
        return new CodeTransformerSession(this, batch, height, width, condition);
    }

    private void CheckLength(long length)
    {
        if (length > _options.MaxLength)
            throw new ArgumentException(
                $"The map has {length} codes; the transformer was made for at most {_options.MaxLength} (MaxLength).");
    }
}
