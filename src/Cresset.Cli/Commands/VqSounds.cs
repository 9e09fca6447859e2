using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Quantization;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary>What <c>cresset vq encode</c> and <c>decode</c> do with a tokenizer of sounds.</summary>
internal static class VqSounds
{
    private const int MostRows = 20;

    /// <summary>The stages of the greatest rate that is not above one asked for.</summary>
    public static int StagesOf(TokenizerRun tokenizer, double kilobits)
    {
        if (tokenizer.Rate == 0)
            throw new ArgumentException(
                $"--kbps is {kilobits.ToString(CultureInfo.InvariantCulture)}; {tokenizer.Id} codes pictures: use --stages.");
        var rates = Enumerable.Range(1, tokenizer.CodebookSizes.Count).Select(tokenizer.Kilobits).ToList();
        // A rate typed as the table prints it names that rate.
        var stages = rates.FindLastIndex(rate => rate <= kilobits * 1.0005) + 1;
        return stages > 0 ? stages
            : throw new ArgumentException(
                $"--kbps is {kilobits.ToString(CultureInfo.InvariantCulture)}; {tokenizer.Id} takes "
                    + $"{string.Join(", ", rates.Select(r => Text(r, "0.###")))} (kilobits per second of a "
                    + "channel with 1, 2, ... stages).");
    }

