using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// MaskGIT (Chang et al. 2022, arXiv:2202.04200): a transformer that sees all codes that are not masked, trained to fill in the others, and
/// generates a whole map in a few parallel steps, the surest codes first.
/// </summary>
public sealed class MaskedCodeTransformer : nn.Module<Tensor, Tensor?, Tensor>
{
    [ComponentName(Name = "tok")]
    private readonly Embedding _tokens;
    [ComponentName(Name = "pos")]
    private readonly Parameter _positions;
    private readonly CodeStack _stack;
    private readonly CodeCondition _condition;
    private readonly CodeTransformerOptions _options;

    /// <summary>Draws weights N(0, 0.02) from the generator (seed 0 when null).</summary>
    public MaskedCodeTransformer(CodeTransformerOptions options, Generator? generator = null)
        : base(nameof(MaskedCodeTransformer))
    {
        _options = options.ThrowIfInvalid();
        _condition = new CodeCondition(options, takesNone: true);
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        // Codes, the mask, then the classes.
        _tokens = nn.Embedding(options.CodebookSize + 1 + options.Classes, options.Width);
        Initialize.Normal(_tokens.weight!, 0, 0.02, generator);
        _positions = new Parameter(Initialize.Normal(empty(options.MaxLength, options.Width), 0, 0.02, generator));
        _positions.DetachFromDisposeScope();
        RegisterComponents();
        _stack = new CodeStack(this, options, options.CodebookSize, hasBias: true, generator!);
        Initialize.Normal(_stack.Head.Weight, 0, 0.02, generator);
        _condition.AddEncoder(this, options.Width, generator!);
    }

    /// <summary>Codes a position chooses from; the mask has this number.</summary>
    public int CodebookSize => _options.CodebookSize;

