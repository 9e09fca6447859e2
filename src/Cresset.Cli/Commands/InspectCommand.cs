using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Tensors;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset inspect FILE</c>: names, types, shapes and sizes of the tensors in a file, from its description alone.</summary>
internal static class InspectCommand
{
    private const int MaxTexts = 40;

    public const string Summary = "Show the tensors in a file of weights, and what else is in it; nothing in it is run.";

    public static Command Create()
    {
        var path = new Argument<string>(
            "FILE")
        {
            Description =
                "safetensors, *.index.json of shards, PyTorch (.pt, .pth, .ckpt, .bin), TorchSharp (.dat), NumPy (.npz, .npy) or GGUF."
        };
        var section = Section();
        var check = new Option<bool>("--check") { Description = "Read everything and compare checksums, where the format has them (.pt)." };
        var json = SharedOptions.Json();
        var command = new Command("inspect", Summary) { path, section, check, json };
        command.SetAction(r =>
        {
            using var interruption = new Interruption("stopping.");
            var view = View(r.GetValue(path)!, r.GetValue(section), r.GetValue(check), interruption.Token);
            if (r.GetValue(json)) Output.Json(view);
            else Print(view);
            return view.Damaged is { Count: > 0 } ? ExitCode.Failure : ExitCode.Success;
        });
        return command.WithExamples("cresset inspect model.safetensors", "cresset inspect checkpoint.pth --section ema",
            "cresset inspect weights.npz --json");
    }

    public static Option<string?> Section() =>
        new("--section") { Description = "Which state dict of a PyTorch checkpoint that holds several, such as 'ema'.", HelpName = "NAME" };

    private static FileView View(string path, string? section, bool check, CancellationToken cancellation)
    {
        if (path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && section is null)
        {
            using var gguf = GgufFile.Open(path);
            return Of(gguf, "GGUF", e => gguf.TypeOf(e.Name), checkpoint: null, damaged: null);
        }
        // Several state dicts and none named: the list of them is the answer.
        using var overview = section is null ? Overview(path) : null;
        if (overview is { Sections.Count: > 1 })
            return Of(overview, "PyTorch checkpoint", e => e.TypeName, overview, Damage(overview, check, cancellation));
        using var source = WeightFile.Open(path, section);
        var format = source switch
        {
            PyTorchFile => "PyTorch checkpoint",
            TorchSharpFile => "TorchSharp state",
            SafetensorsShards => "shards",
            NumPySource => "NumPy arrays",
            _ => "safetensors",
        };
        if (check && source is not PyTorchFile)
            throw new ArgumentException($"--check: {format} files carry no checksums of their tensors; only PyTorch checkpoints do.");
        return Of(source, format, e => e.TypeName, source as PyTorchFile,
            source is PyTorchFile file ? Damage(file, check, cancellation) : null);
    }

    private static PyTorchFile? Overview(string path)
    {
        try
        {
            return PyTorchFile.OpenOverview(path);
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException)
        {
            // Of another format, or damaged: whoever opens it by its content says so.
            return null;
        }
    }

    private static IReadOnlyList<string>? Damage(PyTorchFile file, bool check, CancellationToken cancellation) =>
        check ? file.Damaged(cancellation) : null;

    private static FileView Of(ITensorSource source, string format, Func<SafetensorsEntry, string> type, PyTorchFile? checkpoint,
        IReadOnlyList<string>? damaged)
    {
        var aliases = source.Aliases;
        return new FileView(
            source.Path,
            format,
            new FileInfo(source.Path).Length,
            checkpoint?.Section,
            checkpoint?.Sections,
            checkpoint?.Optimizers,
            [.. source.Entries.Values.Select(e => new TensorView(e.Name, type(e), e.Shape, e.Length, aliases.GetValueOrDefault(e.Name)))],
            aliases.Where(a => !source.Entries.ContainsKey(a.Key)).ToDictionary(),
            source.Metadata.Where(m => !aliases.ContainsKey(m.Key)).ToDictionary(),
            checkpoint?.Unknown,
            damaged);
    }

