using Cresset.Numerics;

namespace Cresset.Data;

/// <summary>
/// Sounds: a WAV file, or a folder of them (8 to 32 bits, floating point, any rate and number of channels), cut in pieces of one length.
/// </summary>
[Part("audio")]
public sealed record AudioData : DataSource
{
    /// <summary>The file or folder.</summary>
    public string Path { get; init; } = "";

    /// <summary>Samples per second; files of another rate are resampled. 0 takes the first file's.</summary>
    public int Rate { get; init; }

    /// <summary>Channels: 1 mixes them to their mean, 2 doubles a single one.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>Samples of a piece; the strides of the tokenizer divide it.</summary>
    public int Length { get; init; } = 8192;

    /// <summary>How the files are divided; a single file is divided in its pieces.</summary>
    public SplitRule Split { get; init; } = new ShareSplit();

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        if (!use.TakesSounds)
            throw new DataMismatchException(
                $"{Path}: this task learns no sounds; a tokenizer of signals does (model.architecture=signal-vq-vae).");
        var found = SoundFiles.Of(Path);
        var notes = found.Notes.ToList();
        var (rate, frames) = Measure(found, notes);
        var facts = new SoundFacts { Rate = rate, Channels = Channels, Length = Length };
        string[] paths = [.. found.Files.Select(f => f.Path)];
        var fingerprint = DataFingerprint.OfFiles(found.Files.Select(f => (f.Name, f.Path, "")));
        var shared = new DataFacts { Name = Path, Shape = [Channels, Length], Sound = facts };
        if (paths.Length == 1)
        {
            var pieces = new SoundExamples(paths, frames, facts, moves: false);
            var divided = Split.Divide(
                new SplitExamples
                {
                    Name = Path,
                    Names = [.. Enumerable.Range(0, pieces.Count)
                        .Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))]
                });
            DataSplit.CheckParts(Path, divided);
            IDataset? Pieces(int[] chosen) => chosen.Length == 0 ? null : new ChosenExamples(pieces, chosen);
            return new DataSplit(shared, Pieces(divided.Train)!, Pieces(divided.Validation), Pieces(divided.Test), fingerprint, notes);
        }
        var parts = Split.Divide(new SplitExamples { Name = Path, Names = [.. found.Files.Select(f => f.Name)] });
        DataSplit.CheckParts(Path, parts);
        IDataset? Part(int[] chosen, bool moves) =>
            chosen.Length == 0 ? null
                : new SoundExamples([.. chosen.Select(i => paths[i])], [.. chosen.Select(i => frames[i])], facts, moves);
        return new DataSplit(shared, Part(parts.Train, moves: true)!, Part(parts.Validation, moves: false), Part(parts.Test, moves: false),
            fingerprint, notes);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .NotEmpty(Path, "Name the WAV file or the folder of them: data.path=FOLDER.")
        .Within(Rate, 0, 10_000_000)
        .Within(Channels, 1, 2)
        .Within(Length, 16, 1 << 26)
        .Nested(Split);

    // Every header is read before training begins; what will be resampled or mixed is said.
    private (int Rate, long[] Frames) Measure(SoundFiles found, List<string> notes)
    {
        var rate = Rate;
        var frames = new long[found.Files.Count];
        List<string> resampled = [], mixed = [], quiet = [];
        for (var i = 0; i < frames.Length; i++)
        {
            var (path, name) = found.Files[i];
            using (var reader = WavReader.Open(path))
            {
                if (rate == 0) rate = reader.Facts.Rate;
                if (reader.Facts.Rate != rate) resampled.Add(name);
                if (reader.Facts.Channels != Channels) mixed.Add(name);
            }
            using var source = SoundSource.Open(path, rate, Channels);
            frames[i] = source.Frames;
            if (source.Frames < Length) quiet.Add(name);
        }
        if (resampled.Count > 0) notes.Add($"{Path}: resampled to {rate} Hz: {PictureListing.Some(resampled, "file", "files")}.");
        if (mixed.Count > 0)
            notes.Add(
                $"{Path}: brought to {Channels} {(Channels == 1 ? "channel" : "channels")}: "
                    + $"{PictureListing.Some(mixed, "file", "files")}.");
        if (quiet.Count > 0)
            notes.Add(
                $"{Path}: shorter than a piece of {Length} samples and filled up with silence: "
                    + $"{PictureListing.Some(quiet, "file", "files")}.");
        return (rate, frames);
    }
}
