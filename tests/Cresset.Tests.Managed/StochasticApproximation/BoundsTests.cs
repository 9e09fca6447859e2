using Cresset.Numerics;
using Xunit;

namespace Cresset.Tests.Managed.StochasticApproximation;

/// <summary>Boxes that probes keep to, objectives that are not finite, iterates that run away, Kesten's rule, calibration.</summary>
public sealed class BoundsTests
{
    private static readonly double[] Low = [0.001, -3];
    private static readonly double[] High = [5, -2.9];

    public static TheoryData<string> Methods => ["spsa", "spsa-normal", "second-order", "kiefer-wolfowitz", "calibrate"];

    [Theory]
    [MemberData(nameof(Methods))]
    public void NoMethodAsksOutsideTheBoxAndTheBestPointInItIsFound(string method)
    {
        // Defined within the box only. The minimum in the first coordinate is 1, in the second the upper bound.
        var asked = 0;
        double Objective(ReadOnlySpan<double> x)
        {
            asked++;
            for (var i = 0; i < 2; i++) Assert.InRange(x[i], Low[i], High[i]);
            return x[0] - Math.Log(x[0]) - x[1];
        }
        var random = new RandomStream(1);
        var options = new ApproximationOptions
        {
            Steps = StepSizeRule.Power(0.5, 0.7, 10),
            LowerBounds = Low,
            UpperBounds = High,
            MaximumMove = 0.5
        };
        // Widths of 1 are wider than the second coordinate's box.
        var widths = StepSizeRule.Power(1, 0.3);
        void Normal(Span<double> delta)
        {
            foreach (ref var d in delta) d = random.NextDouble() < 0.5 ? random.Uniform(-2, -0.5) : random.Uniform(0.5, 2);
        }
        Cresset.Numerics.StochasticApproximation run = method switch
        {
            "spsa" => new Spsa(Objective, [0.5, -3], random, options, widths),
            "spsa-normal" => new Spsa(Objective, [0.5, -3], Normal, options, widths),
            "second-order" => new SecondOrderSpsa(Objective, [0.5, -3], random, options, new() { Widths = widths, HessianWidths = widths }),
            "calibrate" =>
                new Spsa(Objective, [0.5, -3], random,
                    options with { Steps = Spsa.Calibrate(Objective, [0.5, -3], random, 2000, 0.1, options, widths) }, widths),
            _ => new KieferWolfowitz(Objective, [0.5, -3], options, widths),
        };
        run.Run(2000, 2000);
        Assert.True(asked >= 4000);
        // The Newton step sees no curvature in the second coordinate: there it is the box alone that is checked.
        Assert.Equal(1, run.Current[0], method == "second-order" ? 0.5 : 0.15);
        if (method != "second-order") Assert.Equal(-2.9, run.Current[1], 0.03);
    }

    [Fact]
    public void OneBoundForAllCoordinatesHoldsForProbesToo()
    {
        var spsa = new Spsa(x => x[0] > 0 ? x[0] - Math.Log(x[0]) : double.NaN, [0.05], new RandomStream(3),
            new ApproximationOptions { Steps = Spsa.Gains(0.5, 500), LowerBound = 0.001 });
        spsa.Run(500);
        Assert.Equal(1, spsa.Current[0], 0.1);
    }

