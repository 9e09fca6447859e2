using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Range-codes maps of codes with a prior: the size comes within a fraction of a percent of the prior's own entropy.
/// The stages of a residual code lie side by side in the prior's map ([H, W * stages]).
/// </summary>
/// <remarks>
/// Both directions compute the probabilities in the same way, position by position for blocks of maps; a file is to be read by the
/// same build with the same weights, and its checksum notices when it is not.
/// </remarks>
public sealed class PriorCoder : ICodeCoder
{
    private const int TotalBits = 24;
    private const int BlockMaps = 256;
    private readonly CodePrior _prior;
    private readonly Tensor? _labels;

    /// <summary>Codes with <paramref name="prior"/>.</summary>
    /// <param name="prior">The prior.</param>
    /// <param name="labels">
    /// Class labels int64 [maps], which the reader must know too. Null for a prior with classes: each map is then coded under the class that
    /// makes it likeliest, and the payload begins with these classes, ⌈log2 classes⌉ bits each.
    /// </param>
    public PriorCoder(CodePrior prior, Tensor? labels = null)
    {
        ArgumentNullException.ThrowIfNull(prior);
        (_prior, _labels) = (prior, labels);
    }

    private bool ChoosesClasses => _labels is null && _prior.Classes > 0;

    /// <inheritdoc/>
    public byte[] Encode(PackedCodes codes)
    {
        ArgumentNullException.ThrowIfNull(codes);
        using var scope = NewDisposeScope();
        var (maps, height, width) = Layout(codes.Shape, codes.CodebookSizes);
        var labels = ChoosesClasses ? tensor(LikeliestClasses(codes.Codes, maps, height, width)) : _labels;
        var encoder = new RangeEncoder();
        var area = height * width;
        Run(maps, height, width, labels, (map, position, starts) =>
        {
            var code = codes.Codes[(map * area) + position];
            encoder.Encode(starts[code], starts[code + 1] - starts[code], starts[^1]);
            return code;
        });
        var payload = encoder.Finish();
        return ChoosesClasses ? [.. BitPacking.Pack(labels!.data<long>().ToArray(), ClassBits), .. payload] : payload;
    }

    /// <inheritdoc/>
    public long[] Decode(ReadOnlySpan<byte> payload, IReadOnlyList<long> shape, IReadOnlyList<long> codebookSizes)
    {
        using var scope = NewDisposeScope();
        var (maps, height, width) = Layout(shape, codebookSizes);
        var labels = _labels;
        if (ChoosesClasses)
        {
            var bytes = BitPacking.ByteCount(maps, [ClassBits]);
            if (payload.Length < bytes) throw new InvalidDataException($"The payload has {payload.Length} bytes; the classes of {maps} maps alone take {bytes}.");
            var classes = BitPacking.Unpack(payload, ClassBits, maps);
            if (classes.FirstOrDefault(c => c >= _prior.Classes, -1) is var wrong && wrong >= 0) throw new InvalidDataException($"The payload names class {wrong}; the prior has {_prior.Classes}: it is not the one the file was written with.");
            labels = tensor(classes);
            payload = payload[(int)bytes..];
        }
        var decoder = new RangeDecoder(payload);
        var area = height * width;
        var codes = new long[maps * area];
        Run(maps, height, width, labels, (map, position, starts) =>
        {
            var found = Array.BinarySearch(starts, decoder.Target(starts[^1]));
            // Between two starts the search gives the complement of the upper one.
            var code = found >= 0 ? found : ~found - 1;
            decoder.Advance(starts[code], starts[code + 1] - starts[code]);
            codes[(map * area) + position] = code;
            return code;
        });
        return codes;
    }

    private int ClassBits => BitPacking.BitsFor(_prior.Classes);

    private (long Maps, long Height, long Width) Layout(IReadOnlyList<long> shape, IReadOnlyList<long> sizes)
    {
        if (shape.Count is < 2 or > 3) throw new ArgumentException($"A prior codes maps [N, H, W] or sequences [N, L]; the shape is [{string.Join(", ", shape)}].", nameof(shape));
        if (sizes.Any(s => s > _prior.CodebookSize)) throw new ArgumentException($"The prior knows {_prior.CodebookSize} codes; the codebooks have {string.Join(", ", sizes)}.", nameof(sizes));
        return shape.Count == 3 ? (shape[0], shape[1], shape[2] * sizes.Count) : (shape[0], 1, shape[1] * sizes.Count);
    }

    private long[] LikeliestClasses(long[] codes, long maps, long height, long width)
    {
        using var noGrad = no_grad();
        var wasTraining = _prior.training;
        _prior.eval();
        try
        {
            var chosen = new List<long>();
            for (var start = 0L; start < maps; start += BlockMaps)
            {
                using var scope = NewDisposeScope();
                var count = Math.Min(BlockMaps, maps - start);
                var area = (int)(height * width);
                var block = tensor(codes.AsSpan((int)(start * area), (int)count * area).ToArray(), [count, height, width]);
                var costs = Enumerable.Range(0, _prior.Classes).Select(c => _prior.NegativeLogLikelihood(block, full([count], (long)c, dtype: ScalarType.Int64)).flatten(1).sum(1));
                chosen.AddRange(stack([.. costs], 1).argmin(1).data<long>().ToArray());
            }
            return [.. chosen];
        }
        finally
        {
            _prior.train(wasTraining);
        }
    }

    private void Run(long maps, long height, long width, Tensor? labels, Func<long, long, uint[], long> code)
    {
        if (maps == 0 || height * width == 0) return;
        using var noGrad = no_grad();
        var wasTraining = _prior.training;
        _prior.eval();
        try
        {
            for (var start = 0L; start < maps; start += BlockMaps)
            {
                using var scope = NewDisposeScope();
                var count = Math.Min(BlockMaps, maps - start);
                Block(start, count, height, width, labels?.narrow(0, start, count), code);
            }
        }
        finally
        {
            _prior.train(wasTraining);
        }
    }

    private void Block(long first, long count, long height, long width, Tensor? labels, Func<long, long, uint[], long> code)
    {
        using var session = _prior.Begin(count, height, width, labels);
        var chosen = new long[count];
        var starts = new uint[_prior.CodebookSize + 1];
        for (var position = 0L; position < height * width; position++)
        {
            using var step = NewDisposeScope();
            var probabilities = session.Next().to(ScalarType.Float64).softmax(1).cpu().contiguous();
            var all = TensorSpans.Of<double>(probabilities);
            for (var map = 0; map < count; map++)
            {
                Frequencies(all.Slice(map * _prior.CodebookSize, _prior.CodebookSize), starts);
                chosen[map] = code(first + map, position, starts);
            }
            session.Accept(chosen);
        }
    }

    /// <summary>Cumulative integer frequencies; every code keeps at least one part of 2^24, so any code can be coded.</summary>
    private static void Frequencies(ReadOnlySpan<double> probabilities, uint[] starts)
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
}
