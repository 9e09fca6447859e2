using Cresset.Data;

namespace Cresset.Recipes;

/// <summary>
/// A part of a data set that is opened when an example is asked for: a model that only draws, or is exported, needs none, and its data may
/// have gone.
/// </summary>
/// <param name="opened">The data set, shared by its parts.</param>
/// <param name="part">The part of it.</param>
/// <param name="owns">The data set is freed with this part of it.</param>
internal sealed class LateExamples(Lazy<DataSplit> opened, Func<DataSplit, IDataset> part, bool owns = false) : IDataset, IDisposable
{
    public int Count => part(opened.Value).Count;

    /// <summary>True for data whose examples were not opened: what training alone needs of them is not worth opening them.</summary>
    public static bool Are(DataSplit data) => data.Train is LateExamples;

    /// <summary>Whether examples can be had: not where a run's data have gone, or would mean something else to its weights now.</summary>
    public static bool CanBeHad(DataSplit data)
    {
        try
        {
            return data.Train.Count > 0;
        }
        catch (Exception e) when (Are(data) && (e is IOException or InvalidDataException or UnauthorizedAccessException
            or DataMismatchException))
        {
            return false;
        }
    }

    public IPreparedBatch Prepare(BatchRequest request) => part(opened.Value).Prepare(request);

    public void Dispose()
    {
        if (owns && opened.IsValueCreated) opened.Value.Dispose();
    }
}
