namespace Cresset.Rl;

/// <summary>Turns a state into a vector of features, over which values are linear.</summary>
public abstract class FeatureMap
{
    /// <summary>Number of features.</summary>
    public abstract int Count { get; }

    /// <summary>Number of values of a state.</summary>
    public abstract int Dimensions { get; }

    /// <summary>Writes the features of <paramref name="state"/> into <paramref name="features"/> of <see cref="Count"/> values.</summary>
    public abstract void Write(ReadOnlySpan<double> state, Span<double> features);

    /// <summary>The features of <paramref name="state"/> in a new array.</summary>
    public double[] Of(params ReadOnlySpan<double> state)
    {
        if (state.Length != Dimensions)
            throw new ArgumentException($"The state has {state.Length} values; these features need {Dimensions}.", nameof(state));
        var features = new double[Count];
        Write(state, features);
        return features;
    }

    /// <summary>All rows of exponents or frequencies 0 to <paramref name="order"/>, the first dimension outermost.</summary>
    internal static int[][] Grid(int dimensions, int order)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(dimensions);
        ArgumentOutOfRangeException.ThrowIfNegative(order);
        var count = 1;
        for (var i = 0; i < dimensions; i++) count = checked(count * (order + 1));
        var rows = new int[count][];
        for (var i = 0; i < count; i++)
        {
            rows[i] = new int[dimensions];
            for (var (j, rest) = (dimensions - 1, i); j >= 0; j--, rest /= order + 1) rows[i][j] = rest % (order + 1);
        }
        return rows;
    }
}
