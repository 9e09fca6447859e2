namespace Cresset.Numerics;

/// <summary>A loss that is the mean of finitely many terms: <c>f(x) = (1/n) sum f_i(x)</c>, one term an example.</summary>
public interface IFiniteSum
{
    /// <summary>Number n of terms.</summary>
    int Count { get; }

    /// <summary>Length of x.</summary>
    int Dimension { get; }

    /// <summary>The mean of the terms at <paramref name="x"/>.</summary>
    double Value(ReadOnlySpan<double> x);

    /// <summary>
    /// Adds the gradient of term <paramref name="index"/> at <paramref name="x"/>, times <paramref name="weight"/>, to
    /// <paramref name="gradient"/>.
    /// </summary>
    void AddGradient(int index, ReadOnlySpan<double> x, double weight, Span<double> gradient);
}
