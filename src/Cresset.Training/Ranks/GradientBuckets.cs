using System.IO.Hashing;
using System.Runtime.InteropServices;
using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Gradients copied into buckets whose sums over the ranks begin while backward still runs. Which gradients share a bucket, and the order in which
/// buckets set out, are the same on all ranks and in every step, whenever layers are done; gradients that change after they set out are found
/// by their hash.
/// </summary>
internal sealed class GradientBuckets
{
    private readonly ICommunicator _ranks;
    private readonly List<Bucket> _buckets = [];
    private readonly Dictionary<nint, Slot> _slots = [];
    private readonly Queue<IReductionUnderWay> _underWay = new();
    private int _next;

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
            if (parameter.dtype != ScalarType.Float32 || parameter.device_type != DeviceType.CPU || parameter.numel() is 0 or > int.MaxValue / sizeof(float)) continue;
            if (_buckets.Count == 0 || (_buckets[^1].Count > 0 && _buckets[^1].Count + parameter.numel() > most)) _buckets.Add(new Bucket());
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
            if (_slots.TryGetValue(TensorIdentity.Of(parameter), out var slot)) slot.Bucket.Ready(slot);
        }
        while (_next < _buckets.Count && _buckets[_next].IsReady) SetOut();
        // MPI moves data inside its calls alone.
        while (_underWay.TryPeek(out var first) && first.Poke()) _underWay.Dequeue();
    }

    /// <summary>Backward is over: sends what is left, and names the parameters whose gradients changed after they had set out.</summary>
    public IEnumerable<int> Finish()
    {
        while (_next < _buckets.Count) SetOut();
        return _slots.Values.Where(slot => slot.HashNow() != slot.Sent).Select(slot => slot.Number);
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

    private void SetOut()
    {
        var bucket = _buckets[_next++];
        bucket.Fill();
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
            foreach (var slot in _slots) slot.IsReady = false;
        }

        public void Ready(Slot slot)
        {
            if (slot.IsReady || slot.IsNeverEarly) return;
            slot.IsReady = true;
            _waiting--;
        }

        public void Fill()
        {
            foreach (var slot in _slots) slot.Read();
        }
    }

    private sealed class Slot(int number, Parameter parameter, Bucket bucket, int start)
    {
        public int Number => number;

        public Bucket Bucket => bucket;

        public int Count { get; } = (int)parameter.numel();

        public bool IsReady { get; set; }

        public bool IsNeverEarly { get; set; }

        /// <summary>Hash of what set out.</summary>
        public ulong Sent { get; private set; }

        private Span<float> Values => bucket.Values.AsSpan(start, Count);

        public void Read()
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            if (Gradient() is { } gradient) MemoryMarshal.Cast<byte, float>(Plain(gradient).bytes).CopyTo(Values);
            else Values.Clear();
            Sent = XxHash3.HashToUInt64(MemoryMarshal.AsBytes(Values));
        }

        public ulong HashNow()
        {
            using var scope = NewDisposeScope();
            using var quiet = no_grad();
            if (Gradient() is { } gradient) return XxHash3.HashToUInt64(Plain(gradient).bytes);
            // None now is none then: what was sent are zeros.
            return Sent;
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
            if (gradient.is_sparse) throw new NotSupportedException("A parameter has a sparse gradient, which cannot be added up over ranks; make the embedding with sparse: false.");
            return gradient.is_contiguous() ? gradient : gradient.contiguous();
        }
    }
}
