using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// A bottleneck that replaces vectors by the nearest of finitely many values. Every quantizer gives back the same things:
/// values, indices, a loss with its terms, and statistics; every index decodes to its value again. One of your own gives
/// <see cref="QuantizeRows"/> and <see cref="DecodeRows"/>.
/// </summary>
/// <remarks>
/// Computation is in float32 (float64 when the input or the module is in float64) whatever the input's precision: half precision cannot
/// tell near codes apart. The values have the input's type; a codebook stays in float32 when its module is converted to half precision.
/// In training mode (<c>train()</c>) a call may update the codebook; in evaluation mode it changes nothing.
/// </remarks>
public abstract class Quantizer : nn.Module<Tensor, QuantizerOutput>
{
    /// <summary>Names the module.</summary>
    protected Quantizer(string name)
        : base(name)
    {
    }

    /// <summary>Numbers per vector, D.</summary>
    public abstract long Width { get; }

    /// <summary>
    /// How many codes each index of a vector chooses from; a plain quantizer has one entry, a residual one an entry a stage.
    /// </summary>
    public abstract IReadOnlyList<long> CodebookSizes { get; }

    /// <summary>
    /// Sides of the square maps of codes that stand for one map of vectors, the coarsest first; empty where every vector has codes of its
    /// own. With scales the input is [N, S, S, D], S the last of them, and the indices are int64 [N, L]: the maps of codes one after the
    /// other, each in raster order, L the sum of the sides' squares.
    /// </summary>
    public virtual IReadOnlyList<int> Scales => [];

    /// <summary>
    /// Bits that the indices of one vector hold: the sum of log2 of <see cref="CodebookSizes"/>; with <see cref="Scales"/> those of a map,
    /// shared among its vectors.
    /// </summary>
    public double BitsPerVector =>
        CodebookSizes.Sum(size => Math.Log2(size)) * (Scales.Count == 0 ? 1 : CodesOfMap / (Scales[^1] * (double)Scales[^1]));

    /// <summary>What to do with vectors that are not finite.</summary>
    public NonFinitePolicy NonFinite { get; set; } = NonFinitePolicy.Throw;

    /// <summary>Quantizes vectors that lie in the last dimension.</summary>
    /// <param name="input">Vectors [..., D], floating point; [D] is one vector.</param>
    public override QuantizerOutput forward(Tensor input) => Quantize(input);

