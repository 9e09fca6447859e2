using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>A policy and a value network with their optimizers; losses and gradients written out, nothing allocated per update.</summary>
internal sealed class ActorCritic : INetworkState, IDisposable
{
    private readonly ActorCriticOptions _options;
    private readonly OutputNetwork _policy;
    private readonly OutputNetwork _value;
    private readonly float[] _freeFirst;
    private readonly float[] _freeSecond;
    private readonly float[] _advantages;
    private long _steps;

    /// <summary>Networks at their start.</summary>
    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="actions">What the policy draws from.</param>
    /// <param name="options">Layers and Adam.</param>
    /// <param name="maxRows">Most rows of a batch.</param>
    /// <param name="initial">The stream of the weights.</param>
    /// <param name="encoder">What reads observations first, made once for each network; null for fully connected layers, which are managed
    /// code where nothing is remembered.</param>
    public ActorCritic(int observationSize, ActionDistribution actions, ActorCriticOptions options, int maxRows, RandomStream initial,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
    {
        (_options, Actions) = (options, actions);
        OutputNetwork Make(int outputs, float scale) => encoder is null && options.Memory == 0
            ? new NativeOutputNetwork(observationSize, outputs, options, maxRows, initial, scale)
            : new TorchOutputNetwork(observationSize, outputs, options, maxRows, initial, scale, encoder);
        // A policy that starts out nearly indifferent explores evenly (Andrychowicz et al. 2021).
        _policy = Make(actions.Inputs, 0.01f);
        _value = Make(1, 1);
        (_freeFirst, _freeSecond) = (new float[actions.Free.Length], new float[actions.Free.Length]);
        _advantages = new float[maxRows];
    }

    public ActionDistribution Actions { get; }

    internal MlpNetwork PolicyNetwork => ((NativeOutputNetwork)_policy).Network;

    internal MlpNetwork ValueNetwork => ((NativeOutputNetwork)_value).Network;

    /// <summary>Values that each network carries from step to step; 0 where nothing is remembered.</summary>
    public int MemorySize => _policy.MemorySize;

    /// <summary>The network's output for each row; row i begins at i times the stride.</summary>
    public ReadOnlySpan<float> Policy(ReadOnlySpan<float> observations, int count, out int stride, Span<float> memory = default) =>
        _policy.Act(observations, count, memory, out stride);

    public void Values(ReadOnlySpan<float> observations, int count, Span<float> values, Span<float> memory = default)
    {
        var outputs = _value.Act(observations, count, memory, out var stride);
        for (var i = 0; i < count; i++) values[i] = outputs[i * stride];
    }

    /// <summary>Losses and gradients of a batch; the parameters stay.</summary>
    public ActorCriticFigures Evaluate(ActorCriticBatch batch)
    {
        var rows = batch.Rows;
        var advantages = _advantages.AsSpan(0, rows);
        batch.Advantages.CopyTo(advantages);
        if (_options.NormalizeAdvantages) GeneralizedAdvantage.Normalize(advantages);
        _policy.Forward(batch.Observations, rows, batch.PolicyStretches);
        _value.Forward(batch.Observations, rows, batch.ValueStretches);
        Array.Clear(Actions.FreeGradient);
        var (policyLoss, valueLoss, entropy, kl, clipped) = (0.0, 0.0, 0.0, 0.0, 0);
        var (share, clip, size) = (1f / rows, (float)_options.ClipRange, Actions.ActionSize);
        for (var i = 0; i < rows; i++)
        {
            var raw = _policy.Output(i);
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
            Actions.Slope(raw, action, slope, -(float)_options.EntropyCoefficient * share, _policy.Slope(i), batch.Mask(i));
            valueLoss += ValueSlope(_value.Output(i)[0], batch.Values[i], batch.Returns[i], out var valueSlope);
            _value.Slope(i)[0] = valueSlope * share * (float)_options.ValueCoefficient;
        }
        var squares = _policy.Backward() + _value.Backward();
        foreach (var gradient in Actions.FreeGradient) squares += gradient * gradient;
        return new ActorCriticFigures(policyLoss / rows, valueLoss / rows, entropy / rows, kl / rows, (double)clipped / rows,
            Math.Sqrt(squares));
    }

    /// <summary>Logarithms of the actions' densities and values of a batch, by the networks as they are.</summary>
    public void Judge(ActorCriticBatch batch, Span<float> logProbs, Span<float> values)
    {
        _policy.Forward(batch.Observations, batch.Rows, batch.PolicyStretches);
        _value.Forward(batch.Observations, batch.Rows, batch.ValueStretches);
        var size = Actions.ActionSize;
        for (var i = 0; i < batch.Rows; i++)
        {
            logProbs[i] = Actions.LogProb(_policy.Output(i), batch.Actions.AsSpan(i * size, size), batch.Mask(i));
            values[i] = _value.Output(i)[0];
        }
    }

    /// <summary>Moves the parameters by the gradients of the last <see cref="Evaluate"/>, clipped over both networks.</summary>
    public void Step(double learningRate, double norm)
    {
        if (_options.ClipNorm > 0 && norm > _options.ClipNorm)
        {
            var scale = (float)(_options.ClipNorm / (norm + 1e-6));
            _policy.Scale(scale);
            _value.Scale(scale);
            foreach (ref var gradient in Actions.FreeGradient.AsSpan()) gradient *= scale;
        }
        _policy.Step(learningRate);
        _value.Step(learningRate);
        _steps++;
        var correction1 = 1 - Math.Pow(_options.Beta1, _steps);
        var correction2 = 1 - Math.Pow(_options.Beta2, _steps);
        for (var i = 0; i < _freeFirst.Length; i++)
        {
            var gradient = Actions.FreeGradient[i];
            _freeFirst[i] += (gradient - _freeFirst[i]) * (float)(1 - _options.Beta1);
            _freeSecond[i] = (_freeSecond[i] * (float)_options.Beta2) + (gradient * gradient * (float)(1 - _options.Beta2));
            Actions.Free[i] -=
                (float)(learningRate / correction1 * _freeFirst[i] / (Math.Sqrt(_freeSecond[i] / correction2) + _options.AdamEpsilon));
        }
    }

    public void Save(Snapshot state)
    {
        SaveNetworks(state, "model/");
        _policy.SaveOptimizer(state, "policy");
        _value.SaveOptimizer(state, "value");
        state.Put("optimizer/steps", _steps);
        if (_freeFirst.Length == 0) return;
        state.Put("optimizer/log_std/first", _freeFirst);
        state.Put("optimizer/log_std/second", _freeSecond);
    }

    public void Load(Snapshot state)
    {
        LoadNetworks(state, "model/");
        _policy.LoadOptimizer(state, "policy");
        _value.LoadOptimizer(state, "value");
        _steps = state.Whole("optimizer/steps");
        if (_freeFirst.Length == 0) return;
        state.Get("optimizer/log_std/first", _freeFirst);
        state.Get("optimizer/log_std/second", _freeSecond);
    }

    public void SavePolicy(Snapshot state) => SaveNetworks(state, "");

    public void LoadPolicy(Snapshot state) => LoadNetworks(state, "");

    public void Dispose()
    {
        _policy.Dispose();
        _value.Dispose();
    }

    private void SaveNetworks(Snapshot state, string prefix)
    {
        _policy.SaveNetwork(state, prefix + "policy.");
        _value.SaveNetwork(state, prefix + "value.");
        if (Actions.Free.Length > 0) state.Put(prefix + "log_std", Actions.Free);
    }

    private void LoadNetworks(Snapshot state, string prefix)
    {
        _policy.LoadNetwork(state, prefix + "policy.");
        _value.LoadNetwork(state, prefix + "value.");
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
