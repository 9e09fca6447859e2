using System.IO.Compression;
using System.Security.Cryptography;
using Cresset.Data;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

[LeakFree]
public sealed class ReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EmbeddedDigitsAreTheRealOnes()
    {
        var (train, test) = ImageClassification.Digits();
        using (train)
        using (test)
        using (NewDisposeScope())
        {
            Assert.Equal((1437, 360), (train.Count, test.Count));
            var pixels = cat([train.Inputs, test.Inputs]).mul(16).round().to(ScalarType.Byte).data<byte>().ToArray();
            Assert.Equal(561_718, pixels.Sum(p => (int)p));
            Assert.Equal("8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3",
                Convert.ToHexStringLower(SHA256.HashData(pixels)));
            var labels = cat([train.Targets!, test.Targets!]).to(ScalarType.Byte).data<byte>().ToArray();
            Assert.Equal("8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0",
                Convert.ToHexStringLower(SHA256.HashData(labels)));
        }
    }

    [Fact]
    public void EmbeddedGarmentsAreTheRealOnes()
    {
        var (train, test) = ImageClassification.Garments();
        using (train)
        using (test)
        using (NewDisposeScope())
        {
            Assert.Equal((9000, 1000), (train.Count, test.Count));
            var pixels = cat([train.Inputs, test.Inputs]).mul(255).round().to(ScalarType.Byte).data<byte>().ToArray();
            Assert.Equal("2929ae1c7b89e0ee6587bbe4911fd5f0a5dafe21ae6ed9b737173cbfe20c12c9",
                Convert.ToHexStringLower(SHA256.HashData(pixels)));
            var labels = cat([train.Targets!, test.Targets!]).to(ScalarType.Byte).data<byte>().ToArray();
            Assert.Equal("1022e4632874e71bb84d924c475e6a3428a2deeb8c5a0f612a015c97e4fce7f0",
                Convert.ToHexStringLower(SHA256.HashData(labels)));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void IdxReadsPlainAndGzip(bool gzip)
    {
        var path = WriteIdx("x", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 6], gzip);
        var idx = IdxFile.Read(path, 3);
        Assert.Equal([2, 1, 2], idx.Shape);
        Assert.Equal([9, 8, 7, 6], idx.Values);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 8, 1, 0, 0, 0, 1, 5 }, "magic number 0x00000801 at offset 0; expected 0x00000803")]
    [InlineData(new byte[] { 0, 0, 8, 3, 0, 0 }, "ends at offset 6, inside the sizes")]
    [InlineData(new byte[] { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7 }, "ends at offset 19")]
    [InlineData(new byte[] { 0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 8 }, "1 bytes follow the data")]
    [InlineData(new byte[] { 0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 1 }, "is negative")]
    [InlineData(new byte[] { 0, 0, 8, 3, 127, 0, 0, 0, 127, 0, 0, 0, 127, 0, 0, 0 }, "ask for more than")]
    [InlineData(new byte[] { 1 }, "starts with a 4-byte magic number")]
    public void DamagedIdxNamesFileAndOffset(byte[] bytes, string fault)
    {
        foreach (var gzip in new[] { false, true })
        {
            var path = WriteIdx("bad", bytes, gzip);
            var error = Assert.Throws<InvalidDataException>(() => IdxFile.Read(path, 3));
            Assert.Contains(fault, error.Message, StringComparison.Ordinal);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void EveryTruncationOfAGzipFileIsRefused()
    {
        var content = new byte[16 + 400];
        new byte[] { 0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 10, 0, 0, 0, 10 }.CopyTo(content, 0);
        new Random(1).NextBytes(content.AsSpan(16));
        var whole = File.ReadAllBytes(WriteIdx("whole", content, gzip: true));
        for (var length = 2; length < whole.Length; length += 3)
        {
            var path = Path.Combine(_folder, "cut.gz");
            File.WriteAllBytes(path, whole[..length]);
            Assert.Contains(path, Assert.Throws<InvalidDataException>(() => IdxFile.Read(path, 3)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void LabelOutOfRangeNamesFileAndOffset()
    {
        var images = WriteIdx("i", [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 9, 8], false);
        var labels = WriteIdx("l", [0, 0, 8, 1, 0, 0, 0, 2, 3, 11], false);
        using (var letters = ImageClassification.IdxPair(images, labels)) Assert.Equal([3L, 11], letters.Targets!.data<long>().ToArray());
        var error = Assert.Throws<InvalidDataException>(() => ImageClassification.IdxPair(images, labels, classes: 10));
        Assert.Equal($"{labels}: label 11 at offset 9 of the content; allowed are 0 to 9.", error.Message);
    }

    [Fact]
    public void MissingFolderFilesAreNamed()
        => Assert.Contains("train-images-idx3-ubyte",
            Assert.Throws<FileNotFoundException>(() => ImageClassification.IdxFolder(_folder)).Message, StringComparison.Ordinal);

    [Fact]
    public void IdxReadsEveryElementType()
    {
        using var scope = NewDisposeScope();
        (byte Code, byte[] Bytes, double[] Values)[] cases =
        [
            (0x08, [255, 1], [255, 1]), (0x09, [255, 1], [-1, 1]), (0x0b, [255, 254, 1, 0], [-2, 256]),
            (0x0c, [0, 0, 1, 0, 255, 255, 255, 255], [256, -1]),
            (0x0d, [0x3f, 0xc0, 0, 0, 0xc0, 0, 0, 0], [1.5, -2]),
            (0x0e, [0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0], [1.5, -2]),
        ];
        foreach (var (code, bytes, values) in cases)
        {
            var idx = IdxFile.Read(WriteIdx("t", [0, 0, code, 1, 0, 0, 0, 2, .. bytes], false), 1);
            Assert.Equal(values, idx.ToTensor().to(ScalarType.Float64).data<double>().ToArray());
        }
    }

    [Fact]
    public void NpyRoundTripsAndReadsFortranOrder()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "x.npy");
        foreach (var x in new[] { randn(3, 4), randn(5), arange(6, dtype: ScalarType.Int64).reshape(1, 6), zeros(0, 2),
            randn(2, 3, dtype: ScalarType.Float64) })
        {
            NpyFile.Write(path, x);
            var back = NpyFile.Read(path);
            Assert.Equal(x.dtype, back.dtype);
            Assert.Equal(x.shape, back.shape);
            Assert.True(x.numel() == 0 || back.equal(x).all().item<bool>());
        }
        // numpy.asfortranarray([[1, 2, 3], [4, 5, 6]], dtype=float32)
        const string Header = "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }";
        File.WriteAllBytes(path,
            [0x93, .. "NUMPY"u8, 1, 0, 118, 0, .. System.Text.Encoding.ASCII.GetBytes(Header.PadRight(117) + "\n"),
                .. new float[] { 1, 4, 2, 5, 3, 6 }.SelectMany(BitConverter.GetBytes)]);
        Assert.Equal([1f, 2f, 3f, 4f, 5f, 6f], NpyFile.Read(path).data<float>().ToArray());
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^2]);
        Assert.Contains("needs 24 bytes", Assert.Throws<InvalidDataException>(() => NpyFile.Read(path)).Message, StringComparison.Ordinal);
    }

    private string WriteIdx(string name, byte[] bytes, bool gzip)
    {
        var path = Path.Combine(_folder, gzip ? name + ".gz" : name);
        using Stream file = File.Create(path);
        using Stream stream = gzip ? new GZipStream(file, CompressionLevel.Optimal) : file;
        stream.Write(bytes);
        return path;
    }
}
