using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Diffusion;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sd3 inspect</c>: what a checkpoint holds, without reading its weights.</summary>
internal static class Sd3InspectCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("DIR|FILE") { Description = "A diffusers folder, a single file (safetensors or GGUF) or a LoRA." };
        var json = SharedOptions.Json();
        var command = new Command("inspect", "Show what a checkpoint holds, what is missing, and the memory it needs.") { path, json };
        command.SetAction(r =>
        {
            if (LoraAdapter.IsLora(r.GetValue(path)!)) return Lora(r.GetValue(path)!, r.GetValue(json));
            var inspection = ModelInspection.Of(r.GetValue(path)!);
            if (r.GetValue(json)) Output.Json(inspection);
            else Print(inspection);
            return ExitCode.Success;
        });
        return command.WithExamples("cresset sd3 inspect stable-diffusion-3.5-medium", "cresset sd3 inspect sd3_medium.safetensors --json");
    }

    private static void Print(ModelInspection inspection)
    {
        Console.Out.WriteLine($"{inspection.Model}, {inspection.Layout}");
        Output.Table(["part", "parameters", "stored as", "on disk", "fp32", "bf16", "int8", "sizes"],
            inspection.Parts.Select(p => p.IsPresent
            ? (IReadOnlyList<string>)[p.Name, p.Parameters.ToString("N0", CultureInfo.InvariantCulture), p.Stored, Bytes(p.StoredBytes),
                Bytes(p.Memory(4)), Bytes(p.Memory(2)), Bytes(p.Memory(1)), p.Description]
            : [p.Name, "-", "-", "-", "-", "-", "-",
                p.Name is "transformer" or "vae" ? "absent: needed to make pictures, take it from another file"
                    : "absent: zeros stand in its place, or take it from another file"]));
        var present = inspection.Parts.Where(p => p.IsPresent).ToList();
        Console.Out.WriteLine(
            $"all parts: {Bytes(present.Sum(p => p.Memory(4)))} in fp32, {Bytes(present.Sum(p => p.Memory(2)))} in bf16, "
                + $"{Bytes(present.Sum(p => p.Memory(1)))} in int8");
        foreach (var part in present.Where(p => !p.Report.IsExact)) Console.Out.WriteLine($"{part.Name}: {part.Report}");
    }

    private static int Lora(string path, bool json)
    {
        using var lora = LoraAdapter.Load(path);
        var parts = lora.Layers.GroupBy(p => p.Part).OrderBy(g => g.Key).Select(g => new
        {
            Name = LoraArgument.Name(g.Key),
            Layers = g.Count(),
            Ranks = g.Select(p => p.Rank).Distinct().Order().ToList(),
            Kinds = g.Select(p => p.Kind).Distinct().Order().ToList(),
            Parameters = g.Sum(p => p.Parameters),
            Scales = g.Select(p => p.Rank == 0 ? 1 : p.Alpha / p.Rank).Distinct().Order().ToList(),
        }).ToList();
        if (json)
        {
            Output.Json(new { Path = path, Model = "LoRA", Parts = parts });
            return ExitCode.Success;
        }
        Console.Out.WriteLine("a LoRA; 'cresset sd3 lora' lists its layers");
        Output.Table(["part", "kind", "layers", "rank", "alpha / rank", "parameters"],
            parts.Select(
                p => (IReadOnlyList<string>)[p.Name, string.Join(", ", p.Kinds), p.Layers.ToString(CultureInfo.InvariantCulture),
                    string.Join(", ", p.Ranks), string.Join(", ", p.Scales.Select(Output.Number)),
                    p.Parameters.ToString("N0", CultureInfo.InvariantCulture)]));
        if (lora.LeftOut.Count > 0)
            Console.Out.WriteLine(
                $"{lora.LeftOut.Count} keys are not adapter keys of these networks and are left out "
                    + $"({string.Join(", ", lora.LeftOut.Take(3))}{(lora.LeftOut.Count > 3 ? ", ..." : "")})");
        return ExitCode.Success;
    }

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.0} GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
    };
}
