using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Range-codes maps of codes with a prior: the size comes within a fraction of a percent of the prior's own entropy.
/// The stages of a residual code lie side by side in the prior's map ([H, W * stages]).
/// </summary>
/// <remarks>
/// Probabilities come from arithmetic of a fixed order (float32 without fused operations, the functions as polynomials of float64), not
/// from libtorch: a file is read back on any processor, with any number of threads and whatever other maps are coded beside it. The coder
/// holds a copy of the weights as they were when it was made.
/// </remarks>
public sealed class PriorCoder : ICodeCoder
{
    private const int TotalBits = 24;
    private const int LargestCodebook = 1 << 22;
    private readonly CodePrior _prior;
    private readonly long[]? _condition;
    private readonly int _each = 1;
    private readonly ExactPrior _exact;
    private readonly Lock _likelihood = new();

    /// <summary>Codes with <paramref name="prior"/>.</summary>
    /// <param name="prior">The prior; its weights must be finite.</param>
    /// <param name="condition">
    /// Classes int64 [maps of the file], which the reader must know too. Null for a prior with classes: each map is then coded under the
    /// class that makes it likeliest, and each frame begins with these classes, ⌈log2 classes⌉ bits each. For a prior of captions int64
    /// [maps of the file, T], which the frames carry, so that a reader needs none; null codes maps under no caption.
    /// </param>
    public PriorCoder(CodePrior prior, Tensor? condition = null)
    {
        ArgumentNullException.ThrowIfNull(prior);
        if (prior.CodebookSize > LargestCodebook)
            throw new ArgumentException(
                $"The prior knows {prior.CodebookSize} codes; the coder's frequencies, parts of 2^{TotalBits}, tell at most "
                    + $"{LargestCodebook} apart.", nameof(prior));
        if (condition is not null)
        {
            prior.CheckCondition(condition, condition.dim() == 0 ? 0 : condition.size(0));
            using var scope = NewDisposeScope();
            _condition = condition.cpu().contiguous().data<long>().ToArray();
            if (condition.dim() == 2) _each = (int)condition.size(1);
        }
        (_prior, _exact) = (prior, prior.Exact());
    }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Fingerprint => _exact.Fingerprint;

    internal CodePrior Prior => _prior;

    internal long[]? Labels => _condition;

