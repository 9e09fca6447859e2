using System.Runtime.CompilerServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// The numbers of a tensor in main memory. This is the only way from a tensor to a pointer: element type, device, layout and count are
/// checked here, so that no kernel can read or write beside the tensor. The view keeps the tensor alive until it is disposed.
/// </summary>
/// <typeparam name="T">The element type; <see cref="ushort"/> is bfloat16 by its bits.</typeparam>
internal readonly unsafe struct TensorView<T> : IDisposable
    where T : unmanaged
{
    private readonly Tensor _tensor;

    internal TensorView(Tensor tensor, nint start, long count)
    {
        (_tensor, Count) = (tensor, count);
        Start = (T*)start;
    }

    /// <summary>The first element.</summary>
    public T* Start { get; }

    /// <summary>Elements, dense from <see cref="Start"/> on.</summary>
    public long Count { get; }

    /// <summary>The address as a number, which lambdas can keep.</summary>
    public nint Address => (nint)Start;

    /// <summary>The same memory as a span.</summary>
    /// <exception cref="OverflowException">More elements than a span can have.</exception>
    public Span<T> Span => new(Start, checked((int)Count));

    /// <summary>Ends the use of the memory.</summary>
    public void Dispose() => GC.KeepAlive(_tensor);
}

/// <summary>Opens tensors as native memory.</summary>
internal static class TensorView
{
    /// <summary>
    /// Whether the tensor lies in main memory as plain numbers of type <typeparamref name="T"/>, with whatever strides: what kernels take
    /// after <c>contiguous()</c>. Everything else is libtorch's.
    /// </summary>
    public static bool Holds<T>(Tensor tensor)
        where T : unmanaged
        => Holds(tensor, TypeOf<T>());

    /// <summary>The same for a type known when running.</summary>
    public static bool Holds(Tensor tensor, ScalarType type) => !KernelPause.IsOn && IsPlain(tensor, type);

    /// <summary>Whether <see cref="Dense{T}(Tensor, long, string)"/> takes the tensor.</summary>
    public static bool IsDense<T>(Tensor tensor)
        where T : unmanaged
        => IsDense(tensor, TypeOf<T>());

    /// <summary>The same for a type known when running.</summary>
    public static bool IsDense(Tensor tensor, ScalarType type) => Holds(tensor, type) && tensor.is_contiguous();

    /// <summary>Opens a dense row-major tensor.</summary>
    /// <param name="tensor">A contiguous tensor of <typeparamref name="T"/> on the CPU.</param>
    /// <param name="count">Elements the caller will touch, which must be all of the tensor's; -1 takes what there is.</param>
    /// <param name="name">What to call it in errors.</param>
    /// <exception cref="ArgumentException">Another type, device, layout or number of elements.</exception>
    public static TensorView<T> Dense<T>(Tensor tensor, long count = -1, [CallerArgumentExpression(nameof(tensor))] string name = "")
        where T : unmanaged
    {
        var elements = Checked(tensor, TypeOf<T>(), count, name);
        return new TensorView<T>(tensor, Start(tensor, elements, name), elements);
    }

    /// <summary>The address of a dense tensor whose element type is known when running; the caller keeps the tensor alive.</summary>
    /// <exception cref="ArgumentException">Another type, device, layout or number of elements.</exception>
    public static nint Address(Tensor tensor, ScalarType type, long count, [CallerArgumentExpression(nameof(tensor))] string name = "")
        => Start(tensor, Checked(tensor, type, count, name), name);

    /// <summary>Opens a tensor with strides whose last dimension is dense.</summary>
    /// <param name="tensor">A tensor of <typeparamref name="T"/> on the CPU.</param>
    /// <param name="shape">The shape the caller will walk over, which must be the tensor's.</param>
    /// <param name="name">What to call it in errors.</param>
    /// <exception cref="ArgumentException">Another type, device, layout or shape.</exception>
    public static StridedView<T> Strided<T>(Tensor tensor, ReadOnlySpan<long> shape,
        [CallerArgumentExpression(nameof(tensor))] string name = "")
        where T : unmanaged
    {
        if (!IsPlain(tensor, TypeOf<T>())) throw Refused(tensor, TypeOf<T>(), name);
        if (tensor.dim() != shape.Length) throw WrongShape(tensor, shape, name);
        var strides = new long[shape.Length];
        long elements = 1;
        for (var i = 0; i < shape.Length; i++)
        {
            if (tensor.size(i) != shape[i]) throw WrongShape(tensor, shape, name);
            strides[i] = tensor.stride(i);
            elements *= shape[i];
        }
        if (elements > 0 && strides.Length > 0 && shape[^1] > 1 && strides[^1] != 1)
            throw new ArgumentException(
                $"{name}: the last dimension of {Shape.Text(tensor)} has stride {strides[^1]}; the kernel needs 1, as contiguous() gives.",
                name);
        return new StridedView<T>(tensor, Start(tensor, elements, name), strides);
    }

