using System.Runtime.InteropServices;
using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Adds up the gradients of all ranks. With overlap buckets of them set out while backward runs; otherwise all go after it, large ones from
/// where they lie and small ones packed, since each message costs its latency. A parameter without a gradient on every rank keeps none; one
/// that has a gradient somewhere gets it everywhere.
/// </summary>
internal sealed class GradientExchange
{
    // A message of 1 MiB takes hundreds of times its latency: packing larger ones would only copy.
    private const int BucketElements = 1 << 18;

    private readonly ICommunicator _ranks;
    private readonly Parameter[] _parameters;
    private readonly GradientBuckets? _buckets;
    private readonly BackwardMarks? _marks;
    private readonly float[] _bucket = new float[BucketElements];
    private readonly double[] _shared;

    public GradientExchange(ICommunicator ranks, nn.Module module, bool overlaps)
    {
        _ranks = ranks;
        // Tied weights have one gradient, which must not be added up twice.
        var seen = new HashSet<nint>();
        _parameters = [.. module.named_parameters().Select(p => p.parameter).Where(p => p.requires_grad && seen.Add(TensorIdentity.Of(p)))];
        // Who has a gradient, whose changed after it had set out, and a number.
        _shared = new double[(2 * _parameters.Length) + 1];
        if (!overlaps || !Array.TrueForAll(_parameters, p => p.device_type == DeviceType.CPU)) return;
        _buckets = new GradientBuckets(ranks, _parameters, BucketElements);
        _marks = new BackwardMarks(module, _buckets.Passed);
    }

    /// <summary>Bytes of all gradients of a step.</summary>
    public long Bytes => _parameters.Sum(p => p.numel() * sizeof(float));

    /// <summary>What is computed next is the last part of this rank's batch: its backward may already send gradients.</summary>
    public void BeginLastPart()
    {
        _buckets?.Begin();
        _marks?.Listen();
    }

    /// <summary>Replaces every gradient by its sum over the ranks, and gives the sum of a number.</summary>
    public double Reduce(double number)
    {
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        _marks?.Stop();
        Array.Clear(_shared);
        foreach (var late in _buckets?.Finish() ?? []) _shared[_parameters.Length + late] = 1;
        var gradients = new Tensor?[_parameters.Length];
        for (var i = 0; i < _parameters.Length; i++)
        {
            var gradient = _parameters[i].grad;
            gradients[i] = gradient is null || gradient.IsInvalid ? null : gradient;
            if (gradient is { IsInvalid: false, is_sparse: true })
                throw new NotSupportedException(
                    "A parameter has a sparse gradient, which cannot be added up over ranks; make the embedding with sparse: false.");
            _shared[i] = gradients[i] is null ? 0 : 1;
        }
        _shared[^1] = number;
        _ranks.AllReduce(_shared);
        bool IsLate(int i) => _shared[_parameters.Length + i] > 0;
        _buckets?.Take(i => _shared[i] > 0, IsLate);
        bool IsLeft(int i) => _shared[i] > 0 && (IsLate(i) || _buckets?.Holds(_parameters[i]) != true);
        var packed = new List<Tensor>();
        var used = 0;
        // Backwards: those that backward finished first come first.
        for (var i = _parameters.Length - 1; i >= 0; i--)
        {
            if (!IsLeft(i)) continue;
            if (gradients[i] is not { } gradient)
            {
                gradient = zeros_like(_parameters[i]);
                _parameters[i].grad = gradient;
                // Assigning keeps what was assigned or a tensor over the same memory: what is added up must be what the optimizer reads.
                gradient = _parameters[i].grad!;
            }
            var count = gradient.numel();
            if (gradient.dtype == ScalarType.Float64)
            {
                SumDouble(gradient);
                continue;
            }
            if (count >= BucketElements && gradient.dtype == ScalarType.Float32)
            {
                TensorExchange.Sum(_ranks, gradient);
                continue;
            }
            if (count >= BucketElements)
            {
                // Narrow types are added up in float32.
                var wide = gradient.to(ScalarType.Float32);
                TensorExchange.Sum(_ranks, wide);
                gradient.copy_(wide);
                continue;
            }
            if (used + count > BucketElements)
            {
                Flush(packed, used);
                used = 0;
            }
            Copy(gradient, _bucket.AsSpan(used, (int)count));
            packed.Add(gradient);
            used += (int)count;
        }
        Flush(packed, used);
        return _shared[^1];
    }

    private void Flush(List<Tensor> packed, int used)
    {
        if (packed.Count == 0) return;
        _ranks.AllReduce(_bucket.AsSpan(0, used));
        var at = 0;
        foreach (var gradient in packed)
        {
            var count = (int)gradient.numel();
            var values = _bucket.AsSpan(at, count);
            if (IsPlain(gradient)) values.CopyTo(MemoryMarshal.Cast<byte, float>(gradient.bytes));
            else gradient.copy_(tensor(values.ToArray()).reshape(gradient.shape));
            at += count;
        }
        packed.Clear();
    }

    private static void Copy(Tensor gradient, Span<float> to)
    {
        using var scope = NewDisposeScope();
        var plain = IsPlain(gradient) ? gradient : gradient.to(ScalarType.Float32).cpu().contiguous();
        MemoryMarshal.Cast<byte, float>(plain.bytes).CopyTo(to);
    }

    private void SumDouble(Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var values = gradient.cpu().contiguous().data<double>().ToArray();
        _ranks.AllReduce(values);
        gradient.copy_(tensor(values).reshape(gradient.shape));
    }

    private static bool IsPlain(Tensor gradient) =>
        gradient.device_type == DeviceType.CPU && gradient.dtype == ScalarType.Float32 && gradient.is_contiguous();
}
