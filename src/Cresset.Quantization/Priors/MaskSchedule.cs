namespace Cresset.Quantization;

/// <summary>How many codes stay masked as parallel decoding goes on (MaskGIT, Chang et al. 2022, arXiv:2202.04200, section 3.3).</summary>
public enum MaskSchedule
{
    /// <summary>cos(pi r / 2): slow at first, the paper's choice.</summary>
    Cosine,

    /// <summary>1 - r.</summary>
    Uniform,

    /// <summary>1 - r².</summary>
    Square,

    /// <summary>1 - r³.</summary>
    Cubic,
}

/// <summary>Values of a <see cref="MaskSchedule"/>.</summary>
internal static class MaskScheduleExtensions
{
    /// <summary>Share of codes masked at progress <paramref name="ratio"/> in [0, 1].</summary>
    public static double MaskedShare(this MaskSchedule schedule, double ratio) => schedule switch
    {
        MaskSchedule.Cosine => Math.Cos(Math.PI / 2 * ratio),
        MaskSchedule.Uniform => 1 - ratio,
        MaskSchedule.Square => 1 - (ratio * ratio),
        MaskSchedule.Cubic => 1 - (ratio * ratio * ratio),
        _ => throw new ArgumentOutOfRangeException(nameof(schedule), schedule, "Not a mask schedule."),
    };

    /// <summary>
    /// Codes still masked after each of <paramref name="steps"/> steps over <paramref name="count"/> codes: the share rounded down, at
    /// least 1 and at least one fewer than before. The last step fills what is left.
    /// </summary>
    public static int[] MaskedAfterStep(this MaskSchedule schedule, int count, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        var masked = new int[steps];
        var before = count;
        for (var t = 0; t < steps; t++)
        {
            var share = schedule.MaskedShare((t + 1.0) / steps);
            masked[t] = Math.Max(1, Math.Min(before - 1, (int)Math.Floor(count * share)));
            before = masked[t];
        }
        return masked;
    }
}
