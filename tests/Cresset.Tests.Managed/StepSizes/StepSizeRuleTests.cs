using Cresset.Numerics;
using CsCheck;
using Xunit;

namespace Cresset.Tests.Managed.StepSizes;

public sealed class StepSizeRuleTests
{
    [Theory]
    [InlineData("1/k", 0, 1.0)]
    [InlineData("1/k", 9, 0.1)]
    [InlineData("0.5/k^0.5", 3, 0.25)]
    [InlineData("2/(k+10)", 0, 2.0 / 11)]
    [InlineData("0.1", 1_000_000, 0.1)]
    [InlineData("0.1*0.5^k", 2, 0.025)]
    [InlineData("linear(1, 0, 10)", 5, 0.5)]
    [InlineData("linear(1, 0.25, 10)", 11, 0.25)]
    [InlineData("max(1/k, 0.01)", 1000, 0.01)]
    [InlineData("warmup(0.1, 4)", 0, 0.025)]
    [InlineData("warmup(0.1, 4)", 4, 0.1)]
    [InlineData("search(0.1, 100, 1)", 100, 0.05)]
    public void FormulaGivesTheValue(string formula, long k, double expected)
        => Assert.Equal(expected, StepSizeRule.Parse(formula).At(k), 1e-15);

    [Theory]
    [InlineData("0.1", true, false, false)]
    [InlineData("1/k", true, true, false)]
    [InlineData("1/k^0.75", true, true, true)]
    [InlineData("1/k^0.5", true, false, false)]
    [InlineData("1/k^1.01", false, true, false)]
    [InlineData("0.1*0.9^k", false, true, false)]
    [InlineData("max(1/k, 0.01)", true, false, false)]
    [InlineData("logpower(1, 1, 1)", true, true, false)]
    [InlineData("logpower(1, 1, 1.5)", false, true, false)]
    [InlineData("logpower(1, 0.5, 1)", true, true, false)]
    [InlineData("logpower(1, 0.5, 0.5)", true, false, false)]
    public void ConditionsFollowFromTheDecay(string formula, bool sum, bool squares, bool averaging)
    {
        var conditions = StepSizeRule.Parse(formula).Conditions;
        Assert.Equal(sum, conditions.SumDiverges);
        Assert.Equal(squares, conditions.SquareSumConverges);
        Assert.Equal(sum && squares, conditions.Satisfied);
        Assert.Equal(averaging, conditions.SuitsAveraging);
    }

    [Fact]
    public void UnknownDecayIsReportedAsUnknown()
    {
        var conditions = new CustomStepSize(k => 1.0 / (k + 1)).Conditions;
        Assert.Null(conditions.Satisfied);
        Assert.True(new CustomStepSize(k => 1.0 / (k + 1), new StepSizeDecay(1)).Conditions.Satisfied);
    }

    [Fact]
    public void KieferWolfowitzPair()
    {
        Assert.True(KieferWolfowitzConditions.Of(StepSizeRule.Parse("1/k"), StepSizeRule.Power(1, 1.0 / 3)).Satisfied);
        // With c = k^-1/2 the noise term sums 1/k.
        Assert.False(KieferWolfowitzConditions.Of(StepSizeRule.Parse("1/k"), StepSizeRule.Power(1, 0.5)).NoiseSumConverges);
        Assert.False(KieferWolfowitzConditions.Of(StepSizeRule.Parse("1/k"), StepSizeRule.Constant(0.1)).WidthTendsToZero);
        Assert.Null(KieferWolfowitzConditions.Of(new CustomStepSize(k => 1), StepSizeRule.Power(1, 0.3)).Satisfied);
    }

    [Fact]
    public void TheFormulaRoundTrips()
    {
        var positive = Gen.Double[1e-4, 10];
        var simple = Gen.OneOf<StepSizeRule>(
            positive.Select(StepSizeRule.Constant),
            Gen.Select(positive, Gen.Double[0, 2], Gen.Double[0, 50], (a, p, s) => StepSizeRule.Power(a, p, s)),
            Gen.Select(positive, Gen.Double[0.01, 1], (a, g) => StepSizeRule.Exponential(a, g)),
            Gen.Select(positive, positive, Gen.Long[1, 1000], (a, b, n) => StepSizeRule.Linear(a, b, n)));
        Gen.Select(simple, Gen.Int[0, 3], positive, (rule, wrap, v) => wrap switch
        {
            1 => rule.WithFloor(v),
            2 => rule.WithWarmUp(7),
            3 => rule.WithWarmUp(3).WithFloor(v),
            _ => rule,
        }).Sample(rule => rule.Equals(StepSizeRule.Parse(rule.Formula)), iter: 300, threads: 1);
    }

    [Fact]
    public void PartialSumsAgreeWithTheVerdict()
    {
        // A numerical witness for the analytic classification: doubling the horizon adds a block of about the same size when the sum
        // diverges.
        double Block(string formula, int from, int to, double power)
        {
            var rule = StepSizeRule.Parse(formula);
            var sum = 0.0;
            for (var k = from; k < to; k++) sum += Math.Pow(rule.At(k), power);
            return sum;
        }
        Assert.True(Block("1/k", 100_000, 200_000, 1) > 0.69);
        Assert.True(Block("1/k", 100_000, 200_000, 2) < 1e-5);
        Assert.True(Block("1/k^0.5", 100_000, 200_000, 2) > 0.69);
    }

    [Theory]
    [InlineData("")]
    [InlineData("k")]
    [InlineData("1/n")]
    [InlineData("-0.1")]
    [InlineData("1/k^x")]
    [InlineData("linear(1, 2)")]
    [InlineData("0.1*1.5^k")]
    [InlineData("max(1/k, -1)")]
    [InlineData("nan")]
    public void BadFormulasAreRefusedWithTheText(string formula)
        => Assert.Contains("\"" + formula + "\"", Assert.Throws<FormatException>(() => StepSizeRule.Parse(formula)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void BadValuesAreRefused()
    {
        Assert.Throws<InvalidOptionsException>(() => StepSizeRule.Constant(0));
        Assert.Throws<InvalidOptionsException>(() => StepSizeRule.Power(1, double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => StepSizeRule.SampleMean.At(-1));
        Assert.Throws<InvalidOperationException>(() => new CustomStepSize(k => 1.0 - k).At(5));
    }
}
