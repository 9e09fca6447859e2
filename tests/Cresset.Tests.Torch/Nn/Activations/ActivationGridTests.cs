using Cresset.Nn;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Nn;

/// <summary>Values, first and second derivatives against PyTorch 2.6 on a grid with zeros, infinities, NaN, denormals and kinks.</summary>
[LeakFree]
public sealed class ActivationGridTests
{
    private const string File = "activations.safetensors";
    private static readonly HashSet<string> Native = [.. References.List(File, "native")];

    public static TheoryData<string> Names => [.. Native, .. References.List(File, "formula")];

    private static Func<Tensor, Tensor> Function(string name) =>
        name == "xielu_fixed" ? x => Cresset.Nn.Activations.Xielu(x) : ActivationCatalog.Function(name);

    [Theory]
    [MemberData(nameof(Names))]
    public void Float64(string name) => Check(name, ScalarType.Float64, "64", 1e-12, 1e-15);

    [Theory]
    [MemberData(nameof(Names))]
    public void Float32(string name) => Check(name, ScalarType.Float32, "32", 2e-6, 1e-7);

    [Theory]
    [MemberData(nameof(Names))]
    public void SecondDerivative(string name)
    {
        using var scope = NewDisposeScope();
        var values = References.Load(File, k => k == "x64" || k == name + "/h64");
        if (!values.TryGetValue(name + "/h64", out var expected)) return;
        foreach (var (type, relative, absolute) in new[] { (ScalarType.Float64, 1e-10, 1e-13), (ScalarType.Float32, 2e-4, 2e-5) })
        {
            var xs = References.Values(values["x64"]);
            var x = values["x64"].to(type).detach().requires_grad_();
            var first = autograd.grad([Function(name)(x).sum()], [x], retain_graph: true, create_graph: true)[0];
            if (!first.requires_grad) continue;
            var second = autograd.grad([first.sum()], [x])[0];
            // A kink or an extreme says nothing about the second derivative of the smooth pieces; float32 also rounds x itself.
            References.Close(expected, second, relative, absolute, name,
                (i, e) => !double.IsFinite(e) || Math.Abs(xs[i]) > 20 || Math.Abs(xs[i]) < 1e-20
                    || (type == ScalarType.Float32 && (name.Contains("30", StringComparison.Ordinal) || IsKink(xs[i]))));
        }
    }

    private static bool IsKink(double x) => Math.Abs(x * 2 - Math.Round(x * 2)) < 1e-9;

    private static void Check(string name, ScalarType type, string suffix, double relative, double absolute)
    {
        using var scope = NewDisposeScope();
        var values = References.Load(File, k => k == "x" + suffix || k.StartsWith(name + "/", StringComparison.Ordinal));
        var xs = References.Values(values["x" + suffix]);
        var x = values["x" + suffix].detach().requires_grad_();
        Assert.Equal(type, x.dtype);
        // Formulas give NaN at infinities by accident (0 * inf); rows of PyTorch's own kernels count in full.
        bool Skip(int i, double e) => !Native.Contains(name) && !double.IsFinite(e);
        // hardswish' at exactly 3 and -3 changed between PyTorch 2.6 and the libtorch in use.
        bool SkipSlope(int i, double e) =>
            Skip(i, e) || (name == "hardswish" && Math.Abs(xs[i]) == 3) || (name == "tanhexp" && Math.Abs(xs[i]) > 20);
        // elu near 0 was e^x - 1 in 2.6, which loses all digits: the truth file judges these.
        var near = name.StartsWith("elu", StringComparison.Ordinal) || name.StartsWith("celu", StringComparison.Ordinal) || name == "selu"
            ? (suffix == "64" ? 2e-16 : 1e-7) : absolute;
        // The reference of squareplus cancels far left.
        if (suffix == "64" && name.StartsWith("squareplus", StringComparison.Ordinal)) near = 1e-12;
        var y = Function(name)(x);
        // Where PyTorch's float32 result is itself off (tails, cancellation), being as near to the float64 value is right too.
        var exact = suffix == "32"
            ? References.Load(File, k => k.StartsWith(name + "/", StringComparison.Ordinal) && k.EndsWith("64", StringComparison.Ordinal))
            : [];
        Func<int, double, bool> OrNearer(Tensor result, string kind, Func<int, double, bool> skip)
        {
            if (suffix == "64") return skip;
            var (theirs, ours, truth) = (References.Values(values[$"{name}/{kind}32"]), References.Values(result),
                References.Values(exact[$"{name}/{kind}64"]));
            return (i, e) => skip(i, e) || Math.Abs(ours[i] - truth[i]) <= Math.Abs(theirs[i] - truth[i])
                || Math.Abs(ours[i] - theirs[i]) <= (Native.Contains(name) ? 0 : 5e-7);
        }
        References.Close(values[$"{name}/y{suffix}"], y, relative, Math.Max(near, absolute), name, OrNearer(y, "y", Skip));
        var slope = autograd.grad([y.sum()], [x])[0];
        References.Close(values[$"{name}/d{suffix}"], slope, relative, name == "gelu_fast" ? 1e-14 + absolute : absolute, name + "'",
            OrNearer(slope, "d", SkipSlope));
    }
}
