using System.Globalization;

namespace Cresset.Runs;

public sealed partial class RunStore
{
    /// <summary>What imported logs are called in lists.</summary>
    public const string ImportedKind = "tensorboard";

    /// <summary>
    /// Takes a copy of a TensorBoard log of any program in as a finished run: its numbers, pictures, texts and distributions with their own
    /// times. The log itself is left as it is.
    /// </summary>
    /// <param name="folder">The folder that holds the event files.</param>
    /// <param name="name">The run's name; the folder's own when null.</param>
    /// <param name="notices">Takes up what was damaged or left out, a sentence each.</param>
    /// <returns>The run's id.</returns>
    /// <exception cref="InvalidDataException">The folder holds no event files, or nothing in them can be read.</exception>
    public string Import(string folder, string? name = null, ICollection<string>? notices = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(folder);
        ThrowIfReadOnly();
        var source = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (!Directory.Exists(source)) throw new DirectoryNotFoundException($"There is no folder '{source}'.");
        var files = Directory.EnumerateFiles(source, "*tfevents*").ToList();
        if (files.Count == 0) throw new InvalidDataException($"'{source}' holds no TensorBoard event files (*tfevents*).");
        using var log = new EventLog(source);
        var times = log.Scalars.Values.SelectMany(Times).Concat(log.Images.Values.SelectMany(Times))
            .Concat(log.Texts.Values.SelectMany(Times)).Concat(log.Histograms.Values.SelectMany(Times)).Where(IsTime).ToList();
        if (times.Count == 0)
            throw new InvalidDataException(
                $"'{source}' holds event files without a number, picture, text or distribution that can be "
                    + $"read{(log.Damage is [var first, ..] ? $" ({first})" : "")}.");
        var (begun, ended) = (Moment(times.Min()), Moment(times.Max()));
        var facts = new RunFacts
        {
            Name = name ?? Path.GetFileName(source),
            Kind = ImportedKind,
            Status = "finished",
            Created = begun,
            Ended = ended,
            ActiveTime = ended - begun,
            Note = $"from {source}",
            Summary =
                [.. log.Scalars.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => KeyValuePair.Create(s.Key, s.Value[^1].Value))],
        };
        var id = NewId(facts.Name, begun);
        var target = FolderOf(id);
        Files(target, () =>
        {
            Directory.CreateDirectory(target);
            foreach (var file in files) File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
            foreach (var (tag, images) in log.Images)
            {
                foreach (var image in images)
                {
                    if (tag.Length > 0 && PictureFile.Describe(image.Value.Encoded) is not null)
                        PictureFile.Save(Path.Combine(target, "samples"), tag, image.Step, image.Value.Encoded);
                    else notices
                        ?.Add(string.Create(CultureInfo.InvariantCulture,
                            $"The picture '{tag}' of step {image.Step} is neither PNG nor GIF and is left out."));
                }
            }
            // Last: a folder with facts is a run.
            facts.Write(target);
            return 0;
        });
        var found = new List<string>();
        TakeIn(target, id, found);
        foreach (var notice in found) notices?.Add(notice);
        return id;

        static IEnumerable<double> Times<T>(List<Logged<T>> points) => points.Select(p => p.WallTime);
    }

    // Seconds of the years 1970 to 9999.
    private static bool IsTime(double seconds) => seconds is >= 0 and < 253_402_300_800;

    private static DateTime Moment(double seconds) => DateTime.UnixEpoch.AddMicroseconds(EventMicroseconds(seconds));

    private static long EventMicroseconds(double seconds) => (long)Math.Round(seconds * 1e6);
}
