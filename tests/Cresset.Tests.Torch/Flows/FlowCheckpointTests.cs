using Cresset.Flows;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

/// <summary>
/// Files that nflows, zuko, normflows, FrEIA and glow-pytorch wrote give the density, the latents and the inverse that these packages give.
/// </summary>
public sealed class FlowCheckpointTests
{
    private static readonly Dictionary<string, FlowCheckpointOptions> Options = new()
    {
        ["glow-pytorch"] = new() { PictureSize = 8, PictureColumns = 4 },
        ["normflows-blocks"] = new() { FlowsWithSwaps = 6 },
    };

    public static TheoryData<string> Names =>
        [.. Directory.EnumerateFiles(Folder, "*.pt").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)];

    private static string Folder => Path.GetDirectoryName(Repository.Reference("flows/checkpoints/values.safetensors"))!;

    private static string FileOf(string name) => Path.Combine(Folder, name + ".pt");

    [Theory]
    [MemberData(nameof(Names))]
    public void TheDensityIsThePackages(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var values = SafetensorsFile.Open(Path.Combine(Folder, "values.safetensors"));
        using var flow = FlowCheckpoint.Open(FileOf(name), Options.GetValueOrDefault(name));
        var x = values.Read($"{name}.x");
        var c = values.Entries.ContainsKey($"{name}.c") ? values.Read($"{name}.c") : null;
        FlowGoldens.Close(values.Read($"{name}.log_prob"), flow.LogProb(x, c), 1e-9, "log p");
        var z = flow.Encode(x, c);
        // Glow's latents are standardised by their priors here.
        if (flow is not Glow) FlowGoldens.Close(values.Read($"{name}.z"), z, 1e-9, "z");
        FlowGoldens.Close(x, flow.Decode(z, c), 1e-7, "round trip");
        Assert.Equal([5L, .. x.shape[1..]], flow.Sample(5, c?[0]).shape);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void AFileThatLacksATensorIsRefusedOrTheSameFlow(string name)
    {
        using var scope = NewDisposeScope();
        using var quiet = no_grad();
        using var values = SafetensorsFile.Open(Path.Combine(Folder, "values.safetensors"));
        using var file = TensorFile.Open(FileOf(name));
        var state = file.Entries.Keys.ToDictionary(k => k, file.Read);
        var x = values.Read($"{name}.x");
        var c = values.Entries.ContainsKey($"{name}.c") ? values.Read($"{name}.c") : null;
        var refused = 0;
        foreach (var key in state.Keys)
        {
            using var inner = NewDisposeScope();
            try
            {
                using var flow = FlowCheckpoint.Open(state.Where(p => p.Key != key).ToDictionary(p => p.Key, p => p.Value),
                    Options.GetValueOrDefault(name));
                FlowGoldens.Close(values.Read($"{name}.log_prob"), flow.LogProb(x, c), 1e-9, $"log p without {key}");
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }
        Assert.True(refused > 0, "nothing was missed");
    }

    [Fact]
    public void EveryPackageIsAmongTheFiles()
    {
        var libraries = Names.Select(n => ((string)n).Split('-')[0]).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(["freia", "glow", "nflows", "normflows", "zuko"], libraries);
    }

    [Fact]
    public void ATrainedFlowKeepsTrainingAndIsSavedAsOurs()
    {
        using var scope = NewDisposeScope();
        using var flow = FlowCheckpoint.Open(FileOf("nflows-maf"));
        flow.train();
        flow.Loss(randn(8, 3, dtype: ScalarType.Float64)).backward();
        Assert.All(flow.named_parameters(), p => Assert.True(p.parameter.grad is { IsInvalid: false }, p.name));
        using var again = FlowCheckpoint.Open(FileOf("nflows-maf"));
        StateDict.Load(again, flow.state_dict());
    }

    [Fact]
    public void WhatIsNotKnownIsRefusedByItsKey()
    {
        using var scope = NewDisposeScope();
        string Message(string name, Action<Dictionary<string, Tensor>> change, FlowCheckpointOptions? options = null)
        {
            using var file = TensorFile.Open(FileOf(name));
            var state = file.Entries.Keys.ToDictionary(k => k, file.Read);
            change(state);
            return Assert.Throws<CheckpointException>(() => FlowCheckpoint.Open(state, options ?? Options.GetValueOrDefault(name))).Message;
        }
        Assert.Contains("PictureSize", Message("glow-pytorch", _ => { }, new()), StringComparison.Ordinal);
        Assert.Contains("FlowsWithSwaps", Message("normflows-blocks", _ => { }, new()), StringComparison.Ordinal);
        Assert.Contains("flow 4, and FlowsWithSwaps says that there are 2",
            Message("normflows-blocks", _ => { }, new() { FlowsWithSwaps = 2 }), StringComparison.Ordinal);
        Assert.Contains("none of nflows",
            Message("zuko-maf", s => { foreach (var k in s.Keys.ToArray()) { s["net." + k] = s[k]; s.Remove(k); } }),
            StringComparison.Ordinal);
        Assert.Contains("_embedding_net", Message("nflows-nsf", s => s["_embedding_net.weight"] = ones(2, 2)), StringComparison.Ordinal);
        Assert.Contains("belong to no part", Message("zuko-nice", s => s["extra"] = ones(1)), StringComparison.Ordinal);
        Assert.Contains("transform 1 has no tensors",
            Message("nflows-realnvp",
                s =>
                {
                    foreach (var k in s.Keys.Where(k => k.Contains("transforms.1.", StringComparison.Ordinal)).ToArray())
                        s.Remove(k);
                }), StringComparison.Ordinal);
        Assert.Contains("permute_soft", Message("freia-all-in-one", s => s["module_list.0.w_perm"] = eye(5)), StringComparison.Ordinal);
        Assert.Contains("DiagNormal", Message("zuko-maf", s => { s.Remove("base.loc"); }), StringComparison.Ordinal);
        Assert.Contains("final_layer",
            Message("nflows-maf",
                s =>
                {
                    foreach (var k in s.Keys.Where(k => k.Contains("final_layer.bias", StringComparison.Ordinal)).ToArray())
                        s.Remove(k);
                }), StringComparison.Ordinal);
    }
}
