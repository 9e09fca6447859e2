using System.Text.Json;
using Cresset.Quantization;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

public class CodingTests
{
    private static JsonElement Reference(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Repository.Reference("vq/coding_and_sampling.json")));
        return json.RootElement.GetProperty(name).Clone();
    }

    [Fact]
    public void PackedBytesAreTheReferences()
    {
        foreach (var entry in Reference("bitpack").EnumerateArray())
        {
            long[] codes = [.. entry.GetProperty("codes").EnumerateArray().Select(e => e.GetInt64())];
            var bits = entry.GetProperty("bits").GetInt32();
            var bytes = BitPacking.Pack(codes, bits);
            Assert.Equal(entry.GetProperty("bytes_hex").GetString(), Convert.ToHexStringLower(bytes));
            Assert.Equal(codes, BitPacking.Unpack(bytes, bits, codes.Length));
        }
    }

    [Fact]
    public void PackingRoundTripsForAnyPatternOfWidths()
        => Gen.Select(Gen.Int[1, 63].Array[1, 4], Gen.Int[0, 60], Gen.ULong).Sample(
            (bits, count, seed) =>
            {
                var random = new Random((int)(seed % int.MaxValue));
                long[] codes = [.. Enumerable.Range(0, count).Select(i => random.NextInt64() & (long)((1UL << bits[i % bits.Length]) - 1))];
                var bytes = BitPacking.Pack(codes, bits);
                Assert.Equal(BitPacking.ByteCount(count, bits), bytes.Length);
                Assert.Equal(codes, BitPacking.Unpack(bytes, bits, count));
            },
            iter: 300,
            threads: 1);

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(256, 8)]
    [InlineData(240, 8)]
    [InlineData(257, 9)]
    [InlineData(1, 1)]
    [InlineData(1L << 62, 62)]
    public void BitsAreTheLogarithmRoundedUp(long size, int bits) => Assert.Equal(bits, BitPacking.BitsFor(size));

    [Fact]
    public void BitRatesAreTheReferences()
    {
        var rates = Reference("bitrates");
        var small = rates.GetProperty("7x7_K512_28x28gray");
        Assert.Equal(small.GetProperty("bits_per_image").GetInt64(), BitRate.BitsPerItem(49, [512]));
        Assert.Equal(small.GetProperty("bpp").GetDouble(), BitRate.BitsPerPixel(49, [512], 28, 28), 1e-12);
        Assert.Equal(small.GetProperty("ratio_vs_8bit").GetDouble(), BitRate.CompressionRatio(49, [512], 784), 1e-12);
        Assert.Equal(rates.GetProperty("7x7_RVQ2x256").GetProperty("bits_per_image").GetInt64(), BitRate.BitsPerItem(49, [256, 256]));
        Assert.Equal(rates.GetProperty("vqvae2_256_32x32+64x64_K512").GetProperty("bits").GetInt64(),
            BitRate.BitsPerItem((32 * 32) + (64 * 64), [512]));
        Assert.Equal(rates.GetProperty("encodec24k_75Hz_8x1024").GetProperty("kbps").GetDouble(),
            BitRate.KilobitsPerSecond(75, [.. Enumerable.Repeat(1024L, 8)]), 1e-9);
        Assert.Equal(rates.GetProperty("dac44k_86.13Hz_9x1024").GetProperty("kbps").GetDouble(),
            BitRate.KilobitsPerSecond(44100.0 / 512, [.. Enumerable.Repeat(1024L, 9)]), 1e-3);
    }

    [Fact]
    public void SamplingRulesAreTheReferences()
    {
        var reference = Reference("sampling");
        var rules = new Dictionary<string, CodeSampling>
        {
            ["temperature0.7"] = new() { Temperature = 0.7 },
            ["topk3"] = new() { TopK = 3 },
            ["topp0.8"] = new() { TopP = 0.8 },
        };
        var row = 0;
        foreach (var logits in reference.GetProperty("logits").EnumerateArray())
        {
            float[] values = [.. logits.EnumerateArray().Select(e => (float)e.GetDouble())];
            var probabilities = new double[values.Length];
            foreach (var (name, rule) in rules)
            {
                CodeDistribution.Probabilities(values, rule, probabilities);
                var expected = reference.GetProperty(name)[row].EnumerateArray().Select(e => e.GetDouble()).ToArray();
                for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], probabilities[i], 2e-6);
            }
            if (row < 2)
            {
                CodeDistribution.Probabilities(values, new() { TopP = 1e-9 }, probabilities);
                Assert.Equal(1, probabilities[reference.GetProperty("topp1e-9_equals_argmax")[row].GetInt32()]);
            }
            row++;
        }
    }

    [Fact]
    public void MaskSchedulesAreTheReferences()
    {
        foreach (var entry in Reference("maskgit_masked_after_step").EnumerateObject())
        {
            var parts = entry.Name.Split('_');
            var schedule = parts[2] switch
            {
                "cosine" => MaskSchedule.Cosine,
                "uniform" => MaskSchedule.Uniform,
                "pow2" => MaskSchedule.Square,
                _ => MaskSchedule.Cubic,
            };
            Assert.Equal(entry.Value.EnumerateArray().Select(e => e.GetInt32()),
                schedule.MaskedAfterStep(int.Parse(parts[0][1..]), int.Parse(parts[1][1..])));
        }
    }

    [Fact]
    public void TheRangeCoderIsExactAndWithinATenthOfAPercentOfTheEntropy()
        => Gen.Select(Gen.Int[1, 3000], Gen.Int[2, 40], Gen.Int).Sample(
            (count, symbols, seed) =>
            {
                var random = new Random(seed);
                uint[] frequencies = [.. Enumerable.Range(0, symbols).Select(_ => (uint)random.Next(1, random.Next(2, 1 << 20)))];
                uint[] starts = new uint[symbols + 1];
                for (var i = 0; i < symbols; i++) starts[i + 1] = starts[i] + frequencies[i];
                int[] text = [.. Enumerable.Range(0, count)
                    .Select(_ => Array.FindIndex(starts, s => s > random.NextInt64(starts[^1])) - 1)];
                var encoder = new RangeEncoder();
                foreach (var s in text) encoder.Encode(starts[s], frequencies[s], starts[^1]);
                var bytes = encoder.Finish();
                var decoder = new RangeDecoder(bytes);
                foreach (var s in text)
                {
                    var target = decoder.Target(starts[^1]);
                    Assert.InRange(target, starts[s], starts[s + 1] - 1);
                    decoder.Advance(starts[s], frequencies[s]);
                }
                var ideal = text.Sum(s => Math.Log2((double)starts[^1] / frequencies[s]));
                Assert.InRange(8.0 * bytes.Length, ideal - 8, (ideal * 1.001) + 16);
            },
            iter: 60,
            threads: 1);

    [Fact]
    public void FilesRoundTripAndDamageIsNoticedWhereverItIs()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-codes");
        try
        {
            var path = Path.Combine(folder.FullName, "codes.cvq");
            var random = new Random(4);
            long[] codes = [.. Enumerable.Range(0, 3 * 5 * 7 * 2).Select(i => (long)random.Next(i % 2 == 0 ? 300 : 17))];
            new PackedCodes([3, 5, 7], [300, 17], codes, "test tokenizer").Write(path);
            var back = PackedCodes.Read(path);
            Assert.Equal(codes, back.Codes);
            Assert.Equal([3L, 5, 7], back.Shape);
            Assert.Equal([300L, 17], back.CodebookSizes);
            Assert.Equal("test tokenizer", back.Tokenizer);
            Assert.Equal((105 * 14 + 7) / 8, back.PackedBytes);
            var bytes = File.ReadAllBytes(path);
            // The last byte of the payload may hold unused bits: all others matter.
            var unused = 12 + (int)back.PackedBytes - 1;
            for (var i = 0; i < bytes.Length; i++)
            {
                if (i == unused) continue;
                var damaged = (byte[])bytes.Clone();
                damaged[i] ^= 0x10;
                var error = Assert.ThrowsAny<InvalidDataException>(() => PackedCodes.Parse(damaged, "damaged.cvq", null));
                Assert.Contains("damaged.cvq", error.Message);
            }
            for (var length = 0; length < bytes.Length; length += 3)
                Assert.Throws<InvalidDataException>(() => PackedCodes.Parse(bytes[..length], "short.cvq", null));
            Assert.Throws<InvalidDataException>(() => PackedCodes.Parse([.. bytes, 0], "long.cvq", null));
            Assert.Contains("position 2, stage 1",
                Assert.Throws<ArgumentException>(() => new PackedCodes([3], [5, 5], [0, 0, 0, 0, 0, 5])).Message);
            // A write that fails leaves the old file alone.
            Assert.Throws<InvalidOperationException>(() => new PackedCodes([1], [2], [0]).Write(path, new FailingCoder()));
            Assert.Equal(bytes, File.ReadAllBytes(path));
            Assert.Single(Directory.GetFiles(folder.FullName));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void FilesCodedByAPriorAreExactAndWithinTwoPercentOfItsEntropy()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using var prior = new CodeTransformer(new() { CodebookSize = 32, MaxLength = 48, Width = 16, Heads = 2, Classes = 3 }, generator);
        using (no_grad())
        {
            foreach (var parameter in prior.parameters()) parameter.mul_(8);
        }
        prior.eval();
        var labels = randint(0, 3, [20], dtype: ScalarType.Int64, generator: generator);
        var codes = prior.Sample(20, 4, 6, seed: 5, labels);
        var nats = prior.NegativeLogLikelihood(codes, labels).sum().ToDouble();
        long[] values = [.. codes.data<long>()];
        var packed = new PackedCodes([20, 4, 6], [32], values);
        using var stream = new MemoryStream();
        packed.Write(stream, new PriorCoder(prior, labels));
        var back = PackedCodes.Parse(stream.ToArray(), "coded.cvq", new PriorCoder(prior, labels));
        Assert.Equal(values, back.Codes);
        var payload = new PriorCoder(prior, labels).Encode(new CodeFrame(0, 20, [4, 6], [32], false), values).Length * 8.0;
        Assert.InRange(payload, nats / Math.Log(2) * 0.99, (nats / Math.Log(2) * 1.02) + 16);
        Assert.True(payload < packed.PackedBytes * 8 * 0.9);
        Assert.Throws<InvalidDataException>(() => PackedCodes.Parse(stream.ToArray(), "coded.cvq", null));
        using var other = new CodeTransformer(new() { CodebookSize = 32, MaxLength = 48, Width = 16, Heads = 2, Classes = 3 }, generator);
        Assert.Contains("prior",
            Assert.Throws<InvalidDataException>(
                () => PackedCodes.Parse(stream.ToArray(), "coded.cvq", new PriorCoder(other, labels))).Message);
        // Stages of a residual code lie side by side.
        var two = new PackedCodes([10, 4, 6], [32, 32], values);
        using var second = new MemoryStream();
        var ten = labels.narrow(0, 0, 10);
        two.Write(second, new PriorCoder(prior, ten));
        Assert.Equal(values, PackedCodes.Parse(second.ToArray(), "two.cvq", new PriorCoder(prior, ten)).Codes);
    }

    [Fact]
    public void APriorWithClassesFindsTheClassOfEachMapAndWritesIt()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        using var prior = new CodeTransformer(new() { CodebookSize = 32, MaxLength = 24, Width = 16, Heads = 2, Classes = 3 }, generator);
        using (no_grad())
        {
            foreach (var parameter in prior.parameters()) parameter.mul_(8);
        }
        prior.eval();
        // More maps than a block.
        var labels = randint(0, 3, [300], dtype: ScalarType.Int64, generator: generator);
        var codes = prior.Sample(300, 4, 6, seed: 5, labels);
        var best =
            stack([.. Enumerable.Range(0, 3)
                .Select(c => prior.NegativeLogLikelihood(codes, full([300], (long)c, dtype: ScalarType.Int64)).flatten(1).sum(1))], 1)
                .min(1).values.sum().ToDouble() / Math.Log(2);
        var packed = new PackedCodes([300, 4, 6], [32], codes.data<long>().ToArray());
        using var stream = new MemoryStream();
        packed.Write(stream, new PriorCoder(prior));
        Assert.Equal(packed.Codes, PackedCodes.Parse(stream.ToArray(), "classes.cvq", new PriorCoder(prior)).Codes);
        Assert.InRange(new PriorCoder(prior).Encode(new CodeFrame(0, 300, [4, 6], [32], false), packed.Codes).Length * 8.0, best,
            (best * 1.02) + (2 * 300) + 16);
    }

    [Fact]
    public void WhateverAQuantizerReturnsCanBePackedAndReadBack()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        using var quantizer = new ResidualQuantizer(
            new()
            {
                Stages = 3,
                DropoutProbability = 1,
                Sizes = [16, 8, 8],
                Stage = new VectorQuantizerOptions { Codebook = new() { Width = 4 } }
            }, generator);
        var codes = quantizer.Quantize(randn([8, 5, 4], generator: generator), rand([8, 5], generator: generator) > 0.2).Indices;
        var packed = new PackedCodes([8, 5], quantizer.CodebookSizes, codes.data<long>().ToArray());
        Assert.True(packed.HasNone);
        using var stream = new MemoryStream();
        packed.Write(stream);
        Assert.Equal(packed.Codes, PackedCodes.Parse(stream.ToArray(), "none.cvq", null).Codes);
        // 17, 9 and 9 values take 5, 4 and 4 bits.
        Assert.Equal((8 * 5 * 13 / 8), packed.PackedBytes);
        using var prior = new CodeTransformer(new() { CodebookSize = 16, MaxLength = 60, Width = 8, Heads = 2 }, generator);
        using var coded = new MemoryStream();
        packed.Write(coded, new PriorCoder(prior));
        Assert.Equal(packed.Codes, PackedCodes.Parse(coded.ToArray(), "none.cvq", new PriorCoder(prior)).Codes);
        Assert.Throws<ArgumentException>(() => new PackedCodes([1], [4], [-2]));
    }

    private sealed class FailingCoder : ICodeCoder
    {
        public ReadOnlyMemory<byte> Fingerprint => new byte[16];

        public byte[] Encode(CodeFrame frame, ReadOnlySpan<long> codes) => throw new InvalidOperationException("no");

        public long[] Decode(CodeFrame frame, ReadOnlySpan<byte> payload) => [];
    }
}
