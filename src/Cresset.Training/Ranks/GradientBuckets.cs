using System.IO.Hashing;
using System.Runtime.InteropServices;
using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Gradients copied into buckets whose sums over the ranks begin while backward still runs. Which gradients share a bucket, and the order
/// in which buckets set out, are the same on all ranks and in every step, whenever layers are done. A gradient that sets out is taken from
/// its parameter until backward is over, so that what still comes for it is seen. In the first step nothing sets out early: it shows by
/// hashes whose gradients are not whole when their layer is left, and those wait for the end of backward from then on, with the bits that
/// they have without overlap.
/// </summary>
internal sealed class GradientBuckets
{
    private readonly ICommunicator _ranks;
    private readonly List<Bucket> _buckets = [];
    private readonly Dictionary<nint, Slot> _slots = [];
    private readonly Queue<IReductionUnderWay> _underWay = new();
    private int _next;
    private bool _isFirst = true;

    /// <param name="ranks">The ranks.</param>
    /// <param name="parameters">Parameters in the order of the module; float32 ones on the CPU take part.</param>
    /// <param name="most">Elements of a bucket; a larger parameter has one of its own.</param>
    public GradientBuckets(ICommunicator ranks, IReadOnlyList<Parameter> parameters, int most)
    {
        _ranks = ranks;
        // Backwards: those that backward finishes first set out first.
        for (var i = parameters.Count - 1; i >= 0; i--)
        {
            var parameter = parameters[i];
            if (parameter.dtype != ScalarType.Float32 || parameter.device_type != DeviceType.CPU
                || parameter.numel() is 0 or > int.MaxValue / sizeof(float)) continue;
            if (_buckets.Count == 0 || (_buckets[^1].Count > 0 && _buckets[^1].Count + parameter.numel() > most))
                _buckets.Add(new Bucket());
            var slot = new Slot(i, parameter, _buckets[^1], _buckets[^1].Count);
            _buckets[^1].Add(slot);
            _slots[TensorIdentity.Of(parameter)] = slot;
        }
        foreach (var bucket in _buckets) bucket.Make();
    }

    /// <summary>Whether a parameter goes this way.</summary>
    public bool Holds(Parameter parameter) => _slots.ContainsKey(TensorIdentity.Of(parameter));

    /// <summary>A step begins.</summary>
    public void Begin()
    {
        _next = 0;
        foreach (var bucket in _buckets) bucket.Begin();
    }

    /// <summary>Backward has left these parameters behind.</summary>
    public void Passed(IReadOnlyList<Parameter> parameters)
    {
        foreach (var parameter in parameters)
        {
            if (!_slots.TryGetValue(TensorIdentity.Of(parameter), out var slot)) continue;
            if (_isFirst) slot.Note();
            else slot.Bucket.Ready(slot);
        }
        while (_next < _buckets.Count && _buckets[_next].IsReady) SetOut(isEarly: true);
        // MPI moves data inside its calls alone.
        while (_underWay.TryPeek(out var first) && first.Poke()) _underWay.Dequeue();
    }

    /// <summary>
    /// Backward is over: gives back what was taken, sends what is left, and names the parameters whose gradients changed after they had set
    /// out.
    /// </summary>
    public IReadOnlyList<int> Finish()
    {
        List<int> late = [];
        foreach (var slot in _slots.Values)
        {
            if (_isFirst ? slot.HasChanged() : slot.GiveBack()) late.Add(slot.Number);
        }
        while (_next < _buckets.Count) SetOut(isEarly: false);
        _isFirst = false;
        return late;
    }

    /// <summary>Waits for all sums, and writes them where the optimizer reads them.</summary>
    /// <param name="isAnywhere">Whether a parameter has a gradient on any rank.</param>
    /// <param name="isLate">Parameters whose sums do not count; from now on they wait for the end of backward.</param>
    public void Take(Func<int, bool> isAnywhere, Func<int, bool> isLate)
    {
        while (_underWay.TryDequeue(out var sum)) sum.Wait();
        foreach (var slot in _slots.Values)
        {
            if (isLate(slot.Number)) slot.IsNeverEarly = true;
            else if (isAnywhere(slot.Number)) slot.Write();
        }
    }