    /// <summary>
    /// Logits [B, K, H, W] from codes int64 [B, H, W], where the value <see cref="CodebookSize"/> means masked, and classes int64 [B],
    /// where -1 means none, or captions int64 [B, T], where zeros mean none.
    /// </summary>
    public override Tensor forward(Tensor codes, Tensor? condition)
    {
        Shape.Expect(codes, "B H W");
        CodeRange.Check(codes, [CodebookSize + 1], nameof(codes));
        long batch = codes.size(0), height = codes.size(1), width = codes.size(2), length = height * width;
        if (length > _options.MaxLength)
            throw new ArgumentException(
                $"The map has {length} codes; the transformer was made for at most {_options.MaxLength} (MaxLength).", nameof(codes));
        _condition.Check(condition, batch);
        using var scope = NewDisposeScope();
        var x = _tokens.call(codes.reshape(batch, length)) + _positions.narrow(0, 0, length);
        // A map without a class gets no class token.
        if (_condition.Labels(condition) is { } labels)
            x = x + (_tokens.call(labels.clamp_min(0) + (CodebookSize + 1)) * labels.ge(0).unsqueeze(1).to(x.dtype)).unsqueeze(1);
        if (_condition.Vectors(condition) is { } told) x = x + told.unsqueeze(1);
        return _stack.Logits(x).transpose(1, 2).reshape(batch, CodebookSize, height, width).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Mean cross-entropy in nats of codes hidden at random: the share hidden follows the cosine of a uniform number, at least one code a
    /// map.
    /// </summary>
    public Tensor Loss(Tensor codes, Tensor? condition, Generator generator)
    {
        Shape.Expect(codes, "B H W");
        CodeRange.Check(codes, [CodebookSize], nameof(codes));
        using var scope = NewDisposeScope();
        var flat = codes.reshape(codes.size(0), -1);
        // Drawn in main memory: a generator belongs to one device.
        var share = (rand([codes.size(0), 1], generator: generator).to(codes.device) * (Math.PI / 2)).cos();
        var count = (share * flat.size(1)).ceil().clamp_min(1);
        var rank = rand(flat.shape, generator: generator).argsort(1).argsort(1).to(codes.device);
        var hidden = rank < count;
        var input = flat.masked_fill(hidden, CodebookSize).reshape(codes.shape);
        if (condition is not null && _options.ClassDropout > 0 && training)
        {
            var isHidden = (rand([codes.size(0)], generator: generator) < _options.ClassDropout).to(condition.device);
            condition = where(condition.dim() == 1 ? isHidden : isHidden.unsqueeze(1), _condition.Nothing(condition), condition);
        }
        var log = call(input, condition).flatten(2).log_softmax(1).gather(1, flat.unsqueeze(1)).squeeze(1);
        return (-(log * hidden).sum() / hidden.sum()).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Draws new maps in <paramref name="steps"/> parallel steps, or fills what is missing in maps that are partly known.
    /// </summary>
    /// <param name="batch">Maps.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="condition">Classes int64 [B] or captions int64 [B, T]; null when unconditional.</param>
    /// <param name="steps">Steps; 8 to 12 are usual.</param>
    /// <param name="schedule">How many codes stay masked.</param>
    /// <param name="choiceTemperature">Scale of the Gumbel noise in the choice of what to keep, falling to 0 over the steps; without
    /// meaning for <see cref="MaskOrder.Halton"/>.</param>
    /// <param name="sampling">Temperature, top-k and top-p of the codes.</param>
    /// <param name="order">Which codes are kept first.</param>
    /// <param name="guidance">
    /// How far the logits go beyond those of the condition, away from those without one: c + guidance (c - u), 0 for none (Ho and Salimans
    /// 2022, arXiv:2207.12598).
    /// The model must have been trained with <see cref="CodeTransformerOptions.ClassDropout"/>.
    /// </param>
    /// <param name="known">Codes int64 [B, H, W] that stay as they are; -1 where a code is wanted. Null draws whole maps.</param>
    /// <returns>Codes int64 [B, H, W] in main memory.</returns>
    public Tensor Sample(
        long batch,
        long height,
        long width,
        ulong seed,
        Tensor? condition = null,
        int steps = 8,
        MaskSchedule schedule = MaskSchedule.Cosine,
        double choiceTemperature = 4.5,
        CodeSampling? sampling = null,
        MaskOrder order = MaskOrder.Confidence,
        double guidance = 0,
        Tensor? known = null)
    {
        sampling = (sampling ?? new CodeSampling()).ThrowIfInvalid();
        ArgumentOutOfRangeException.ThrowIfNegative(choiceTemperature);
        ArgumentOutOfRangeException.ThrowIfNegative(guidance);
        if (!Enum.IsDefined(order)) throw new ArgumentOutOfRangeException(nameof(order), order, "Not an order of masked codes.");
        if (guidance > 0 && (condition is null || _options.ClassDropout == 0))
            throw new ArgumentException(
                $"guidance {guidance} needs a condition and a model trained with ClassDropout above 0, so that it knows maps without one.",
                nameof(guidance));
        using var noGrad = no_grad();
        using var mode = EvaluationMode.Of(this);
        using var scope = NewDisposeScope();
        var length = checked((int)(height * width));
        var codes = new long[batch * length];
        Array.Fill(codes, CodebookSize);
        if (known is not null)
        {
            Shape.Expect(known, "B H W", [("B", batch), ("H", height), ("W", width)]);
            CodeRange.Check(known, [CodebookSize], nameof(known), none: true);
            var given = TensorSpans.Of<long>(known.cpu().contiguous());
            for (var i = 0; i < codes.Length; i++) codes[i] = given[i] < 0 ? CodebookSize : given[i];
        }
        int Missing(long map) => codes.AsSpan((int)map * length, length).Count((long)CodebookSize);
        var most = 0;
        for (var b = 0; b < batch; b++) most = Math.Max(most, Missing(b));
        if (most == 0) return tensor(codes, [batch, height, width]).MoveToOuterDisposeScope();
        var count = Math.Min(steps, most);
        var masked = Enumerable.Range(0, (int)batch)
            .Select(b => Missing(b) is > 0 and var missing ? schedule.MaskedAfterStep(missing, count) : []).ToArray();
        var rank = order == MaskOrder.Halton ? HaltonOrder.Of((int)height, (int)width) : [];
        var draw = new Draw(this, sampling, choiceTemperature, rank, length);
        for (var t = 0; t < count; t++)
        {
            using var step = NewDisposeScope();
            var input = tensor(codes, [batch, height, width], device: _positions.device);
            var told = condition?.to(_positions.device);
            var raw = call(input, told);
            if (guidance > 0) raw = raw + ((raw - call(input, _condition.Nothing(told!))) * guidance);
            var logits = TensorSpans.Of<float>(raw.flatten(2).transpose(1, 2).to(ScalarType.Float32).cpu().contiguous());
            for (var b = 0; b < batch; b++)
            {
                if (masked[b].Length == 0) continue;
                var stream = SplitMix64.ForIndex(seed, (ulong)((b * (long)count) + t));
                draw.Step(codes.AsSpan(b * length, length), logits.Slice(b * length * CodebookSize, length * CodebookSize), ref stream,
                    (t + 1.0) / count, t == count - 1 ? 0 : masked[b][t]);
            }
        }
        return tensor(codes, [batch, height, width]).MoveToOuterDisposeScope();
    }

    /// <summary>One step of one map: draws all masked codes, then masks the last ones of the order again.</summary>
    private sealed class Draw(MaskedCodeTransformer model, CodeSampling sampling, double choiceTemperature, int[] rank, int length)
    {
        private readonly double[] _probabilities = new double[model.CodebookSize];
        private readonly double[] _confidence = new double[length];
        private readonly int[] _order = new int[length];

        public void Step(Span<long> map, ReadOnlySpan<float> logits, ref SplitMix64 stream, double progress, int stay)
        {
            for (var i = 0; i < length; i++)
            {
                _confidence[i] = double.PositiveInfinity;
                if (map[i] != model.CodebookSize) continue;
                CodeDistribution.Probabilities(logits.Slice(i * model.CodebookSize, model.CodebookSize), sampling, _probabilities);
                map[i] = CodeDistribution.Draw(_probabilities, stream.NextDouble());
                var gumbel = -Math.Log(-Math.Log(Math.Max(stream.NextDouble(), 1e-300)));
                _confidence[i] = rank.Length > 0 ? -rank[i]
                    : Math.Log(Math.Max(_probabilities[map[i]], 1e-300)) + (choiceTemperature * (1 - progress) * gumbel);
            }
            if (stay == 0) return;
            for (var i = 0; i < length; i++) _order[i] = i;
            Array.Sort((double[])_confidence.Clone(), _order);
            for (var i = 0; i < stay; i++) map[_order[i]] = model.CodebookSize;
        }
    }
}
