using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Reads the range-coded payloads of file versions 1 and 2, whose probabilities came from libtorch: one stream over all maps, position by
/// position for blocks of them.
/// They decode on the kind of processor they were written on; the checksum notices when not.
/// </summary>
internal static class EarlierPriorCoder
{
    private const int BlockMaps = 256;

    // A code cannot cost nothing: what a header claims beyond this share of its payload is a lie, and is refused before memory is taken for
    // it.
    private const long MostCodesPerByte = 1 << 13;

    public static long[] Decode(PriorCoder coder, ReadOnlySpan<byte> payload, IReadOnlyList<long> shape, IReadOnlyList<long> codebookSizes)
    {
        if (shape.Count is < 2 or > 3)
            throw new ArgumentException($"A prior codes maps [N, H, W] or sequences [N, L]; the shape is [{string.Join(", ", shape)}].",
                nameof(shape));
        var total = shape.Aggregate((double)codebookSizes.Count, (a, b) => a * b);
        if (total > (payload.Length + 16.0) * MostCodesPerByte)
            throw new InvalidDataException($"The header claims {total:F0} codes in a payload of {payload.Length} bytes.");
        if (coder.Prior.Captions is not null)
            throw new InvalidDataException(
                "The file is of an earlier version, whose priors read no captions: it was written with another prior.");
        using var noGrad = no_grad();
        using var mode = EvaluationMode.Of(coder.Prior);
        using var scope = NewDisposeScope();
        var (height, width) = coder.Layout([.. shape.Skip(1)], codebookSizes);
        var (maps, area) = (shape[0], (long)height * width);
        var codes = new long[maps * area];
        if (codes.Length == 0) return codes;
        long[]? classes = coder.Labels;
        if (classes is null && coder.Prior.Classes > 0) classes = PriorCoder.ReadClasses(ref payload, maps, coder.Prior.Classes);
        var decoder = new RangeDecoder(payload);
        var starts = new uint[coder.Prior.CodebookSize + 1];
        for (var first = 0L; first < maps; first += BlockMaps)
        {
            using var inner = NewDisposeScope();
            var count = Math.Min(BlockMaps, maps - first);
            var labels = classes is null ? null : tensor(classes.AsSpan((int)first, (int)count).ToArray());
            using var session = coder.Prior.Begin(count, height, width, labels);
            var chosen = new long[count];
            for (var position = 0L; position < area; position++)
            {
                using var step = NewDisposeScope();
                var probabilities = TensorSpans.Of<double>(session.Next().to(ScalarType.Float64).softmax(1).cpu().contiguous());
                for (var map = 0; map < count; map++)
                {
                    PriorCoder.Frequencies(probabilities.Slice(map * coder.Prior.CodebookSize, coder.Prior.CodebookSize), starts);
                    chosen[map] = PriorCoder.Find(decoder, starts);
                    codes[((first + map) * area) + position] = chosen[map];
                }
                session.Accept(chosen);
            }
        }
        return codes;
    }
}
