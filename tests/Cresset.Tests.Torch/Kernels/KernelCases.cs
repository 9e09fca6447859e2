using Cresset.Flows;
using Cresset.Kernels;
using Cresset.Nn;
using Cresset.Optim;
using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Cresset.Tests.Torch.Kernels;

/// <summary>Every kernel over tensors of random shape, layout and type, against libtorch's operations in float64.</summary>
internal sealed class KernelCases(Random random, GuardedTensors memory)
{
    private static readonly string[] Elementwise = [.. ActivationCatalog.All.Where(a => a.Kind == ActivationKind.Elementwise)
        .Select(a => a.Name)];

    private static readonly string[] Gates = ["silu", "gelu", "gelu_tanh", "quick_gelu", "swish_beta(1.5)", "mish", "relu", "relu2",
        "sigmoid", "tanh", "elu"];

    /// <summary>The cases by name, in an order that never changes.</summary>
    public static IReadOnlyList<(string Name, Action<KernelCases> Run)> All { get; } =
    [
        ("activation", c => c.Activation()),
        ("gate", c => c.Gate()),
        ("resampling", c => c.Resampling()),
        ("pixel shuffle", c => c.Shuffle()),
        ("reassembly", c => c.Reassembly()),
        ("attention", c => c.Attend()),
        ("product", c => c.Product()),
        ("token", c => c.Token()),
        ("root mean square", c => c.RootMeanSquared()),
        ("spline", c => c.Spline()),
        ("optimizer step", c => c.Step()),
        ("low-precision optimizer step", c => c.LowPrecisionStep()),
        ("gradient norm", c => c.Norm()),
        ("nearest codes", c => c.Codes()),
        ("commitment", c => c.Commitment()),
    ];

    private int Pick(int from, int to) => random.Next(from, to + 1);

    /// <summary>Small sizes round the widths of registers; now and then large ones.</summary>
    private long[] Shape(int rank)
    {
        var most = rank switch { <= 1 => 300, 2 => 40, 3 => 20, _ => 12 };
        var shape = new long[rank];
        for (var i = 0; i < rank; i++) shape[i] = random.Next(20) == 0 ? random.Next(2) : Pick(1, most);
        return shape;
    }

    private void Activation()
    {
        var name = Elementwise[random.Next(Elementwise.Length)];
        var type = random.Next(3) switch { 0 => ScalarType.BFloat16, _ => ScalarType.Float32 };
        var function = ActivationCatalog.Function(name);
        var x = memory.Make(type, random.Next(20) == 0 ? [Pick(60_000, 90_000)] : Shape(random.Next(5)));
        if (type == ScalarType.BFloat16)
        {
            // Formulas of libtorch operations round every step in bfloat16.
            Near(function(x.to(ScalarType.Float64)), function(x), 0.1, 0.1, name);
            return;
        }
        var g = memory.Make(type, x.shape);
        Gradients([x], inputs => function(inputs[0]), g, name, 1e-4, 2e-5);
    }

    private void Gate()
    {
        var name = Gates[random.Next(Gates.Length)];
        if (random.Next(2) == 0)
        {
            var shape = Shape(Pick(1, 3));
            Tensor a = memory.Make(ScalarType.Float32, shape), b = memory.Make(ScalarType.Float32, shape),
                g = memory.Make(ScalarType.Float32, shape);
            Gradients([a, b], inputs => GatedUnits.Apply(inputs[0], inputs[1], name), g, name, 1e-4, 2e-5);
            return;
        }
        var half = Shape(Pick(1, 3));
        var packed = memory.Make(ScalarType.Float32, [.. half[..^1], 2 * half[^1]]);
        var layout = (GateLayout)random.Next(3);
        Gradients([packed], inputs => GatedUnits.Apply(inputs[0], name, layout), memory.Make(ScalarType.Float32, half), $"{name} {layout}",
            1e-4, 2e-5);
    }

