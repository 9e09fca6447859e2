using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Runs;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset convert FROM TO</c>: weights of any format that is read into safetensors or NumPy's archives.</summary>
internal static class ConvertCommand
{
    private const int MaxLines = 12;

    public const string Summary = "Turn weights into safetensors or .npz, bit for bit, and say what is renamed, converted or left out.";

    public static Command Create()
    {
        var from = new Argument<string>(
            "FROM")
        {
            Description =
                "A run, or a file: safetensors, *.index.json of shards, PyTorch (.pt, .pth, .ckpt, .bin), TorchSharp (.dat) or NumPy "
                    + "(.npz, .npy)."
        };
        var to = new Argument<string>("TO") { Description = "A .safetensors or .npz file." };
        var section = InspectCommand.Section();
        var dtype = new Option<string?>(
            "--dtype")
        {
            Description = "Store floating-point tensors as fp64, fp32, bf16 or fp16 (default: as they are).",
            HelpName = "TYPE"
        };
        var strip = new Option<string[]>(
            "--strip-prefix")
        { Description = "Take this off the front of keys, such as 'module.'; may be repeated.", HelpName = "PREFIX" };
        var rename = new Option<string[]>(
            "--rename")
        { Description = "Replace the front of keys, such as 'backbone.=encoder.'; may be repeated.", HelpName = "OLD=NEW" };
        var drop = new Option<string[]>("--drop") { Description = "Leave out keys that begin so; may be repeated.", HelpName = "PREFIX" };
        var force = new Option<bool>("--force") { Description = "Replace the file if it exists." };
        var json = SharedOptions.Json();
        var runs = SharedOptions.RunsFolder();
        var command = new Command("convert", Summary) { from, to, section, dtype, strip, rename, drop, force, runs, json };
        command.SetAction(r =>
        {
            using var interruption = new Interruption("stopping; nothing is written.");
            var keys = Keys(r.GetValue(strip) ?? [], r.GetValue(rename) ?? [], r.GetValue(drop) ?? []);
            var target = r.GetValue(to)!;
            var report = WeightConversion.Convert(FileOf(r.GetValue(from)!, r.GetValue(runs)!), target, r.GetValue(section),
                Dtype(r.GetValue(dtype)), keys, r.GetValue(force), interruption.Token);
            if (r.GetValue(json))
                Output.Json(new
                {
                    path = target,
                    report.Tensors,
                    report.Bytes,
                    renamed = report.Renamed.ToDictionary(n => n.From, n => n.To),
                    report.Converted,
                    report.Dropped,
                    report.Notes
                });
            else Print(target, report);
            return ExitCode.Success;
        });
        return command.WithExamples("cresset convert weights.pth weights.safetensors",
            "cresset convert last.ckpt ema.safetensors --section ema --strip-prefix module. --dtype fp16",
            "cresset convert model.safetensors arrays.npz --dtype fp32", "cresset convert my-run weights.npz");
    }

    // A run is named as everywhere; a file or folder of that name comes first.
    private static string FileOf(string from, string runs)
    {
        if (File.Exists(from) || Directory.Exists(from) || !Directory.Exists(runs) || Path.HasExtension(from)) return from;
        using var store = RunStore.OpenReadOnly(runs);
        var file = Path.Combine(store.Find(from).Folder, "model.safetensors");
        return File.Exists(file) ? file : throw new FileNotFoundException($"There is no {file}: the run has not come to its end.", file);
    }

    // In the order strip, rename, drop: what is dropped is named as it would be written.
    private static KeyMap Keys(string[] strip, string[] rename, string[] drop)
    {
        var keys = KeyMap.Identity;
        foreach (var prefix in strip) keys = keys.StripPrefix(NotEmpty(prefix, "--strip-prefix"));
        foreach (var pair in rename)
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at < 1) throw new ArgumentException($"--rename is '{pair}'; expected OLD=NEW, such as backbone.=encoder.");
            keys = keys.RenamePrefix(pair[..at], pair[(at + 1)..]);
        }
        foreach (var prefix in drop) keys = keys.Drop(NotEmpty(prefix, "--drop"));
        return keys;
    }

    private static string NotEmpty(string prefix, string option) =>
        prefix.Length > 0 ? prefix : throw new ArgumentException($"{option} is empty; name the front of the keys that are meant.");

    private static ScalarType? Dtype(string? name) => name switch
    {
        null => null,
        "fp64" or "float64" => ScalarType.Float64,
        "fp32" or "float32" => ScalarType.Float32,
        "bf16" or "bfloat16" => ScalarType.BFloat16,
        "fp16" or "float16" => ScalarType.Float16,
        _ => throw new ArgumentException($"--dtype is '{name}'; allowed are fp64, fp32, bf16 and fp16."),
    };

    private static void Print(string target, ConversionReport report)
    {
        Line("written", $"{target}: {report.Tensors} tensors, {InspectCommand.Bytes(report.Bytes)}");
        Lines("renamed", [.. report.Renamed.Select(n => $"{n.From} to {n.To}")]);
        Lines("converted", report.Converted);
        Lines("left out", report.Dropped);
        foreach (var note in report.Notes) Line("note", note);
    }

    private static void Lines(string name, IReadOnlyList<string> texts)
    {
        foreach (var text in texts.Take(MaxLines)) Line(name, text);
        if (texts.Count > MaxLines) Line(name, $"and {texts.Count - MaxLines} more (--json prints all)");
    }

    private static void Line(string name, string text) => Console.Out.WriteLine($"{name,-12} {InspectCommand.Clean(text)}");
}
