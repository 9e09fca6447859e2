using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Tensors;

[LeakFree]
public sealed class StateDictTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-sd-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ModuleRoundTripsThroughAFile()
    {
        using var scope = NewDisposeScope();
        using nn.Module a = Net(1), b = Net(2);
        var path = Path.Combine(_folder, "net.safetensors");
        StateDict.Save(a, path);
        Assert.True(StateDict.Load(b, path).IsExact);
        Assert.All(StateDict.Of(a), pair => Assert.True(pair.Value.equal(StateDict.Of(b)[pair.Key]).all().item<bool>()));
    }

    [Fact]
    public void ForeignPrefixIsMapped()
    {
        using var scope = NewDisposeScope();
        using nn.Module a = Net(1), b = Net(2);
        var foreign = StateDict.Of(a).ToDictionary(p => "model.net." + p.Key, p => p.Value);
        foreign.Add("optimizer.step", zeros(1));
        Assert.True(StateDict.Load(b, foreign, keys: KeyMap.Identity.Drop("optimizer.").StripPrefix("model.").Only("net.")).IsExact);
        Assert.True(StateDict.Of(b)["0.weight"].equal(StateDict.Of(a)["0.weight"]).all().item<bool>());
    }

    [Fact]
    public void RefusedCheckpointNamesEveryKeyAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        using nn.Module net = Net(1);
        var before = StateDict.Of(net).ToDictionary(p => p.Key, p => p.Value.clone());
        // A [1, 4] source would be broadcast by TorchSharp's own loader.
        var source = new Dictionary<string, Tensor> { ["0.weight"] = zeros(1, 4), ["0.bias"] = zeros(3), ["extra"] = zeros(1) };
        var error = Assert.Throws<CheckpointException>(() => StateDict.Load(net, source));
        Assert.Equal(["0.weight: checkpoint [1, 4], module [3, 4]"], error.Report.MisShaped);
        Assert.Equal(["extra"], error.Report.Unexpected);
        Assert.Equal(["1.weight", "1.bias"], error.Report.Missing);
        Assert.All(StateDict.Of(net), pair => Assert.True(pair.Value.equal(before[pair.Key]).all().item<bool>()));
    }

    [Fact]
    public void AWeightWithoutMemoryIsPlacedOrRefusedAndNeverLost()
    {
        using var scope = NewDisposeScope();
        using var placed = new Cresset.Nn.Projection(4, 3, hasBias: true, Cresset.Nn.WeightPlace.Nowhere);
        var source = new Dictionary<string, Tensor> { ["weight"] = ones(3, 4), ["bias"] = zeros(3) };
        StateDict.Load(placed, source);
        Assert.Equal(4 * 3, placed.forward(ones(1, 4)).sum().item<float>());
        using var foreign = nn.Linear(4, 3, device: META);
        var error = Assert.Throws<CheckpointException>(() => StateDict.Load(foreign, source));
        Assert.Contains("'weight' has no memory (device meta)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LenientLoadingReportsWhatItLeftOut()
    {
        using var scope = NewDisposeScope();
        using nn.Module net = Net(1);
        var report = StateDict.Load(net,
            new Dictionary<string, Tensor> { ["0.bias"] = ones(3, dtype: ScalarType.Float64), ["extra"] = zeros(1) }, strict: false);
        Assert.Equal(["0.bias"], report.Loaded);
        Assert.Equal(["extra"], report.Unexpected);
        Assert.Equal(3, report.Missing.Count);
        Assert.Equal(3f, StateDict.Of(net)["0.bias"].sum().item<float>());
    }

    [Fact]
    public void TwoKeysThatBecomeOneAreRefused()
    {
        using var scope = NewDisposeScope();
        using nn.Module net = Net(1);
        var source = new Dictionary<string, Tensor> { ["a.x"] = zeros(1), ["b.x"] = zeros(1) };
        var map = KeyMap.Identity.StripPrefix("a.").StripPrefix("b.");
        Assert.Contains("both become 'x'", Assert.Throws<CheckpointException>(() => StateDict.Load(net, source, keys: map)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("norm.gamma", "norm.weight")]
    [InlineData("gamma", "weight")]
    [InlineData("my_gamma.x", "my_gamma.x")]
    public void RenameReplacesWholePartsOnly(string key, string expected) =>
        Assert.Equal(expected, KeyMap.Identity.Rename("gamma", "weight").Apply(key));

    [Fact]
    public void TiedWeightsAreSavedOnceAndLoadStrictly()
    {
        using var scope = NewDisposeScope();
        using var net = new TiedNet();
        var path = Path.Combine(_folder, "tied.safetensors");
        StateDict.Save(net, path);
        using (var file = SafetensorsFile.Open(path))
        {
            Assert.Equal(["embedding.weight"], file.Entries.Keys);
            Assert.Equal("embedding.weight", file.Metadata["head.weight"]);
            Assert.Equal("pt", file.Metadata["format"]);
        }
        // Into the same net, into one whose weights are two, and from a file without the alias.
        using var again = new TiedNet();
        Assert.True(StateDict.Load(again, path).IsExact);
        Assert.True(StateDict.Of(again)["head.weight"].equal(StateDict.Of(net)["head.weight"]).all().item<bool>());
        using var apart = new TiedNet(tie: false);
        Assert.True(StateDict.Load(apart, path).IsExact);
        Assert.True(StateDict.Of(apart)["head.weight"].equal(StateDict.Of(net)["head.weight"]).all().item<bool>());
        var bare = new Dictionary<string, Tensor> { ["head.weight"] = ones(5, 3) };
        Assert.True(StateDict.Load(again, bare).IsExact);
        Assert.Throws<CheckpointException>(() => StateDict.Load(apart, bare));
        Assert.Equal(1f, StateDict.Of(again)["embedding.weight"].max().item<float>());
    }

    [Fact]
    public void DifferentValuesForOneWeightAreRefused()
    {
        using var scope = NewDisposeScope();
        using var net = new TiedNet();
        var path = Path.Combine(_folder, "untied.safetensors");
        SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["embedding.weight"] = zeros(5, 3), ["head.weight"] = ones(5, 3) });
        Assert.Contains("are one weight in the module", Assert.Throws<CheckpointException>(() => StateDict.Load(net, path)).Message,
            StringComparison.Ordinal);
    }

    private sealed class TiedNet : nn.Module
    {
        [TorchSharp.Utils.ComponentName(Name = "embedding")]
        private readonly TorchSharp.Modules.Embedding _embedding;
        [TorchSharp.Utils.ComponentName(Name = "head")]
        private readonly TorchSharp.Modules.Linear _head;

        public TiedNet(bool tie = true)
            : base(nameof(TiedNet))
        {
            _embedding = nn.Embedding(5, 3);
            _head = nn.Linear(3, 5, hasBias: false);
            if (tie) _head.weight = _embedding.weight!;
            RegisterComponents();
        }
    }

    private static nn.Module Net(int seed)
    {
        var net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2));
        Initialize.Reset(net, new Generator((ulong)seed));
        return net;
    }

    [Fact]
    public void WeightsMayChangePlaces()
    {
        using var scope = NewDisposeScope();
        using var net = nn.Sequential(("a", nn.Linear(2, 2, hasBias: false)), ("b", nn.Linear(2, 2, hasBias: false)));
        var own = StateDict.Of(net);
        var (a, b) = (own["a.weight"].detach().clone(), own["b.weight"].detach().clone());
        StateDict.Load(net, new Dictionary<string, Tensor> { ["a.weight"] = own["b.weight"], ["b.weight"] = own["a.weight"] });
        Assert.True(own["a.weight"].eq(b).all().ToBoolean() && own["b.weight"].eq(a).all().ToBoolean());
        StateDict.Load(net,
            new Dictionary<string, Tensor> { ["a.weight"] = own["a.weight"].detach().t(), ["b.weight"] = own["b.weight"] });
        Assert.True(own["a.weight"].eq(b.t()).all().ToBoolean() && own["b.weight"].eq(a).all().ToBoolean());
    }
}
