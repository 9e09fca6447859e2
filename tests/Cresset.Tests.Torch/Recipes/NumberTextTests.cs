using Cresset.Recipes;
using Xunit;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>Numbers as people write them, and what only looks like one.</summary>
public sealed class NumberTextTests
{
    [Theory]
    [InlineData("20_000", 20_000L)]
    [InlineData("-1_0", -10L)]
    [InlineData("1e4", 10_000L)]
    [InlineData("1.5e3", 1_500L)]
    [InlineData("3.0", 3L)]
    [InlineData("1e18", 1_000_000_000_000_000_000L)]
    [InlineData("9007199254740993", 9_007_199_254_740_993L)]
    public void WholeNumbersAreRead(string text, long value)
    {
        Assert.Equal(value, OptionText.Parse(text, typeof(long), out var problem));
        Assert.Null(problem);
    }

    [Theory]
    [InlineData("1__0")]
    [InlineData("_1")]
    [InlineData("1_")]
    [InlineData("1_.5")]
    [InlineData("1e_4")]
    [InlineData("1e-30")]
    [InlineData("9007199254740993.5")]
    [InlineData("1e19")]
    [InlineData("0x10")]
    [InlineData("1,5")]
    public void OthersAreRefused(string text)
    {
        Assert.Null(OptionText.Parse(text, typeof(long), out var problem));
        Assert.NotNull(problem);
    }

    [Theory]
    [InlineData("1_000.5", 1000.5)]
    [InlineData("1e-30", 1e-30)]
    public void FractionsAreRead(string text, double value) => Assert.Equal(value, OptionText.Parse(text, typeof(double), out _));

    [Theory]
    [InlineData("1__0.5")]
    [InlineData("_1e3")]
    [InlineData("1_.5")]
    public void OtherFractionsAreRefused(string text) => Assert.Null(OptionText.Parse(text, typeof(double), out _));
}
