using Cresset.Flows;
using Cresset.Tensors;
using CsCheck;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Flows;

public sealed class TransportTests
{
    private static double Cost(double[] cost, int[] columns) => columns.Select((j, i) => cost[i * columns.Length + j]).Sum();

    private static IEnumerable<int[]> Permutations(int n)
        => n == 1 ? [[0]] : Permutations(n - 1).SelectMany(p => Enumerable.Range(0, n).Select(k => (int[])[.. p[..k], n - 1, .. p[k..]]));

    [Fact]
    public void TheAssignmentIsThePermutationOfLeastCost()
    {
        Gen.Int[1, 6].SelectMany(n => Gen.Double[0, 1].Array[n * n].Select(c => (n, c))).Sample(
            sample =>
            {
                var columns = ExactAssignment.Solve(sample.c, sample.n);
                Assert.Equal(Enumerable.Range(0, sample.n), columns.Order());
                Assert.Equal(Permutations(sample.n).Min(p => Cost(sample.c, p)), Cost(sample.c, columns), 12);
            },
            iter: 300,
            threads: 1);
    }

    /// <summary>Ties everywhere: equal costs must neither loop for ever nor break the permutation.</summary>
    [Fact]
    public void TiesAreResolved()
    {
        Gen.Int[1, 40].SelectMany(n => Gen.Int[0, 2].Array[n * n].Select(c => (n, c.Select(v => (double)v).ToArray()))).Sample(
            sample =>
            {
                var columns = ExactAssignment.Solve(sample.Item2, sample.n);
                Assert.Equal(Enumerable.Range(0, sample.n), columns.Order());
                var uniform = Enumerable.Repeat(1.0 / sample.n, sample.n).ToArray();
                var plan = TransportPlan.Exact(sample.Item2, uniform, uniform);
                Assert.Equal(plan.Zip(sample.Item2, (p, c) => p * c).Sum(), Cost(sample.Item2, columns) / sample.n, 9);
            },
            iter: 100,
            threads: 1);
    }

    /// <summary>
    /// Optimality by duality: on random masses and costs with ties, no other plan is cheaper than the prices allow; checked against the
    /// assignment of split points.
    /// </summary>
    [Fact]
    public void PlansOfUnequalMassesAreOptimal()
    {
        Gen.Int[1, 7].SelectMany(
            n => Gen.Int[1, 7].SelectMany(
                m => Gen.Int[0, 4].Array[n * m].SelectMany(
                    c => Gen.Int[0, 3].Array[n].SelectMany(a => Gen.Int[0, 3].Array[m].Select(b => (n, m, c, a, b)))))).Sample(
            sample =>
            {
                // Unit masses: rows and columns repeated as often as their mass, the shorter side filled up by a row or column that costs
                // nothing extra.
                int[] rows = [.. sample.a.SelectMany((k, i) => Enumerable.Repeat(i, k))],
                    columns = [.. sample.b.SelectMany((k, j) => Enumerable.Repeat(j, k))];
                var units = Math.Min(rows.Length, columns.Length);
                if (units == 0) return;
                (rows, columns) = (rows[..units], columns[..units]);
                double[] supply = [.. Enumerable.Range(0, sample.n).Select(i => (double)rows.Count(r => r == i))],
                    demand = [.. Enumerable.Range(0, sample.m).Select(j => (double)columns.Count(c => c == j))];
                double[] cost = [.. sample.c.Select(v => (double)v)],
                    split = [.. rows.SelectMany(i => columns.Select(j => cost[(i * sample.m) + j]))];
                var plan = TransportPlan.Exact(cost, supply, demand);
                for (var i = 0; i < sample.n; i++) Assert.Equal(supply[i], plan.Skip(i * sample.m).Take(sample.m).Sum(), 9);
                for (var j = 0; j < sample.m; j++)
                    Assert.Equal(demand[j], Enumerable.Range(0, sample.n).Sum(i => plan[(i * sample.m) + j]), 9);
                Assert.Equal(Cost(split, ExactAssignment.Solve(split, units)), plan.Zip(cost, (p, c) => p * c).Sum(), 9);
            },
            iter: 400,
            threads: 1);
    }