    private void Resampling()
    {
        var modes = Enum.GetValues<ResizeMode>();
        var mode = modes[random.Next(modes.Length)];
        var places = mode switch
        {
            ResizeMode.Linear => 1,
            ResizeMode.Bilinear or ResizeMode.Bicubic => 2,
            ResizeMode.Trilinear => 3,
            _ => Pick(1, 3),
        };
        long[] shape = [Pick(1, 2), Pick(1, 3), .. Enumerable.Range(0, places).Select(_ => (long)Pick(1, places == 3 ? 12 : 60))];
        long[] size = [.. Enumerable.Range(0, places).Select(_ => (long)Pick(1, places == 3 ? 12 : 60))];
        var linear = mode is ResizeMode.Linear or ResizeMode.Bilinear or ResizeMode.Bicubic or ResizeMode.Trilinear;
        bool align = linear && random.Next(2) == 0, antialias = mode is ResizeMode.Bilinear or ResizeMode.Bicubic && random.Next(2) == 0;
        var x = memory.Make(ScalarType.Float32, shape);
        if (Cresset.Nn.Resampling.Between(x, size, null, mode, align, antialias, false) is not { } map) return;
        var g = memory.Make(ScalarType.Float32, [.. shape[..2], .. size]);
        // The float64 twin would round nearest places in float64, and libtorch's gradient of nearest-exact places on the border of two
        // pixels goes to the other pixel than its forward pass reads: the twin takes the places of the float32 forward pass both ways.
        var exact = linear || mode == ResizeMode.Area;
        var numbers = arange(shape[2..].Aggregate(1L, (a, b) => a * b), dtype: ScalarType.Float32).reshape([1, 1, .. shape[2..]]);
        Gradients(
            [x],
            inputs => inputs[0].dtype == ScalarType.Float32 ? Resample.Of(inputs[0], map) : Twin(inputs[0]),
            g,
            $"{mode} {string.Join('x', shape)} to {string.Join('x', size)} align {align} antialias {antialias}",
            1e-3,
            1e-3);

        Tensor Twin(Tensor input) => exact
            ? Upsample.Native(input, size, null, mode, linear ? align : null, antialias)
            : input.flatten(2).index_select(2, Upsample.Native(numbers, size, null, mode).to(ScalarType.Int64).flatten())
                .reshape([.. shape[..2], .. size]);
    }

    private void Shuffle()
    {
        var factor = Pick(1, 4);
        long c = Pick(1, 3), h = Pick(1, 20), w = Pick(1, 40);
        var split = memory.MakeDense(ScalarType.Float32, Pick(1, 3), c * factor * factor, h, w);
        var joined = ShuffleRows.Shuffle(split, factor);
        Near(nn.functional.pixel_shuffle(split, factor), joined, 0, 0, "shuffle");
        Near(split, ShuffleRows.Unshuffle(joined, factor), 0, 0, "unshuffle");
    }

    private void Reassembly()
    {
        int kernel = 1 + (2 * random.Next(3)), groups = Pick(1, 3), scale = Pick(1, 3);
        long n = Pick(1, 2), c = groups * Pick(1, 5), h = Pick(1, 7), w = Pick(1, 20);
        Tensor features = memory.Make(ScalarType.Float32, n, c, h, w),
            weights = memory.Make(ScalarType.Float32, n, groups * kernel * kernel, scale * h, scale * w);
        var g = memory.Make(ScalarType.Float32, n, c, scale * h, scale * w);
        Gradients([features, weights], inputs => Carafe.Reassemble(inputs[0], inputs[1], kernel, groups, scale), g,
            $"kernel {kernel} groups {groups} scale {scale}", 1e-4, 1e-3);
    }

    private void Attend()
    {
        var type = random.Next(3) == 0 ? ScalarType.BFloat16 : ScalarType.Float32;
        long groups = Pick(1, 3), heads = groups * Pick(1, 3), depth = 8 * Pick(1, 12), queries = Pick(1, 40), keys = Pick(1, 70),
            batch = Pick(1, 3);
        long Batch() => random.Next(4) == 0 ? 1 : batch;
        Tensor q = memory.Make(type, Batch(), heads, queries, depth), k = memory.Make(type, Batch(), groups, keys, depth),
            v = memory.Make(type, Batch(), groups, keys, depth);
        var mask = random.Next(3) == 0 ? memory.Make(ScalarType.Float32, queries, keys).gt(-1) : null;
        var causal = random.Next(3) == 0;
        using var quiet = no_grad();
        var exact = Attention.ScaledDotProduct(q.to(ScalarType.Float64), k.to(ScalarType.Float64), v.to(ScalarType.Float64), mask, causal,
            path: AttentionPath.Explicit);
        var found = Attention.ScaledDotProduct(q, k, v, mask, causal);
        // A score is a sum of `depth` products, off by some units in the last place of their magnitudes (one key that is expanded over its
        // depth makes all of them of one sign), and softmax passes that on up to twice the largest value.
        var repeats = heads / groups;
        var magnitude = q.to(ScalarType.Float64).abs()
            .matmul(k.to(ScalarType.Float64).abs().repeat_interleave(repeats, 1).transpose(-2, -1)).max().ToDouble() / Math.Sqrt(depth);
        var rounding = 16 * Math.Pow(2, -24) * 2 * 3 * magnitude;
        Near(exact, found, type == ScalarType.BFloat16 ? 5e-2 : 1e-4, type == ScalarType.BFloat16 ? 5e-2 : 1e-5 + rounding, "attention");
    }

