using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Optim;

public sealed partial class Optimizer
{
    private const string EvaluatingKey = "evaluating";

    private void Collect()
    {
        Refresh();
        _active.Clear();
        foreach (var group in _groups)
        {
            foreach (var binding in group.Bindings)
            {
                if (binding.Gradient() is not { } gradient) continue;
                RefuseMisfit(binding, gradient);
                // A parameter without elements has nothing to learn, and factorisations and maxima of nothing are errors.
                if (binding.Parameter.numel() == 0) continue;
                var item = new ActiveParameter(group, binding, binding.Parameter, gradient);
                _active.Add(gradient.is_sparse ? Sparse(item) : item);
            }
        }
    }

    /// <summary>TorchSharp lets any tensor be a gradient; the kernels rely on one that lies like its parameter.</summary>
    private static void RefuseMisfit(ParameterBinding binding, Tensor gradient)
    {
        var p = binding.Parameter;
        var fits = gradient.dim() == p.dim();
        for (var d = 0; fits && d < p.dim(); d++) fits = gradient.size(d) == p.size(d);
        if (!fits)
            throw new InvalidOperationException(
                $"The gradient of \"{binding.Name}\" has shape [{string.Join(", ", gradient.shape)}], the parameter "
                    + $"[{string.Join(", ", p.shape)}]: nothing was changed.");
        if (gradient.device_type != p.device_type || gradient.device_index != p.device_index)
            throw new InvalidOperationException(
                $"The gradient of \"{binding.Name}\" lies on {gradient.device}, the parameter on {p.device}: nothing was changed.");
        if (!gradient.is_floating_point() || !p.is_floating_point())
            throw new NotSupportedException(
                $"Parameter \"{binding.Name}\" ({p.dtype}, gradient {gradient.dtype}): optimizers change floating-point parameters only.");
    }

    /// <summary>A gradient of some rows, summed over repeated rows; or the dense gradient where the rule wants it.</summary>
    private static ActiveParameter Sparse(in ActiveParameter item)
    {
        var use = item.Rule.SparseUpdateOf(item.Group);
        if (use == SparseUpdate.Rows && (item.Gradient.SparseIndices.size(0) != 1 || item.Group.WeightDecay != 0))
            use = SparseUpdate.Refused;
        return use switch
        {
            SparseUpdate.Rows => Gathered(item),
            SparseUpdate.Dense => item with { Gradient = item.Gradient.to_dense() },
            _ => throw new NotSupportedException(
                $"Parameter \"{item.Binding.Name}\" has a sparse gradient. SGD, Adagrad and Adam take one of rows, without weight decay "
                    + $"(it would touch every row): "
                + "set the group's decay to 0, or make the embedding dense (sparse: false)."),
        };
    }

    /// <summary>Each row once, with the sum of its gradients.</summary>
    private static ActiveParameter Gathered(in ActiveParameter item)
    {
        var (named, values) = (item.Gradient.SparseIndices[0].cpu().contiguous().data<long>().ToArray(), item.Gradient.SparseValues);
        var rows = named.Distinct().Order().ToArray();
        var places = named.Select(r => (long)Array.BinarySearch(rows, r)).ToArray();
        var shape = values.shape;
        shape[0] = rows.Length;
        var sums = zeros(shape, dtype: values.dtype, device: values.device);
        sums.index_add_(0, tensor(places, device: values.device), values, 1);
        return item with { Gradient = sums, Rows = tensor(rows, device: values.device) };
    }

    private void Prepare(in ActiveParameter item)
    {
        if (item.Binding.State is not null) return;
        var state = new ParameterState();
        item.Rule.Start(new Slot(this, item.Group, state, item.Parameter, item.Gradient));
        item.Binding.State = state;
    }

