using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>Short forms for commands; parameters are named $0, $1, … in order.</summary>
internal static class SqliteExtensions
{
    public static int Execute(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using var command = connection.Prepare(sql, values);
        return command.ExecuteNonQuery();
    }

    public static T Scalar<T>(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        using var command = connection.Prepare(sql, values);
        return (T)command.ExecuteScalar()!;
    }

    public static List<T> Query<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> read,
        params ReadOnlySpan<object?> values)
    {
        using var command = connection.Prepare(sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            try
            {
                rows.Add(read(reader));
            }
            catch (Exception e) when (BadRow.IsFault(e) && e is not InvalidDataException)
            {
                throw new InvalidDataException(
                    $"The store holds a row that cannot be read: {new BadRow(BadRow.Name("row", reader), e.Message)}", e);
            }
        }
        return rows;
    }

    /// <summary>
    /// Rows that anybody may have written: one that cannot be read goes to <paramref name="bad"/>; without it, it is refused.
    /// </summary>
    /// <exception cref="InvalidDataException">A row cannot be read, and <paramref name="bad"/> is null.</exception>
    public static List<T> Rows<T>(this SqliteConnection connection, string what, string sql, Func<SqliteDataReader, T> read,
        ICollection<BadRow>? bad, params ReadOnlySpan<object?> values)
    {
        using var command = connection.Prepare(sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read())
        {
            try
            {
                rows.Add(read(reader));
            }
            catch (Exception e) when (BadRow.IsFault(e))
            {
                var row = new BadRow(BadRow.Name(what, reader), e.Message);
                if (bad is null)
                    throw e as InvalidDataException ?? new InvalidDataException($"The store holds a row that cannot be read: {row}", e);
                BadRow.Note(bad, row);
            }
        }
        return rows;
    }

    /// <summary>SQLite stores NaN as NULL.</summary>
    public static double DoubleOrNaN(this SqliteDataReader reader, int column)
        => reader.IsDBNull(column) ? double.NaN : Is(reader, column, typeof(double)) || Is(reader, column, typeof(long))
            ? reader.GetDouble(column) : throw Odd(reader, column, "a number");

    /// <summary>A whole number; SQLite itself would read any text as 0.</summary>
    public static long Whole(this SqliteDataReader reader, int column) =>
        Is(reader, column, typeof(long)) ? reader.GetInt64(column) : throw Odd(reader, column, "a whole number");

    /// <summary>Bytes; SQLite keeps anything in any column.</summary>
    public static byte[] Blob(this SqliteDataReader reader, int column) =>
        reader.GetValue(column) as byte[] ?? throw Odd(reader, column, "a blob");

    public static DateTime Time(this SqliteDataReader reader, int column) => DateTime.UnixEpoch.AddMicroseconds(reader.Whole(column));

    private static bool Is(SqliteDataReader reader, int column, Type type) =>
        !reader.IsDBNull(column) && reader.GetFieldType(column) == type;

    private static InvalidDataException Odd(SqliteDataReader reader, int column, string wanted) =>
        new($"'{reader.GetName(column)}' is not {wanted}.");

    public static SqliteCommand Prepare(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++)
            command.Parameters.AddWithValue($"${i}", values[i] switch { null => DBNull.Value, double.NaN => DBNull.Value, var v => v });
        return command;
    }
}