    private void Product()
    {
        if (!System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated) return;
        long inputs = Pick(1, 300), outputs = Pick(1, 80);
        Tensor x = memory.Make(ScalarType.Float32, Pick(1, 3), Pick(1, 40), inputs), w = memory.Make(ScalarType.Float32, outputs, inputs);
        var b = random.Next(2) == 0 ? memory.Make(ScalarType.Float32, outputs) : null;
        using var quiet = no_grad();
        Near(nn.functional.linear(x.to(ScalarType.Float64), w.to(ScalarType.Float64), b?.to(ScalarType.Float64)),
            PackedProduct.Linear(x, w, b), 1e-4, 1e-3, "product");
    }

    // What the next token of a text is made of: a matrix times a vector, and one query over the keys of a cache.
    private unsafe void Token()
    {
        using var quiet = no_grad();
        long width = Pick(1, 300), rows = Pick(1, 80), keys = Pick(1, 70), depth = Pick(1, 70);
        Tensor w = memory.MakeDense(ScalarType.Float32, rows, width), x = memory.MakeDense(ScalarType.Float32, width),
            b = memory.MakeDense(ScalarType.Float32, rows), y = memory.MakeDense(ScalarType.Float32, rows);
        var (hasBias, adds) = (random.Next(2) == 0, random.Next(2) == 0);
        var exact = w.to(ScalarType.Float64).mv(x.to(ScalarType.Float64));
        if (hasBias) exact += b;
        if (adds) exact += y;
        VectorProduct.Multiply(At(w), hasBias ? At(b) : null, At(x), At(y), rows, width, adds);
        Near(exact, y, 1e-4, 1e-3, "vector product");
        Tensor q = memory.MakeDense(ScalarType.Float32, depth), k = memory.MakeDense(ScalarType.Float32, keys, depth),
            v = memory.MakeDense(ScalarType.Float32, keys, depth), mixed = memory.MakeDense(ScalarType.Float32, depth),
            scratch = memory.MakeDense(ScalarType.Float32, TokenKernels.Scratch(keys));
        var wide = q.to(ScalarType.Float64);
        var shares = nn.functional.softmax(k.to(ScalarType.Float64).mv(wide) / Math.Sqrt(depth), 0);
        var expected = v.to(ScalarType.Float64).t().mv(shares);
        var rounding = 16 * Math.Pow(2, -24) * 2 * 3 * k.to(ScalarType.Float64).abs().mv(wide.abs()).max().ToDouble() / Math.Sqrt(depth);
        TokenKernels.Attend(At(q), At(k), At(v), At(mixed), keys, depth, At(scratch));
        Near(expected, mixed, 1e-4, 1e-5 + rounding, "attention of one token");

        static float* At(Tensor tensor) => TensorView.Dense<float>(tensor).Start;
    }

    private void RootMeanSquared()
    {
        var shape = Shape(Pick(1, 3));
        if (shape[^1] == 0) return;
        Tensor x = memory.Make(ScalarType.Float32, shape), weight = memory.MakeDense(ScalarType.Float32, shape[^1]),
            g = memory.Make(ScalarType.Float32, shape);
        Gradients([x, weight], inputs => RmsNorm.Apply(inputs[0], inputs[1], 0.1), g, "root mean square", 1e-4, 2e-4);
    }