    private static void Print(FileView view)
    {
        var several = view.Sections is { Count: > 1 };
        Console.Out.WriteLine(
            $"{view.Path}: {view.Format}, "
                + $"{Bytes(view.Bytes)}{(several || string.IsNullOrEmpty(view.Section) ? "" : $", state dict '{Clean(view.Section)}'")}");
        if (several && view.Tensors.Count == 0) Console.Out.WriteLine("It holds several state dicts; --section NAME shows one of them.");
        if (several)
            Line("state dicts",
                string.Join(", ", view.Sections!.Select(s => s.Length == 0 ? "'' (the top of the file)" : $"'{Clean(s)}'")));
        if (view.Tensors.Count > 0)
        {
            Output.Table(["tensor", "type", "shape", "size"],
                view.Tensors.Select(
                    t => (IReadOnlyList<string>)[Clean(t.Name), Clean(t.Type), $"[{string.Join(", ", t.Shape)}]",
                        t.SameAs is null ? Bytes(t.Bytes) : $"same as {Clean(t.SameAs)}"]));
        }
        var own = view.Tensors.Where(t => t.SameAs is null).ToList();
        if (own.Count > 0)
        {
            Line("tensors",
                string.Create(CultureInfo.InvariantCulture,
                    $"{own.Count:N0}, {own.Sum(Count):N0} elements, {Bytes(own.Sum(t => t.Bytes))}"));
            Line("types",
                string.Join(", ",
                    own.GroupBy(t => t.Type).OrderByDescending(g => g.Sum(t => t.Bytes)).Select(g => $"{Clean(g.Key)} ({g.Count()})")));
        }
        if (view.Tied.Count > 0) Line("tied keys", string.Join(", ", view.Tied.Select(a => $"{Clean(a.Key)} = {Clean(a.Value)}")));
        if (view.Optimizers is { Count: > 0 }) Line("optimizers", string.Join(", ", view.Optimizers.Select(o => $"'{Clean(o)}'")));
        if (view.LeftAlone is { Count: > 0 })
            Line("left alone",
                string.Join(", ", view.LeftAlone.Select(u => $"{Clean(u.Key)} ({u.Value})")) + "; nothing in the file is run");
        if (view.Damaged is not null)
            Line("checksums", view.Damaged.Count == 0 ? "all agree" : $"DAMAGED: {string.Join(", ", view.Damaged.Select(Clean))}");
        if (view.Metadata.Count == 0) return;
        Console.Out.WriteLine("metadata");
        foreach (var (key, value) in view.Metadata.Take(MaxTexts))
            Console.Out.WriteLine($"  {Clean(key)}: {Clean(value.Length <= 100 ? value : value[..100] + "...")}");
        if (view.Metadata.Count > MaxTexts) Console.Out.WriteLine($"  and {view.Metadata.Count - MaxTexts} more (--json prints all)");
    }

    public static string Bytes(long bytes) => bytes switch
    {
        >= 1_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:0.00} GB"),
        >= 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:0.0} MB"),
        >= 1_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:0.0} kB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"),
    };

    /// <summary>Names come from the file: its control characters must not reach the terminal.</summary>
    public static string Clean(string text) =>
        string.Concat(text.Select(c => char.IsControl(c) ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}") : c.ToString()));

    private static double Count(TensorView tensor) => tensor.Shape.Aggregate(1.0, (product, size) => product * size);

    private static void Line(string name, string text) => Console.Out.WriteLine($"{name,-12} {text}");

    private sealed record TensorView(string Name, string Type, IReadOnlyList<long> Shape, long Bytes, string? SameAs);

    private sealed record FileView(
        string Path,
        string Format,
        long Bytes,
        string? Section,
        IReadOnlyList<string>? Sections,
        IReadOnlyList<string>? Optimizers,
        IReadOnlyList<TensorView> Tensors,
        IReadOnlyDictionary<string, string> Tied,
        IReadOnlyDictionary<string, string> Metadata,
        IReadOnlyDictionary<string, int>? LeftAlone,
        IReadOnlyList<string>? Damaged);
}
