using System.CommandLine;
using System.CommandLine.Invocation;

namespace Cresset.Cli.Terminal;

/// <summary>
/// Nothing is overwritten in silence: a verb that makes data or models refuses a file that is there until it is told --force; one that
/// draws or reports replaces it and says so on the error stream.
/// </summary>
internal static class Overwriting
{
    private const int MostFiles = 10_000;

    private static readonly string[] Places = ["--out", "--output", "--report", "--junit", "--pictures", "--to-peft", "--to-kohya"];

    /// <summary>Lets every verb without --force say what it replaced.</summary>
    public static void Add(Command command)
    {
        foreach (var verb in command.Subcommands) Add(verb);
        if (command.Action is not SynchronousCommandLineAction action || command.Options.Any(o => o.Name == "--force")) return;
        Option[] places = [.. command.Options.Where(o => Places.Contains(o.Name) && o is Option<string> or Option<string[]>)];
        if (places.Length == 0) return;
        command.SetAction(result =>
        {
            var before = places.SelectMany(p => Named(result, p)).Distinct().ToDictionary(path => path, WrittenBelow);
            var code = action.Invoke(result);
            foreach (var (path, files) in before) Say(path, files);
            return code;
        });
    }

    /// <summary>Refuses a file that is there, and a folder with something in it.</summary>
    /// <exception cref="ArgumentException">It is there and <paramref name="force"/> is not given.</exception>
    public static void RequireFree(string path, bool force)
    {
        if (force) return;
        if (File.Exists(path) && Numerics.SpecialFile.KindOf(path) is null)
            throw new ArgumentException($"{path} exists; add --force to replace it.");
        if (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any())
            throw new ArgumentException($"{path} is a folder with files in it; add --force to write among them, or name another.");
    }

    private static IEnumerable<string> Named(ParseResult result, Option place) => place switch
    {
        Option<string[]> several => result.GetValue(several) ?? [],
        Option<string> one => result.GetValue(one) is { Length: > 0 } path ? [path] : [],
        _ => [],
    };

    private static Dictionary<string, DateTime> WrittenBelow(string path)
        => (Directory.Exists(path) ? Directory.EnumerateFiles(path).Take(MostFiles) : File.Exists(path) ? [path, .. Numbered(path)]
            : Numbered(path))
            .Where(file => Numerics.SpecialFile.KindOf(file) is null)
            .ToDictionary(file => file, File.GetLastWriteTimeUtc);

    // Several pictures get -1, -2 ... before the end.
    private static IEnumerable<string> Numbered(string path)
    {
        var (stem, end) = (Path.GetFileNameWithoutExtension(path), Path.GetExtension(path));
        var folder = Path.GetDirectoryName(Path.GetFullPath(path));
        return stem.Length == 0 || !Directory.Exists(folder) ? [] : Directory.EnumerateFiles(folder).Where(
            file => Path.GetExtension(file) == end && Path.GetFileNameWithoutExtension(file) is var name
                && name.StartsWith(stem + "-", StringComparison.Ordinal) && name[(stem.Length + 1)..].All(char.IsAsciiDigit))
            .Take(MostFiles);
    }

    private static void Say(string path, Dictionary<string, DateTime> before)
    {
        var replaced = before.Where(f => File.Exists(f.Key) && File.GetLastWriteTimeUtc(f.Key) != f.Value).Select(f => f.Key).ToList();
        if (replaced.Count == 0) return;
        Console.Error.WriteLine(replaced is [var only] ? $"cresset: note: {only} was there and is replaced."
            : $"cresset: note: {replaced.Count} files of {path} were there and are replaced.");
    }
}
