using System.Globalization;

namespace Cresset.Detection;

/// <summary>Class names in a text file, one per line: the number of a class is its line, so none may be left out.</summary>
public static class ClassNames
{
    /// <summary>Reads them; blank lines at the end are none.</summary>
    /// <exception cref="DetectionFormatException">A line between names is blank, or the file is not UTF-8.</exception>
    public static IReadOnlyList<string> Read(string path)
    {
        string[] lines = [.. TextFile.Read(path).Split('\n').Select(l => l.Trim())];
        var count = Array.FindLastIndex(lines, l => l.Length > 0) + 1;
        var blank = Array.FindIndex(lines, 0, count, l => l.Length == 0);
        return blank < 0 ? lines[..count] : throw new DetectionFormatException(new DataProblem(DataProblemKind.Malformed, path,
            string.Create(CultureInfo.InvariantCulture, $"line {blank + 1}"), "",
            "is blank. Classes are numbered by their lines, so the names below it would move; name the class or take the line out."));
    }
}
