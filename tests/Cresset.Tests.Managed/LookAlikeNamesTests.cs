using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed;

public sealed class LookAlikeNamesTests
{
    [Theory]
    [InlineData("caf\u00e9", "cafe\u0301", "an accent is a character of its own")]
    [InlineData("\u1ea4n", "A\u0302\u0301n", "an accent is a character of its own")]
    [InlineData("\u304c", "\u304b\u3099", "an accent is a character of its own")]
    [InlineData("\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af", "an accent is a character of its own")]
    [InlineData("\u0439", "\u0438\u0306", "an accent is a character of its own")]
    [InlineData("Caf\u00c9", "cafe\u0301", "case or blanks alone")]
    [InlineData("Cat", "cat", "case or blanks alone")]
    [InlineData("cat ", "cat", "case or blanks alone")]
    public void NamesThatAPersonTakesForOneAreTold(string one, string other, string why)
    {
        var told = LookAlikeNames.Describe(["bird", one, other]);
        Assert.NotNull(told);
        Assert.Contains($"'{one}' and '{other}'", told, StringComparison.Ordinal);
        Assert.Contains(why, told, StringComparison.Ordinal);
        Assert.DoesNotContain("bird", told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("caf\u00e9", "cafe")]
    [InlineData("caf\u00e9", "cafe\u0300")]
    [InlineData("x\u0301", "x")]
    [InlineData("\u1112\u1161", "\u1112\u1161\u11ab")]
    [InlineData("\u11ab", "\u0301")]
    public void NamesThatLookApartAreNot(string one, string other) => Assert.Null(LookAlikeNames.Describe([one, other, one]));
}
