namespace Cresset.Data;

/// <summary>
/// Sound at another rate: a windowed sinc of 16 zero crossings each side (Kaiser, beta 8.6), whose cut-off is the lower of the two rates'
/// limits.
/// A sample of the result depends on its surroundings alone, so that pieces are those of the whole.
/// </summary>
internal sealed class SoundResampling
{
    private const int Crossings = 16;
    private const double Beta = 8.6;
    private readonly long _from;
    private readonly long _to;
    private readonly double _cut;
    private readonly Dictionary<long, float[]> _taps = [];

    public SoundResampling(int from, int to)
    {
        var common = (long)System.Numerics.BigInteger.GreatestCommonDivisor(from, to);
        (_from, _to) = (from / common, to / common);
        _cut = Math.Min(1.0, (double)to / from) * 0.95;
        Reach = (int)Math.Ceiling(Crossings / _cut);
    }

    /// <summary>Samples on each side that one of the result depends on.</summary>
    public int Reach { get; }

    /// <summary>Samples of the result of a sound of that length.</summary>
    public long LengthOf(long frames) => checked((frames * _to) + _from - 1) / _from;

    /// <summary>The first sample that sample <paramref name="first"/> of the result depends on; may lie before the sound.</summary>
    public long FirstNeeded(long first) => (first * _from / _to) - Reach + 1;

    /// <summary>Samples [count] of the result.</summary>
    /// <param name="source">Samples of the sound from <paramref name="start"/> on, zeros beyond its ends.</param>
    /// <param name="start">Where they begin, as <see cref="FirstNeeded"/> says.</param>
    /// <param name="first">The first sample wanted.</param>
    /// <param name="result">Takes them.</param>
    public void Apply(ReadOnlySpan<float> source, long start, long first, Span<float> result)
    {
        for (var i = 0; i < result.Length; i++)
        {
            var place = checked((first + i) * _from);
            var taps = Taps(place % _to);
            var at = (int)((place / _to) - Reach + 1 - start);
            var sum = 0.0f;
            for (var k = 0; k < taps.Length; k++) sum += taps[k] * source[at + k];
            result[i] = sum;
        }
    }

    // Weights of the samples around a place that lies phase / _to behind a sample; they sum up to 1.
    private float[] Taps(long phase)
    {
        if (_taps.TryGetValue(phase, out var known)) return known;
        var weights = new double[2 * Reach];
        for (var k = 0; k < weights.Length; k++)
        {
            var distance = ((double)phase / _to) - (k - Reach + 1);
            var within = distance / Reach;
            weights[k] = Math.Abs(within) >= 1 ? 0 : Sinc(_cut * distance) * Bessel(Beta * Math.Sqrt(1 - (within * within)));
        }
        var total = weights.Sum();
        float[] taps = [.. weights.Select(w => (float)(w / total))];
        if (_taps.Count < 4096) _taps.Add(phase, taps);
        return taps;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);

    // The modified Bessel function of order 0, by its series.
    private static double Bessel(double x)
    {
        double sum = 1, term = 1;
        for (var k = 1; term > 1e-12 * sum; k++)
        {
            term *= x / (2 * k) * (x / (2 * k));
            sum += term;
        }
        return sum;
    }
}
