namespace Cresset.Rl;

/// <summary>Checks of discount factors.</summary>
internal static class Discount
{
    public static double Checked(double gamma, string name = "gamma")
        => gamma is >= 0 and <= 1 ? gamma
            : throw new ArgumentOutOfRangeException(name, gamma, $"The discount factor {name} is {gamma}; allowed is [0, 1].");
}