    public static int Encode(TokenizerRun tokenizer, string input, string path, int stages, bool asJson, CancellationToken cancellation)
    {
        var files = SoundFiles.Of(input);
        foreach (var note in files.Notes) Console.Error.WriteLine(note);
        var codec = new SoundCodec(tokenizer);
        List<Row> rows = [];
        List<(string Name, string Reason)> leftOut = [];
        CodeFileWriter.Write(path, tokenizer.Id, tokenizer.CodebookSizes, null, writer =>
        {
            foreach (var (file, name) in files.Files)
            {
                cancellation.ThrowIfCancellationRequested();
                try
                {
                    rows.Add(Add(writer, codec, tokenizer, file, name, stages, cancellation));
                }
                catch (Exception failure) when (failure is InvalidDataException or UnauthorizedAccessException or FileNotFoundException)
                {
                    leftOut.Add((name, failure.Message));
                }
            }
            if (rows.Count == 0)
                throw new InvalidDataException($"no sound could be read: {string.Join("; ", leftOut.Take(5).Select(l => l.Reason))}");
        });
        Report(tokenizer, rows, leftOut, path, stages, asJson);
        return leftOut.Count == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    public static int Decode(TokenizerRun tokenizer, string file, string folder, string[] only, bool asJson, CancellationToken cancellation)
    {
        using var sounds = CodedSounds.Open(file, tokenizer);
        var names = sounds.Sounds.Select(s => s.Name).ToList();
        foreach (var name in only)
        {
            if (!names.Contains(name))
                throw new ArgumentException(
                    $"--only {name}: there is no such sound in the file.{NearestName.Suggest(name, names)} It holds {names.Count}: "
                        + $"{string.Join(", ", names.Take(5))}{(names.Count > 5 ? ", ..." : "")}");
        }
        var wanted = names.Index().Where(n => only.Length == 0 || only.Contains(n.Item))
            .Select(n => (Number: n.Index, Path: Path.Combine(folder, n.Item.Replace('/', Path.DirectorySeparatorChar)))).ToList();
        if (wanted.FirstOrDefault(w => File.Exists(w.Path)) is { Path: not null } existing)
            throw new ArgumentException($"{existing.Path} exists; choose another folder with --output.");
        foreach (var note in sounds.Notes) Console.Error.WriteLine($"cresset: {note}");
        var codec = new SoundCodec(tokenizer);
        foreach (var (number, path) in wanted)
        {
            cancellation.ThrowIfCancellationRequested();
            var facts = sounds.Sounds[number].Facts;
            var frames = CodedSounds.FramesAt(facts, tokenizer.Rate);
            var pieces = codec.Decode(sounds.Read(number), facts.Channels, frames);
            WavWriter.Write(path, facts, facts.Rate == tokenizer.Rate ? pieces : [Resampled(pieces, facts, frames, tokenizer.Rate)]);
        }
        if (asJson)
            Output.Json(new
            {
                Folder = folder,
                Sounds = wanted.Select(
                    w => new
                    {
                        sounds.Sounds[w.Number].Name,
                        File = w.Path,
                        sounds.Sounds[w.Number].Facts.Seconds,
                        sounds.Sounds[w.Number].Facts.Rate,
                        sounds.Sounds[w.Number].Facts.Channels
                    }),
                sounds.Notes
            });
        else Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture, $"{wanted.Count} {(wanted.Count == 1 ? "sound" : "sounds")} in {folder}"));
        return ExitCode.Success;
    }

    private static Row Add(CodeFileWriter writer, SoundCodec codec, TokenizerRun tokenizer, string file, string name, int stages,
        CancellationToken cancellation)
    {
        using var sound = codec.Open(file);
        var (codes, shape) = codec.Encode(sound, cancellation);
        var all = tokenizer.CodebookSizes.Count;
        for (var i = 0; i < codes.Length; i++)
        {
            if (i % all >= stages) codes[i] = -1;
        }
        var quality = codec.SignalToNoise(sound, codes);
        writer.Add(new CodeEntry(name, shape) { Attributes = CodedSounds.Attributes(sound.File) }, codes);
        var bits = codes.Length / all * tokenizer.CodebookSizes.Take(stages).Sum(size => (long)BitPacking.BitsFor(size));
        return new Row(name, sound.File.Seconds, sound.File.Rate, sound.File.Channels, codes.Length / all * stages, bits,
            bits / sound.File.Seconds / 1000, quality);
    }

    // The whole at once: the two rates have no common pieces.
    private static float[] Resampled(IEnumerable<float[]> pieces, WavFacts facts, long frames, int rate)
    {
        const long Most = 1L << 29;
        if (frames > Most / facts.Channels || facts.Frames > Most / facts.Channels)
        {
            throw new InvalidDataException(
                $"A sound of {facts.Frames} samples at {facts.Rate} Hz is too long to be brought back from {rate} Hz at once: 2^29 samples "
                    + $"are allowed.");
        }
        var channels = Enumerable.Range(0, facts.Channels).Select(_ => new float[checked((int)frames)]).ToArray();
        var at = 0;
        foreach (var piece in pieces)
        {
            var count = piece.Length / facts.Channels;
            for (var c = 0; c < facts.Channels; c++) piece.AsSpan(c * count, count).CopyTo(channels[c].AsSpan(at));
            at += count;
        }
        var change = new SoundRate(rate, facts.Rate);
        return [.. channels.SelectMany(channel => change.Apply(channel, checked((int)facts.Frames)))];
    }

    private static void Report(TokenizerRun tokenizer, List<Row> rows, List<(string Name, string Reason)> leftOut, string path, int stages,
        bool asJson)
    {
        var size = new FileInfo(path).Length;
        var seconds = rows.Sum(r => r.Seconds);
        if (asJson)
        {
            Output.Json(new
            {
                File = path,
                Bytes = size,
                PackedBits = rows.Sum(r => r.Bits),
                Stages = stages,
                Sounds = rows,
                LeftOut = leftOut.Select(l => new { l.Name, l.Reason }),
                Kbps = size * 8 / seconds / 1000,
            });
            return;
        }
        Output.Table(["sound", "seconds", "Hz", "channels", "bits", "kilobits per second", "SNR"], rows.Take(MostRows).Select(r => new[]
        {
            r.Name, Text(r.Seconds, "F2"), Text(r.Rate, "F0"), Text(r.Channels, "F0"), Text(r.Bits, "F0"), Text(r.Kbps, "F2"),
            Text(r.Snr, "F2"),
        }));
        if (rows.Count > MostRows) Console.WriteLine($"and {rows.Count - MostRows} more (--json has all)");
        foreach (var (name, reason) in leftOut) Console.Error.WriteLine($"cresset: left out {name}: {reason}");
        if (rows.Any(r => r.Rate != tokenizer.Rate))
            Console.Error.WriteLine($"cresset: sounds of other rates are coded at {tokenizer.Rate} Hz, and come back at their own.");
        var samples = rows.Sum(r => r.Seconds * r.Rate * r.Channels);
        Console.WriteLine(
            $"{rows.Count} {(rows.Count == 1 ? "sound" : "sounds")}, {Text(seconds, "F1")} seconds: {stages} of "
                + $"{tokenizer.CodebookSizes.Count} stages, {Text(tokenizer.Kilobits(stages), "0.###")} kilobits per second of a channel, "
                + $"{Text(samples * 16 / (size * 8.0), "F1")} times smaller than 16-bit samples");
        Console.WriteLine($"{path}: {size} bytes");
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    /// <param name="Name">Name in the file.</param>
    /// <param name="Seconds">Length.</param>
    /// <param name="Rate">Samples per second of the file.</param>
    /// <param name="Channels">Channels of the file.</param>
    /// <param name="Codes">Codes over all stages that are kept.</param>
    /// <param name="Bits">Bits of the codes as they are packed.</param>
    /// <param name="Kbps">Kilobits per second, all channels.</param>
    /// <param name="Snr">Decibels, at the tokenizer's rate.</param>
    private sealed record Row(string Name, double Seconds, int Rate, int Channels, int Codes, long Bits, double Kbps, double Snr);
}