    private void Spline()
    {
        var options = new SplineOptions
        {
            Low = -2,
            High = 2.5,
            Bins = Pick(2, 12),
            Parameters = Enum.GetValues<SplineParameters>()[random.Next(Enum.GetValues<SplineParameters>().Length)],
            Tails = SplineTails.Linear,
        };
        var spline = new RationalQuadraticSpline(options);
        long[] shape = [Pick(1, 30), Pick(1, 3)];
        Tensor value = memory.Make(ScalarType.Float32, shape), raw = memory.Make(ScalarType.Float32, [.. shape, options.RawCount]);
        var inverse = random.Next(2) == 0;
        using var quiet = no_grad();
        var (exact, exactLog) = inverse ? spline.Inverse(value.to(ScalarType.Float64), raw.to(ScalarType.Float64))
            : spline.Forward(value.to(ScalarType.Float64), raw.to(ScalarType.Float64));
        var (found, log) = new SplinePass(spline, inverse).Run(value, raw);
        Near(exact, found, 1e-4, 1e-4, "spline");
        Near(exactLog, log, 1e-3, 1e-3, "spline's logarithm");
        var (gv, gr) = new SplinePass(spline, inverse).Gradient(value, raw, memory.Make(ScalarType.Float32, shape),
            memory.Make(ScalarType.Float32, shape));
        if (!gv.isfinite().all().ToBoolean() || !gr.isfinite().all().ToBoolean())
            throw new InvalidOperationException("the spline's gradient is not finite");
    }

    private void Step() => Steps(
        random.Next(6) switch
        {
            0 => new AdamRule { LearningRate = 0.01, WeightDecay = 0.1, Maximize = true },
            1 => new AdamWRule { LearningRate = 0.01, AmsGrad = random.Next(2) == 0 },
            2 => new SgdRule { LearningRate = 0.01, Momentum = 0.9, Nesterov = random.Next(2) == 0, WeightDecay = 0.1 },
            3 => new SgdRule { LearningRate = 0.01 },
            4 => new LionRule { LearningRate = 0.01, WeightDecay = 0.1 },
            _ => new AdamWRule { LearningRate = 0.01 },
        },
        random.Next(4) switch { 0 => ScalarType.Float64, 1 => ScalarType.BFloat16, _ => ScalarType.Float32 });

    private void LowPrecisionStep() => Steps(
        random.Next(4) switch
        {
            0 => new AdamW8BitRule { LearningRate = 0.01 },
            1 => new AdamW4BitRule { LearningRate = 0.01 },
            2 => new Lion8BitRule { LearningRate = 0.01 },
            _ => new Lion4BitRule { LearningRate = 0.01 },
        },
        ScalarType.Float32);

    private void Steps(OptimizerRule rule, ScalarType type)
    {
        // A sign next to 0 and a code on the edge between two may fall either way.
        var tolerance = (rule, type) switch
        {
            (LionRule or QuantizedRule, _) => 0.07,
            (_, ScalarType.BFloat16) => 0.05,
            (_, ScalarType.Float64) => 1e-9,
            _ => 1e-4,
        };
        var shapes = Enumerable.Range(0, Pick(1, 3)).Select(_ => random.Next(10) == 0 ? [Pick(4000, 5000)] : Shape(random.Next(4)))
            .ToList();
        var (fused, plain) = (new List<Parameter>(), new List<Parameter>());
        foreach (var shape in shapes)
        {
            var value = random.Next(3) > 0 ? memory.MakeDense(type, shape) : memory.MakeWritable(type, shape);
            plain.Add(new Parameter(value.detach().clone()));
            fused.Add(new Parameter(value));
        }
        static List<NamedParameter> Named(List<Parameter> parameters) => [.. parameters.Select((p, i) => new NamedParameter($"p{i}", p))];
        using var one = new Optimizer([new ParameterGroupSpec("all", Named(fused))], rule) { Threads = Pick(1, 3) };
        using var other = new Optimizer([new ParameterGroupSpec("all", Named(plain))], rule) { UseFusedKernels = false };
        using var average = new WeightAverage(Named(fused), WeightAverageOptions.Ema(0.5));
        using var twin = new WeightAverage(Named(plain), WeightAverageOptions.Ema(0.5));
        for (var step = 0; step < 3; step++)
        {
            for (var i = 0; i < fused.Count; i++)
            {
                var g = random.Next(3) > 0 ? memory.MakeDense(type, shapes[i]) : memory.Make(type, shapes[i]);
                plain[i].grad = g.detach().clone();
                fused[i].grad = g;
            }
            one.Step(average: average);
            other.Step(average: twin);
        }
        for (var i = 0; i < fused.Count; i++)
        {
            Near(plain[i].detach().to(ScalarType.Float64), fused[i].detach(), tolerance, tolerance, $"{rule.GetType().Name} on {type}");
            Near(twin.Averages[$"p{i}"].to(ScalarType.Float64), average.Averages[$"p{i}"], tolerance, tolerance,
                $"the average of {rule.GetType().Name} on {type}");
        }
        foreach (var p in fused.Concat(plain)) p.grad = null;
    }

