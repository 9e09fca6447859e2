using System.Text.Json;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

/// <summary>Checkpoints written by PyTorch 1.13 and 2.6 in both layouts, bit for bit.</summary>
[LeakFree]
public sealed class PyTorchFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-pt-").FullName;

    public static TheoryData<string, string> Files()
    {
        var data = new TheoryData<string, string>();
        foreach (var version in new[] { "pt113", "pt26" })
        {
            foreach (var file in Expected(version).EnumerateObject()) data.Add(version, file.Name);
        }
        return data;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Files))]
    public void EveryTensorIsReadBitForBit(string version, string name)
    {
        using var scope = NewDisposeScope();
        using var file = PyTorchFile.Open(Reference(name));
        var keys = Expected(version).GetProperty(name).EnumerateObject()
            .Where(k => !k.Name.StartsWith("optimizer/", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(keys);
        Assert.Equal(keys.Select(k => k.Name).Order(StringComparer.Ordinal), file.Entries.Keys.Order(StringComparer.Ordinal));
        foreach (var key in keys)
        {
            var entry = file.Entries[key.Name];
            Assert.Equal(TorchTypes.Of(new PickleGlobal("torch", key.Value.GetProperty("dtype").GetString()!)), entry.Dtype);
            Assert.Equal(key.Value.GetProperty("shape").EnumerateArray().Select(s => s.GetInt64()), entry.Shape);
            Assert.Equal(key.Value.GetProperty("hex").GetString(), Convert.ToHexStringLower(file.ReadBytes(key.Name)));
            foreach (var tensor in new[] { file.Read(key.Name), file.Map(key.Name) })
            {
                Assert.Equal(entry.Shape, tensor.shape);
                Assert.True(tensor.is_contiguous());
                if (entry.Dtype.IsNative() && entry.Count > 0) Assert.Equal(file.ReadBytes(key.Name), tensor.bytes.ToArray());
            }
        }
    }

    [Theory]
    [InlineData("types.pt")]
    [InlineData("types.legacy.pt")]
    [InlineData("layouts.pt")]
    public void ConvertedFilesHoldTheSameBytesAndTypes(string name)
    {
        foreach (var version in new[] { "pt113", "pt26" })
        {
            using var file = PyTorchFile.Open(Reference($"{version}_{name}"));
            var path = Path.Combine(_folder, "out.safetensors");
            if (file.Entries.Values.Any(e => !e.Dtype.IsInFormat()))
            {
                Assert.Contains("which safetensors files cannot hold",
                    Assert.Throws<NotSupportedException>(() => SafetensorsWriter.Copy(path, file)).Message, StringComparison.Ordinal);
                Assert.False(File.Exists(path));
                continue;
            }
            SafetensorsWriter.Copy(path, file);
            using var back = SafetensorsFile.Open(path);
            Assert.Equal("pt", back.Metadata["format"]);
            foreach (var (key, entry) in file.Entries)
            {
                var stored = back.Entries.ContainsKey(key) ? key : ((ITensorSource)back).Aliases[key];
                Assert.Equal(entry.Dtype, back.Entries[stored].Dtype);
                Assert.Equal(entry.Shape, back.Entries[stored].Shape);
                Assert.Equal(file.ReadBytes(key), back.ReadBytes(stored));
            }
        }
    }

    [Fact]
    public void TiedTensorsAreNamedAndWrittenOnce()
    {
        using var file = PyTorchFile.Open(Reference("pt26_layouts.pt"));
        Assert.Equal("shared", file.Aliases["tied"]);
        var path = Path.Combine(_folder, "tied.safetensors");
        SafetensorsWriter.Copy(path, file);
        using var back = SafetensorsFile.Open(path);
        Assert.False(back.Entries.ContainsKey("tied"));
        Assert.Equal("shared", back.Metadata["tied"]);
    }

    [Fact]
    public void SeveralStateDictsAreNamedAndOneIsChosen()
    {
        var path = Reference("pt26_both.pth");
        var message = Assert.Throws<InvalidDataException>(() => PyTorchFile.Open(path)).Message;
        Assert.Contains("'params' (2 tensors), 'params_ema' (2 tensors)", message, StringComparison.Ordinal);
        using var file = PyTorchFile.Open(path, "params_ema");
        Assert.Equal("params_ema", file.Section);
        Assert.Contains("no section 'ema'", Assert.Throws<InvalidDataException>(() => PyTorchFile.Open(path, "ema")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void PlainValuesAndUnknownClassesAreNamed()
    {
        using var training = PyTorchFile.Open(Reference("pt26_training-adamw.pth"));
        Assert.Equal("state_dict", training.Section);
        Assert.Equal(["state_dict"], training.Sections);
        Assert.Equal(["optimizer"], training.Optimizers);
        Assert.Equal("7", training.Metadata["epoch"]);
        Assert.Equal("0.125", training.Metadata["loss"]);
        Assert.Contains("argparse.Namespace", training.Unknown.Keys);
        using var detector = PyTorchFile.Open(Reference("pt26_ultralytics.pt"));
        Assert.Equal("640", detector.Metadata["train_args.imgsz"]);
        Assert.Contains("__main__.Detector", detector.Unknown.Keys);
        Assert.DoesNotContain(detector.Entries.Keys, k => k.Contains("scratch", StringComparison.Ordinal));
        using var lightning = PyTorchFile.Open(Reference("pt26_lightning.ckpt"));
        Assert.Equal("0.1", lightning.Metadata["hyper_parameters.rate"]);
        Assert.Equal(["optimizer_states.0"], lightning.Optimizers);
    }

    [Theory]
    [InlineData("pt113_training-sgd.pth")]
    [InlineData("pt26_training-sgd.pth")]
    [InlineData("pt26_inside-ema.pth")]
    [InlineData("pt26_whole-module.pt")]
    [InlineData("pt26_script.pt")]
    public void ModulesLoadFromCheckpoints(string name)
    {
        using var scope = NewDisposeScope();
        using nn.Module net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2));
        var report = StateDict.Load(net, Reference(name));
        Assert.True(report.IsExact);
        var weight = Expected(name.Split('_')[0]).GetProperty(name).GetProperty("2.weight").GetProperty("hex").GetString();
        Assert.Equal(weight, Convert.ToHexStringLower(StateDict.Of(net)["2.weight"].bytes.ToArray()));
    }

    [Theory]
    [InlineData("pt113", "adamw")]
    [InlineData("pt26", "adamw")]
    [InlineData("pt113", "sgd")]
    [InlineData("pt26", "sgd")]
    public void OptimizerStateComesAlong(string version, string kind)
    {
        var name = $"{version}_training-{kind}.pth";
        using var state = PyTorchOptimizerFile.Read(Reference(name));
        var expected = Expected(version).GetProperty(name).EnumerateObject()
            .Where(k => k.Name.StartsWith("optimizer/", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(expected);
        foreach (var key in expected)
            Assert.Equal(key.Value.GetProperty("hex").GetString(),
                Convert.ToHexStringLower(state.Tensors[key.Name["optimizer/".Length..]].bytes.ToArray()));
        using var groups = JsonDocument.Parse(state.ParamGroups);
        if (kind == "adamw")
        {
            Assert.Equal(0.02, groups.RootElement[0].GetProperty("lr").GetDouble());
            Assert.Equal(0.95, groups.RootElement[1].GetProperty("betas")[1].GetDouble());
            Assert.True(groups.RootElement[1].GetProperty("amsgrad").GetBoolean());
        }
        else Assert.True(groups.RootElement[0].GetProperty("nesterov").GetBoolean());
    }

    [Fact]
    public void TorchSharpsOwnFilesAreRead()
    {
        using var scope = NewDisposeScope();
        var path = Path.Combine(_folder, "net.dat");
        // 300 tensors: their number begins with the byte of a pickle.
        foreach (var layers in new[] { 1, 150 })
        {
            using var net = nn.Sequential(Enumerable.Range(0, layers).Select(i => ($"l{i}", (nn.Module<Tensor, Tensor>)nn.Linear(2, 3))));
            net.save(path);
            using var other = nn.Sequential(Enumerable.Range(0, layers).Select(i => ($"l{i}", (nn.Module<Tensor, Tensor>)nn.Linear(2, 3))));
            Assert.True(StateDict.Load(other, path).IsExact);
            Assert.All(StateDict.Of(net), pair => Assert.True(pair.Value.equal(StateDict.Of(other)[pair.Key]).all().item<bool>()));
        }
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        Assert.Throws<InvalidDataException>(() => TorchSharpFile.Open(path));
    }

    [Fact]
    public void DamagedRecordsAreFoundByTheirChecksum()
    {
        var path = Path.Combine(_folder, "damaged.pt");
        var bytes = File.ReadAllBytes(Reference("pt26_types.pt"));
        using (var file = PyTorchFile.Open(Reference("pt26_types.pt")))
        {
            Assert.Empty(file.Damaged());
            bytes[file.Entries["float64"].Offset] ^= 1;
        }
        File.WriteAllBytes(path, bytes);
        using var damaged = PyTorchFile.Open(path);
        Assert.Single(damaged.Damaged());
    }

    private static string Reference(string name) => Repository.Reference("pytorch/" + name);

    private static JsonElement Expected(string version) =>
        JsonDocument.Parse(File.ReadAllText(Reference($"{version}_expected.json"))).RootElement;
}