    private void SetOut(bool isEarly)
    {
        var bucket = _buckets[_next++];
        bucket.Fill(isEarly);
        _underWay.Enqueue(_ranks.StartSum(bucket.Values));
    }

    private sealed class Bucket
    {
        private readonly List<Slot> _slots = [];
        private int _waiting;

        public int Count { get; private set; }

        public float[] Values { get; private set; } = [];

        public bool IsReady => _waiting == 0;

        public void Add(Slot slot)
        {
            _slots.Add(slot);
            Count += slot.Count;
        }

        public void Make() => Values = GC.AllocateArray<float>(Count, pinned: true);

        public void Begin()
        {
            _waiting = _slots.Count;
            foreach (var slot in _slots) slot.Begin();
        }

        public void Ready(Slot slot)
        {
            if (slot.IsReady || slot.IsNeverEarly) return;
            slot.IsReady = true;
            _waiting--;
        }

        public void Fill(bool isEarly)
        {
            foreach (var slot in _slots) slot.Read(isEarly);
        }
    }

    private sealed class Slot(int number, Parameter parameter, Bucket bucket, int start)
    {
        private Tensor? _taken;
        private bool _hasSetOut;
        private ulong? _noted;

        public int Number => number;

        public Bucket Bucket => bucket;

        public int Count { get; } = (int)parameter.numel();

        public bool IsReady { get; set; }

        public bool IsNeverEarly { get; set; }

        private Span<float> Values => bucket.Values.AsSpan(start, Count);

        public void Begin()
        {
            // A step that failed half way may have left something.
            _taken?.Dispose();
            (_taken, _hasSetOut, _noted, IsReady) = (null, false, null, false);
        }

        public void Read(bool isEarly)
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            _hasSetOut = isEarly;
            if (Gradient() is not { } gradient)
            {
                Values.Clear();
                return;
            }
            MemoryMarshal.Cast<byte, float>(Plain(gradient).bytes).CopyTo(Values);
            if (!isEarly) return;
            _taken = gradient.DetachFromDisposeScope();
            parameter.grad = null;
        }

        /// <summary>Puts the gradient back that was taken; true when more has come for it since.</summary>
        public bool GiveBack()
        {
            if (!_hasSetOut) return false;
            _hasSetOut = false;
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            var more = Gradient();
            if (_taken is not { } taken) return more is not null;
            _taken = null;
            if (more is not null) taken.add_(more);
            parameter.grad = taken;
            taken.Dispose();
            return more is not null;
        }

        /// <summary>Keeps in mind what the gradient is when its first layer is left.</summary>
        public void Note() => _noted ??= Hash();

        /// <summary>Whether it is another one than was noted.</summary>
        public bool HasChanged()
        {
            var changed = _noted is { } noted && Hash() != noted;
            _noted = null;
            return changed;
        }

        private ulong Hash()
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            return Gradient() is { } gradient ? XxHash3.HashToUInt64(Plain(gradient).bytes) : 0;
        }

        public void Write()
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            if (Gradient() is not { } gradient)
            {
                parameter.grad = empty_like(parameter);
                gradient = parameter.grad!;
            }
            if (gradient.is_contiguous()) Values.CopyTo(MemoryMarshal.Cast<byte, float>(gradient.bytes));
            else gradient.copy_(tensor(Values.ToArray()).reshape(gradient.shape));
        }

        private Tensor? Gradient() => parameter.grad is { IsInvalid: false } gradient ? gradient : null;

        private static Tensor Plain(Tensor gradient)
        {
            if (gradient.is_sparse)
                throw new NotSupportedException(
                    "A parameter has a sparse gradient, which cannot be added up over ranks; make the embedding with sparse: false.");
            return gradient.is_contiguous() ? gradient : gradient.contiguous();
        }
    }
}
