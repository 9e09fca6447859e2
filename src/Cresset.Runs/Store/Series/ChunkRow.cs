using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>One row of the table <c>chunks</c>, ready to be stored.</summary>
internal readonly record struct ChunkRow(int Level, long Number, SeriesBucket Whole, int Items, byte[] Data)
{
    private const string Upsert = """
        INSERT INTO chunks (series, level, number, count, first_step, last_step, min, max, data) VALUES ($0, $1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (series, level, number) DO UPDATE SET count = excluded.count, first_step = excluded.first_step,
            last_step = excluded.last_step, min = excluded.min, max = excluded.max, data = excluded.data
        """;

    public static SqliteCommand Command(SqliteConnection connection) =>
        connection.Prepare(Upsert, 0L, 0, 0L, 0, 0L, 0L, 0.0, 0.0, Array.Empty<byte>());

    public void Store(SqliteCommand command, long series)
    {
        var parameters = command.Parameters;
        parameters[0].Value = series;
        parameters[1].Value = Level;
        parameters[2].Value = Number;
        parameters[3].Value = Items;
        parameters[4].Value = Whole.FirstStep;
        parameters[5].Value = Whole.LastStep;
        parameters[6].Value = double.IsNaN(Whole.Min) ? DBNull.Value : Whole.Min;
        parameters[7].Value = double.IsNaN(Whole.Max) ? DBNull.Value : Whole.Max;
        parameters[8].Value = Data;
        command.ExecuteNonQuery();
    }
}
