using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>A policy and a value network with their optimizers; losses and gradients written out, nothing allocated per update.</summary>
internal sealed unsafe class ActorCritic : INetworkState
{
    private readonly ActorCriticOptions _options;
    private readonly MlpNetwork _policy;
    private readonly MlpNetwork _value;
    private readonly MlpAdam _policyAdam;
    private readonly MlpAdam _valueAdam;
    private readonly float[] _freeFirst;
    private readonly float[] _freeSecond;
    private readonly MlpWorkspace _policyPass;
    private readonly MlpWorkspace _valuePass;
    private readonly float[] _advantages;
    private MlpWorkspace _policyActing;
    private MlpWorkspace _valueActing;

    public ActorCritic(int observationSize, ActionDistribution actions, ActorCriticOptions options, int maxRows, RandomStream initial)
    {
        (_options, Actions) = (options, actions);
        _policy = new MlpNetwork(new MlpShape { Inputs = observationSize, Hidden = options.Hidden, Activation = options.Activation, Outputs = actions.Inputs }, initial);
        _value = new MlpNetwork(new MlpShape { Inputs = observationSize, Hidden = options.Hidden, Activation = options.Activation, Outputs = 1 }, initial);
        // A policy that starts out nearly indifferent explores evenly (Andrychowicz et al. 2021).
        foreach (ref var weight in _policy.Parameters[_policy.Layers[^1].Weight..]) weight *= 0.01f;
        _policy.ParametersChanged();
        _policyAdam = new MlpAdam(_policy, options.Beta1, options.Beta2, options.AdamEpsilon);
        _valueAdam = new MlpAdam(_value, options.Beta1, options.Beta2, options.AdamEpsilon);
        (_freeFirst, _freeSecond) = (new float[actions.Free.Length], new float[actions.Free.Length]);
        (_policyPass, _valuePass) = (_policy.CreateWorkspace(maxRows), _value.CreateWorkspace(maxRows));
        (_policyActing, _valueActing) = (_policy.CreateWorkspace(1, withGradients: false), _value.CreateWorkspace(1, withGradients: false));
        _advantages = new float[maxRows];
    }

    public ActionDistribution Actions { get; }

    internal MlpNetwork PolicyNetwork => _policy;

    internal MlpNetwork ValueNetwork => _value;

    /// <summary>The network's output for each row; row i begins at i times the stride.</summary>
    public ReadOnlySpan<float> Policy(ReadOnlySpan<float> observations, int count, out int stride)
    {
        if (count > _policyActing.MaxRows) _policyActing = _policy.CreateWorkspace(count, withGradients: false);
        _policy.Forward(_policyActing, observations, count);
        stride = _policyActing.OutputStride;
        return _policyActing.Output;
    }

    public void Values(ReadOnlySpan<float> observations, int count, Span<float> values)
    {
        if (count > _valueActing.MaxRows) _valueActing = _value.CreateWorkspace(count, withGradients: false);
        _value.Forward(_valueActing, observations, count);
        for (var i = 0; i < count; i++) values[i] = _valueActing.Output[i * _valueActing.OutputStride];
    }

    /// <summary>Losses and gradients of a batch; the parameters stay.</summary>
    public ActorCriticFigures Evaluate(ActorCriticBatch batch)
    {
        var rows = batch.Rows;
        var advantages = _advantages.AsSpan(0, rows);
        batch.Advantages.CopyTo(advantages);
        if (_options.NormalizeAdvantages) GeneralizedAdvantage.Normalize(advantages);
        _policy.Forward(_policyPass, batch.Observations, rows);
        _value.Forward(_valuePass, batch.Observations, rows);
        Array.Clear(Actions.FreeGradient);
        var (policyLoss, valueLoss, entropy, kl, clipped) = (0.0, 0.0, 0.0, 0.0, 0);
        var (share, clip, size) = (1f / rows, (float)_options.ClipRange, Actions.ActionSize);
        for (var i = 0; i < rows; i++)
        {
            var raw = _policyPass.Output.Slice(i * _policyPass.OutputStride, Actions.Inputs);
            var action = batch.Actions.AsSpan(i * size, size);
            var logRatio = Actions.LogProb(raw, action, batch.Mask(i)) - batch.LogProbs[i];
            var ratio = MathF.Exp(logRatio);
            var slope = -advantages[i] * share;
            if (clip == 0)
            {
                policyLoss -= advantages[i] * (logRatio + batch.LogProbs[i]);
            }
            else
            {
                var (free, bound) = (ratio * advantages[i], Math.Clamp(ratio, 1 - clip, 1 + clip) * advantages[i]);
                policyLoss -= MathF.Min(free, bound);
                // Where the bound is what counts, moving the ratio changes nothing.
                slope = free <= bound ? slope * ratio : 0;
                clipped += MathF.Abs(ratio - 1) > clip ? 1 : 0;
            }
            entropy += Actions.Entropy(raw, batch.Mask(i));
            kl += ratio - 1 - logRatio;
            Actions.Slope(raw, action, slope, -(float)_options.EntropyCoefficient * share, _policyPass.OutputGradient.Slice(i * _policyPass.OutputStride, Actions.Inputs), batch.Mask(i));
            valueLoss += ValueSlope(_valuePass.Output[i * _valuePass.OutputStride], batch.Values[i], batch.Returns[i], out var valueSlope);
            _valuePass.OutputGradient[i * _valuePass.OutputStride] = valueSlope * share * (float)_options.ValueCoefficient;
        }
        _policy.Backward(_policyPass);
        _value.Backward(_valuePass);
        var squares = DenseKernels.SquaredSum(_policy.GradientPointer, _policy.Length) + DenseKernels.SquaredSum(_value.GradientPointer, _value.Length);
        foreach (var gradient in Actions.FreeGradient) squares += gradient * gradient;
        return new ActorCriticFigures(policyLoss / rows, valueLoss / rows, entropy / rows, kl / rows, (double)clipped / rows, Math.Sqrt(squares));
    }

