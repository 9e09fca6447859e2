using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A learned distribution over maps of codes, one code after another in raster order: p(c) = product of p(c_i | c_1..c_(i-1), condition).
/// The output at a position depends on the codes before it alone. A condition is a class, int64 [B], or a caption, int64 [B, T]: the
/// numbers of its words, from 1, and zeros behind them.
/// </summary>
public abstract class CodePrior : nn.Module<Tensor, Tensor?, Tensor>
{
    /// <summary>Names the module and says what it models.</summary>
    protected CodePrior(string name, PriorOptions options)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ThrowIfInvalid();
        (CodebookSize, Condition) = (options.CodebookSize, new CodeCondition(options));
    }

    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize { get; }

    /// <summary>Class labels it is conditioned on; 0 for none.</summary>
    public int Classes => Condition.Classes;

    /// <summary>How captions are read; null when it is not conditioned on them.</summary>
    public CaptionEncoderOptions? Captions => Condition.Captions;

    /// <summary>What it is told of a map.</summary>
    private protected CodeCondition Condition { get; }

    /// <summary>Logits of every position's code, given the codes before it.</summary>
    /// <param name="codes">int64 [B, H, W], 0 to K - 1.</param>
    /// <param name="condition">Classes int64 [B] or captions int64 [B, T]; null exactly when it is conditioned on neither.</param>
    /// <returns>[B, K, H, W].</returns>
    /// <exception cref="ArgumentException">A code, class or word is out of range; the message gives its position and value.</exception>
    public override Tensor forward(Tensor codes, Tensor? condition)
    {
        Shape.Expect(codes, "B H W");
        CodeRange.Check(codes, [CodebookSize], nameof(codes));
        Condition.Check(condition, codes.size(0));
        return Logits(codes, condition);
    }

    /// <summary>Minus log probability in nats of every code, [B, H, W].</summary>
    public Tensor NegativeLogLikelihood(Tensor codes, Tensor? condition = null)
    {
        using var scope = NewDisposeScope();
        var log = call(codes, condition).log_softmax(1);
        return (-log.gather(1, codes.unsqueeze(1)).squeeze(1)).MoveToOuterDisposeScope();
    }

    /// <summary>Starts to generate maps position by position.</summary>
    public CodeSession Begin(long batch, long height, long width, Tensor? condition = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batch);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        Condition.Check(condition, batch);
        return OpenSession(batch, height, width, condition);
    }

    /// <summary>Draws new maps. The same seed gives the same maps; the maps of a batch have streams of their own.</summary>
    /// <param name="batch">Maps.</param>
    /// <param name="height">H.</param>
    /// <param name="width">W.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="condition">Classes int64 [B] or captions int64 [B, T]; null when unconditional.</param>
    /// <param name="sampling">Temperature, top-k, top-p.</param>
    /// <param name="prefix">Codes int64 [B, n] of the first n positions in raster order, which stay; the rest is drawn after them. With the
    /// seed that drew a map, its own beginning gives the map again.</param>
    /// <param name="guidance">How far the logits go beyond those of the condition, away from those of <paramref name="away"/>:
    /// c + guidance (c - u), 0 for none (Ho and Salimans 2022, arXiv:2207.12598).</param>
    /// <param name="away">The condition that guidance goes away from: what stood in training for maps without one, a class of its own or a
    /// caption of zeros.</param>
    /// <param name="cancellation">Stops between positions.</param>
    /// <returns>Codes int64 [B, H, W].</returns>
    public Tensor Sample(
        long batch,
        long height,
        long width,
        ulong seed,
        Tensor? condition = null,
        CodeSampling? sampling = null,
        Tensor? prefix = null,
        double guidance = 0,
        Tensor? away = null,
        CancellationToken cancellation = default)
    {
        if (!(guidance >= 0) || double.IsInfinity(guidance))
            throw new ArgumentOutOfRangeException(nameof(guidance), guidance, "Guidance is 0 or greater, and finite.");
        if (guidance > 0 && (condition is null || away is null))
            throw new ArgumentException($"guidance is {guidance}; it needs a condition, and the one that it goes away from.", nameof(away));
        sampling = (sampling ?? new CodeSampling()).ThrowIfInvalid();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var given = Prefix(prefix, batch, height * width);
        using var session = Begin(batch, height, width, condition);
        using var other = guidance > 0 ? Begin(batch, height, width, away) : null;
        var streams = new SplitMix64[batch];
        for (var b = 0; b < batch; b++) streams[b] = SplitMix64.ForIndex(seed, (ulong)b);
        var result = new long[batch * height * width];
        var probabilities = new double[CodebookSize];
        for (var position = 0L; position < height * width; position++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var next = new long[batch];
            var raw = session.Next().to(ScalarType.Float32);
            if (other is not null) raw = raw + ((raw - other.Next().to(ScalarType.Float32)) * guidance);
            var logits = TensorSpans.Of<float>(raw.cpu().contiguous());
            for (var b = 0; b < batch; b++)
            {
                CodeDistribution.Probabilities(logits.Slice(b * CodebookSize, CodebookSize), sampling, probabilities);
                var drawn = CodeDistribution.Draw(probabilities, streams[b].NextDouble());
                next[b] = position < given.GetLength(1) ? given[b, position] : drawn;
                result[(b * height * width) + position] = next[b];
            }
            session.Accept(next);
            other?.Accept(next);
        }
        return tensor(result, [batch, height, width]).MoveToOuterDisposeScope();
    }

    /// <summary>Refuses a condition that is not one of this prior's, for so many maps.</summary>
    internal void CheckCondition(Tensor? condition, long batch) => Condition.Check(condition, batch);

    private long[,] Prefix(Tensor? prefix, long batch, long length)
    {
        if (prefix is null) return new long[batch, 0];
        Shape.Expect(prefix, "B n", ("B", batch));
        if (prefix.size(1) > length)
            throw new ArgumentException($"prefix has {prefix.size(1)} codes; the maps have {length}.", nameof(prefix));
        CodeRange.Check(prefix, [CodebookSize], nameof(prefix));
        using var scope = NewDisposeScope();
        var codes = TensorSpans.Of<long>(prefix.cpu().contiguous());
        var given = new long[batch, prefix.size(1)];
        for (var i = 0; i < codes.Length; i++) given[i / prefix.size(1), i % prefix.size(1)] = codes[i];
        return given;
    }

    /// <summary>
    /// The same model in arithmetic of a fixed order, with a copy of the weights as they are now: what files are coded with.
    /// </summary>
    internal ExactPrior Exact() => ToExact();

    /// <summary>See <see cref="Exact"/>.</summary>
    private protected abstract ExactPrior ToExact();

    /// <summary>The logits, for checked arguments.</summary>
    private protected abstract Tensor Logits(Tensor codes, Tensor? condition);

    /// <summary>A session; one that repeats the full pass unless the model has something better.</summary>
    private protected virtual CodeSession OpenSession(long batch, long height, long width, Tensor? condition) =>
        new FullPassSession(this, batch, height, width, condition);

    /// <summary>A session that runs the whole model for every position: the yardstick for caches.</summary>
    internal CodeSession BeginFullPass(long batch, long height, long width, Tensor? condition = null) =>
        new FullPassSession(this, batch, height, width, condition);
}
