using System.IO.Compression;
using Cresset.Data;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Data;

/// <summary>Files of weights turned into others: every value arrives, and whatever does not is said or refused.</summary>
[LeakFree]
public sealed class WeightConversionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-convert-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void EverythingThatIsNotInTheNewFileIsNamed()
    {
        var to = At("a.safetensors");
        var report = WeightConversion.Convert(PyTorch("pt26_training-adamw.pth"), to,
            keys: KeyMap.Identity.RenamePrefix("0.", "first.").Drop("2."));
        Assert.Equal(["key 2.weight", "key 2.bias", "optimizer state 'optimizer'"], report.Dropped);
        Assert.Equal([("0.weight", "first.weight"), ("0.bias", "first.bias")], report.Renamed);
        Assert.Empty(report.Converted);
        Assert.Contains(report.Notes, n => n.Contains("argparse.Namespace", StringComparison.Ordinal));
        using var from = PyTorchFile.Open(PyTorch("pt26_training-adamw.pth"));
        using var back = SafetensorsFile.Open(to);
        Assert.Equal(from.ReadBytes("0.weight"), back.ReadBytes("first.weight"));
        Assert.False(back.Entries.ContainsKey("2.weight"));
        Assert.Equal("7", back.Metadata["epoch"]);
    }

    [Fact]
    public void NumPyArchivesRoundTripThroughSafetensors()
    {
        using var scope = NewDisposeScope();
        var arrays = new Dictionary<string, Tensor>
        {
            ["a.weight"] = randn(3, 2),
            ["b"] = arange(5),
            ["flag"] = tensor(true),
            ["empty"] = empty(0, 3),
            ["half"] = randn(4).to(float16)
        };
        NpzFile.Write(At("a.npz"), arrays);
        Assert.Equal(5, WeightConversion.Convert(At("a.npz"), At("a.safetensors")).Tensors);
        Assert.Empty(WeightConversion.Convert(At("a.safetensors"), At("b.npz")).Converted);
        using var source = WeightFile.Open(At("b.npz"));
        Assert.Equal(arrays.Keys.Order(StringComparer.Ordinal), source.Entries.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, tensor) in arrays)
            Assert.True(source.Read(name).equal(tensor).all().item<bool>() && source.Entries[name].Shape.SequenceEqual(tensor.shape), name);
    }

    [Fact]
    public void ArraysOfOtherTypesAreListedAndMustBeDropped()
    {
        using var scope = NewDisposeScope();
        NpzFile.Write(At("a.npz"), new Dictionary<string, Tensor> { ["good"] = ones(2) });
        using (var archive = ZipFile.Open(At("a.npz"), ZipArchiveMode.Update))
        using (var stream = archive.CreateEntry("names.npy").Open())
        {
            var header = "{'descr': '<U3', 'fortran_order': False, 'shape': (2,), }\n";
            stream.Write([0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. System.Text.Encoding.ASCII.GetBytes(header),
                .. new byte[24]]);
        }
        using var source = NumPySource.Open(At("a.npz"));
        Assert.Equal("<U3", source.Entries["names"].TypeName);
        Assert.Equal([2L], source.Entries["names"].Shape);
        Assert.Contains("'names' (<U3)",
            Assert.Throws<NotSupportedException>(() => WeightConversion.Convert(At("a.npz"), At("a.safetensors"))).Message,
            StringComparison.Ordinal);
        Assert.False(File.Exists(At("a.safetensors")));
        Assert.Equal(["key names"],
            WeightConversion.Convert(At("a.npz"), At("a.safetensors"), keys: KeyMap.Identity.Drop("names")).Dropped);
    }

    [Theory]
    [InlineData(".safetensors")]
    [InlineData(".npz")]
    public void ValuesBeyondTheNewTypeAreRefused(string ending)
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(At("a.safetensors"),
            new Dictionary<string, Tensor> { ["x"] = tensor(new[] { 1f, -70_000f, float.PositiveInfinity, float.NaN }) });
        var message = Assert.Throws<NotSupportedException>(
            () => WeightConversion.Convert(At("a.safetensors"), At("b" + ending), dtype: ScalarType.Float16)).Message;
        Assert.Contains("'x' holds -70000 at [1], which Float16 does not hold (up to 65504)", message, StringComparison.Ordinal);
        Assert.False(File.Exists(At("b" + ending)));
        // What was infinite before stays so.
        SafetensorsWriter.Write(At("a.safetensors"),
            new Dictionary<string, Tensor> { ["x"] = tensor(new[] { 1f, float.PositiveInfinity, float.NaN }) });
        Assert.Equal(["x: F32 to F16"],
            WeightConversion.Convert(At("a.safetensors"), At("b" + ending), dtype: ScalarType.Float16).Converted);
    }

    [Fact]
    public void TypesThatNumPyLacksAreRefusedByName()
    {
        var message = Assert.Throws<NotSupportedException>(() => WeightConversion.Convert(PyTorch("pt26_types.pt"), At("a.npz"))).Message;
        Assert.Contains("--dtype fp32", message, StringComparison.Ordinal);
        Assert.False(File.Exists(At("a.npz")));
    }

    [Fact]
    public void NothingIsOverwrittenUnasked()
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(At("a.safetensors"), new Dictionary<string, Tensor> { ["x"] = ones(2) });
        File.WriteAllText(At("b.safetensors"), "mine");
        Assert.Contains("exists",
            Assert.Throws<ArgumentException>(() => WeightConversion.Convert(At("a.safetensors"), At("b.safetensors"))).Message,
            StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(At("b.safetensors")));
        Assert.Contains("the file itself",
            Assert.Throws<ArgumentException>(
                () => WeightConversion.Convert(At("a.safetensors"), At("./a.safetensors"), overwrite: true)).Message,
                StringComparison.Ordinal);
        Assert.Contains(".npz are written",
            Assert.Throws<ArgumentException>(() => WeightConversion.Convert(At("a.safetensors"), At("b.pt"))).Message,
            StringComparison.Ordinal);
        WeightConversion.Convert(At("a.safetensors"), At("b.safetensors"), overwrite: true);
        using var back = SafetensorsFile.Open(At("b.safetensors"));
        Assert.Single(back.Entries);
    }

    [Fact]
    public void ATiedKeyOutlivesTheOneThatWasStored()
    {
        using var scope = NewDisposeScope();
        SafetensorsWriter.Write(At("a.safetensors"), new Dictionary<string, Tensor> { ["embed"] = arange(4) },
            new Dictionary<string, string> { ["head"] = "embed", ["note"] = "kept" });
        WeightConversion.Convert(At("a.safetensors"), At("b.safetensors"), keys: KeyMap.Identity.Drop("embed"));
        using var back = SafetensorsFile.Open(At("b.safetensors"));
        Assert.Equal(["head"], back.Entries.Keys);
        Assert.Equal("kept", back.Metadata["note"]);
        Assert.False(back.Metadata.ContainsKey("head"));
        Assert.Contains("both become 'x'",
            Assert.Throws<CheckpointException>(
                () => WeightConversion.Convert(At("a.safetensors"), At("c.safetensors"), keys: KeyMap.Identity.Then(_ => "x"))).Message,
                StringComparison.Ordinal);
    }

    private static string PyTorch(string name) => Repository.Reference("pytorch/" + name);

    private string At(string name) => Path.Combine(_folder, name);
}
