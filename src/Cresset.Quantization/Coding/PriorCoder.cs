using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Range-codes maps of codes with a prior: the size comes within a fraction of a percent of the prior's own entropy.
/// The stages of a residual code lie side by side in the prior's map ([H, W * stages]).
/// </summary>
/// <remarks>
/// Both directions compute the probabilities in the same way, position by position for the whole batch; a file is to be read by the
/// same build with the same weights, and its checksum notices when it is not.
/// </remarks>
public sealed class PriorCoder : ICodeCoder
{
    private const int TotalBits = 24;
    private readonly CodePrior _prior;
    private readonly Tensor? _labels;

    /// <summary>Codes with <paramref name="prior"/>, conditioned on labels int64 [maps] when it has classes.</summary>
    public PriorCoder(CodePrior prior, Tensor? labels = null)
    {
        ArgumentNullException.ThrowIfNull(prior);
        (_prior, _labels) = (prior, labels);
    }

    /// <inheritdoc/>
    public byte[] Encode(PackedCodes codes)
    {
        ArgumentNullException.ThrowIfNull(codes);
        var (batch, height, width) = Layout(codes.Shape, codes.CodebookSizes);
        var encoder = new RangeEncoder();
        var area = height * width;
        Run(batch, height, width, (map, position, starts) =>
        {
            var code = codes.Codes[(map * area) + position];
            encoder.Encode(starts[code], starts[code + 1] - starts[code], starts[^1]);
            return code;
        });
        return encoder.Finish();
    }

    /// <inheritdoc/>
    public long[] Decode(ReadOnlySpan<byte> payload, IReadOnlyList<long> shape, IReadOnlyList<long> codebookSizes)
    {
        var (batch, height, width) = Layout(shape, codebookSizes);
        var decoder = new RangeDecoder(payload);
        var area = height * width;
        var codes = new long[batch * area];
        Run(batch, height, width, (map, position, starts) =>
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

    private (long Batch, long Height, long Width) Layout(IReadOnlyList<long> shape, IReadOnlyList<long> sizes)
    {
        if (shape.Count is < 2 or > 3) throw new ArgumentException($"A prior codes maps [N, H, W] or sequences [N, L]; the shape is [{string.Join(", ", shape)}].", nameof(shape));
        if (sizes.Any(s => s > _prior.CodebookSize)) throw new ArgumentException($"The prior knows {_prior.CodebookSize} codes; the codebooks have {string.Join(", ", sizes)}.", nameof(sizes));
        return shape.Count == 3 ? (shape[0], shape[1], shape[2] * sizes.Count) : (shape[0], 1, shape[1] * sizes.Count);
    }

    private void Run(long batch, long height, long width, Func<long, long, uint[], long> code)
    {
        if (batch == 0 || height * width == 0) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var wasTraining = _prior.training;
        _prior.eval();
        try
        {
            using var session = _prior.Begin(batch, height, width, _labels);
            var chosen = new long[batch];
            var starts = new uint[_prior.CodebookSize + 1];
            for (var position = 0L; position < height * width; position++)
            {
                using var step = NewDisposeScope();
                var probabilities = session.Next().to(ScalarType.Float64).softmax(1).cpu().contiguous();
                var all = TensorSpans.Of<double>(probabilities);
                for (var map = 0; map < batch; map++)
                {
                    Frequencies(all.Slice(map * _prior.CodebookSize, _prior.CodebookSize), starts);
                    chosen[map] = code(map, position, starts);
                }
                session.Accept(chosen);
            }
        }
        finally
        {
            _prior.train(wasTraining);
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