    [Fact]
    public void AnObjectiveThatIsNotFiniteIsNamedWithItsPoint()
    {
        var spsa = new Spsa(x => Math.Log(x[0]), [0.01], new RandomStream(1));
        var message = Assert.Throws<ArithmeticException>(() => spsa.Run(10)).Message;
        Assert.Contains("The objective is NaN at (-0.0", message, StringComparison.Ordinal);
        Assert.Contains("LowerBounds", message, StringComparison.Ordinal);
        Assert.Contains("direction is NaN", Assert.Throws<ArithmeticException>(() => new RobbinsMonro(_ => double.NaN, 1).Run(1)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void BoundsThatDoNotFitAreRefused()
    {
        static double Square(ReadOnlySpan<double> x) => x[0] * x[0];
        Assert.Contains("LowerBounds has 2 numbers",
            Assert.Throws<ArgumentException>(() => new KieferWolfowitz(Square, [1], new() { LowerBounds = [0, 0] })).Message,
            StringComparison.Ordinal);
        Assert.Contains("bounds of coordinate 1",
            Assert.Throws<ArgumentException>(
                () => new KieferWolfowitz(Square, [1, 1], new() { LowerBounds = [0, 2], UpperBound = 2 })).Message,
                StringComparison.Ordinal);
        Assert.Contains("Coordinate 0 of the start is 1",
            Assert.Throws<ArgumentException>(() => new KieferWolfowitz(Square, [1], new() { UpperBounds = [0.5] })).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOptionsException>(() => new KieferWolfowitz(Square, [1], new() { UpperBounds = [double.NaN] }));
    }

    [Fact]
    public void DefaultsStayOnRosenbrockAndARunawayIsSaid()
    {
        static double Rosenbrock(ReadOnlySpan<double> x) =>
            (100 * (x[1] - (x[0] * x[0])) * (x[1] - (x[0] * x[0]))) + ((1 - x[0]) * (1 - x[0]));
        for (var seed = 0UL; seed < 10; seed++)
        {
            var spsa = new Spsa(Rosenbrock, [-1.2, 1], new RandomStream(seed));
            spsa.Run(1000);
            Assert.InRange(Rosenbrock(spsa.Current), 0, 24.2);
        }
        var wild = new Spsa(Rosenbrock, [-1.2, 1], new RandomStream(1), new ApproximationOptions { Steps = Spsa.Gains(0.1, 1000) });
        Assert.Contains("runs away", Assert.Throws<ArithmeticException>(() => wild.Run(1000)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void CalibratedStepsMoveAsFarAsWasAsked()
    {
        double[] scale = [1000, 1000, 1000];
        double Steep(ReadOnlySpan<double> x) => (scale[0] * x[0] * x[0]) + (scale[1] * x[1] * x[1]) + (scale[2] * x[2] * x[2]);
        var steps = Spsa.Calibrate(Steep, [1, 1, 1], new RandomStream(2), 1000, 0.05);
        var spsa = new Spsa(Steep, [1, 1, 1], new RandomStream(3), new ApproximationOptions { Steps = steps });
        var moves = new List<double>();
        var before = spsa.Current.ToArray();
        spsa.Advance();
        for (var i = 0; i < 3; i++) moves.Add(Math.Abs(spsa.Current[i] - before[i]));
        Assert.InRange(moves.Average(), 0.005, 0.2);
        spsa.Run(1000);
        Assert.InRange(Steep(spsa.Current), 0, 1);
        Assert.Contains("the same at all probes",
            Assert.Throws<ArithmeticException>(() => Spsa.Calibrate(_ => 1, [0], new RandomStream(1), 10)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void KestensRuleKeepsItsStepsOnTheWay()
    {
        // From far away with steps that are too short: plain 1/k crawls, Kesten's steps fall only after the first turn.
        var noise = new RandomStream(5);
        double Observed(double x) => Math.Tanh(x - 40) + noise.NextNormal(0, 0.05);
        var plain = new RobbinsMonro(Observed, 0, new ApproximationOptions { Steps = StepSizeRule.Power(1) });
        var kesten = new RobbinsMonro(Observed, 0, new ApproximationOptions { Steps = StepSizeRule.Power(1), CountTurns = true });
        plain.Run(2000);
        kesten.Run(2000);
        Assert.InRange(Math.Abs(plain.Current[0] - 40), 20, 40);
        Assert.InRange(Math.Abs(kesten.Current[0] - 40), 0, 0.1);
        // While the direction does not turn the size is that of the first step; afterwards it counts turns, not updates.
        Assert.InRange(kesten.StepSize, 1.0 / 2000, 1.0 / 100);
    }

    [Theory]
    [InlineData("1/sqrt(k)", 1, 0.70710678118654757)]
    [InlineData("0.5/sqrt(k+3)", 0.25, 0.22360679774997896)]
    [InlineData("0.2/(1+0.01*k)", 0.2, 0.19801980198019803)]
    [InlineData("0.2/(1+0.01k)", 0.2, 0.19801980198019803)]
    [InlineData("10/(100+k)^0.5", 0.99503719020998915, 0.99014754297667429)]
    public void TheFormsOfTextbooksAreRead(string formula, double first, double second)
    {
        var rule = StepSizeRule.Parse(formula);
        Assert.Equal(first, rule.At(0), 1e-15);
        Assert.Equal(second, rule.At(1), 1e-15);
        Assert.Equal(rule.At(7), StepSizeRule.Parse(rule.Formula).At(7), 1e-15);
    }
}
