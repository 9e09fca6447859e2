using System.Buffers.Binary;
using Cresset.Numerics;
using Cresset.Quantization;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>Files of codes: entries, frames, random access, damage.</summary>
public class CodeFileTests
{
    private static int Mutations => int.TryParse(Environment.GetEnvironmentVariable("CRESSET_TEST_MUTATIONS"), out var times) ? times : 1;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EachEntryIsReadWithoutTheRest(bool coded)
    {
        using var prior = PriorFamily.Make("GatedPixelCnn", 0);
        var coder = coded ? new PriorCoder(prior) : null;
        // Small pictures that share frames, a batch over several frames, one beyond a frame, nothing, other shapes in between.
        (string Name, long[] Shape)[] entries = [("a.png", [1, 3, 4]), ("b.png", [1, 3, 4]), ("many", [900, 3, 4]), ("none", [0, 3, 4]),
            ("empty", [2, 0, 4]), ("c.png", [1, 3, 4]), ("large", [1, 70, 80]), ("d.png", [1, 4, 3])];
        var codes = entries.Select((e, i) => PriorFamily.Codes((int)e.Shape.Aggregate(1L, (a, b) => a * b), 21, (ulong)i)).ToArray();
        using var stream = new MemoryStream();
        CodeFileWriter.Write(stream, "test", [21], coder, writer =>
        {
            for (var i = 0; i < entries.Length; i++)
                writer.Add(
                    new CodeEntry(entries[i].Name,
                        entries[i].Shape)
                    { Attributes = new Dictionary<string, string> { ["number"] = $"{i}" } }, codes[i]);
            Assert.Throws<ArgumentException>(() => writer.Add(new CodeEntry("a.png", [1]), [0]));
            Assert.Contains("position 1", Assert.Throws<ArgumentException>(() => writer.Add(new CodeEntry("x", [2]), [0, 21])).Message,
                StringComparison.Ordinal);
            Assert.Throws<ArgumentException>(() => writer.Add(new CodeEntry("x", [2, 2]), [0]));
        });
        // Only where the frame of the entry lies is anything read.
        using var file = CodeFile.Open(new MemoryStream(stream.ToArray()), "test.cvq");
        Assert.Equal("test", file.Tokenizer);
        Assert.Equal(coded, file.NeedsPrior);
        foreach (var i in new[] { 5, 1, 7, 0, 6, 2, 3, 4 })
        {
            Assert.Equal(entries[i].Name, file.Entries[i].Name);
            Assert.Equal(entries[i].Shape, file.Entries[i].Shape);
            Assert.Equal($"{i}", file.Entries[i].Attributes["number"]);
            Assert.Equal(codes[i], file.Read(i, coder));
        }
        Assert.Equal(codes.SelectMany(c => c), file.ReadAll(coder));
        Assert.Contains("several shapes",
            Assert.Throws<InvalidDataException>(() => PackedCodes.Parse(stream.ToArray(), "test.cvq", coder)).Message,
            StringComparison.Ordinal);
        // A frame that is damaged leaves the others readable.
        var damaged = stream.ToArray();
        damaged[13] ^= 0x55;
        using var rest = CodeFile.Open(new MemoryStream(damaged), "damaged.cvq");
        Assert.Contains("damaged.cvq", Assert.Throws<InvalidDataException>(() => rest.Read(0, coder)).Message, StringComparison.Ordinal);
        Assert.Equal(codes[7], rest.Read(7, coder));
    }

    [Fact]
    public void AFileIsNeverLargerForHavingAPrior()
    {
        // Codes that the prior does not expect: frames are packed instead, bit for bit as without it, and the file needs no prior.
        using var prior = PriorFamily.Make("PixelCnn", 0, codes: 32);
        var stream = new SplitMix64(3);
        long[] codes = [.. Enumerable.Range(0, 4000).Select(_ => (long)(stream.NextDouble() * 32))];
        using MemoryStream plain = new(), coded = new();
        new PackedCodes([40, 10, 10], [32], codes).Write(plain);
        new PackedCodes([40, 10, 10], [32], codes).Write(coded, new PriorCoder(prior));
        Assert.Equal(plain.ToArray(), coded.ToArray());
    }

