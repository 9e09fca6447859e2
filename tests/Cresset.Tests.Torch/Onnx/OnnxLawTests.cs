using System.Globalization;
using System.Reflection;
using Cresset.Onnx;
using Cresset.Onnx.Verification;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>
/// The law of the bridge: every layer of TorchSharp that ONNX can hold, functions of tensors, whole networks. Each is exported with a batch
/// that may vary and run in ONNX Runtime on the example and on a batch of another size with other values.
/// </summary>
public sealed class OnnxLawTests : IDisposable
{
    // Float32 through two libraries: some units in the last place of the largest value.
    private const double Tolerance = 2e-5;

    // Factories in torch.nn that make no layer to export, and why.
    private static readonly Dictionary<string, string> NotLayers = new()
    {
        ["Transformer"] = "its parts are covered: encoder and decoder",
        ["TransformerEncoder"] = "as a network",
        ["TransformerEncoderLayer"] = "inside of the encoder",
        ["TransformerDecoder"] = "several of its layers",
        ["TransformerDecoderLayer"] = "as a network",
        ["RReLU"] = "broken in TorchSharp: Cresset.Nn has its own",
        ["Hardtanh"] = "broken in TorchSharp: Cresset.Nn has its own",
        ["Embedding_from_pretrained"] = "as Embedding",
        ["EmbeddingBag_from_pretrained"] = "as EmbeddingBag",
        ["AdaptiveMaxPool3d"] = "throws in TorchSharp",
        ["EmbeddingBag"] = "refused: bags of differing lengths",
        ["FractionalMaxPool2d"] = "refused: its windows are random",
        ["FractionalMaxPool3d"] = "refused: its windows are random",
        ["MaxUnpool1d"] = "refused by ONNX's form with one dimension",
        ["MaxUnpool3d"] = "as MaxUnpool2d",
        ["ModuleList"] = "a list",
        ["ModuleDict"] = "a list",
        ["ParameterList"] = "a list",
        ["ParameterDict"] = "a list",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-onnx-").FullName;

    internal static IReadOnlyList<OnnxCase> Cases =>
        [.. OnnxLayerCases.All, .. OnnxFunctionCases.All, .. OnnxNetworkCases.All, .. OnnxCressetCases.All];

    public static TheoryData<string> Names => [.. Cases.Select(c => c.Name)];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void RunsAlikeAtTwoBatchSizes(string name)
    {
        if (!OperatingSystem.IsLinux()) return;
        using var scope = NewDisposeScope();
        manual_seed(7);
        var tested = Cases.Single(c => c.Name == name);
        using var module = tested.Make();
        // Statistics as after some training.
        foreach (var (_, buffer) in module.named_buffers())
        {
            if (buffer.is_floating_point()) buffer.uniform_(0.5, 1.5);
        }
        module.train();
        var path = Path.Combine(_folder, "m.onnx");
        var report = OnnxExport.Save(module, tested.Inputs(), path,
            new OnnxExportOptions { Verifier = new OnnxRuntimeVerifier(), Tolerance = Tolerance });
        Assert.True(module.training);
        Assert.Equal(2, report.Checks.Count);
        Assert.All(report.Inputs, i => Assert.Contains("batch", i, StringComparison.Ordinal));
        if (Environment.GetEnvironmentVariable("CRESSET_ONNX_TABLE") is { Length: > 0 } table)
            File.AppendAllText(table,
                string.Create(CultureInfo.InvariantCulture,
                    $"| {name} | {report.Operations} | {report.Checks[0].LargestDifference:0.#e+0} | "
                        + $"{report.Checks[1].LargestDifference:0.#e+0} |\n"));
    }

    /// <summary>A new layer of TorchSharp needs its case, or a reason.</summary>
    [Fact]
    public void EveryLayerOfTorchSharpHasACaseOrAReason()
    {
        var covered = OnnxLayerCases.All.Select(c => c.Name.Split(' ')[0]).ToHashSet();
        var layers = typeof(nn).GetMethods(BindingFlags.Public | BindingFlags.Static)
            .Where(m => typeof(nn.Module).IsAssignableFrom(m.ReturnType) && !m.ReturnType.Name.EndsWith("Loss", StringComparison.Ordinal)
                && !m.IsGenericMethod)
            .Where(m => m.ReturnType.BaseType?.Name.Contains("Loss", StringComparison.Ordinal) != true)
            .Select(m => m.Name).Distinct().Order(StringComparer.Ordinal).ToList();
        Assert.NotEmpty(layers);
        var open = layers.Where(l => !l.Contains("Loss", StringComparison.Ordinal) && !covered.Contains(l) && !NotLayers.ContainsKey(l))
            .ToList();
        Assert.True(open.Count == 0, string.Join(", ", open));
        Assert.Empty(covered.Except(typeof(nn).GetMethods(BindingFlags.Public | BindingFlags.Static).Select(m => m.Name)));
    }
}