    /// <inheritdoc/>
    public byte[] Encode(CodeFrame frame, ReadOnlySpan<long> codes)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var (height, width) = Layout(frame.MapShape, frame.CodebookSizes);
        var area = checked(height * width);
        if (codes.Length != (long)frame.Maps * area)
            throw new ArgumentException($"{codes.Length} codes; {frame.Maps} maps of {area} codes take {(long)frame.Maps * area}.",
                nameof(codes));
        var all = codes.ToArray();
        var condition = Condition(frame, all, height, width, out var written);
        var encoder = new RangeEncoder();
        var absence = frame.HasNone ? new AbsenceModel(frame.Maps, frame.CodebookSizes.Count) : null;
        Run(frame.Maps, height, width, condition, (map, position, logits, starts) =>
        {
            var code = all[(map * area) + position];
            if (absence is not null)
            {
                absence.Encode(encoder, map, position, code < 0);
                if (code < 0) return -1;
            }
            Frequencies(logits, starts);
            encoder.Encode(starts[code], starts[code + 1] - starts[code], starts[^1]);
            return code;
        });
        return [.. written, .. encoder.Finish()];
    }

    /// <inheritdoc/>
    public long[] Decode(CodeFrame frame, ReadOnlySpan<byte> payload)
    {
        ArgumentNullException.ThrowIfNull(frame);
        var (height, width) = Layout(frame.MapShape, frame.CodebookSizes);
        if ((Int128)height * width * frame.Maps > int.MaxValue)
            throw new ArgumentException($"{frame.Maps} maps of {height} x {width} are more codes than one frame can hold.", nameof(frame));
        var area = height * width;
        var condition = _prior.Captions is { } captions ? CodedCaptions.Read(ref payload, frame.Maps, captions)
            : _prior.Classes == 0 ? [] : _condition is null ? ReadClasses(ref payload, frame.Maps, _prior.Classes) : Given(frame);
        var decoder = new RangeDecoder(payload);
        var absence = frame.HasNone ? new AbsenceModel(frame.Maps, frame.CodebookSizes.Count) : null;
        var codes = new long[checked(frame.Maps * area)];
        Run(frame.Maps, height, width, condition, (map, position, logits, starts) =>
        {
            var code = -1L;
            if (absence is null || !absence.Decode(decoder, map, position))
            {
                Frequencies(logits, starts);
                code = Find(decoder, starts);
            }
            codes[(map * area) + position] = code;
            return code;
        });
        return codes;
    }

    internal static long[] ReadClasses(ref ReadOnlySpan<byte> payload, long maps, int count)
    {
        var bits = BitPacking.BitsFor(count);
        var bytes = BitPacking.ByteCount(maps, [bits]);
        if (payload.Length < bytes)
            throw new InvalidDataException($"The payload has {payload.Length} bytes; the classes of {maps} maps alone take {bytes}.");
        var classes = BitPacking.Unpack(payload, bits, maps);
        if (classes.FirstOrDefault(c => c >= count, -1) is var wrong && wrong >= 0)
            throw new InvalidDataException(
                $"The payload names class {wrong}; the prior has {count}: it is not the one the file was written with.");
        payload = payload[(int)bytes..];
        return classes;
    }

    internal static long Find(RangeDecoder decoder, uint[] starts)
    {
        var found = Array.BinarySearch(starts, decoder.Target(starts[^1]));
        // Between two starts the search gives the complement of the upper one.
        var code = found >= 0 ? found : ~found - 1;
        decoder.Advance(starts[code], starts[code + 1] - starts[code]);
        return code;
    }

    /// <summary>
    /// Cumulative integer frequencies of probabilities; every code keeps at least one part of 2^24, so any code can be coded.
    /// </summary>
    internal static void Frequencies(ReadOnlySpan<double> probabilities, uint[] starts)
    {
        var spread = (1 << TotalBits) - probabilities.Length;
        var sum = 0u;
        for (var k = 0; k < probabilities.Length; k++)
        {
            starts[k] = sum;
            sum += 1 + (uint)(probabilities[k] * spread);
        }
        starts[^1] = sum;
    }

    private static void Frequencies(ReadOnlySpan<float> logits, uint[] starts)
    {
        var greatest = float.NegativeInfinity;
        foreach (var logit in logits)
        {
            if (!float.IsFinite(logit))
                throw new InvalidOperationException(
                    $"The prior gives the logit {logit}: it is damaged, or was trained with too high a learning rate.");
            greatest = logit > greatest ? logit : greatest;
        }
        Span<double> shares = logits.Length <= 1024 ? stackalloc double[logits.Length] : new double[logits.Length];
        var total = 0.0;
        for (var k = 0; k < logits.Length; k++)
        {
            shares[k] = FixedOrder.Exp((double)logits[k] - greatest);
            total += shares[k];
        }
        foreach (ref var share in shares) share /= total;
        Frequencies(shares, starts);
    }

    // What the maps are coded under, and what a frame begins with so that its reader knows it.
    private long[] Condition(CodeFrame frame, long[] codes, int height, int width, out byte[] written)
    {
        written = [];
        if (_prior.Captions is { } captions)
        {
            var words = _condition is null ? [] : Given(frame);
            written = CodedCaptions.Write(words, frame.Maps, captions);
            return words.Length > 0 ? words : new long[frame.Maps];
        }
        if (_prior.Classes == 0) return [];
        if (_condition is not null) return Given(frame);
        var likeliest = LikeliestClasses(codes, frame.Maps, height, width);
        written = BitPacking.Pack(likeliest, BitPacking.BitsFor(_prior.Classes));
        return likeliest;
    }

    private long[] Given(CodeFrame frame) => (frame.FirstMap + frame.Maps) * _each <= _condition!.Length
        ? _condition.AsSpan((int)frame.FirstMap * _each, frame.Maps * _each).ToArray()
        : throw new ArgumentException(
            $"The coder has the {(_prior.Captions is null ? "labels" : "captions")} of {_condition.Length / _each} maps; the file has at "
                + $"least {frame.FirstMap + frame.Maps}.");

    /// <summary>Height and width of the prior's map.</summary>
    internal (int Height, int Width) Layout(IReadOnlyList<long> mapShape, IReadOnlyList<long> sizes)
    {
        if (mapShape.Count is < 1 or > 2)
            throw new ArgumentException($"A prior codes maps [H, W] or sequences [L]; the shape is [{string.Join(", ", mapShape)}].",
                nameof(mapShape));
        if (sizes.Any(s => s > _prior.CodebookSize))
            throw new ArgumentException($"The prior knows {_prior.CodebookSize} codes; the codebooks have {string.Join(", ", sizes)}.",
                nameof(sizes));
        // An array holds 2^31 values at most; a header may say anything.
        if (mapShape.Any(n => n is < 0 or > int.MaxValue) || mapShape[^1] * sizes.Count > int.MaxValue)
            throw new ArgumentException($"Maps of shape [{string.Join(", ", mapShape)}] hold more codes than can be read.",
                nameof(mapShape));
        return (mapShape.Count == 2 ? (int)mapShape[0] : 1, (int)(mapShape[^1] * sizes.Count));
    }

    // Only the choice is made by libtorch: it need not be the same elsewhere, since the payload says what was chosen.
    private long[] LikeliestClasses(long[] codes, int maps, int height, int width)
    {
        lock (_likelihood)
        {
            using var noGrad = no_grad();
            using var mode = EvaluationMode.Of(_prior);
            using var scope = NewDisposeScope();
            long[] known = [.. codes.Select(c => Math.Max(c, 0))];
            var device = _prior.parameters().First().device;
            var block = tensor(known, [maps, height, width], device: device);
            var costs = Enumerable.Range(0, _prior.Classes)
                .Select(
                    c => _prior.NegativeLogLikelihood(block, full([maps], (long)c, dtype: ScalarType.Int64, device: device)).flatten(1)
                        .sum(1));
            return stack([.. costs], 1).argmin(1).cpu().data<long>().ToArray();
        }
    }

    private void Run(int maps, int height, int width, long[] condition, CodeOf code)
    {
        if (maps == 0 || height == 0 || width == 0) return;
        var session = _exact.Begin(maps, height, width, condition);
        var chosen = new long[maps];
        var size = _exact.CodebookSize;
        var starts = new uint[size + 1];
        for (var row = 0; row < height; row++)
        {
            for (var column = 0; column < width; column++)
            {
                session.Compute(row, column);
                // Where there is no code the model goes on as if it were the first.
                for (var map = 0; map < maps; map++)
                    chosen[map] = Math.Max(0, code(map, (row * width) + column, session.Logits.AsSpan(map * size, size), starts));
                session.Accept(row, column, chosen);
            }
        }
    }

    private delegate long CodeOf(int map, int position, ReadOnlySpan<float> logits, uint[] starts);
}
