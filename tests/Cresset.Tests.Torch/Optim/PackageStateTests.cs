using System.Text.Json;
using System.Text.Json.Nodes;
using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>States that timm and pytorch_optimizer saved are loaded, the run goes on as theirs did, and they go back.</summary>
[LeakFree]
public sealed class PackageStateTests
{
    /// <summary>Relative tolerances above 1e-11, with the reason.</summary>
    private static readonly Dictionary<string, double> Wider = new()
    {
        // The class orthogonalizes by a QR decomposition in float32.
        ["pytorch_optimizer/SOAP"] = 1e-5,
        ["pytorch_optimizer/SOAP vectors"] = 1e-5,
        // It keeps its momentum in float32 whatever the weights are.
        ["timm/AdafactorBigVision"] = 1e-6,
        // It computes in float32 whatever the weights are.
        ["timm/RAdamLegacy"] = 1e-6,
    };

    public static TheoryData<string> Cases => [.. PackageCase.Titles];

    [Theory]
    [MemberData(nameof(Cases))]
    public void ContinuesAsThePackageDoesAndGoesBack(string title)
    {
        using var scope = NewDisposeScope();
        using var run = new PackageCase(title);
        run.State.Load(run.Optimizer);
        // Before a step everything in the file is there again, under the package's names.
        using var back = PyTorchOptimizerState.Export(run.Optimizer, run.Origin);
        Same(run, run.State, back, title);
        var path = Path.GetTempFileName();
        try
        {
            PyTorchOptimizerFile.Write(path, run.Optimizer, run.Origin);
            using var read = PyTorchOptimizerFile.Read(path);
            Same(run, run.State, read, title + ", as a file");
        }
        finally
        {
            File.Delete(path);
        }
        run.GoOn();
        var got = run.Flat();
        var tolerance = Wider.GetValueOrDefault(title, 1e-11);
        for (var i = 0; i < got.Length; i++)
        {
            Assert.True(Math.Abs(run.After[i] - got[i]) <= tolerance * Math.Max(1, Math.Abs(run.After[i])),
                $"{title}, element {i}: {got[i]:R}, expected {run.After[i]:R}");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheOriginCanBeNamedAndAnotherIsRefused(string title)
    {
        using var scope = NewDisposeScope();
        using var run = new PackageCase(title);
        var before = run.Optimizer.Groups.Select(g => (g.Rule, g.LearningRate, g.WeightDecay, g.Momentum)).ToList();
        foreach (var other in Enum.GetValues<OptimizerOrigin>().Where(o => o != run.Origin))
        {
            var error = Record.Exception(() => run.State.Load(run.Optimizer, other));
            Assert.True(error is ArgumentException, $"{title} as {other}: {error?.Message ?? "was loaded"}");
            Assert.Equal(before, run.Optimizer.Groups.Select(g => (g.Rule, g.LearningRate, g.WeightDecay, g.Momentum)));
        }
        run.State.Load(run.Optimizer, run.Origin);
        // What counts no steps has made one at least.
        Assert.Equal(run.Method.Step == PackageStep.None ? 1 : 5, run.Optimizer.StepCount);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void WhatCannotBeContinuedIsRefusedByName(string title)
    {
        using var scope = NewDisposeScope();
        using var run = new PackageCase(title);
        var groups = JsonNode.Parse(run.State.ParamGroups)!.AsArray();
        foreach (var key in groups[0]!.AsObject().Select(p => p.Key).Where(k => k is not ("params" or "initial_lr")).ToList())
        {
            // A text is a value of no option but those that are names.
            var error = Record.Exception(() => run.With(g => g[key] = "warp").Load(run.Optimizer, run.Origin));
            var skipped = run.Method.Options.Any(o => o.Key == key && o.IsSkipped)
                || (key == "momentum_dtype" && groups[0]!["momentum"] is null)
                || (key == "step" && run.Method.Step is not (PackageStep.Group or PackageStep.GroupTwice));
            Assert.True(skipped == error is null, $"{title}, {key}: {error?.Message ?? "was loaded"}");
            if (error is not null)
                Assert.True(error is ArgumentException && error.Message.Contains(key, StringComparison.Ordinal), $"{title}: {error}");
        }
        foreach (var option in run.Method.Options.Where(o => o.Key is not null && !o.IsOptional))
        {
            // Without it the file is one of NAdamW.
            if (option.Key == "amsgrad" && run.Method.Class == "AdamWLegacy") continue;
            var error = Record.Exception(() => run.With(g => g.Remove(option.Key!)).Load(run.Optimizer, run.Origin));
            Assert.True(error is ArgumentException && error.Message.Contains($"\"{option.Key}\"", StringComparison.Ordinal),
                $"{title} without {option.Key}: {error?.Message}");
        }
        Assert.Contains("warp = 3",
            Assert.Throws<ArgumentException>(() => run.With(g => g["warp"] = 3).Load(run.Optimizer, run.Origin)).Message,
            StringComparison.Ordinal);
        foreach (var lost in run.State.Tensors.Keys.Where(k => k.StartsWith("state.0.", StringComparison.Ordinal)).ToList())
        {
            var slot = lost["state.0.".Length..];
            if (run.Method.Scratch.Contains(slot)) continue;
            var rest = run.State with { Tensors = run.State.Tensors.Where(t => t.Key != lost).ToDictionary() };
            var error = Record.Exception(() => rest.Load(run.Optimizer, run.Origin));
            // A single entry lost is a parameter without a state; a momentum that is not used may be missing.
            if (run.State.Tensors.Keys.Count(k => k.StartsWith("state.0.", StringComparison.Ordinal)) == 1
                || (error is null && title is "pytorch_optimizer/SM3 plain" && slot == "momentum_buffer")) continue;
            Assert.True(error is ArgumentException, $"{title} without {slot}: {error?.Message ?? "was loaded"}");
        }
    }

    private static void Same(PackageCase run, PyTorchOptimizerState expected, PyTorchOptimizerState got, string title)
    {
        Assert.Equal(expected.Tensors.Keys.Where(k => !run.Method.Scratch.Contains(k.Split('.')[^1])).Order(StringComparer.Ordinal),
            got.Tensors.Keys.Order(StringComparer.Ordinal));
        foreach (var (key, value) in got.Tensors)
        {
            var right = expected.Tensors[key];
            Assert.True(right.shape.SequenceEqual(value.shape), $"{title}: {key} is [{string.Join(", ", value.shape)}]");
            using var scope = NewDisposeScope();
            var off = (right.to(ScalarType.Float64) - value.to(ScalarType.Float64)).abs();
            Assert.True(off.numel() == 0 || off.max().ToDouble() <= 1e-12, $"{title}: {key} differs");
        }
        var (one, two) = (JsonNode.Parse(expected.ParamGroups)!.AsArray(), JsonNode.Parse(got.ParamGroups)!.AsArray());
        for (var g = 0; g < one.Count; g++)
        {
            foreach (var (key, node) in one[g]!.AsObject())
            {
                // Of no effect, and written anew by the next step.
                if (key is "foreach" or "buffer" or "d_hat" or "d_de_nom" or "stable_weight_decay" or "momentum_dtype"
                    || (key == "step" && run.Method.Step == PackageStep.Global)) continue;
                Assert.True(two[g]!.AsObject().ContainsKey(key), $"{title}: {key} is not written");
                Assert.True(Close(node, two[g]![key]), $"{title}: {key} is {two[g]![key]?.ToJsonString()}, was {node?.ToJsonString()}");
            }
        }
    }

    private static bool Close(JsonNode? one, JsonNode? two) => (one, two) switch
    {
        (null, null) => true,
        (JsonArray a, JsonArray b) => a.Count == b.Count && a.Zip(b).All(p => Close(p.First, p.Second)),
        ({ } a, { } b) when a.GetValueKind() == JsonValueKind.Number && b.GetValueKind() == JsonValueKind.Number
            => Math.Abs(a.GetValue<double>() - b.GetValue<double>()) <= 1e-7 * Math.Abs(a.GetValue<double>()),
        // Without an epsilon the class takes 1e-30.
        (null, { } b) => b.ToJsonString() == "1E-30",
        ({ } a, { } b) => a.ToJsonString() == b.ToJsonString(),
        _ => false,
    };
}