    private void Norm()
    {
        var type = random.Next(3) switch { 0 => ScalarType.Float64, 1 => ScalarType.BFloat16, _ => ScalarType.Float32 };
        var tensors = Enumerable.Range(0, Pick(1, 4)).Select(_ => memory.MakeDense(type, Shape(random.Next(3)))).ToList();
        var exact = Math.Sqrt(tensors.Sum(t => t.numel() == 0 ? 0 : t.to(ScalarType.Float64).square().sum().ToDouble()));
        var found = Math.Sqrt(SquaredSum.Of(tensors, Pick(1, 3)));
        if (!(Math.Abs(found - exact) <= 1e-5 * (1 + exact))) throw new InvalidOperationException($"norm {found}, not {exact}");
    }

    private void Codes()
    {
        long rows = Pick(1, 50), width = Pick(1, 40), codes = Pick(1, 70);
        Tensor x = memory.Make(ScalarType.Float32, rows, width), book = memory.Make(ScalarType.Float32, codes, width);
        var found = CodeSearch.Nearest(x, book, CodeMetric.Euclidean);
        Tensor wide = x.to(ScalarType.Float64), wideBook = book.to(ScalarType.Float64);
        var distances = (wide.unsqueeze(1) - wideBook.unsqueeze(0)).square().sum(2);
        // Equally near codes may stand for one another.
        Near(distances.amin([1L]), distances.gather(1, found.unsqueeze(1)).squeeze(1), 1e-4, 1e-4, "distance to the code");
        var (counts, sums) = CodeSearch.Segments(x, found, codes);
        Near(zeros(codes, width, dtype: ScalarType.Float64).index_add_(0, found, wide, 1), sums, 1e-4, 1e-3, "sums");
        Near(found.bincount(null, codes).to(ScalarType.Float64), counts, 0, 0, "counts");
    }

    private void Commitment()
    {
        var shape = new long[] { Pick(1, 50), Pick(1, 40) };
        Tensor z = memory.MakeDense(ScalarType.Float32, shape), q = memory.MakeDense(ScalarType.Float32, shape);
        Near((z.to(ScalarType.Float64) - q.to(ScalarType.Float64)).square().mean(), SquaredDifference.Mean(z, q), 1e-4, 1e-5,
            "mean square");
        var leaf = z.detach().requires_grad_();
        var (values, term) = StraightThroughCommitment.Apply(leaf, q);
        (values * memory.Make(ScalarType.Float32, shape) + (term * 0.25)).sum().backward();
        Near(q.to(ScalarType.Float64), values, 0, 0, "straight through");
        if (!leaf.grad!.isfinite().all().ToBoolean()) throw new InvalidOperationException("the gradient is not finite");
    }

    /// <summary>Values without gradients, values and gradients with them.</summary>
    private static void Gradients(Tensor[] inputs, Func<Tensor[], Tensor> function, Tensor upstream, string what, double relative,
        double absolute)
    {
        Tensor[] own = [.. inputs.Select(t => t.detach().requires_grad_())],
            twin = [.. inputs.Select(t => t.detach().to(ScalarType.Float64).clone().requires_grad_())];
        using (no_grad())
            Near(function([.. twin.Select(t => t.detach())]), function([.. inputs.Select(t => t.detach())]), relative, absolute,
                what + ", no gradients");
        Tensor y = function(own), exact = function(twin);
        Near(exact, y, relative, absolute, what);
        y.backward([upstream]);
        exact.backward([upstream.to(ScalarType.Float64)]);
        for (var i = 0; i < own.Length; i++) Near(twin[i].grad!, own[i].grad!, relative * 10, absolute * 10, $"{what}, gradient {i}");
    }

    private static void Near(Tensor exact, Tensor found, double relative, double absolute, string what)
    {
        if (!exact.shape.SequenceEqual(found.shape))
            throw new InvalidOperationException($"{what}: shape {string.Join('x', found.shape)}, not {string.Join('x', exact.shape)}");
        Tensor a = exact.detach().to(ScalarType.Float64), b = found.detach().to(ScalarType.Float64);
        if (a.numel() == 0) return;
        var off = (a - b).abs().sub(a.abs() * relative).max().ToDouble();
        if (!(off <= absolute))
            throw new InvalidOperationException($"{what} {string.Join('x', exact.shape)}: off by {(a - b).abs().max().ToDouble():g3}");
    }
}
