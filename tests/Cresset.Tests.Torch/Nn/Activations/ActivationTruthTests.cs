using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Float32 values and derivatives against 60-digit arithmetic, in units in the last place. PyTorch's own reach 1.7e7.</summary>
[LeakFree]
public sealed class ActivationTruthTests
{
    public static TheoryData<string, double, double> Names => new()
    {
        { "sigmoid", 3, 4 }, { "tanh", 3, 4.5 }, { "silu", 3, 4 }, { "gelu", 4, 6 }, { "gelu_tanh", 4, 6 }, { "quick_gelu", 4, 6 },
        { "mish", 4, 6 },
        { "softplus", 3, 4 }, { "logsigmoid", 3, 4 }, { "elu_1", 2, 2 }, { "selu", 3, 3 }, { "tanhshrink", 6, 5 }, { "softsign", 2, 3 },
        { "erf", 3, 3 },
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void ErrorStaysWithinAFewUnitsInTheLastPlace(string name, double valueUlps, double slopeUlps)
    {
        using var scope = NewDisposeScope();
        var truth = References.Load("activations_truth.safetensors", k => k == "x" || k.StartsWith(name + "/", StringComparison.Ordinal));
        var x = truth["x"].detach().requires_grad_();
        var y = ActivationCatalog.Function(name == "elu_1" ? "elu" : name)(x);
        var slope = autograd.grad([y.sum()], [x])[0];
        Within(truth["x"], truth[name + "/y"], y, valueUlps, name, 0);
        // At a zero of the derivative the terms cancel: there the error counts in units of the terms, which are below 1.
        Within(truth["x"], truth[name + "/d"], slope, slopeUlps, name + "'",
            name is "silu" or "gelu" or "gelu_tanh" or "quick_gelu" or "mish" ? 0.25 : 0);
    }

    private static void Within(Tensor points, Tensor truth, Tensor actual, double allowed, string what, double floor)
    {
        var (x, t, a) = (References.Values(points), References.Values(truth), References.Values(actual));
        var (worst, at) = (0.0, 0);
        for (var i = 0; i < x.Length; i++)
        {
            // Terms near the zero are of this size; far out in the tails the result itself is the scale.
            var scale = Math.Abs(t[i]) < floor && x[i] > -3 && x[i] < 0 ? floor : Math.Abs(t[i]);
            var ulp = Math.Max(MathF.BitIncrement((float)scale) - (double)(float)scale, float.Epsilon);
            if (!float.IsFinite((float)t[i])) ulp = 1;
            var error = Math.Abs(t[i] - a[i]) / ulp;
            if (!float.IsFinite((float)t[i]) && a[i].Equals((double)(float)t[i])) error = 0;
            if (error > worst || double.IsNaN(error)) (worst, at) = (error, i);
            if (double.IsNaN(error)) break;
        }
        Assert.True(worst <= allowed,
            $"{what} at x = {x[at]:R}: truth {t[at]:R}, got {a[at]:R}: {worst:F1} units in the last place; allowed {allowed}");
    }
}
