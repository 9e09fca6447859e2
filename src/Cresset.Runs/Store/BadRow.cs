using System.Globalization;
using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>A row of a store that cannot be read. Whoever gives a list for such rows is shown everything else.</summary>
/// <param name="What">Which row, as far as it says itself.</param>
/// <param name="Why">What is wrong with it.</param>
public sealed record BadRow(string What, string Why)
{
    // A database full of them would fill memory with sentences.
    private const int Most = 100;

    /// <inheritdoc/>
    public override string ToString() => $"{What}: {Why}";

    internal static void Note(ICollection<BadRow> bad, BadRow row)
    {
        if (bad.Count < Most) bad.Add(row);
        else if (bad.Count == Most) bad.Add(new BadRow("further rows", "they cannot be read either."));
    }

    /// <summary>Whether an exception is one that reading a row throws when its content is wrong.</summary>
    /// <param name="e">The exception.</param>
    public static bool IsFault(Exception e) =>
        e is InvalidDataException or (ArgumentException and not RunNotFoundException) or OverflowException or InvalidCastException
            or InvalidOperationException or FormatException;

    /// <summary>The first columns of a row, short and on one line, whatever they hold.</summary>
    internal static string Name(string what, SqliteDataReader row)
    {
        var said = new List<string>();
        for (var i = 0; i < row.FieldCount && said.Count < 3; i++)
        {
            if (row.GetValue(i) is (string or long) and var value) said.Add(Short(Convert.ToString(value, CultureInfo.InvariantCulture)!));
        }
        return $"{what} ({string.Join(", ", said)})";
    }

    private static string Short(string text)
    {
        var line = new string([.. text.Take(60).Select(c => char.IsControl(c) ? ' ' : c)]);
        return text.Length > 60 ? line + "…" : line;
    }
}