    private void Apply(double scale, double limit, WeightAverage? average)
    {
        foreach (var item in _active) item.State.Step++;
        foreach (var work in _work) Begin(work, scale, limit);
        foreach (var item in _active)
        {
            var batch = item.Group.Work.Batch;
            if (batch is not null && !item.IsSparse && FusedBatch.Accepts(item) && item.Rule.TryFuse(batch, item))
            {
                batch.Attach(average?.Target(item.Binding.Name, item.Parameter));
                continue;
            }
            if (item.IsSparse) UpdateRows(item, scale, limit);
            else OnWorkingCopy(item, scale, limit, survey: false);
            average?.Blend(item.Binding.Name, item.Parameter);
        }
        foreach (var work in _work) work.Batch?.Run(Threads, average?.BlendWeight ?? 0);
        foreach (var item in _active) item.Binding.Spread();
        average?.EndUpdate();
    }

    private void Begin(RuleWork work, double scale, double limit)
    {
        work.Batch ??= UseFusedKernels ? work.Rule.CreateBatch() : null;
        work.Batch?.Begin(scale, limit, Rounding, RoundingSeed, StepCount);
        work.Numbers.Now.Clear();
        var step = new RuleStep(this, work, _active, scale);
        work.Rule.Begin(step);
        if (!work.Rule.Surveys) return;
        foreach (var item in _active)
        {
            if (item.Group.Work == work) OnWorkingCopy(item, scale, limit, survey: true);
        }
        work.Rule.Surveyed(step);
    }

    private void OnWorkingCopy(in ActiveParameter item, double scale, double limit, bool survey)
    {
        using var scope = NewDisposeScope();
        var p = item.Parameter;
        var working = p.dtype is ScalarType.Float32 or ScalarType.Float64 ? (Tensor)p : p.to(ScalarType.Float32);
        var slot = new Slot(this, item.Group, item.State, working,
            Conditioned(item.Gradient, working.dtype, item.Rule.Maximize ? -scale : scale, limit));
        if (survey)
        {
            item.Rule.Survey(slot);
            return;
        }
        item.Rule.Update(slot);
        if (!ReferenceEquals(working, p)) HalfPrecision.Store(working, p, Rounding, RoundingSeed, StepCount, item.Binding.Name);
    }

    /// <summary>Updates the rows that a sparse gradient names, with their rows of the state; all others stay as they are.</summary>
    private void UpdateRows(in ActiveParameter item, double scale, double limit)
    {
        using var scope = NewDisposeScope();
        var p = item.Parameter;
        var type = p.dtype is ScalarType.Float32 or ScalarType.Float64 ? p.dtype : ScalarType.Float32;
        var rows = item.Rows!;
        var gradient = Conditioned(item.Gradient, type, item.Rule.Maximize ? -scale : scale, limit);
        var weights = p.index_select(0, rows).to(type);
        using var state = new ParameterState { Step = item.State.Step };
        foreach (var (name, tensor) in item.State.Tensors) state.Put(name, tensor.index_select(0, rows));
        item.Rule.Update(new Slot(this, item.Group, state, weights, gradient));
        foreach (var (name, tensor) in state.Tensors) item.State[name].index_copy_(0, rows, tensor);
        p.index_copy_(0, rows, weights.to(p.dtype));
    }

    private static Tensor Conditioned(Tensor gradient, ScalarType type, double scale, double limit)
    {
        if (gradient.dtype != type) gradient = gradient.to(type);
        if (scale != 1) gradient = gradient * scale;
        return double.IsFinite(limit) ? gradient.clamp(-limit, limit) : gradient;
    }

    private void Move(bool evaluation)
    {
        if (_groups.TrueForAll(g => g.Rule.PointOf(evaluation) is null)) return;
        Refresh();
        using var quiet = no_grad();
        foreach (var work in _work)
        {
            if (work.Rule.PointOf(evaluation) is null || (work.Numbers[EvaluatingKey] != 0) == evaluation) continue;
            foreach (var group in work.Groups)
            {
                foreach (var binding in group.Bindings)
                {
                    if (binding.State is not { } state) continue;
                    using var scope = NewDisposeScope();
                    binding.Parameter.lerp_(state["z"].to(binding.Parameter.dtype), group.Rule.PointOf(evaluation)!.Value);
                    binding.Spread();
                }
            }
            work.Numbers[EvaluatingKey] = evaluation ? 1 : 0;
        }
    }
}