    /// <summary>A new dense tensor of the shape on the CPU, contents undefined; it joins the open scope.</summary>
    public static Tensor New<T>(params ReadOnlySpan<long> shape)
        where T : unmanaged
        => empty(shape, dtype: TypeOf<T>(), device: CPU);

    /// <summary>
    /// A new dense tensor of the shape of a dense one, contents undefined; it joins the open scope. Cheaper than asking for the shape.
    /// </summary>
    /// <param name="tensor">A contiguous tensor on the CPU.</param>
    public static Tensor NewLike<T>(Tensor tensor)
        where T : unmanaged
        => NativeTensor.EmptyLike(tensor, TypeOf<T>());

    /// <summary>The tensor as dense memory: itself, or a copy that joins the open scope.</summary>
    public static Tensor ToDense(Tensor tensor) => tensor.is_contiguous() ? tensor : tensor.contiguous();

    // Values may be read while kernels pause: who asks Holds first takes libtorch's operations then.
    private static bool IsPlain(Tensor tensor, ScalarType type)
        => tensor is not null && !tensor.IsInvalid && NativeTensor.Type(tensor) == type && NativeTensor.IsPlain(tensor);

    private static long Checked(Tensor tensor, ScalarType type, long count, string name)
    {
        if (!IsPlain(tensor, type) || !tensor.is_contiguous()) throw Refused(tensor, type, name);
        var elements = tensor.numel();
        return count < 0 || count == elements
            ? elements
            : throw new ArgumentException($"{name}: {Shape.Text(tensor)} has {elements} elements; the kernel needs {count}.", name);
    }

    private static nint Start(Tensor tensor, long elements, string name)
    {
        var start = NativeTensor.Data(tensor);
        return start != 0 || elements == 0 ? start
            : throw new ArgumentException($"{name}: {Shape.Text(tensor)} has no memory of its own.", name);
    }

    private static ArgumentException Refused(Tensor tensor, ScalarType type, string name)
        => tensor is null || tensor.IsInvalid
            ? new ArgumentException($"{name}: the tensor is missing or was disposed.", name)
            : new ArgumentException(
                $"{name}: {Shape.Text(tensor)} of {tensor.dtype} on "
                    + $"{tensor.device_type}{(tensor.is_sparse ? ", sparse" : tensor.is_contiguous() ? "" : ", not contiguous")}; the "
                    + $"kernel needs dense {type} on the CPU.",
                name);

    private static ArgumentException WrongShape(Tensor tensor, ReadOnlySpan<long> shape, string name)
        => new($"{name}: {Shape.Text(tensor)}; the kernel needs [{string.Join(", ", shape.ToArray())}].", name);

    private static ScalarType TypeOf<T>()
        where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return ScalarType.Float32;
        if (typeof(T) == typeof(double)) return ScalarType.Float64;
        if (typeof(T) == typeof(ushort)) return ScalarType.BFloat16;
        if (typeof(T) == typeof(Half)) return ScalarType.Float16;
        if (typeof(T) == typeof(long)) return ScalarType.Int64;
        if (typeof(T) == typeof(int)) return ScalarType.Int32;
        if (typeof(T) == typeof(short)) return ScalarType.Int16;
        if (typeof(T) == typeof(sbyte)) return ScalarType.Int8;
        if (typeof(T) == typeof(byte)) return ScalarType.Byte;
        if (typeof(T) == typeof(bool)) return ScalarType.Bool;
        throw new NotSupportedException($"No tensor holds elements of type {typeof(T).Name}.");
    }
}
