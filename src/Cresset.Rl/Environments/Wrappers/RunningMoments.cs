namespace Cresset.Rl;

/// <summary>
/// Running mean and variance by the parallel formula of Chan, Golub and LeVeque, starting from mean 0, variance 1 and a small count as
/// Gymnasium's normalising wrappers do.
/// </summary>
public sealed class RunningMoments
{
    private readonly double[] _mean;
    private readonly double[] _variance;
    private readonly bool _singlePrecision;
    private double _count;

    /// <summary>Moments of rows of <paramref name="size"/> values.</summary>
    /// <param name="size">Values in a row.</param>
    /// <param name="initialCount">Weight of the start values.</param>
    /// <param name="singlePrecision">Round every operation to float32, as Gymnasium does for float32 observations.</param>
    public RunningMoments(int size, double initialCount = 1e-4, bool singlePrecision = false)
    {
        _singlePrecision = singlePrecision;
        _mean = new double[size];
        _variance = new double[size];
        Array.Fill(_variance, 1);
        _count = initialCount;
    }

    /// <summary>Values in a row.</summary>
    public int Size => _mean.Length;

    /// <summary>Mean of each value.</summary>
    public ReadOnlySpan<double> Mean => _mean;

    /// <summary>Population variance of each value.</summary>
    public ReadOnlySpan<double> Variance => _variance;

    /// <summary>Number of rows, plus the initial count.</summary>
    public double Count => _count;

    /// <summary>Takes in one value at place <paramref name="index"/> of the row; call <see cref="EndRow"/> after the last.</summary>
    internal void Add(int index, double value)
    {
        var total = _count + 1;
        if (_singlePrecision)
        {
            AddSingle(index, (float)value, (float)_count, (float)total);
            return;
        }
        var delta = value - _mean[index];
        _mean[index] += delta / total;
        _variance[index] = ((_variance[index] * _count) + (delta * delta * _count / total)) / total;
    }

    internal void AddRow(ReadOnlySpan<double> row)
    {
        for (var i = 0; i < row.Length; i++) Add(i, row[i]);
        EndRow();
    }

    private void AddSingle(int index, float value, float count, float total)
    {
        var (mean, variance) = ((float)_mean[index], (float)_variance[index]);
        var delta = value - mean;
        _mean[index] = mean + (delta / total);
        _variance[index] = ((variance * count) + (delta * delta * count / total)) / total;
    }

    internal void EndRow() => _count += 1;

    /// <summary>Moments of their own with the same values.</summary>
    public RunningMoments Clone()
    {
        var copy = new RunningMoments(Size, _count, _singlePrecision);
        _mean.CopyTo(copy._mean, 0);
        _variance.CopyTo(copy._variance, 0);
        return copy;
    }

    /// <summary>Writes count, means and variances.</summary>
    public void Save(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(_count);
        foreach (var x in _mean) writer.Write(x);
        foreach (var x in _variance) writer.Write(x);
    }

    /// <summary>Reads what <see cref="Save"/> wrote for rows of the same size.</summary>
    public void Load(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        _count = reader.ReadDouble();
        for (var i = 0; i < _mean.Length; i++) _mean[i] = reader.ReadDouble();
        for (var i = 0; i < _variance.Length; i++) _variance[i] = reader.ReadDouble();
    }
}