    [Fact]
    public void MapsThatCostAlmostNothingKeepToTheLeastRateAndComeBack()
    {
        using var prior = new CodeTransformer(new() { CodebookSize = 4, MaxLength = 4096, Width = 4, Heads = 1, Layers = 1 });
        using (no_grad())
        {
            // Codes of 0 are certain after the last norm's shift.
            foreach (var parameter in prior.parameters()) parameter.zero_();
            prior.get_parameter("ln_f.bias")!.fill_(10);
            prior.get_parameter("head.weight")![0].fill_(10);
        }
        var packed = new PackedCodes([1, 64, 64], [4], new long[4096]);
        using var stream = new MemoryStream();
        packed.Write(stream, new PriorCoder(prior));
        Assert.InRange(stream.Length, 64, 130);
        Assert.Equal(packed.Codes, PackedCodes.Parse(stream.ToArray(), "black.cvq", new PriorCoder(prior)).Codes);
    }

    [Fact]
    public void AbsentCodesCostLittle()
    {
        using var prior = PriorFamily.Make("GatedPixelCnn", 0);
        var coder = new PriorCoder(prior);
        var codes = PriorFamily.Codes(12 * 8 * 8 * 2, 21, 4);
        long Size(long[] values)
        {
            using var stream = new MemoryStream();
            new PackedCodes([12, 8, 8], [21, 21], values).Write(stream, coder);
            Assert.Equal(values, PackedCodes.Parse(stream.ToArray(), "none.cvq", coder).Codes);
            return stream.Length;
        }
        // The second stage dropped everywhere; half of the map masked; nothing there at all.
        var half = Size([.. codes.Select((c, i) => i % 2 == 0 ? c : -1)]);
        Assert.InRange(half, 1, Size(codes) * 0.6);
        Size([.. codes.Select((c, i) => i % 128 < 64 ? c : -1)]);
        Assert.InRange(Size([.. codes.Select(_ => -1L)]), 1, 120);
    }

