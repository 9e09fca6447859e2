using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Security.Cryptography;
using Cresset.Numerics;
using Cresset.Quantization;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

/// <summary>The coder's probabilities are the same bits everywhere.</summary>
public class ExactCodingTests
{
    private const string TwinFolder = "CRESSET_TEST_TWIN";

    [Fact]
    public void SumsHaveTheOrderOfPlainLoops()
    {
        var stream = new SplitMix64(3);
        foreach (var (inputs, outputs, rows) in new[] { (1, 1, 1), (5, 3, 2), (17, 40, 1), (12, 21, 4), (9, 67, 7), (33, 8, 9) })
        {
            var stride = inputs + 3;
            float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(stream.NextDouble() - 0.5))];
            float[] x = Random((rows * stride) + 2), w = Random(inputs * outputs), y = Random(rows * outputs), expected = [.. y];
            for (var r = 0; r < rows; r++)
            {
                for (var j = 0; j < outputs; j++)
                {
                    for (var i = 0; i < inputs; i++)
                    {
                        // Through memory, so that nothing can be fused.
                        var product = BitConverter.SingleToInt32Bits(w[(i * outputs) + j] * x[2 + (r * stride) + i]);
                        expected[(r * outputs) + j] += BitConverter.Int32BitsToSingle(product);
                    }
                }
            }
            FixedOrder.Accumulate(x, 2, stride, inputs, w, y, outputs, rows);
            Assert.Equal(expected.Select(BitConverter.SingleToInt32Bits), y.Select(BitConverter.SingleToInt32Bits));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => FixedOrder.Accumulate(new float[3], 0, 2, 2, new float[2], new float[2], 1, 2));
    }

    [Fact]
    public void FunctionsAreThoseOfTheTextbooks()
    {
        for (var x = -40.0; x <= 40; x += 0.0137)
        {
            Assert.Equal(1, FixedOrder.Exp(x) / Math.Exp(x), 4e-16);
            Assert.Equal(Math.Tanh(x), FixedOrder.Tanh(x), 4e-16);
            Assert.Equal(1 / (1 + Math.Exp(-x)), FixedOrder.Sigmoid(x), 4e-16);
            Assert.Equal(x > 0 ? x : Math.Exp(x) - 1, FixedOrder.Elu((float)x), 4e-6);
        }
        using var scope = NewDisposeScope();
        float[] values = [.. Enumerable.Range(-800, 1601).Select(i => i / 100f)];
        var gelu = nn.functional.gelu(tensor(values).to(ScalarType.Float64)).data<double>().ToArray();
        for (var i = 0; i < values.Length; i++) Assert.Equal(gelu[i], FixedOrder.Gelu(values[i]), 1e-6);
        Assert.Equal(0, FixedOrder.Exp(-1e9));
        Assert.Equal(double.PositiveInfinity, FixedOrder.Exp(1e9));
        Assert.Equal(double.NaN, FixedOrder.Exp(double.NaN));
    }

    [Theory]
    [MemberData(nameof(PriorFamily.All), MemberType = typeof(PriorFamily))]
    public void LogitsAreTheModelsAndTheSameBitsInAnyBatch(string name, int classes)
    {
        using var scope = NewDisposeScope();
        using var prior = PriorFamily.Make(name, classes);
        foreach (var (h, w) in new[] { (1, 1), (1, 9), (6, 1), (5, 5), (4, 7), (7, 4) })
        {
            long[] codes = PriorFamily.Codes(5 * h * w, 21, 7), labels = [2, 0, 1, 1, 0];
            var full = prior.call(tensor(codes, [5, h, w]), classes == 0 ? null : tensor(labels));
            var exact = prior.Exact();
            var together = exact.Begin(5, h, w, classes == 0 ? [] : labels);
            var alone = exact.Begin(1, h, w, classes == 0 ? [] : labels.AsSpan(3, 1));
            for (var p = 0; p < h * w; p++)
            {
                together.Compute(p / w, p % w);
                alone.Compute(p / w, p % w);
                Golden.Near(full.select(3, p % w).select(2, p / w), tensor(together.Logits, [5, 21]), 2e-4, $"{h}x{w}, position {p}");
                Assert.Equal(together.Logits.AsSpan(3 * 21, 21).ToArray().Select(BitConverter.SingleToInt32Bits),
                    alone.Logits.Select(BitConverter.SingleToInt32Bits));
                together.Accept(p / w, p % w, [.. Enumerable.Range(0, 5).Select(b => codes[(b * h * w) + p])]);
                alone.Accept(p / w, p % w, [codes[(3 * h * w) + p]]);
            }
        }
    }

    [Fact]
    public void FilesHaveTheSameBytesOnEveryProcessor()
    {
        // The hash was made with AVX-512; it is the same with AVX2 and without any vector instruction.
        byte[] all = [.. Kinds.Where(kind => kind.Classes == 0).SelectMany(kind => Written(kind.Name, 0).Bytes)];
        Assert.Equal("2f1276cc7493ebe90f1787dfa2be7f2162d9c8860211590d8b", Convert.ToHexStringLower(SHA256.HashData(all))[..50]);
    }

    [Theory]
    [InlineData("AVX2", "DOTNET_EnableAVX512=0", "ONEDNN_MAX_CPU_ISA=AVX2", "ATEN_CPU_CAPABILITY=avx2")]
    [InlineData("none", "DOTNET_EnableHWIntrinsic=0", "ONEDNN_MAX_CPU_ISA=SSE41", "ATEN_CPU_CAPABILITY=default")]
    public void FilesTravelBetweenProcessors(string vectors, params string[] environment)
    {
        var folder = Directory.CreateTempSubdirectory("cresset-twin-").FullName;
        try
        {
            foreach (var (name, classes) in Kinds)
                File.WriteAllBytes(Path.Combine(folder, $"{name}-{classes}-here.cvq"), Written(name, classes).Bytes);
            var start = new ProcessStartInfo(Environment.ProcessPath!,
                ["--filter-method", $"{typeof(ExactCodingTests).FullName}.{nameof(ATwinReadsAndWritesTheSameFiles)}"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            foreach (var setting in environment) start.Environment[setting.Split('=')[0]] = setting.Split('=')[1];
            start.Environment[TwinFolder] = folder;
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, $"{vectors}: {output}{error.Result}");
            Assert.Equal($"512: False, {vectors}", File.ReadAllText(Path.Combine(folder, "vectors.txt")));
            foreach (var (name, classes) in Kinds)
            {
                using var prior = PriorFamily.Make(name, classes);
                var there = File.ReadAllBytes(Path.Combine(folder, $"{name}-{classes}-there.cvq"));
                Assert.Equal(Written(name, classes).Codes, PackedCodes.Parse(there, "there.cvq", new PriorCoder(prior)).Codes);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// The other side of <see cref="FilesTravelBetweenProcessors"/>, which runs it in a process with fewer vector instructions; by
    /// itself it is its own twin.
    /// </summary>
    [Fact]
    public void ATwinReadsAndWritesTheSameFiles()
    {
        var folder = Environment.GetEnvironmentVariable(TwinFolder);
        if (folder is not null)
            File.WriteAllText(Path.Combine(folder, "vectors.txt"),
                $"512: {Vector512.IsHardwareAccelerated}, {(Vector256.IsHardwareAccelerated ? "AVX2" : "none")}");
        foreach (var (name, classes) in Kinds)
        {
            var (bytes, codes) = Written(name, classes);
            var theirs = folder is null ? bytes : File.ReadAllBytes(Path.Combine(folder, $"{name}-{classes}-here.cvq"));
            using var prior = PriorFamily.Make(name, classes);
            Assert.Equal(codes, PackedCodes.Parse(theirs, "here.cvq", new PriorCoder(prior)).Codes);
            if (folder is not null) File.WriteAllBytes(Path.Combine(folder, $"{name}-{classes}-there.cvq"), bytes);
        }
    }

    [Fact]
    public void WeightsThatAreNotFiniteAreRefusedByName()
    {
        using var prior = PriorFamily.Make("PixelCnn", 0);
        using (no_grad())
        {
            prior.get_parameter("first.bias")!.fill_(float.NaN);
        }
        Assert.Contains("first.bias", Assert.Throws<ArgumentException>(() => new PriorCoder(prior)).Message, StringComparison.Ordinal);
    }

    private static IEnumerable<(string Name, int Classes)> Kinds => PriorFamily.All.Select(row => row.Data);

    private static (byte[] Bytes, long[] Codes) Written(string name, int classes)
    {
        using var prior = PriorFamily.Make(name, classes);
        var codes = PriorFamily.Codes(23 * 6 * 7, 21, 11);
        using var stream = new MemoryStream();
        new PackedCodes([23, 6, 7], [21], codes, name).Write(stream, new PriorCoder(prior));
        return (stream.ToArray(), codes);
    }
}
