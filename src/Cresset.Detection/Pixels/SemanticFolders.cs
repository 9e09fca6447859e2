namespace Cresset.Detection;

/// <summary>Semantic segmentations as folders of PNG files, a class number for every pixel.</summary>
public static class SemanticFolders
{
    /// <summary>Scores predictions; files belong together by their names below the folders.</summary>
    /// <param name="truth">Folder of the true files.</param>
    /// <param name="found">Folder of the predicted ones.</param>
    /// <param name="classes">Names of the classes.</param>
    /// <param name="ignored">The number of true pixels that are not judged.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="InvalidDataException">A file is missing, damaged or of another size, or has a number that no class has.</exception>
    public static SemanticOverlap Score(string truth, string found, IReadOnlyList<string> classes, int ignored = 255,
        CancellationToken cancellationToken = default)
    {
        var whole = new SemanticOverlap(classes, ignored);
        foreach (var folder in new[] { truth, found })
        {
            if (!Directory.Exists(folder)) throw new DirectoryNotFoundException($"There is no folder '{folder}'.");
        }
        string[] names = [.. FilePeek.Files(truth, ".png").Select(f => Path.GetRelativePath(truth, f))];
        if (names.Length == 0) throw new InvalidDataException($"{truth} holds no PNG file; there is nothing to measure.");
        string[] missing = [.. names.Where(n => !File.Exists(Path.Combine(found, n)))];
        if (missing.Length > 0)
        {
            throw new InvalidDataException($"{found} lacks {missing.Length} of {names.Length} files, such as {missing[0]}.");
        }
        try
        {
            Parallel.ForEach(names, new ParallelOptions { CancellationToken = cancellationToken }, ()
                => new SemanticOverlap(classes, ignored), (name, _, part) =>
            {
                PixelLabels t = PixelLabels.Read(Path.Combine(truth, name)), f = PixelLabels.Read(Path.Combine(found, name));
                if ((t.Height, t.Width) != (f.Height, f.Width))
                {
                    throw new InvalidDataException(
                        $"{name}: the prediction is {f.Width} x {f.Height} pixels, the truth {t.Width} x {t.Height}.");
                }
                try
                {
                    part.Add(t.Values, f.Values);
                }
                catch (ArgumentException e)
                {
                    throw new InvalidDataException(
                        $"{Path.Combine(e.ParamName == "truth" ? truth : found, name)}: {e.Message.Split(" (Parameter")[0]}", e);
                }
                return part;
            }, part =>
            {
                lock (whole) whole.Merge(part);
            });
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        return whole;
    }
}
