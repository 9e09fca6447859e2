namespace Cresset.Diffusion;

/// <summary>Quantiles of the beta distribution by bisection on its continued fraction.</summary>
internal static class BetaQuantile
{
    public static double Of(double probability, double a, double b)
    {
        if (probability <= 0) return 0;
        if (probability >= 1) return 1;
        double low = 0, high = 1;
        for (var i = 0; i < 200 && high - low > 1e-16; i++)
        {
            var middle = (low + high) / 2;
            if (Distribution(middle, a, b) < probability) low = middle;
            else high = middle;
        }
        return (low + high) / 2;
    }

    private static double Distribution(double x, double a, double b)
    {
        if (x <= 0) return 0;
        if (x >= 1) return 1;
        // The fraction converges fast on the smaller side; the other is its complement.
        if (x > (a + 1) / (a + b + 2)) return 1 - Distribution(1 - x, b, a);
        var front = Math.Exp((a * Math.Log(x)) + (b * Math.Log(1 - x)) - (LogGamma(a) + LogGamma(b) - LogGamma(a + b))) / a;
        // Lentz's method.
        double c = 1, d = 1 / (1 - ((a + b) * x / (a + 1))), result = d;
        for (var m = 1; m < 500; m++)
        {
            var even = m * (b - m) * x / ((a + (2 * m) - 1) * (a + (2 * m)));
            d = 1 / (1 + (even * d));
            c = 1 + (even / c);
            result *= d * c;
            var odd = -(a + m) * (a + b + m) * x / ((a + (2 * m)) * (a + (2 * m) + 1));
            d = 1 / (1 + (odd * d));
            c = 1 + (odd / c);
            result *= d * c;
            if (Math.Abs((d * c) - 1) < 1e-15) break;
        }
        return front * result;
    }

    private static double LogGamma(double x)
    {
        // Stirling's series above 15, recurrence below.
        var shift = 0.0;
        while (x < 15)
        {
            shift -= Math.Log(x);
            x++;
        }
        var y = 1 / (x * x);
        return shift + ((x - 0.5) * Math.Log(x)) - x + (0.5 * Math.Log(2 * Math.PI))
            + ((1.0 / 12 - (y * (1.0 / 360 - (y * (1.0 / 1260 - (y / 1680)))))) / x);
    }
}
