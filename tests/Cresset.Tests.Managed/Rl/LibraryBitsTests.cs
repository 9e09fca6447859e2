using System.Runtime.Intrinsics;
using Cresset.Numerics;
using Cresset.Rl;
using Xunit;

namespace Cresset.Tests.Managed.Rl;

public sealed class LibraryBitsTests
{
    [Theory]
    [InlineData(0.001)]
    [InlineData(0.05)]
    [InlineData(0.3)]
    [InlineData(2.0)]
    public void SineAndCosineHaveTheBitsOfTheLibrary(double largest)
    {
        if (!LibraryBits.HasLanes) return;
        var random = new RandomStream(3);
        var angles = new double[LibraryBits.Lanes];
        for (var block = 0; block < 60_000; block++)
        {
            for (var i = 0; i < angles.Length; i++) angles[i] = random.Uniform(-largest, largest);
            Check(angles);
        }
    }

    [Fact]
    public void SineAndCosineOfSpecialAnglesAreTheLibrarys()
    {
        if (!LibraryBits.HasLanes) return;
        Check([0.0, -0.0, double.NaN, double.PositiveInfinity, double.Epsilon, 1e-9, 0.125, -0.25]);
        Check([1e-300, -1e-160, 0.3, double.BitIncrement(0.3), Math.PI / 6, 1e22, CartPoleDynamics.AngleLimit,
            -CartPoleDynamics.AngleLimit]);
    }

    [Fact]
    public void SquaresHaveTheBitsOfTheLibrarysPower()
    {
        var random = new RandomStream(4);
        var differ = 0;
        for (var i = 0; i < 400_000; i++)
        {
            var x = random.Uniform(-30, 30) * ((i % 3) switch { 0 => 1.0, 1 => 1e-3, _ => 1e3 });
            var power = Math.Pow(x, 2);
            Same(power, LibraryBits.Square(x));
            differ += power != x * x ? 1 : 0;
        }
        // Otherwise this test would be of x * x.
        if (OperatingSystem.IsLinux()) Assert.True(differ > 20, $"{differ} differ");
        foreach (var x in (double[])[0.0, -0.0, 1, 2, double.NaN, double.NegativeInfinity, 1e-200, 1e200, double.Epsilon])
            Same(Math.Pow(x, 2), LibraryBits.Square(x));
    }

    private static void Check(double[] angles)
    {
        var sine = LibraryBits.Sine(Vector512.Create<double>(angles), out var cosine);
        for (var i = 0; i < angles.Length; i++)
        {
            var (s, c) = Math.SinCos(angles[i]);
            Same(s, sine[i]);
            Same(c, cosine[i]);
        }
    }

    private static void Same(double expected, double actual) => Assert.True(
        BitConverter.DoubleToInt64Bits(expected) == BitConverter.DoubleToInt64Bits(actual)
            || (double.IsNaN(expected) && double.IsNaN(actual)), $"{expected:R} and {actual:R}");
}