    /// <summary>Moves the parameters by the gradients of the last <see cref="Evaluate"/>, clipped over both networks.</summary>
    public void Step(double learningRate, double norm)
    {
        if (_options.ClipNorm > 0 && norm > _options.ClipNorm)
        {
            var scale = (float)(_options.ClipNorm / (norm + 1e-6));
            DenseKernels.Scale(_policy.GradientPointer, scale, _policy.Length);
            DenseKernels.Scale(_value.GradientPointer, scale, _value.Length);
            foreach (ref var gradient in Actions.FreeGradient.AsSpan()) gradient *= scale;
        }
        _policyAdam.Step(learningRate);
        _valueAdam.Step(learningRate);
        var correction1 = 1 - Math.Pow(_options.Beta1, _policyAdam.Steps);
        var correction2 = 1 - Math.Pow(_options.Beta2, _policyAdam.Steps);
        for (var i = 0; i < _freeFirst.Length; i++)
        {
            var gradient = Actions.FreeGradient[i];
            _freeFirst[i] += (gradient - _freeFirst[i]) * (float)(1 - _options.Beta1);
            _freeSecond[i] = (_freeSecond[i] * (float)_options.Beta2) + (gradient * gradient * (float)(1 - _options.Beta2));
            Actions.Free[i] -= (float)(learningRate / correction1 * _freeFirst[i] / (Math.Sqrt(_freeSecond[i] / correction2) + _options.AdamEpsilon));
        }
    }

    public void Save(Snapshot state)
    {
        SaveNetworks(state, "model/");
        state.Put("optimizer/policy/first", _policyAdam.First);
        state.Put("optimizer/policy/second", _policyAdam.Second);
        state.Put("optimizer/value/first", _valueAdam.First);
        state.Put("optimizer/value/second", _valueAdam.Second);
        state.Put("optimizer/steps", _policyAdam.Steps);
        if (_freeFirst.Length == 0) return;
        state.Put("optimizer/log_std/first", _freeFirst);
        state.Put("optimizer/log_std/second", _freeSecond);
    }

    public void Load(Snapshot state)
    {
        LoadNetworks(state, "model/");
        state.Get("optimizer/policy/first", _policyAdam.First);
        state.Get("optimizer/policy/second", _policyAdam.Second);
        state.Get("optimizer/value/first", _valueAdam.First);
        state.Get("optimizer/value/second", _valueAdam.Second);
        _policyAdam.Steps = _valueAdam.Steps = (long)state.Number("optimizer/steps");
        if (_freeFirst.Length == 0) return;
        state.Get("optimizer/log_std/first", _freeFirst);
        state.Get("optimizer/log_std/second", _freeSecond);
    }

    public void SavePolicy(Snapshot state) => SaveNetworks(state, "");

    public void LoadPolicy(Snapshot state) => LoadNetworks(state, "");

    private void SaveNetworks(Snapshot state, string prefix)
    {
        MlpStateDict.Save(_policy, state, prefix + "policy.");
        MlpStateDict.Save(_value, state, prefix + "value.");
        if (Actions.Free.Length > 0) state.Put(prefix + "log_std", Actions.Free);
    }

    private void LoadNetworks(Snapshot state, string prefix)
    {
        MlpStateDict.Load(_policy, state, prefix + "policy.");
        MlpStateDict.Load(_value, state, prefix + "value.");
        if (Actions.Free.Length > 0) state.Get(prefix + "log_std", Actions.Free);
    }

    private double ValueSlope(float value, float old, float goal, out float slope)
    {
        var error = value - goal;
        slope = 2 * error;
        if (_options.ValueClipRange == 0) return error * error;
        var range = (float)_options.ValueClipRange;
        var moved = Math.Clamp(value - old, -range, range);
        var bounded = old + moved - goal;
        if (bounded * bounded <= error * error) return error * error;
        // The bound holds the value: it counts, but moving the value does not change it.
        slope = MathF.Abs(value - old) < range ? 2 * bounded : 0;
        return bounded * bounded;
    }
}
