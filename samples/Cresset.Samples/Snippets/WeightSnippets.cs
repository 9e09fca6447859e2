using Cresset.Data;
using Cresset.Tensors;
using TorchSharp;

namespace Cresset.Samples.Snippets;

/// <summary>The code of docs/weights.md.</summary>
internal static class WeightSnippets
{
    public static void AnyFile()
    {
        var folder = Directory.CreateTempSubdirectory("cresset-weights-").FullName;
        var (weights, copy) = (Path.Combine(folder, "weights.safetensors"), Path.Combine(folder, "weights.npz"));
        using var net = torch.nn.Linear(3, 2);
        StateDict.Save(net, weights);
        Load(net, weights);
        Look(weights);
        var report = WeightConversion.Convert(weights, copy);
        Console.WriteLine($"{report.Tensors} tensors, left out: {string.Join("; ", report.Dropped)}");
        Directory.Delete(folder, recursive: true);
    }

    private static void Load(torch.nn.Module net, string path)
    {
        var report = StateDict.Load(net, path, strict: false, keys: KeyMap.Identity.StripPrefix("module."));
        Console.WriteLine(report);       // what was loaded, missing, unexpected
    }

    private static void Look(string path)
    {
        using var file = WeightFile.Open(path);
        foreach (var (name, entry) in file.Entries) Console.WriteLine($"{name} {entry.TypeName} [{string.Join(", ", entry.Shape)}]");
    }
}