    [Fact]
    public void SetsOfUnequalSizeAndBadMassesAreHandled()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        Tensor x = randn(300, 2, generator: generator), y = randn(200, 2, generator: generator) + 1;
        Assert.Equal(OptimalTransport.Wasserstein(x.repeat_interleave(2, 0), y.repeat_interleave(3, 0)), OptimalTransport.Wasserstein(x, y),
            9);
        Assert.Equal(OptimalTransport.Wasserstein(x, y, 1), OptimalTransport.Wasserstein(y, x, 1), 9);
        Assert.Contains("point", Assert.Throws<ShapeException>(() => OptimalTransport.Wasserstein(zeros(0, 2), y)).Message);
        Assert.Contains("is NaN", Assert.Throws<ArgumentException>(() => OptimalTransport.Wasserstein(full([2, 2], float.NaN), y)).Message);
        Assert.Contains("regularisation",
            Assert.Throws<ArithmeticException>(
                () => TransportPlan.Sinkhorn([0, 1000, 1000, 0, 5, 3], [0.5, 0.3, 0.2], [0.1, 0.9], 0.5, iterations: 2)).Message);
    }

    /// <summary>Duality: the exact plan of a rectangular problem costs what the assignment of its duplicated points costs.</summary>
    [Fact]
    public void RectangularPlansEqualTheAssignmentOfDuplicatedPoints()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        Tensor x = randn(6, 2, generator: generator), y = randn(4, 2, generator: generator);
        var both = OptimalTransport.Wasserstein(x.repeat_interleave(2, 0), y.repeat_interleave(3, 0));
        Assert.Equal(both, OptimalTransport.Wasserstein(x, y), 9);
    }

    [Fact]
    public void SinkhornKeepsTheMassesAndNearsTheExactPlan()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        var cost = TransportCost.SquaredDistances(randn(5, 3, generator: generator), randn(7, 3, generator: generator));
        double[] a = [.. Enumerable.Repeat(0.2, 5)], b = [.. Enumerable.Repeat(1.0 / 7, 7)];
        var exact = TransportPlan.Exact(cost, a, b).Zip(cost, (p, c) => p * c).Sum();
        var last = double.PositiveInfinity;
        foreach (var regularisation in new[] { 1.0, 0.1, 0.02 })
        {
            var plan = TransportPlan.Sinkhorn(cost, a, b, regularisation);
            for (var i = 0; i < 5; i++) Assert.Equal(0.2, plan.AsSpan(i * 7, 7).ToArray().Sum(), 9);
            var found = plan.Zip(cost, (p, c) => p * c).Sum();
            Assert.InRange(found, exact - 1e-9, last);
            last = found;
        }
        Assert.Equal(exact, last, 1);
    }

    /// <summary>
    /// The plan is that of steps in the log domain throughout, where factors have to be absorbed and masses are zero too.
    /// </summary>
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(3, 41, 0.5)]
    [InlineData(40, 33, 0.05)]
    [InlineData(20, 20, 0.002)]
    public void ScalingGivesThePlanOfTheLogDomain(int n, int m, double regularisation)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(8);
        var cost = TransportCost.SquaredDistances(randn(n, 3, generator: generator), randn(m, 3, generator: generator));
        double[] Masses(int count)
        {
            var masses = rand(count, dtype: ScalarType.Float64, generator: generator).data<double>().ToArray();
            if (count > 2) masses[1] = 0;
            return [.. masses.Select(v => v / masses.Sum())];
        }
        double[] a = Masses(n), b = Masses(m), f = new double[n], g = new double[m];
        double Entry(int i, int j) => (f[i] + g[j] - cost[(i * m) + j]) / regularisation;
        static double LogSum(IEnumerable<double> terms)
        {
            double[] all = [.. terms];
            var largest = all.Max();
            return double.IsInfinity(largest) ? largest : largest + Math.Log(all.Sum(v => Math.Exp(v - largest)));
        }
        for (var iteration = 0; iteration < 3000; iteration++)
        {
            Array.Clear(g);
            for (var j = 0; j < m; j++) g[j] = regularisation * (Math.Log(b[j]) - LogSum(Enumerable.Range(0, n).Select(i => Entry(i, j))));
            Array.Clear(f);
            for (var i = 0; i < n; i++) f[i] = regularisation * (Math.Log(a[i]) - LogSum(Enumerable.Range(0, m).Select(j => Entry(i, j))));
        }
        var plan = SinkhornScaling.Solve(cost, a, b, regularisation, iterations: 3000, tolerance: 0).Plan;
        for (var i = 0; i < n; i++)
        {
            for (var j = 0; j < m; j++) Assert.Equal(Math.Exp(Entry(i, j)), plan[(i * m) + j], 1e-10);
        }
    }

    [Fact]
    [LeakFree]
    public void CouplingKeepsTheDataAndRespectsLabels()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        Tensor source = randn(64, 2, generator: generator), data = randn(64, 2, generator: generator),
            labels = randint(0, 3, 64, generator: generator);
        double Total(Tensor s) => (s - data).square().sum().ToDouble();
        var coupled = OptimalTransport.Couple(source, data);
        var within = OptimalTransport.Couple(source, data, labels);
        Assert.True(Total(coupled) < Total(within) && Total(within) < Total(source));
        var pair = OptimalTransport.Pair(source, data);
        Assert.Equal(Total(coupled), (source - data.index_select(0, pair)).square().sum().ToDouble(), 3);
        for (var c = 0; c < 3; c++)
        {
            var members = (labels == c).nonzero().flatten();
            FlowGoldens.Close(source.index_select(0, members).sort(0).Values, within.index_select(0, members).sort(0).Values, 0,
                "a class keeps its source points");
        }
        Assert.Throws<ShapeException>(() => OptimalTransport.Couple(source.narrow(0, 0, 3), data));
        Assert.Throws<ArgumentException>(() => ExactAssignment.Solve([1, double.NaN, 0, 1], 2));
    }
}