    /// <summary>Quantizes vectors that lie in the last dimension.</summary>
    /// <param name="input">Vectors [..., D], floating point.</param>
    /// <param name="mask">Which vectors count, bool [...]; null for all. The others get index -1 and value 0 and touch nothing.</param>
    /// <exception cref="ShapeException">The last dimension is not <see cref="Width"/>, or the mask has another shape.</exception>
    /// <exception cref="ArgumentException">The mask keeps nothing, or a vector is not finite and <see cref="NonFinite"/> says to
    /// throw.</exception>
    public QuantizerOutput Quantize(Tensor input, Tensor? mask = null)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() < 1 || input.size(-1) != Width)
            throw Shape.Wrong(input, $"[..., {Width}]",
                $"The quantizer takes vectors of width {Width} in the last dimension; for [N, {Width}, H, W] maps call QuantizeMap.");
        if (!input.is_floating_point())
            throw new ArgumentException($"input is {input.dtype}; expected a floating point type.", nameof(input));
        if (Scales.Count > 0) CheckMaps(input, mask);
        using var scope = NewDisposeScope();
        var positions = input.shape[..^1];
        var rows = input.reshape(-1, Width);
        rows = rows.to(WorkingType(input.dtype));
        var count = rows.size(0);
        if (count == 0) throw Shape.Wrong(input, "at least one vector");
        var kept = KeptRows(rows, positions, mask, out var notFinite);
        long[]? positionsKept = null;
        if (kept is not null)
        {
            positionsKept = TensorSpans.Of<long>(kept).ToArray();
            kept = kept.to(rows.device);
            rows = rows.index_select(0, kept);
        }

        var result = QuantizeRows(
            new RowBatch(rows, positionsKept, positions.Length == 0 ? 1 : count / positions[0],
                positions.Length == 0 ? 1 : (int)positions[0]));
        var error = result.Error ?? MeanSquaredError(result.Codes ?? result.Values, rows);
        var usage = Usage(result.Indices);
        var learned = result.Learn?.Invoke();
        var values = result.Values;
        var indices = result.Indices;
        if (kept is not null)
        {
            values = zeros([count, Width], dtype: values.dtype, device: values.device).index_add(0, kept, values, 1);
            indices = full([count, indices.size(1)], -1L, dtype: ScalarType.Int64, device: indices.device).index_copy_(0, kept, indices);
        }
        var output = new QuantizerOutput(
            values.reshape(input.shape).to(input.dtype),
            indices.reshape(IndexShape(positions)),
            Total(result.Terms, rows),
            result.Terms,
            new QuantizerStatistics(usage, learned?.Restarted ?? 0, notFinite, error, learned?.Warnings ?? []));
        output.MoveToOuterScope();
        return output;
    }

    /// <summary>Quantizes a map: one vector per position, channels in dimension 1.</summary>
    /// <param name="map">[N, D, L], [N, D, H, W] or [N, D, T, H, W].</param>
    /// <param name="mask">Which positions count, bool [N, L], [N, H, W] ...; null for all.</param>
    /// <returns>Values in the map's shape; indices [N, H, W] (and the stages at the end when there are several).</returns>
    public QuantizerOutput QuantizeMap(Tensor map, Tensor? mask = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.dim() < 3 || map.size(1) != Width) throw Shape.Wrong(map, $"[N, {Width}, ...]");
        using var scope = NewDisposeScope();
        var output = Quantize(map.movedim([1], [-1]), mask);
        output = output with { Quantized = output.Quantized.movedim([-1], [1]) };
        output.MoveToOuterScope();
        return output;
    }

    /// <summary>
    /// How far vectors are from given codes: the mean cross-entropy in nats of the codes' likenesses (minus the distance, the inner
    /// product, or a classifier's logits) to indices, over those that are not -1.
    /// Teaches an encoder to reach codes that are known, such as another model's. Stages count each by itself, on what the given codes of
    /// the stages before leave.
    /// </summary>
    /// <param name="input">Vectors [..., D], floating point.</param>
    /// <param name="indices">int64 [...], or [..., S] when a vector has S indices; -1 counts nowhere.</param>
    /// <returns>A float scalar with gradient to the input.</returns>
    /// <exception cref="ArgumentException">An index is out of range, or none counts.</exception>
    /// <exception cref="NotSupportedException">The quantizer has no table of codes (finite scalar, lookup free).</exception>
    public Tensor CrossEntropy(Tensor input, Tensor indices)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(indices);
        if (input.dim() < 1 || input.size(-1) != Width) throw Shape.Wrong(input, $"[..., {Width}]");
        if (Scales.Count > 0) CheckMaps(input, null);
        var stages = CodebookSizes.Count;
        var expected = IndexShape(input.shape[..^1]);
        if (!indices.shape.SequenceEqual(expected)) throw Shape.Wrong(indices, Shape.Text(expected), "One index per vector and stage.");
        CodeRange.Check(indices, CodebookSizes, nameof(indices), none: true);
        using var scope = NewDisposeScope();
        var rows = input.reshape(-1, Width);
        var given = indices.reshape(-1, Scales.Count > 0 ? CodesOfMap : stages);
        if (!given.ge(0).any().ToBoolean()) throw new ArgumentException("indices are -1 everywhere: nothing counts.", nameof(indices));
        return CrossEntropyOfRows(rows.to(WorkingType(input.dtype)), given).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Keeps every codebook inside as it is in training calls, or lets it learn again; see <see cref="Codebook.Frozen"/>.
    /// </summary>
    public void FreezeCodebooks(bool frozen = true)
    {
        foreach (var codebook in modules().OfType<Codebook>()) codebook.Frozen = frozen;
    }

    /// <summary>See <see cref="CrossEntropy"/>; rows [N, D], indices [N, S].</summary>
    internal virtual Tensor CrossEntropyOfRows(Tensor rows, Tensor indices)
    {
        var logits = Likeness(rows)
            ?? throw new NotSupportedException(
                $"{GetType().Name} has no table of codes whose likeness could be told; quantizers with codes (vector, sim-vq, "
                    + $"index-backpropagation, gumbel) and stages or heads of them do.");
        return nn.functional.cross_entropy(logits, indices.reshape(-1), ignore_index: -1);
    }

    /// <summary>How like each code is to rows [N, D], as logits [N, K]; null when there is no table of codes.</summary>
    internal virtual Tensor? Likeness(Tensor rows) => null;

    /// <summary>Minus the distances of rows [N, D] to codes [K, D], or their products.</summary>
    internal static Tensor Likeness(Tensor rows, Tensor codes, CodeMetric metric)
    {
        var product = rows.MatMul(codes.t());
        if (metric == CodeMetric.InnerProduct) return product;
        var squared = rows.square().sum(1, true) - (2 * product) + codes.square().sum(1);
        return -squared.clamp_min(1e-8).sqrt();
    }

    /// <summary>The values of indices: what a decoder gets when codes come from a file or a prior.</summary>
    /// <param name="indices">int64 [...], or [..., S] when a vector has S indices; a residual quantizer also takes fewer stages. -1 stands
    /// for none and decodes to 0.</param>
    /// <returns>Values [..., D].</returns>
    /// <exception cref="ArgumentException">An index is out of range; the message gives its position and value.</exception>
    public Tensor Decode(Tensor indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        using var scope = NewDisposeScope();
        var stages = CodebookSizes.Count;
        if (Scales.Count > 0)
        {
            Shape.Expect(indices, "N L", ("L", CodesOfMap));
            CodeRange.Check(indices, CodebookSizes, nameof(indices), none: true);
            return DecodeRows(indices).reshape(indices.size(0), Scales[^1], Scales[^1], Width).MoveToOuterDisposeScope();
        }
        var given = stages == 1 ? 1 : indices.dim() > 0 ? indices.size(-1) : 0;
        if (given < 1 || given > stages || (given < stages && !AcceptsFewerStages))
            throw Shape.Wrong(indices, $"[..., {stages}]: one index per stage");
        var positions = stages == 1 ? indices.shape : indices.shape[..^1];
        var rows = indices.reshape(-1, given);
        CodeRange.Check(indices, [.. CodebookSizes.Take((int)given)], nameof(indices), none: true);
        return DecodeRows(rows).reshape([.. positions, Width]).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Decode"/>, with the vectors in dimension 1: indices [N, H, W] give [N, D, H, W].</summary>
    public Tensor DecodeMap(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return Decode(indices).movedim([-1], [1]).MoveToOuterDisposeScope();
    }

    /// <summary>Whether an index list may be cut short.</summary>
    internal virtual bool AcceptsFewerStages => false;

    /// <summary>Makes ready what depends on the first vectors: a codebook that starts by k-means. Only in training mode.</summary>
    internal virtual void Prepare(Tensor rows)
    {
    }

    /// <summary>
    /// The codes [K, D] that a vector's nearest is taken of, with gradient where they learn by one; null when there is no such table.
    /// </summary>
    internal virtual Tensor? Table(ScalarType type) => null;

    /// <summary>Quantizes the vectors that take part.</summary>
    protected internal abstract RowResult QuantizeRows(RowBatch batch);

    /// <summary>
    /// Values [N, D] of indices [N, S]; with <see cref="Scales"/> [N S², D] of indices [N, L]. Every index is in range or -1.
    /// </summary>
    protected internal abstract Tensor DecodeRows(Tensor indices);

    private long CodesOfMap => Scales.Sum(side => (long)side * side);

    private long[] IndexShape(long[] positions) =>
        Scales.Count > 0 ? [positions[0], CodesOfMap] : CodebookSizes.Count == 1 ? positions : [.. positions, CodebookSizes.Count];

    private void CheckMaps(Tensor input, Tensor? mask)
    {
        var side = Scales[^1];
        if (input.dim() != 4 || input.size(1) != side || input.size(2) != side)
            throw Shape.Wrong(input, $"[N, {side}, {side}, {Width}]",
                $"The scales [{string.Join(", ", Scales)}] code whole maps, of the last one's size; for [N, {Width}, {side}, {side}] maps "
                    + $"call QuantizeMap.");
        if (mask is not null)
            throw new ArgumentException("mask was given; codes over scales stand for whole maps: leave it out.", nameof(mask));
    }

    /// <summary>Histograms of indices: of [N, S] one per column, of [N, L] one per scale; -1 counts nowhere.</summary>
    private CodeUsage[] Usage(Tensor indices)
    {
        using var scope = NewDisposeScope();
        if (Scales.Count > 0)
        {
            int[] lengths = [.. Scales.Select(side => side * side)];
            return [.. Enumerable.Range(0, lengths.Length)
                .Select(k => UsageOf(indices.narrow(1, lengths.Take(k).Sum(), lengths[k]), [CodebookSizes[0]])[0])];
        }
        return UsageOf(indices, CodebookSizes);
    }

    private static CodeUsage[] UsageOf(Tensor indices, IReadOnlyList<long> sizes)
    {
        var all = TensorSpans.Of<long>(indices.cpu().contiguous());
        var usage = new CodeUsage[sizes.Count];
        for (var s = 0; s < usage.Length; s++)
        {
            usage[s] = new CodeUsage(sizes[s]);
            for (var i = s; i < all.Length; i += usage.Length)
            {
                if (all[i] >= 0) usage[s].Add(all[i]);
            }
        }
        return usage;
    }

    private ScalarType WorkingType(ScalarType input)
        => input == ScalarType.Float64 || parameters().Concat(buffers()).Any(t => t.dtype == ScalarType.Float64) ? ScalarType.Float64
            : ScalarType.Float32;

    private static Tensor Total(IReadOnlyList<LossTerm> terms, Tensor rows)
    {
        var total = zeros(Array.Empty<long>(), dtype: rows.dtype, device: rows.device);
        foreach (var term in terms)
        {
            if (term.Weight != 0) total = total + (term.Value * term.Weight);
        }
        return total;
    }

    private static double MeanSquaredError(Tensor values, Tensor rows)
    {
        using var noGrad = no_grad();
        return nn.functional.mse_loss(values.detach(), rows.detach()).ToDouble();
    }

    private static bool AllFinite(Tensor rows)
    {
        if (rows.device_type == DeviceType.CPU && rows.dtype == ScalarType.Float32)
            return FloatRows.FirstNotFinite(TensorSpans.Of<float>(rows.detach().contiguous())) < 0;
        return rows.detach().isfinite().all().ToBoolean();
    }

    private Tensor? KeptRows(Tensor rows, long[] positions, Tensor? mask, out long notFinite)
    {
        notFinite = 0;
        Tensor? keep = null;
        if (mask is not null)
        {
            if (mask.dtype != ScalarType.Bool) throw new ArgumentException($"mask is {mask.dtype}; expected Bool.", nameof(mask));
            if (!mask.shape.AsSpan().SequenceEqual(positions))
                throw Shape.Wrong(mask, Shape.Text(positions), "A mask has the shape of the input without its vector dimension.");
            keep = mask.reshape(-1).cpu();
            if (!keep.any().ToBoolean())
                throw new ArgumentException("mask keeps no vector: there is nothing to quantize. Leave such a batch out.", nameof(mask));
        }
        using var noGrad = no_grad();
        if (!AllFinite(rows))
        {
            var finite = rows.detach().isfinite().all(1).cpu();
            var bad = keep is null ? finite.logical_not() : keep.logical_and(finite.logical_not());
            notFinite = bad.sum().ToInt64();
            if (notFinite > 0 && (NonFinite == NonFinitePolicy.Throw || Scales.Count > 0))
            {
                var first = bad.to(ScalarType.Int64).argmax().ToInt64();
                throw new ArgumentException(
                    $"{notFinite} of {rows.size(0)} vectors of the input hold NaN or an infinity, the first at position "
                        + $"{CodeRange.Position(first, positions)}. Nothing was changed. Look for a diverging encoder (lower the learning "
                        + $"rate, clip gradients){(Scales.Count > 0 ? "." : ", or set NonFinite = Skip.")}");
            }
            keep = keep is null ? finite : keep.logical_and(finite);
            if (!keep.any().ToBoolean()) throw new ArgumentException("No vector of the input is finite: there is nothing to quantize.");
        }
        return keep?.nonzero().reshape(-1);
    }
}
