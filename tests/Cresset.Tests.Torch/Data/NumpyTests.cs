using System.IO.Compression;
using System.Text;
using Cresset.Data;
using CsCheck;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

[LeakFree]
public sealed class NumpyTests : IDisposable
{
    private static readonly string Arrays = Repository.Reference("data/arrays.npz");
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-numpy-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("bool", ScalarType.Bool)]
    [InlineData("int8", ScalarType.Int8)]
    [InlineData("uint8", ScalarType.Byte)]
    [InlineData("int16", ScalarType.Int16)]
    [InlineData("uint16", ScalarType.Int32)]
    [InlineData("int32", ScalarType.Int32)]
    [InlineData("uint32", ScalarType.Int64)]
    [InlineData("int64", ScalarType.Int64)]
    [InlineData("uint64", ScalarType.Int64)]
    [InlineData("float16", ScalarType.Float16)]
    [InlineData("float32", ScalarType.Float32)]
    [InlineData("float64", ScalarType.Float64)]
    public void EveryTypeIsReadInBothByteOrders(string name, ScalarType type)
    {
        using var scope = NewDisposeScope();
        double[] values = name == "bool" ? [0, 1, 1, 1, 1, 1] : [0, 1, 2, 100, 127, 7];
        foreach (var array in NpzFile.Names(Arrays).Where(n => n == name || n == $"big_{name}"))
        {
            var read = NpzFile.Read(Arrays, array);
            Assert.Equal(type, read.dtype);
            Assert.Equal([2L, 3], read.shape);
            Assert.Equal(values, read.to(ScalarType.Float64).data<double>().ToArray());
        }
    }

    [Fact]
    public void LargeUnsignedValuesFortranOrderScalarsAndEmptyArraysKeepTheirValues()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(65535, NpzFile.Read(Arrays, "large_uint16").item<int>());
        Assert.Equal(4294967295, NpzFile.Read(Arrays, "large_uint32").item<long>());
        var fortran = NpzFile.Read(Arrays, "fortran");
        Assert.Equal([2L, 3, 4], fortran.shape);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (double)i), fortran.data<double>().ToArray());
        Assert.Equal(5.0, NpzFile.Read(Arrays, "scalar").item<double>());
        Assert.Equal([0L, 3], NpzFile.Read(Arrays, "empty").shape);
    }

    [Theory]
    [InlineData("complex", "complex numbers of 16 bytes")]
    [InlineData("text", "texts")]
    [InlineData("bytes", "byte strings")]
    [InlineData("date", "dates or durations")]
    [InlineData("record", "records")]
    [InlineData("extended", "floats of 16 bytes")]
    [InlineData("too_large", "18446744073709551615 at offset")]
    public void OtherTypesAreRefusedByName(string name, string named)
        => Assert.Contains(named, Assert.Throws<InvalidDataException>(() => NpzFile.Read(Arrays, name)).Message, StringComparison.Ordinal);

    [Fact]
    public void AMissingArrayAndABrokenChecksumAreNamed()
    {
        Assert.Contains("Did you mean 'uint8'?", Assert.Throws<ArgumentException>(() => NpzFile.Read(Arrays, "uint88")).Message,
            StringComparison.Ordinal);
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "x.npz");
        NpzFile.Write(path, new Dictionary<string, Tensor> { ["x"] = arange(1000, dtype: ScalarType.Float32) });
        var bytes = File.ReadAllBytes(path);
        bytes[2000] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.Contains("checksum", Assert.Throws<InvalidDataException>(() => NpzFile.Read(path, "x")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "at most 19 digits")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999999, 9999999999), }", "more bytes than any file")]
    [InlineData("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000,), }", "needs 8000000000 bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "a size that is a whole number")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, }", "is missing")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (), }", "repeated key")]
    [InlineData("{'descr': '<f4', 'fortran_order': 1, 'shape': (), }", "expected True or False")]
    [InlineData("{'descr': '<f4, 'shape': (2,)", "expected")]
    [InlineData("import os", "expected '{'")]
    [InlineData("", "expected '{'")]
    public void DamagedHeadersAreInvalidData(string header, string fault)
    {
        var path = Npy(header, 16);
        var error = Assert.Throws<InvalidDataException>(() => NpyFile.Read(path));
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(fault, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void KeysMayComeInAnyOrderAndSizesAsPythonTwoWroteThem()
    {
        using var scope = NewDisposeScope();
        Assert.Equal([2L, 2], NpyFile.Read(Npy("{\"shape\":(2L,2L),\"fortran_order\":False,\"descr\":\"<f4\"}", 16)).shape);
    }

    [Fact]
    public void MutatedFilesAreReadOrRefusedAsInvalidData()
    {
        var whole = File.ReadAllBytes(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }", 48));
        var archive = File.ReadAllBytes(Arrays);
        var path = Path.Combine(_folder, "m");
        ReaderFuzz.Run(whole, 1000, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            using var read = NpyFile.Read(path);
        });
        ReaderFuzz.Run(archive, 300, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            foreach (var name in NpzFile.Names(path).Take(2))
            {
                using var read = NpzFile.Read(path, name);
            }
        });
    }

    private string Npy(string header, int data)
    {
        var path = Path.Combine(_folder, "x.npy");
        var text = Encoding.Latin1.GetBytes(header + "\n");
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, (byte)text.Length, 0, .. text, .. new byte[data]]);
        return path;
    }
}
