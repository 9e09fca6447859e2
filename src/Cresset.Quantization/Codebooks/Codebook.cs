using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>A learned table of K codes of width D with the statistics that keep it alive: average counts, average sums, restarts.</summary>
/// <remarks>
/// State-dict keys: <c>embed</c> (codes), <c>cluster_size</c>, <c>embed_avg</c>, <c>initted</c>, <c>steps</c>, <c>stream.state</c>.
/// </remarks>
public sealed class Codebook : nn.Module, IPoolsExamples
{
    [ComponentName(Name = "embed")]
    private readonly Tensor _codes;
    [ComponentName(Name = "cluster_size")]
    private readonly Tensor _counts;
    [ComponentName(Name = "embed_avg")]
    private readonly Tensor _sums;
    [ComponentName(Name = "initted")]
    private readonly Tensor _initialized;
    [ComponentName(Name = "steps")]
    private readonly Tensor _steps;
    [ComponentName(Name = "stream")]
    private readonly CountedStream _stream;

    /// <summary>Draws the first codes from the generator (seed 0 when null).</summary>
    public Codebook(CodebookOptions options, Generator? generator = null)
        : base(nameof(Codebook))
    {
        Options = options.ThrowIfInvalid();
        using var scope = NewDisposeScope();
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        long size = options.Size, width = options.Width;
        var codes = empty(size, width);
        var bound = options.Start == CodebookStart.KaimingUniform ? Math.Sqrt(6.0 / (size * width)) : 1.0 / size;
        if (options.Start == CodebookStart.Normal) Initialize.Normal(codes, generator: generator);
        else Initialize.Uniform(codes, -bound, bound, generator);
        if (options.Similarity == CodeSimilarity.Cosine) codes = UnitVectors.Of(codes);
        codes = codes.detach();
        var debiased = options.AverageStart == AverageStart.Debiased;
        _counts = (debiased ? zeros(size) : ones(size)).DetachFromDisposeScope();
        _sums = (debiased ? zeros_like(codes) : codes.clone()).DetachFromDisposeScope();
        _codes = (options.Learning == CodebookLearning.Gradient ? new Parameter(codes) : codes).DetachFromDisposeScope();
        _initialized = tensor(options.KMeansIterations == 0).DetachFromDisposeScope();
        _steps = zeros(1, dtype: ScalarType.Int64).DetachFromDisposeScope();
        _stream = new CountedStream(generator);
        RegisterComponents();
    }

    /// <summary>The options it was made from.</summary>
    public CodebookOptions Options { get; }

    /// <summary>The codes [K, D]: a parameter when they learn by gradient, else a buffer. Owned by the module.</summary>
    public Tensor Codes => _codes;

    /// <summary>Average number of vectors per batch that chose each code [K]. Owned by the module.</summary>
    public Tensor ClusterSize => _counts;

    /// <summary>Average sum of the vectors that chose each code [K, D]. Owned by the module.</summary>
    public Tensor ClusterSum => _sums;

    /// <summary>
    /// While true a training call changes nothing in the codebook: no averages, no restarts, no start by k-means, no gradient to the codes.
    /// <see cref="Learn"/> still does.
    /// </summary>
    public bool Frozen { get; set; }

    /// <inheritdoc/>
    Func<Tensor, Tensor>? IPoolsExamples.Pool { get; set; }

    internal CountedStream Stream => _stream;

    internal CodeMetric Metric => Options.Similarity == CodeSimilarity.Euclidean ? CodeMetric.Euclidean : CodeMetric.InnerProduct;

    // Centres and codes that keep their lengths are means of vectors.
    private CodeSimilarity Centres => Options.Similarity == CodeSimilarity.Cosine ? CodeSimilarity.Cosine : CodeSimilarity.Euclidean;

