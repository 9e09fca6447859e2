using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A prior over residual codes in the delay pattern: row t holds stage s of position t - s, a row is predicted from the rows before it, all
/// stages at once. A sequence of L positions and S stages takes L + S - 1 steps instead of L S, and each stage still sees the coarser
/// stages of its own position.
/// </summary>
public sealed class DelayedCodeTransformer : nn.Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "tok")]
    private readonly Embedding _tokens;
    [ComponentName(Name = "start")]
    private readonly Embedding _start;
    [ComponentName(Name = "pos")]
    private readonly Parameter _positions;
    private readonly CodeStack _stack;
    private readonly CodeCondition _condition;
    private readonly DelayedCodeTransformerOptions _options;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    public DelayedCodeTransformer(DelayedCodeTransformerOptions options, Generator? generator = null)
        : base(nameof(DelayedCodeTransformer))
    {
        _options = options.ThrowIfInvalid();
        _condition = new CodeCondition(options);
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        // Each stage has codes of its own, and one number more for places without a code.
        _tokens = nn.Embedding((long)options.Stages * (options.CodebookSize + 1), options.Width);
        _start = nn.Embedding(Math.Max(1, options.Classes), options.Width);
        _positions = new Parameter(Initialize.Normal(empty(Rows(options.MaxLength), options.Width), 0, 0.02, generator));
        _positions.DetachFromDisposeScope();
        RegisterComponents();
        _stack = new CodeStack(this, options, (long)options.Stages * options.CodebookSize, hasBias: false, generator!);
        foreach (var weight in new[] { _tokens.weight!, _start.weight!, _stack.Head.Weight })
            Initialize.Normal(weight, 0, 0.02, generator);
        _condition.AddEncoder(this, options.Width, generator!);
    }

    /// <summary>Codes a stage chooses from.</summary>
    public int CodebookSize => _options.CodebookSize;

    /// <summary>Stages of a position.</summary>
    public int Stages => _options.Stages;

    /// <summary>
    /// Logits [B, L, S, K] of every code, given the rows of the pattern before its own, from codes int64 [B, L, S] and classes int64
    /// [B] or captions int64 [B, T] (null exactly when it is conditioned on neither).
    /// </summary>
    public override Tensor forward(Tensor codes, Tensor? condition)
    {
        Shape.Expect(codes, "B L S", ("S", Stages));
        CodeRange.Check(codes, [CodebookSize], nameof(codes));
        CheckLength(codes.size(1));
        _condition.Check(condition, codes.size(0));
        using var scope = NewDisposeScope();
        var rows = DelayPattern.Apply(codes, CodebookSize);
        var steps = rows.size(1);
        var x = cat([Start(codes.size(0), condition).unsqueeze(1), Embed(rows.narrow(1, 0, steps - 1))], 1)
            + _positions.narrow(0, 0, steps);
        if (_condition.Vectors(condition) is { } told) x = x + told.unsqueeze(1);
        var logits = _stack.Logits(x, causal: true).reshape(codes.size(0), steps, Stages, CodebookSize);
        var length = codes.size(1);
        return stack([.. Enumerable.Range(0, Stages).Select(s => logits.select(2, s).narrow(1, s, length))], 2).MoveToOuterDisposeScope();
    }

    /// <summary>Minus log probability in nats of every code, [B, L, S].</summary>
    public Tensor NegativeLogLikelihood(Tensor codes, Tensor? condition = null)
    {
        using var scope = NewDisposeScope();
        return (-call(codes, condition).log_softmax(3).gather(3, codes.unsqueeze(3)).squeeze(3)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Draws new codes int64 [B, L, S], row by row with a cache. The same seed gives the same codes; those of a batch have streams of their
    /// own.
    /// </summary>
    /// <param name="batch">Sequences.</param>
    /// <param name="length">Positions.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="condition">Classes int64 [B] or captions int64 [B, T]; null when unconditional.</param>
    /// <param name="sampling">Temperature, top-k, top-p.</param>
    /// <param name="guidance">How far the logits go beyond those of the condition, away from those of <paramref name="away"/>:
    /// c + guidance (c - u), 0 for none.</param>
    /// <param name="away">The condition that guidance goes away from: what stood in training for sequences without one, a class of its own
    /// or a caption of zeros.</param>
    /// <param name="cancellation">Stops between rows.</param>
    public Tensor Sample(
        long batch, long length, ulong seed, Tensor? condition = null, CodeSampling? sampling = null, double guidance = 0,
        Tensor? away = null,
        CancellationToken cancellation = default)
    {
        if (!(guidance >= 0) || double.IsInfinity(guidance))
            throw new ArgumentOutOfRangeException(nameof(guidance), guidance, "Guidance is 0 or greater, and finite.");
        if (guidance > 0 && (condition is null || away is null))
            throw new ArgumentException($"guidance is {guidance}; it needs a condition, and the one that it goes away from.", nameof(away));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        sampling = (sampling ?? new CodeSampling()).ThrowIfInvalid();
        CheckLength(length);
        _condition.Check(condition, batch);
        if (guidance > 0) _condition.Check(away, batch);
        using var noGrad = no_grad();
        using var mode = EvaluationMode.Of(this);
        using var scope = NewDisposeScope();
        var steps = Rows((int)length);
        // What guidance goes away from is a second half of the batch, with the same codes.
        var halves = guidance > 0 ? 2 : 1;
        using var cache = _stack.NewCache(halves * batch, steps, _positions);
        var streams = new SplitMix64[batch];
        for (var b = 0; b < batch; b++) streams[b] = SplitMix64.ForIndex(seed, (ulong)b);
        var rows = new long[batch * steps * Stages];
        Array.Fill(rows, CodebookSize);
        var probabilities = new double[CodebookSize];
        var both = halves == 2 ? cat([condition!, away!]) : condition;
        var (input, told) = (Start(halves * batch, both), _condition.Vectors(both));
        for (var t = 0; t < steps; t++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            cache.Length = t;
            var x = input + _positions[t];
            if (told is not null) x = x + told;
            var raw = _stack.Step(x.unsqueeze(1), cache).squeeze(1).to(ScalarType.Float32);
            if (halves == 2) raw = raw.narrow(0, 0, batch) + ((raw.narrow(0, 0, batch) - raw.narrow(0, batch, batch)) * guidance);
            var logits = TensorSpans.Of<float>(raw.cpu().contiguous());
            var drawn = new long[batch * Stages];
            for (var b = 0; b < batch; b++)
            {
                for (var s = 0; s < Stages; s++)
                {
                    var isThere = t - s >= 0 && t - s < length;
                    var code = (long)CodebookSize;
                    if (isThere)
                    {
                        CodeDistribution.Probabilities(logits.Slice(((b * Stages) + s) * CodebookSize, CodebookSize), sampling,
                            probabilities);
                        code = CodeDistribution.Draw(probabilities, streams[b].NextDouble());
                    }
                    drawn[(b * Stages) + s] = rows[(((b * steps) + t) * Stages) + s] = code;
                }
            }
            input = Embed(tensor(drawn, [batch, 1, Stages], device: _positions.device)).squeeze(1);
            input = (halves == 2 ? cat([input, input]) : input).MoveToOuterDisposeScope();
        }
        return DelayPattern.Undo(tensor(rows, [batch, steps, Stages])).MoveToOuterDisposeScope();
    }

    private int Rows(int length) => length + _options.Stages - 1;

    private Tensor Start(long batch, Tensor? condition) => _start.call(_condition.Labels(condition)?.to(_positions.device)
        ?? zeros([batch], dtype: ScalarType.Int64, device: _positions.device));

    /// <summary>Sums over the stages [B, T, D] of rows int64 [B, T, S].</summary>
    private Tensor Embed(Tensor rows) =>
        _tokens.call(rows + (arange(Stages, dtype: ScalarType.Int64, device: rows.device) * (CodebookSize + 1))).sum(2);

    private void CheckLength(long length)
    {
        if (length > _options.MaxLength)
            throw new ArgumentException(
                $"The sequence has {length} positions; the transformer was made for at most {_options.MaxLength} (MaxLength).");
    }
}
