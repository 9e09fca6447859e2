using System.Globalization;
using System.Text;
using System.Text.Json;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>What a trained model drew: pictures to look at, and the samples themselves.</summary>
/// <param name="Pictures">To look at.</param>
/// <param name="Values">Rows float [N, F], or pictures [N, C, H, W] in 0..1; null where there is nothing but the pictures.</param>
public sealed record Drawing(IReadOnlyList<TaskPicture> Pictures, Tensor? Values = null)
{
    // Long enough to see each, short enough to compare neighbours.
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(400);

    /// <summary>Names of the columns of rows; null numbers them.</summary>
    public IReadOnlyList<string>? Columns { get; init; }

    /// <summary>Texts that were written, where the model writes texts.</summary>
    public IReadOnlyList<string> Texts { get; init; } = [];

    /// <summary>Class or prompt of each sample; null where none were asked for.</summary>
    public IReadOnlyList<string>? Labels { get; init; }

    /// <summary>Writes them as asked for. A file of another draw is never replaced: the next free name is taken.</summary>
    /// <returns>The files.</returns>
    /// <exception cref="ArgumentException">The samples do not go into this format.</exception>
    internal List<string> Save(string folder, int step, SampleRequest request, string job)
    {
        if (Texts.Count > 0)
        {
            if (request.Format != SampleFormat.Png)
                throw new ArgumentException(
                    $"'{job}' writes text, which is no {request.Format.ToString().ToLowerInvariant()}; leave --format out.");
            return [
                .. Texts.Select(
                    t => Keep(folder, string.Create(CultureInfo.InvariantCulture, $"text-{step:D6}.txt"),
                        path => File.WriteAllText(path, t)))];
        }
        if (request.Format == SampleFormat.Png)
            return [
                .. Pictures.Select(
                    p => Keep(folder, Path.GetFileName(PictureFile.NameOf(p.Tag, step, p.Png)), path => File.WriteAllBytes(path, p.Png)))];
        if (Values is not { } values) throw new ArgumentException($"'{job}' draws pictures alone, no numbers; use --format png.");
        using var scope = NewDisposeScope();
        var samples = values.detach().cpu().to(ScalarType.Float32).contiguous();
        var stem = string.Create(CultureInfo.InvariantCulture, $"samples-{step:D6}");
        return [request.Format switch
        {
            SampleFormat.Gif => Keep(folder, stem + ".gif", path => Animate(path, samples, job)),
            SampleFormat.Npy => Keep(folder, stem + ".npy", path => NpyFile.Write(path, samples)),
            SampleFormat.Safetensors =>
                Keep(folder, stem + ".safetensors",
                    path => SafetensorsWriter.Write(path, new Dictionary<string, Tensor> { ["samples"] = samples },
                        Metadata(request, job))),
            SampleFormat.Csv => Keep(folder, stem + ".csv", path => File.WriteAllText(path, Table(samples))),
            _ => throw new ArgumentOutOfRangeException(nameof(request), request.Format, "Unknown format."),
        }];
    }

    private Dictionary<string, string> Metadata(SampleRequest request, string job)
    {
        var metadata = new Dictionary<string, string>
        {
            ["job"] = job,
            ["seed"] = request.Seed.ToString(CultureInfo.InvariantCulture),
            ["temperature"] = request.Temperature.ToString("R", CultureInfo.InvariantCulture),
        };
        if (Labels is not null) metadata["labels"] = JsonSerializer.Serialize(Labels);
        if (Columns is not null) metadata["columns"] = JsonSerializer.Serialize(Columns);
        return metadata;
    }

    private static void Animate(string path, Tensor samples, string job)
    {
        if (samples.dim() != 4)
            throw new ArgumentException($"'{job}' draws rows of numbers, which make no animation; use --format csv, npy or safetensors.");
        int count = (int)samples.size(0), channels = (int)samples.size(1), height = (int)samples.size(2), width = (int)samples.size(3);
        var values = samples.data<float>().ToArray();
        var one = channels * height * width;
        // Pictures of a few pixels are shown large enough to be seen.
        var options = new ImageGridOptions { Columns = 1, Scale = Math.Max(1, 128 / height) };
        AnimatedGif.Save(path,
            [.. Enumerable.Range(0, count).Select(i => ImageGrid.Render(values.AsSpan(i * one, one), 1, channels, height, width, options))],
            Frame);
    }

    private string Table(Tensor samples)
    {
        var names = samples.dim() == 2
            ? Columns ?? [.. Enumerable.Range(0, (int)samples.size(1)).Select(i => $"c{i}")]
            : [.. Enumerable.Range(0, (int)(samples.numel() / samples.size(0))).Select(i => $"p{i}")];
        var values = samples.data<float>().ToArray();
        var text = new StringBuilder();
        text.AppendJoin(',', (Labels is null ? names : [.. new[] { "label" }, .. names]).Select(Cell)).Append('\n');
        for (var row = 0; row < samples.size(0); row++)
        {
            if (Labels is not null) text.Append(Cell(Labels[row])).Append(',');
            text.AppendJoin(',',
                Enumerable.Range(row * names.Count, names.Count).Select(i => values[i].ToString("R", CultureInfo.InvariantCulture)))
                .Append('\n');
        }
        return text.ToString();
    }

    // RFC 4180.
    private static string Cell(string text) =>
        text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    // The same draw again is the same file; another one gets a name of its own.
    private static string Keep(string folder, string name, Action<string> write)
    {
        Directory.CreateDirectory(folder);
        var fresh = Path.Combine(folder, $".{Guid.NewGuid():N}{Path.GetExtension(name)}");
        try
        {
            write(fresh);
            var bytes = File.ReadAllBytes(fresh);
            for (var number = 1; ; number++)
            {
                var path = Path.Combine(folder,
                    number == 1 ? name : $"{Path.GetFileNameWithoutExtension(name)}-{number}{Path.GetExtension(name)}");
                if (File.Exists(path) && !File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes)) continue;
                File.Move(fresh, path, overwrite: true);
                return path;
            }
        }
        finally
        {
            File.Delete(fresh);
        }
    }
}