    /// <summary>Puts other codes in place and restarts the averages from them.</summary>
    /// <param name="codes">[K, D]; scaled to length one under cosine similarity.</param>
    /// <exception cref="ArgumentException">A code is not finite, or has no direction under cosine similarity.</exception>
    public void SetCodes(Tensor codes)
    {
        Shape.Expect(codes, "K D", [("K", Options.Size), ("D", Options.Width)]);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!codes.isfinite().all().ToBoolean()) throw new ArgumentException("The codes hold NaN or an infinity.", nameof(codes));
        if (Options.Similarity != CodeSimilarity.Euclidean)
        {
            var shortest = codes.norm(1).min().ToDouble();
            if (shortest < UnitVectors.Smallest)
                throw new ArgumentException($"A code has length {shortest:G3}; under cosine similarity a code needs a direction.",
                    nameof(codes));
            if (Options.Similarity == CodeSimilarity.Cosine) codes = UnitVectors.Of(codes);
        }
        _codes.copy_(codes);
        if (Options.AverageStart == AverageStart.Debiased)
        {
            _counts.zero_();
            _sums.zero_();
        }
        else
        {
            _counts.fill_(1);
            _sums.copy_(codes);
        }
        _steps.zero_();
        _initialized.fill_(true);
    }

    /// <summary>The vectors in the space of the codes: scaled to length one under cosine similarity, else as they are.</summary>
    public Tensor Transform(Tensor rows) => Options.Similarity == CodeSimilarity.Cosine ? UnitVectors.Of(rows) : rows.alias();

    /// <summary>Vectors or codes as the search compares them: by their directions where those decide alone.</summary>
    internal Tensor Compared(Tensor vectors) => Options.Similarity == CodeSimilarity.Angle ? UnitVectors.Of(vectors) : vectors.alias();

    /// <summary>
    /// One step of the averages, codes and restarts by hand, for vectors and the codes that they chose: what a training call does unless
    /// the codebook is <see cref="Frozen"/>.
    /// Codes that learn by gradient are restarted only.
    /// </summary>
    /// <param name="vectors">[N, D], finite.</param>
    /// <param name="indices">int64 [N], 0 to K - 1; null takes the nearest codes.</param>
    /// <returns>Codes that were moved to a vector.</returns>
    /// <exception cref="ArgumentException">A vector is not finite, or an index is out of range.</exception>
    public int Learn(Tensor vectors, Tensor? indices = null)
    {
        Shape.Expect(vectors, "N D", ("D", Options.Width));
        if (vectors.size(0) == 0) return 0;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        if (!vectors.isfinite().all().ToBoolean())
            throw new ArgumentException("The vectors hold NaN or an infinity; nothing was changed.", nameof(vectors));
        var rows = Transform(vectors.detach().to(_codes.dtype));
        if (indices is not null)
        {
            Shape.Expect(indices, "N", ("N", vectors.size(0)));
            CodeRange.Check(indices, [Options.Size], nameof(indices));
        }
        else
        {
            Begin(rows);
            indices = CodeSearch.Nearest(Compared(rows), Compared(EffectiveCodes(rows.dtype)), Metric);
        }
        return Step(rows, indices);
    }

    /// <summary>True when a training call writes into the codes.</summary>
    internal bool ChangesInForward => !Frozen && (Options.Learning == CodebookLearning.MovingAverage || Options.RestartShare > 0);

    /// <summary>The codes as they are compared and read: of length one under cosine similarity. Differentiable.</summary>
    /// <param name="type">The type of the vectors.</param>
    /// <param name="copied">A copy, which a graph may keep while the codes change.</param>
    internal Tensor EffectiveCodes(ScalarType type, bool copied = false)
    {
        var codes = _codes.dtype != type ? _codes.to(type) : copied ? _codes.clone() : _codes.alias();
        if (Frozen) codes = codes.detach();
        return Options.Similarity == CodeSimilarity.Cosine && Options.Learning == CodebookLearning.Gradient ? UnitVectors.Of(codes) : codes;
    }

    /// <summary>True until the first training batch has placed the codes.</summary>
    internal bool AwaitsVectors => !Frozen && !_initialized.ToBoolean();

    /// <summary>Places the codes by k-means on the first training batch, once.</summary>
    internal void InitializeFrom(Tensor rows)
    {
        if (!Frozen) Begin(rows);
    }

    private void Begin(Tensor rows)
    {
        if (_initialized.ToBoolean()) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        rows = Pooled(rows.detach());
        var (centres, counts) = KMeans.Lloyd(rows, KMeans.Start(rows, Options.Size, _stream.Next(), Centres), Options.KMeansIterations,
            Centres);
        var even = (double)rows.size(0) / Options.Size;
        var empty = counts.eq(0).nonzero().reshape(-1);
        if (even >= 1 && empty.size(0) > 0)
        {
            // Two centres began on equal vectors: the one that got nothing begins again elsewhere.
            centres.index_copy_(0, empty, Draw(rows, (int)empty.size(0)));
            counts.index_fill_(0, empty, even);
        }
        _codes.copy_(centres);
        if (Options.AverageStart == AverageStart.Codes)
        {
            _counts.copy_(counts);
            _sums.copy_(centres * counts.unsqueeze(1));
        }
        _initialized.fill_(true);
    }

    /// <summary>
    /// One training step of the averages, codes and restarts for rows and the indices they chose. Returns the number of restarted codes.
    /// </summary>
    internal int Update(Tensor rows, Tensor indices) => Frozen ? 0 : Step(rows, indices);

    private int Step(Tensor rows, Tensor indices)
    {
        var average = Options.Learning == CodebookLearning.MovingAverage;
        if (!average && Options.RestartShare == 0) return 0;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        (rows, indices) = (Pooled(rows.detach()), Pooled(indices));
        var (hits, sums) = CodeSearch.Segments(rows, indices, Options.Size);
        _counts.mul_(Options.Decay).add_(hits, alpha: 1 - Options.Decay);
        _sums.mul_(Options.Decay).add_(sums, alpha: 1 - Options.Decay);
        _steps.add_(1);
        if (average) AverageCodes();
        return Options.RestartShare > 0 ? Restart(rows, indices) : 0;
    }

    // Where several processes share a batch, every one learns from all of it, and so comes to the same codes.
    private Tensor Pooled(Tensor own) => ((IPoolsExamples)this).Pool?.Invoke(own) ?? own;

    /// <summary>
    /// The codebook stays in float32 when its module goes to half precision: the averages move by a hundredth a step, which half precision
    /// rounds to nothing, and near codes would become equal.
    /// </summary>
    protected override void _toEpilog(ScalarType? dtype, Device? device, bool non_blocking)
        => base._toEpilog(dtype is ScalarType.Float16 or ScalarType.BFloat16 ? ScalarType.Float32 : dtype, device, non_blocking);

    private void AverageCodes()
    {
        // Sonnet's debiasing divides both averages by 1 - decay^t: they start at zero.
        var bias = Options.AverageStart == AverageStart.Debiased ? 1 - Math.Pow(Options.Decay, _steps.ToInt64()) : 1;
        var counts = _counts / bias;
        var total = counts.sum();
        var smoothed = (counts + Options.Epsilon) / (total + (Options.Size * Options.Epsilon)) * total;
        var codes = _sums / bias / smoothed.clamp_min(float.Epsilon).unsqueeze(1);
        if (Options.Similarity == CodeSimilarity.Cosine) codes = UnitVectors.Of(codes);
        _codes.copy_(where(smoothed.unsqueeze(1) > 0, codes, _codes));
    }

    private int Restart(Tensor rows, Tensor indices)
    {
        // Relative to an even spread: an absolute count restarts nearly every code when a batch has few vectors per code.
        var even = (double)rows.size(0) / Options.Size;
        // First codes begin with a count of one; where the spread is greater they would look dead at once. What is left of the one counts
        // as a spread.
        var start = even > 1 ? Math.Pow(Options.Decay, _steps.ToInt64()) * (even - 1) : 0;
        var dead = (int)(_counts < (Options.RestartShare * even) - start).sum().ToInt64();
        // Never two codes on one vector: the second would not be chosen. What is left over has its turn in the next batch.
        var count = Math.Min(dead, (int)rows.size(0));
        if (count == 0) return 0;
        var which = _counts.sort(0, false, true).Indices.narrow(0, 0, count);
        var errors = (rows - CodeLookup.Values(EffectiveCodes(rows.dtype), indices)).to(ScalarType.Float64).square().sum(1).cpu()
            .contiguous();
        var stream = _stream.Next();
        var vectors = rows.index_select(0,
            tensor(DistanceDraw.Draw(TensorSpans.Of<double>(errors), count, ref stream), device: rows.device)).to(_codes.dtype);
        // All three, or the next moving-average step would undo the restart.
        _codes.index_copy_(0, which, vectors);
        _counts.index_fill_(0, which, even);
        _sums.index_copy_(0, which, vectors * even);
        return count;
    }

    /// <summary>Rows drawn without repetition while there are enough.</summary>
    private Tensor Draw(Tensor rows, int count)
    {
        var stream = _stream.Next();
        var available = (int)rows.size(0);
        var chosen = new long[count];
        if (available >= count)
        {
            var order = new int[available];
            for (var i = 0; i < available; i++) order[i] = i;
            for (var i = 0; i < count; i++)
            {
                var j = i + stream.NextInt32(available - i);
                (order[i], order[j]) = (order[j], order[i]);
                chosen[i] = order[i];
            }
        }
        else
        {
            for (var i = 0; i < count; i++) chosen[i] = stream.NextInt32(available);
        }
        return rows.index_select(0, tensor(chosen, device: rows.device));
    }
}
