using System.Buffers.Binary;
using System.Text;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

[LeakFree]
public sealed class SafetensorsTests : IDisposable
{
    private static readonly string Reference = Repository.Reference("safetensors/reference.safetensors");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-st-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ReadsEveryElementTypeOfTheReferenceWriter()
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Reference);
        Assert.Equal("pt", file.Metadata["format"]);
        var ramp = (arange(12, dtype: ScalarType.Float64) * 0.37 - 2).reshape(3, 4);
        foreach (var (name, dtype) in new[] { ("f64", ScalarType.Float64), ("f32", ScalarType.Float32), ("f16", ScalarType.Float16),
            ("bf16", ScalarType.BFloat16) })
        {
            foreach (var tensor in new[] { file.Read(name), file.Map(name) })
            {
                Assert.Equal(dtype, tensor.dtype);
                Assert.True(tensor.equal(ramp.to(dtype)).all().item<bool>(), name);
            }
        }
        var whole = (arange(6, dtype: ScalarType.Int64) * 7 - 20).reshape(2, 3);
        foreach (var (name, dtype) in new[] { ("i64", ScalarType.Int64), ("i32", ScalarType.Int32), ("i16", ScalarType.Int16),
            ("i8", ScalarType.Int8) })
        {
            Assert.True(file.Read(name).equal(whole.to(dtype)).all().item<bool>(), name);
            Assert.True(file.Map(name).equal(whole.to(dtype)).all().item<bool>(), name);
        }
        Assert.Equal([250, 251, 252, 253, 254, 255], file.Read("u8").data<byte>().ToArray());
        Assert.Equal([true, false, true], file.Read("bool").data<bool>().ToArray());
        Assert.Equal(3.5f, file.Read("scalar").item<float>());
        Assert.Equal([0L, 3L], file.Read("empty").shape);
        Assert.Equal([1f, 2f], file.Read("näme/with \"quotes\"").data<float>().ToArray());
    }

    [Fact]
    public void Float8ValuesAndRoundingAreThoseOfPyTorch()
    {
        using var scope = NewDisposeScope();
        using var reference = SafetensorsFile.Open(Reference);
        using var file = SafetensorsFile.Open(Repository.Reference("safetensors/float8.safetensors"));
        foreach (var (stored, values) in new[] { ("f8_e4m3", "e4m3_values"), ("f8_e5m2", "e5m2_values") })
            AssertSameFloats(file.Read(values), reference.Read(stored).to(ScalarType.Float32));
        var sweep = new Dictionary<string, Tensor> { ["x"] = file.Read("sweep") };
        foreach (var (dtype, expected) in new[] { (SafetensorsDtype.F8E4M3, "sweep_e4m3"), (SafetensorsDtype.F8E5M2, "sweep_e5m2") })
        {
            var path = Path.Combine(_folder, "f8.safetensors");
            // PyTorch makes NaN or infinity of what lies beyond the type; a file with such values is not written.
            var error = Assert.Throws<NotSupportedException>(() => SafetensorsWriter.Write(path, sweep, float8: dtype));
            Assert.Contains("'x' holds ", error.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(path));
            var fits = file.Read(expected).isfinite().logical_or(sweep["x"].isfinite().logical_not());
            SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = sweep["x"].masked_select(fits) }, float8: dtype);
            using var back = SafetensorsFile.Open(path);
            Assert.Equal(dtype, back.Entries["x"].Dtype);
            AssertSameFloats(file.Read(expected).masked_select(fits), back.Read("x").to(ScalarType.Float32));
            File.Delete(path);
        }
    }

    [Fact]
    public void WritesTheSameBytesAsTheReferenceWriter()
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(Reference);
        // The 8-bit entries would be stored wider: everything else must come out byte for byte.
        var kept = file.Entries.Keys.Where(k => !k.StartsWith("f8", StringComparison.Ordinal)).ToDictionary(k => k, file.Read);
        var path = Path.Combine(_folder, "again.safetensors");
        SafetensorsWriter.Write(path, kept, file.Metadata);
        using var again = SafetensorsFile.Open(path);
        var order = file.Entries.Values.OrderBy(e => e.Offset).ThenBy(e => e.Length).Select(e => e.Name).Where(kept.ContainsKey).ToList();
        Assert.Equal(order, again.Entries.Values.OrderBy(e => e.Offset).ThenBy(e => e.Length).Select(e => e.Name));
        byte[] original = File.ReadAllBytes(Reference), written = File.ReadAllBytes(path);
        foreach (var name in order)
        {
            var (a, b) = (file.Entries[name], again.Entries[name]);
            Assert.Equal(original.AsSpan((int)a.Offset, (int)a.Length), written.AsSpan((int)b.Offset, (int)b.Length));
        }
    }

    [Fact]
    public void StridedAndSlicedTensorsAreWrittenInOrder()
    {
        using var scope = NewDisposeScope();
        var x = arange(24, dtype: ScalarType.Float32).reshape(4, 6);
        var path = Path.Combine(_folder, "strided.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["t"] = x.t(), ["slice"] = x[TensorIndex.Slice(1, 3)] });
        using var file = SafetensorsFile.Open(path);
        Assert.True(file.Read("t").equal(x.t()).all().item<bool>());
        Assert.True(file.Map("slice").equal(x[TensorIndex.Slice(1, 3)]).all().item<bool>());
    }

    [Fact]
    public void ShardsRoundTripAndEachStaysBelowTheLimit()
    {
        using var scope = NewDisposeScope();
        var tensors = Enumerable.Range(0, 10).ToDictionary(i => $"w{i}", i => randn(10, i + 1));
        var index = SafetensorsWriter.WriteSharded(_folder, "model", tensors, maxShardBytes: 1000);
        Assert.True(Directory.GetFiles(_folder, "model-*.safetensors").Length > 1);
        using var shards = SafetensorsShards.Open(index);
        Assert.Equal(tensors.Keys.Order(), shards.Entries.Keys.Order());
        Assert.All(tensors, pair => Assert.True(shards.Read(pair.Key).equal(pair.Value).all().item<bool>()));
        File.Delete(Directory.GetFiles(_folder, "model-*.safetensors").Order().First());
        Assert.Contains("which is not there", Assert.Throws<FileNotFoundException>(() => SafetensorsShards.Open(index)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "only files beside the index")]
    [InlineData("{\"weight_map\":[]}", "no object 'weight_map'")]
    [InlineData("{\"weight_map\":", "not valid JSON")]
    [InlineData("{\"weight_map\":{\"a\":1}}", "is not a file name")]
    public void DamagedIndexIsRefused(string json, string fault)
    {
        var path = Path.Combine(_folder, "m.safetensors.index.json");
        File.WriteAllText(path, json);
        Assert.Contains(fault, Assert.Throws<InvalidDataException>(() => SafetensorsShards.Open(path)).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[], string> Hostile()
    {
        var data = new TheoryData<string, byte[], string>();
        void Add(string what, string header, int dataLength, string fault, ulong? length = null)
        {
            var json = Encoding.UTF8.GetBytes(header);
            var bytes = new byte[8 + json.Length + dataLength];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, length ?? (ulong)json.Length);
            json.CopyTo(bytes, 8);
            data.Add(what, bytes, fault);
        }
        const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
        data.Add("empty file", [], "too few");
        data.Add("short file", [1, 2, 3], "too few");
        Add("huge header length", "{}", 0, "above the allowed", ulong.MaxValue);
        Add("header longer than the file", "{}", 0, "bytes follow", 1000);
        Add("zero header", "{}", 0, "smallest header", 0);
        Add("no object", "[1]", 0, "does not start with '{'");
        Add("cut JSON", "{\"a\":", 0, "not valid JSON");
        Add("deep JSON", "{\"a\":" + new string('[', 5000) + "}", 0, "is not a JSON object");
        Add("deep JSON in a shape", "{\"a\":{\"shape\":" + new string('[', 5000) + "}}", 0, "header offset");
        Add("duplicate key", "{" + A + "," + A + "}", 8, "occurs twice");
        Add("missing shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "lacks shape");
        Add("negative size", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "whole number");
        Add("fraction", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.5],\"data_offsets\":[0,8]}}", 8, "whole number");
        Add("overflowing shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9223372036854775807],\"data_offsets\":[0,8]}}",
            8, "2^58");
        Add("wrong size", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "needs 12 bytes");
        Add("out of range", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 8, "the data is 8 bytes long");
        Add("reversed", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "data_offsets [8, 0]");
        Add("overlap", "{" + A + ",\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "inside the tensor before it");
        Add("hole", "{" + A + ",\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]}}", 16, "hole");
        Add("rest", "{" + A + "}", 12, "the file at");
        Add("cut data", "{" + A + "}", 4, "the data is 4 bytes long");
        Add("metadata no text", "{\"__metadata__\":{\"x\":1}}", 0, "is not text");
        Add("extra field", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, "unexpected or repeated field");
        Add("trailing garbage", "{} x", 0, "not valid JSON");
        return data;
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void HostileFilesAreRefusedWithTheirFault(string what, byte[] bytes, string fault)
    {
        var path = Path.Combine(_folder, "hostile.safetensors");
        File.WriteAllBytes(path, bytes);
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path));
        Assert.True(error.Message.Contains(fault, StringComparison.Ordinal), $"{what}: {error.Message}");
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownTypeLeavesTheOtherTensorsReadable()
    {
        using var scope = NewDisposeScope();
        const string Header =
            "{\"a\":{\"dtype\":\"F33\",\"shape\":[2],\"data_offsets\":[0,9]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[9,"
                + "11]}}";
        using var file = SafetensorsFile.Open(Raw(Header, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
        Assert.Equal([10, 11], file.Read("b").data<byte>().ToArray());
        Assert.Equal("F33", file.Entries["a"].TypeName);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8, 9], file.ReadBytes("a"));
        Assert.Contains("element type F33", Assert.Throws<NotSupportedException>(() => file.Read("a")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("F8_E8M0", 4, new byte[] { 0, 126, 127, 128 }, new[] { 5.877471754111438e-39, 0.5, 1, 2 })]
    [InlineData("F8_E4M3FNUZ", 4, new byte[] { 0x40, 0xC0, 1, 0x7F }, new double[] { 1, -1, 0.0009765625, 240 })]
    [InlineData("F8_E5M2FNUZ", 4, new byte[] { 0x40, 0xC0, 1, 0x7F }, new[] { 1, -1, 7.62939453125e-06, 57344 })]
    [InlineData("F4", 4, new byte[] { 0x21, 0xF7 }, new[] { 0.5, 1, 6, -6 })]
    [InlineData("F6_E2M3", 4, new byte[] { 0x48, 0xF0, 0x81 }, new[] { 1, 0.125, 7.5, -0.0 })]
    [InlineData("F6_E3M2", 4, new byte[] { 0x4C, 0xF0, 0x81 }, new[] { 1, 0.0625, 28, -0.0 })]
    [InlineData("U64", 1, new byte[] { 255, 255, 255, 255, 255, 255, 255, 127 }, new double[] { long.MaxValue })]
    [InlineData("U32", 1, new byte[] { 255, 255, 255, 255 }, new double[] { uint.MaxValue })]
    [InlineData("U16", 1, new byte[] { 255, 255 }, new double[] { ushort.MaxValue })]
    public void ValuesOfNarrowTypesAreExact(string type, int count, byte[] bytes, double[] expected)
    {
        using var scope = NewDisposeScope();
        using var file = SafetensorsFile.Open(
            Raw($"{{\"x\":{{\"dtype\":\"{type}\",\"shape\":[{count}],\"data_offsets\":[0,{bytes.Length}]}}}}", bytes));
        Assert.Equal(expected, file.Read("x").to(ScalarType.Float64).data<double>().ToArray());
        Assert.Equal(bytes, file.ReadBytes("x"));
    }

    [Fact]
    public void UnsignedValuesThatDoNotFitAreRefused()
    {
        using var file = SafetensorsFile.Open(
            Raw("{\"x\":{\"dtype\":\"U64\",\"shape\":[1],\"data_offsets\":[0,8]}}", [0, 0, 0, 0, 0, 0, 0, 128]));
        Assert.Contains("9223372036854775808", Assert.Throws<NotSupportedException>(() => file.Read("x")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ComplexTensorsRoundTrip()
    {
        using var scope = NewDisposeScope();
        var x = complex(arange(4.0f), arange(4.0f) / 3);
        var path = Path.Combine(_folder, "complex.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["x"] = x });
        using var file = SafetensorsFile.Open(path);
        Assert.Equal(SafetensorsDtype.C64, file.Entries["x"].Dtype);
        Assert.Equal(x.bytes.ToArray(), file.Read("x").bytes.ToArray());
    }

    private string Raw(string header, byte[] data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        data.CopyTo(bytes, 8 + json.Length);
        var path = Path.Combine(_folder, "raw.safetensors");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    [Fact]
    public void UnknownKeyNamesTheNearest()
    {
        using var file = SafetensorsFile.Open(Reference);
        Assert.Contains("'bf16'", Assert.Throws<KeyNotFoundException>(() => file.Read("bf17")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HundredThousandMutatedHeadersAreReadOrRefused()
    {
        var original = File.ReadAllBytes(Reference);
        var headerEnd = 8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(original);
        var random = new Random(20260101);
        var path = Path.Combine(_folder, "mutated.safetensors");
        int opened = 0, refused = 0;
        var before = GC.GetTotalAllocatedBytes();
        for (var i = 0; i < 100_000; i++)
        {
            var bytes = (byte[])original.Clone();
            var length = bytes.Length;
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                var at = random.Next(headerEnd);
                switch (random.Next(5))
                {
                    case 0: bytes[at] = (byte)random.Next(256); break;
                    case 1: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                    case 2: bytes[at] = (byte)"0123456789[]{},:\""[random.Next(17)]; break;
                    case 3: length = random.Next(bytes.Length); break;
                    default:
                        var count = random.Next(1, Math.Min(40, headerEnd - at) + 1);
                        bytes.AsSpan(random.Next(headerEnd - count + 1), count).ToArray().CopyTo(bytes, at);
                        break;
                }
            }
            try
            {
                // The same calls as SafetensorsFile.Open, without a hundred thousand files.
                var json = SafetensorsHeader.HeaderLength(path, bytes.AsSpan(0, Math.Min(8, length)), length);
                var header = SafetensorsHeader.Parse(path, bytes.AsSpan(8, json), length);
                Assert.All(header.Entries.Values, e => Assert.True(e.Offset >= 0 && e.Length >= 0 && e.Offset + e.Length <= length));
                opened++;
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.True(opened > 0 && refused > 50_000, $"{opened} opened, {refused} refused");
        Assert.True(GC.GetTotalAllocatedBytes() - before < 100_000L * 200_000, "a header made the reader allocate without measure");
    }

    private static void AssertSameFloats(Tensor expected, Tensor actual)
        => Assert.Equal(expected.data<float>().ToArray().Select(BitsOrNaN), actual.data<float>().ToArray().Select(BitsOrNaN));

    private static int BitsOrNaN(float value) => float.IsNaN(value) ? int.MinValue + 1 : BitConverter.SingleToInt32Bits(value);

    [Fact]
    public void WhatCouldNotBeReadAgainIsNotWritten()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "refused.safetensors");
        void Refused<T>(string word, string name, Tensor? tensor, Dictionary<string, string>? metadata = null)
            where T : Exception
        {
            var refused = Assert.Throws<T>(
                () => SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { [name] = tensor! }, metadata));
            Assert.Contains(word, refused.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(path));
        }

        Refused<ArgumentException>("'a' is null", "a", null);
        Refused<NotSupportedException>("sparse", "a", eye(3).to_sparse());
        Refused<NotSupportedException>("meta", "a", ones(3).to(new Device("meta")));
        Refused<ArgumentException>("U+D800", "a\ud800", ones(3));
        Refused<ArgumentException>("'x' is null", "a", ones(3), new() { ["x"] = null! });
        Refused<ArgumentException>("at most 100000000", "a", ones(3), new() { ["x"] = new string('y', 100_000_000) });
    }
}
