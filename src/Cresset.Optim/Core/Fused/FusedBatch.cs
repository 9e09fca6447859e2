using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Cresset.Kernels;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

/// <summary>Collects the updates of a step and runs them as one pass over memory.</summary>
internal abstract class FusedBatch
{
    /// <summary>Dense memory on the CPU in a type the kernels know.</summary>
    public static bool IsPlain(Tensor t)
        => t.dtype is ScalarType.Float32 or ScalarType.Float64 or ScalarType.BFloat16 && TensorView.IsDense(t, t.dtype);

    public static bool Accepts(in ActiveParameter item)
        => item.Parameter.dtype == item.Gradient.dtype && item.Parameter.numel() == item.Gradient.numel() && IsPlain(item.Parameter)
            && IsPlain(item.Gradient)
            && item.State.Tensors.Values.All(s => s.is_contiguous());

    public abstract void Begin(double scale, double limit, WeightRounding rounding, uint seed, long step);

    /// <summary>Sets the weight average of the item added last.</summary>
    public abstract void Attach(Tensor? average);

    public abstract void Run(int threads, double averageWeight);
}

/// <summary>The batch of one optimizer.</summary>
internal sealed unsafe class FusedBatch<TScalars, TSingle, TDouble> : FusedBatch
    where TScalars : struct
    where TSingle : struct, IFusedRule<float, TScalars, TSingle>
    where TDouble : struct, IFusedRule<double, TScalars, TDouble>
{
    private readonly WorkList _work = new();
    private readonly List<Item> _items = [];
    private readonly List<Tensor> _alive = [];
    private Tensor? _last;
    private double _scale;
    private double _limit;
    private WeightRounding _rounding;
    private uint _seed;

    public override void Begin(double scale, double limit, WeightRounding rounding, uint seed, long step)
    {
        (_scale, _limit, _rounding) = (scale, limit, rounding);
        _seed = HalfPrecision.Mix(seed ^ HalfPrecision.Mix((uint)step));
        _items.Clear();
        _alive.Clear();
        _last = null;
        _work.Clear();
    }

    public void Add(in ActiveParameter item, TScalars scalars, Tensor? state0 = null, Tensor? state1 = null, Tensor? state2 = null)
    {
        var elements = item.Parameter.numel();
        _items.Add(new Item
        {
            Type = item.Parameter.dtype,
            Parameter = TensorView.Address(item.Parameter, item.Parameter.dtype, elements),
            Gradient = TensorView.Address(item.Gradient, item.Parameter.dtype, elements),
            State0 = Address(state0, item.Parameter, elements),
            State1 = Address(state1, item.Parameter, elements),
            State2 = Address(state2, item.Parameter, elements),
            Sign = item.Rule.Maximize ? -1 : 1,
            Seed = HalfPrecision.SeedFor(_seed, item.Binding.Name),
            Scalars = scalars,
        });
        _alive.Add(item.Parameter);
        _alive.Add(item.Gradient);
        _work.Add(elements);
        _last = item.Parameter;
    }

    public override void Attach(Tensor? average)
    {
        if (average is not null) _items[^1] = _items[^1] with { Average = Address(average, _last!, _last!.numel()) };
    }

    public override void Run(int threads, double averageWeight)
    {
        if (_items.Count == 0) return;
        _work.Run(threads, (_, index, from, count) =>
        {
            var item = _items[index];
            switch (item.Type)
            {
                case ScalarType.Float64:
                    Piece<double, TDouble, PlainStore<double>>(item, from, count, averageWeight);
                    break;
                case ScalarType.Float32:
                    Piece<float, TSingle, PlainStore<float>>(item, from, count, averageWeight);
                    break;
                default:
                    if (_rounding == WeightRounding.Stochastic)
                        Piece<float, TSingle, StochasticBrainStore>(item, from, count, averageWeight);
                    else Piece<float, TSingle, BrainStore>(item, from, count, averageWeight);
                    break;
            }
        });
        foreach (var tensor in _alive) GC.KeepAlive(tensor);
        _alive.Clear();
        _last = null;
        _items.Clear();
    }

    private nint Address(Tensor? tensor, Tensor parameter, long elements, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor is null) return 0;
        _alive.Add(tensor);
        return TensorView.Address(tensor, ParameterState.TypeFor(parameter), elements, name);
    }

    private void Piece<T, TRule, TStore>(in Item item, long from, long count, double averageWeight)
        where T : unmanaged, System.Numerics.INumber<T>
        where TRule : struct, IFusedRule<T, TScalars, TRule>
        where TStore : struct, IWeightStore<T>
    {
        var rule = TRule.Create(item.Scalars);
        var width = Vector512<T>.Count;
        var scale = Vector512.Create(T.CreateTruncating(_scale * item.Sign));
        var scaled = _scale * item.Sign != 1;
        var limit = Vector512.Create(T.CreateTruncating(_limit));
        var limited = double.IsFinite(_limit);
        var blend = Vector512.Create(T.CreateTruncating(averageWeight));
        var p = (byte*)item.Parameter + (from * TStore.Size);
        var g = (byte*)item.Gradient + (from * TStore.Size);
        var a = item.State0 == 0 ? null : (T*)item.State0 + from;
        var b = item.State1 == 0 ? null : (T*)item.State1 + from;
        var c = item.State2 == 0 ? null : (T*)item.State2 + from;
        var e = item.Average == 0 ? null : (T*)item.Average + from;
        long i = 0;
        for (; i + width <= count; i += width)
        {
            Prefetch.Ahead(p + (i * TStore.Size));
            Prefetch.Ahead(g + (i * TStore.Size));
            if (a != null) Prefetch.Ahead(a + i);
            if (b != null) Prefetch.Ahead(b + i);
            if (c != null) Prefetch.Ahead(c + i);
            if (e != null) Prefetch.Ahead(e + i);
            Block(ref rule, p + (i * TStore.Size), g + (i * TStore.Size), a == null ? null : a + i, b == null ? null : b + i,
                c == null ? null : c + i, e == null ? null : e + i,
                scale, scaled, limit, limited, blend, item.Seed, from + i);
        }
        if (i == count) return;
        // The rest goes through padded buffers and the same instructions, so an element's result does not depend on where it lies.
        var rest = count - i;
        var buffers = stackalloc byte[6 * 64];
        Unsafe.InitBlock(buffers, 0, 6 * 64);
        Copy(buffers, p + (i * TStore.Size), rest * TStore.Size);
        Copy(buffers + 64, g + (i * TStore.Size), rest * TStore.Size);
        var size = rest * sizeof(T);
        if (a != null) Copy(buffers + 128, (byte*)(a + i), size);
        if (b != null) Copy(buffers + 192, (byte*)(b + i), size);
        if (c != null) Copy(buffers + 256, (byte*)(c + i), size);
        if (e != null) Copy(buffers + 320, (byte*)(e + i), size);
        Block(ref rule, buffers, buffers + 64, a == null ? null : (T*)(buffers + 128), b == null ? null : (T*)(buffers + 192),
            c == null ? null : (T*)(buffers + 256), e == null ? null : (T*)(buffers + 320),
            scale, scaled, limit, limited, blend, item.Seed, from + i);
        Copy(p + (i * TStore.Size), buffers, rest * TStore.Size);
        if (a != null) Copy((byte*)(a + i), buffers + 128, size);
        if (b != null) Copy((byte*)(b + i), buffers + 192, size);
        if (c != null) Copy((byte*)(c + i), buffers + 256, size);
        if (e != null) Copy((byte*)(e + i), buffers + 320, size);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Block(ref TRule rule, byte* p, byte* g, T* a, T* b, T* c, T* e, Vector512<T> scale, bool scaled, Vector512<T> limit,
            bool limited, Vector512<T> blend, uint seed, long index)
        {
            var x = TStore.Load(p);
            var d = TStore.Load(g);
            if (scaled) d *= scale;
            if (limited) d = Vector512.Min(Vector512.Max(d, -limit), limit);
            var s0 = a == null ? default : Vector512.Load(a);
            var s1 = b == null ? default : Vector512.Load(b);
            var s2 = c == null ? default : Vector512.Load(c);
            rule.Update(ref x, d, ref s0, ref s1, ref s2);
            TStore.Store(x, p, seed, index);
            if (a != null) s0.Store(a);
            if (b != null) s1.Store(b);
            if (c != null) s2.Store(c);
            if (e == null) return;
            var old = Vector512.Load(e);
            Lanes.MultiplyAdd(blend, x - old, old).Store(e);
        }
    }

    private static void Copy(byte* to, byte* from, long bytes) => Buffer.MemoryCopy(from, to, bytes, bytes);

    private readonly record struct Item
    {
        public ScalarType Type { get; init; }

        public IntPtr Parameter { get; init; }

        public IntPtr Gradient { get; init; }

        public IntPtr State0 { get; init; }

        public IntPtr State1 { get; init; }

        public IntPtr State2 { get; init; }

        public IntPtr Average { get; init; }

        public double Sign { get; init; }

        public uint Seed { get; init; }

        public TScalars Scalars { get; init; }
    }
}
