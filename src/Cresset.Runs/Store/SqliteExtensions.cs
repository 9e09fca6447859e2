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

    public static List<T> Query<T>(this SqliteConnection connection, string sql, Func<SqliteDataReader, T> read, params ReadOnlySpan<object?> values)
    {
        using var command = connection.Prepare(sql, values);
        using var reader = command.ExecuteReader();
        var rows = new List<T>();
        while (reader.Read()) rows.Add(read(reader));
        return rows;
    }

    /// <summary>SQLite stores NaN as NULL.</summary>
    public static double DoubleOrNaN(this SqliteDataReader reader, int column) => reader.IsDBNull(column) ? double.NaN : reader.GetDouble(column);

    public static DateTime Time(this SqliteDataReader reader, int column) => DateTime.UnixEpoch.AddMicroseconds(reader.GetInt64(column));

    public static SqliteCommand Prepare(this SqliteConnection connection, string sql, params ReadOnlySpan<object?> values)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        for (var i = 0; i < values.Length; i++) command.Parameters.AddWithValue($"${i}", values[i] switch { null => DBNull.Value, double.NaN => DBNull.Value, var v => v });
        return command;
    }
}
