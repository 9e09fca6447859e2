using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Optim;

/// <summary>bfloat16 weights and 8-bit moments.</summary>
[LeakFree]
public sealed class LowPrecisionTests
{
    [Fact]
    public void SmallUpdatesAreLostByNearestAndKeptByStochasticRounding()
    {
        double Mean(WeightRounding rounding, bool fused, uint seed = 1)
        {
            using var scope = NewDisposeScope();
            using var p = new Parameter(ones(40_000, dtype: ScalarType.BFloat16));
            using var optimizer = new Optimizer([new ParameterGroupSpec("g", [new NamedParameter("p", p)])],
                new SgdRule { LearningRate = 1e-4 })
            { Rounding = rounding, RoundingSeed = seed, UseFusedKernels = fused };
            for (var t = 0; t < 100; t++)
            {
                p.grad = ones_like(p);
                optimizer.Step();
            }
            return p.to(ScalarType.Float64).mean().ToDouble();
        }
        Assert.Equal(1.0, Mean(WeightRounding.Nearest, true));
        Assert.Equal(1.0, Mean(WeightRounding.Nearest, false));
        Assert.Equal(0.99, Mean(WeightRounding.Stochastic, true), 3e-4);
        Assert.Equal(Mean(WeightRounding.Stochastic, true), Mean(WeightRounding.Stochastic, false));
        Assert.NotEqual(Mean(WeightRounding.Stochastic, true), Mean(WeightRounding.Stochastic, true, 2));
    }

    [Fact]
    public void Bfloat16WeightsWithFloat32StateFollowTheFloat32Run()
    {
        using var half = new Quadratic(ScalarType.BFloat16);
        using var single = new Quadratic(ScalarType.Float32);
        using (no_grad())
        {
            for (var i = 0; i < 3; i++) single.Parameters[i].copy_(half.Parameters[i]);
        }
        using var a = new Optimizer(half.Groups, new AdamWRule { LearningRate = 0.05 }) { Rounding = WeightRounding.Stochastic };
        using var b = new Optimizer(single.Groups, new AdamWRule { LearningRate = 0.05 });
        for (var t = 0; t < 30; t++)
        {
            half.SetGradients();
            single.SetGradients();
            a.Step();
            b.Step();
        }
        Assert.Equal(ScalarType.Float32, a.StateOf("p0")!["exp_avg"].dtype);
        var (x, y) = (half.Values(), single.Values());
        Assert.InRange(x.Zip(y, (p, q) => Math.Abs(p - q)).Average(), 0, 0.05);
    }

    [Fact]
    public void EightBitMomentsFollowTheFloat32Run()
    {
        using var small = new Quadratic(ScalarType.Float32, large: true);
        using var full = new Quadratic(ScalarType.Float32, large: true);
        using var a = new Optimizer(small.Groups, new AdamW8BitRule { LearningRate = 0.02 });
        using var b = new Optimizer(full.Groups, new AdamWRule { LearningRate = 0.02 });
        for (var t = 0; t < 50; t++)
        {
            small.SetGradients();
            full.SetGradients();
            a.Step();
            b.Step();
        }
        Assert.Contains("exp_avg_codes", a.StateOf("p0")!.Tensors.Keys);
        Assert.Contains("exp_avg", a.StateOf("p1")!.Tensors.Keys);
        Assert.Equal(1.0, small.Loss() / full.Loss(), 0.02);
        var (x, y) = (small.Values(), full.Values());
        Assert.InRange(x.Zip(y, (p, q) => Math.Abs(p - q)).Average(), 0, 0.05);
    }

    [Theory]
    [InlineData("adamw4bit", "adamw")]
    [InlineData("lion8bit", "lion")]
    [InlineData("lion4bit", "lion")]
    public void FewBitsFollowTheFloat32Run(string name, string whole)
    {
        using var small = new Quadratic(ScalarType.Float32, large: true);
        using var full = new Quadratic(ScalarType.Float32, large: true);
        using var a = new Optimizer(small.Groups, OptimizerCatalog.Create(name) with { LearningRate = 0.02 });
        using var b = new Optimizer(full.Groups, OptimizerCatalog.Create(whole) with { LearningRate = 0.02 });
        for (var t = 0; t < 50; t++)
        {
            small.SetGradients();
            full.SetGradients();
            a.Step();
            b.Step();
        }
        Assert.Contains("exp_avg_codes", a.StateOf("p0")!.Tensors.Keys);
        Assert.Equal(1.0, small.Loss() / full.Loss(), 0.1);
    }

    [Fact]
    public void TheCodeHas256ValuesAndEncodesToTheNearest()
    {
        foreach (var code in new[] { QuantizedCodebook.Signed, QuantizedCodebook.Unsigned })
        {
            Assert.Equal(256, code.Values.Distinct().Count());
            Assert.Equal(1f, code.Values[255]);
            Assert.Equal(0f, code.Values[code.Zero]);
            for (var c = 0; c < 256; c++) Assert.Equal(c, code.Encode(code.Values[c]));
            var random = new Cresset.Numerics.RandomStream(5);
            for (var i = 0; i < 20_000; i++)
            {
                var x = (float)(random.Uniform(-1, 1) * Math.Pow(10, -random.Uniform(0, 8)));
                if (ReferenceEquals(code, QuantizedCodebook.Unsigned)) x = Math.Abs(x);
                var best = code.Values.Min(v => Math.Abs(v - x));
                Assert.Equal(best, Math.Abs(code.Values[code.Encode(x)] - x), 1e-9);
            }
        }
    }
}
