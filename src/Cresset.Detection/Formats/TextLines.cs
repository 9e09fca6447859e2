using System.Globalization;

namespace Cresset.Detection;

/// <summary>Lines of fields between white space, as VOC results and YOLO labels have them.</summary>
internal static class TextLines
{
    private static readonly char[] Blanks = [' ', '\t', '\r'];

    public static IEnumerable<(string[] Fields, string Record)> Read(string path)
    {
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            var fields = line.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 0) yield return (fields, string.Create(CultureInfo.InvariantCulture, $"line {number}"));
        }
    }

    /// <summary>Lines with their own text, for fields that may hold blanks.</summary>
    public static IEnumerable<(string Line, string[] Fields, string Record)> ReadWhole(string path)
    {
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            var fields = line.Split(Blanks, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 0) yield return (line, fields, string.Create(CultureInfo.InvariantCulture, $"line {number}"));
        }
    }

    /// <summary>What stands before the last fields of a line.</summary>
    public static string WithoutLast(string line, int fields)
    {
        var end = line.AsSpan().TrimEnd(Blanks);
        for (var i = 0; i < fields; i++)
        {
            var start = end.LastIndexOfAny(Blanks);
            end = end[..start].TrimEnd(Blanks);
        }
        return end.TrimStart(Blanks).ToString();
    }

    /// <summary>A detection whose line is broken: ranked first and nowhere, so that it can only lower a score.</summary>
    public static DetectedObject Miss(long image, long category) => new(image, category, Box.Nowhere, DetectedObject.FirstRank);

    public static bool TryNumbers(ReadOnlySpan<string> fields, FaultDesk desk, string record, out double[] numbers)
    {
        numbers = new double[fields.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            if (!double.TryParse(fields[i], NumberStyles.Float, CultureInfo.InvariantCulture, out numbers[i]))
            {
                desk.Fault(DataProblemKind.WrongValue, record, "", $"holds \"{fields[i]}\" where a number is needed.");
                return false;
            }
            if (!double.IsFinite(numbers[i]))
            {
                desk.Fault(DataProblemKind.NotFinite, record, "", $"holds \"{fields[i]}\"; finite numbers are needed.");
                return false;
            }
        }
        return true;
    }
}