    [Fact]
    public void AnotherPriorIsRefusedBeforeAnythingIsDecoded()
    {
        using CodePrior prior = PriorFamily.Make("PixelCnn", 0), other = PriorFamily.Make("PixelCnn", 0, seed: 2);
        using var stream = new MemoryStream();
        new PackedCodes([30, 6, 6], [21], [.. PriorFamily.Codes(30 * 36, 3, 1)]).Write(stream, new PriorCoder(prior));
        Assert.Contains("fingerprint",
            Assert.Throws<InvalidDataException>(() => PackedCodes.Parse(stream.ToArray(), "x.cvq", new PriorCoder(other))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void MutatedFilesOfCodesAreRefusedOrUnharmed()
    {
        using var prior = PriorFamily.Make("PixelCnn", 0);
        var coder = new PriorCoder(prior);
        var files = Files(coder);
        var stream = new SplitMix64(99);
        for (var round = 0; round < 2000 * Mutations; round++)
        {
            var (bytes, codes) = files[round % files.Count];
            var mutated = Mutate(bytes, ref stream);
            Read(mutated, coder, codes);
        }
    }

    [Fact]
    public void CraftedHeadersTakeNoMemoryThatTheirPayloadDoesNotPayFor()
    {
        using var prior = PriorFamily.Make("PixelCnn", 0);
        var coder = new PriorCoder(prior);
        var files = Files(coder);
        var stream = new SplitMix64(98);
        for (var round = 0; round < 1000 * Mutations; round++)
        {
            var (bytes, codes) = files[round % files.Count];
            var crafted = Mend(Mutate(bytes, ref stream));
            var before = GC.GetAllocatedBytesForCurrentThread();
            Read(crafted, coder, null);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32 << 20);
        }
        // The smallest: two to the power of 31 positions in no payload at all, in all three versions.
        foreach (var shape in new long[][] { [1L << 31, 1, 1], [1, 1L << 31, 1], [1, 46341, 46341], [1L << 62, 1, 1],
            [2, 1L << 30, 1L << 30] })
        {
            var index = new IndexWriter();
            index.Text("");
            index.Bytes(new byte[16]);
            foreach (var value in new long[] { 1, 21, 1 }) index.Number(value);
            index.Text("");
            index.Number(3);
            foreach (var size in shape) index.Number(size);
            foreach (var value in new long[] { 0, 1, shape[0], 0, 1 }) index.Number(value);
            byte[] third = [.. CodeFileLayout.Head, 0, 0, 0, 0, .. index.ToArray(), .. new byte[8], .. CodeFileLayout.EndMagic];
            BinaryPrimitives.WriteInt32LittleEndian(third.AsSpan(third.Length - 12), index.ToArray().Length);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Throws<InvalidDataException>(() => PackedCodes.Parse(Mend(third), "crafted.cvq", coder));
            using var memory = new MemoryStream();
            using (var writer = new BinaryWriter(memory))
            {
                writer.Write(CodeFileLayout.Magic);
                foreach (ushort value in new[] { 1, 1, 0, 3 }) writer.Write(value);
                foreach (var size in shape) writer.Write(size);
                writer.Write((ushort)1);
                writer.Write(21L);
                writer.Write(0L);
                writer.Write(CodeChecksum.Of(memory.ToArray().AsSpan()));
                writer.Write(0u);
            }
            Assert.Throws<InvalidDataException>(() => PackedCodes.Parse(memory.ToArray(), "crafted.cvq", coder));
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        }
    }

    private static List<(byte[] Bytes, long[] Codes)> Files(PriorCoder coder)
    {
        var files = new List<(byte[], long[])>();
        foreach (var (sizes, with, none) in new[] { (new long[] { 21 }, true, false), ([21, 7], false, true), ([9, 21], true, true),
            ([300, 17], false, false) })
        {
            var codes = PriorFamily.Codes(7 * 4 * 5 * sizes.Length, 7, 3);
            if (none) codes[17] = codes[18] = -1;
            using var stream = new MemoryStream();
            var each = 4 * 5 * sizes.Length;
            CodeFileWriter.Write(stream, "tokenizer", sizes, with ? coder : null, writer =>
            {
                writer.Add(new CodeEntry("one.png", [1, 4, 5]) { Attributes = new Dictionary<string, string> { ["width"] = "17" } },
                    codes.AsSpan(0, each));
                writer.Add(new CodeEntry("six", [6, 4, 5]), codes.AsSpan(each));
            });
            files.Add((stream.ToArray(), codes));
        }
        foreach (var file in new[] { "vqgan.cvq",
            "prior.cvq" }.Select(name => Path.Combine(Path.GetDirectoryName(Repository.Reference("earlier/make.sh"))!, "packed", name))
            .Where(File.Exists)) files.Add((File.ReadAllBytes(file), []));
        return files;
    }

    private static void Read(byte[] bytes, PriorCoder coder, long[]? codes)
    {
        try
        {
            var read = PackedCodes.Parse(bytes, "mutated.cvq", coder).Codes;
            if (codes is { Length: > 0 }) Assert.Equal(codes, read);
        }
        catch (InvalidDataException refusal)
        {
            Assert.Contains("mutated.cvq", refusal.Message, StringComparison.Ordinal);
        }
    }

    private static byte[] Mutate(byte[] bytes, ref SplitMix64 stream)
    {
        var mutated = (byte[])bytes.Clone();
        switch (stream.NextInt32(4))
        {
            case 0:
                return mutated[..stream.NextInt32(mutated.Length)];
            case 1:
                var at = stream.NextInt32(mutated.Length);
                return [.. mutated[..at], .. mutated[stream.NextInt32(mutated.Length)..]];
            default:
                for (var n = 1 + stream.NextInt32(3); n > 0; n--)
                {
                    ref var value = ref mutated[stream.NextInt32(mutated.Length)];
                    value = stream.NextInt32(3) switch
                    {
                        0 => (byte)(value ^ (1 << stream.NextInt32(8))),
                        1 => 0xFF,
                        _ => (byte)stream.NextInt32(256),
                    };
                }
                return mutated;
        }
    }

    /// <summary>Gives a file of version 3 the checksum of the index that its length says.</summary>
    private static byte[] Mend(byte[] bytes)
    {
        if (bytes.Length < 24) return bytes;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(bytes.Length - 12));
        if (length > bytes.Length - 24) return bytes;
        var sum = CodeChecksum.Of([.. bytes[..12], .. bytes[^(12 + (int)length)..^12]]);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(bytes.Length - 8), sum);
        return bytes;
    }
}
