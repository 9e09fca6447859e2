using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>A policy over choices that is paid for its entropy, with critics of all choices; gradients written out.</summary>
internal sealed class DiscreteSacLearner : INetworkState, IDisposable
{
    private readonly DiscreteSacOptions _options;
    private readonly int _count;
    private readonly FeatureEncoder? _encoder;
    private readonly CategoricalActions _choices;
    private readonly MlpNetwork _policy;
    private readonly MlpAdam _adam;
    private readonly MlpWorkspace _pass;
    private readonly MlpWorkspace _nextPass;
    private readonly VectorAdam _temperatureAdam = new(1);
    private readonly float[] _logTemperature = new float[1];
    private readonly float[] _least;
    private MlpWorkspace _acting;

    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="count">Number of choices.</param>
    /// <param name="copies">Copies that are acted in.</param>
    /// <param name="options">Settings.</param>
    /// <param name="initial">The stream of the weights.</param>
    /// <param name="encoder">Reads observations first; null for none. The learner owns it.</param>
    public DiscreteSacLearner(int observationSize, int count, int copies, DiscreteSacOptions options, RandomStream initial,
        FeatureEncoder? encoder = null)
    {
        (_options, _count, _encoder, _choices) = (options, count, encoder, new CategoricalActions(count));
        if (encoder is not null) observationSize = encoder.Features;
        _policy = new MlpNetwork(new MlpShape { Inputs = observationSize, Hidden = options.Hidden, Outputs = count }, initial);
        _adam = new MlpAdam(_policy);
        _pass = _policy.CreateWorkspace(options.BatchSize);
        _nextPass = _policy.CreateWorkspace(options.BatchSize, withGradients: false);
        _acting = _policy.CreateWorkspace(copies, withGradients: false);
        Critics = new CriticEnsemble(observationSize, 0, options, options.Critics, count, initial);
        _logTemperature[0] = (float)Math.Log(options.InitialTemperature);
        _least = new float[count];
    }

    public CriticEnsemble Critics { get; }

    public double Temperature => _options.Temperature ?? Math.Exp(_logTemperature[0]);

    internal MlpNetwork Policy => _policy;

    /// <summary>Writes the choices to make: drawn while there is a stream, else the likeliest.</summary>
    /// <param name="observations">[count, observation size].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="actions">Receives one choice per row, from 0.</param>
    /// <param name="masks">Which are allowed, [count, choices]; empty where all are.</param>
    /// <param name="explore">The stream of the draws, or null.</param>
    /// <param name="memory">What each row remembers, [count, units]; receives what it remembers after this step. Empty where nothing is
    /// remembered, or where the rows are the first of their episodes.</param>
    public void Act(ReadOnlySpan<float> observations, int rows, Span<int> actions, ReadOnlySpan<bool> masks, RandomStream? explore,
        Span<float> memory = default)
    {
        if (rows > _acting.MaxRows) _acting = _policy.CreateWorkspace(rows, withGradients: false);
        _policy.Forward(_acting, _encoder is null ? observations : _encoder.Act(observations, rows, memory), rows);
        Span<float> chosen = stackalloc float[1];
        for (var i = 0; i < rows; i++)
        {
            var logits = Row(_acting, i);
            var mask = Rollouts.Row(masks, i, _count);
            if (explore is null) _choices.Mode(logits, chosen, mask);
            else _choices.Sample(logits, explore, chosen, mask);
            actions[i] = (int)chosen[0];
        }
    }

    /// <summary>One gradient step of critics, policy and temperature.</summary>
    /// <param name="batch">The transitions.</param>
    /// <param name="learningRate">Step size.</param>
    /// <param name="figures">Receives named figures.</param>
    /// <param name="stretches">The stretches that the transitions lie in, where something is remembered.</param>
    /// <returns>Loss of the critics and their gradient norm.</returns>
    public (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, LearningFigures figures,
        StretchBatch? stretches = null)
    {
        var rows = batch.Size;
        _encoder?.Encode(batch, stretches);
        var (here, after, judged) = _encoder is null ? (batch.Observations, batch.NextObservations, batch.NextObservations)
            : (_encoder.Here, _encoder.Next, _encoder.NextByTarget);
        // The whole update uses one temperature, that of its beginning.
        var temperature = (float)Temperature;
        _policy.Forward(_nextPass, after, rows);
        Critics.ForwardTargets(judged, [], rows);
        Critics.Forward(here, [], rows);
        var loss = 0.0;
        for (var i = 0; i < rows; i++)
        {
            var goal = batch.Returns[i] + (batch.Discounts[i] * SoftValue(i, batch.NextMask(i), temperature));
            for (var c = 0; c < Critics.Count; c++)
            {
                var slopes = Critics.Slopes(c, i);
                slopes.Clear();
                var error = Critics.Values(c, i)[batch.Actions[i]] - goal;
                slopes[batch.Actions[i]] = error / rows;
                loss += 0.5 * error * error / rows;
            }
        }
        var norm = Critics.Step(learningRate, _encoder is null ? [] : _encoder.Slopes);
        if (_encoder is not null) norm = double.Hypot(norm, _encoder.Step(learningRate));
        Improve(here, batch, temperature, learningRate, figures);
        Critics.FollowTargets(_options.TargetShare);
        _encoder?.Follow(_options.TargetShare);
        figures.Add("temperature", temperature);
        return (loss, norm);
    }

    public void Save(Snapshot state)
    {
        _encoder?.Save(state);
        MlpStateDict.Save(_policy, state, "model/policy.");
        state.Put("optimizer/policy/first", _adam.First);
        state.Put("optimizer/policy/second", _adam.Second);
        state.Put("optimizer/policy_steps", _adam.Steps);
        Critics.Save(state);
        state.Put("model/log_temperature", _logTemperature);
        _temperatureAdam.Save(state, "optimizer/temperature");
    }

    public void Load(Snapshot state)
    {
        _encoder?.Load(state);
        MlpStateDict.Load(_policy, state, "model/policy.");
        state.Get("optimizer/policy/first", _adam.First);
        state.Get("optimizer/policy/second", _adam.Second);
        _adam.Steps = state.Whole("optimizer/policy_steps");
        Critics.Load(state);
        state.Get("model/log_temperature", _logTemperature);
        _temperatureAdam.Load(state, "optimizer/temperature");
    }

    public void SavePolicy(Snapshot state)
    {
        _encoder?.SavePolicy(state);
        MlpStateDict.Save(_policy, state, "policy.");
    }

    public void LoadPolicy(Snapshot state)
    {
        _encoder?.LoadPolicy(state);
        MlpStateDict.Load(_policy, state, "policy.");
    }

    public void Dispose() => _encoder?.Dispose();

    // sum pi (q - alpha log pi) over what is allowed next, by the smallest of the targets' values.
    private float SoftValue(int row, ReadOnlySpan<bool> mask, float temperature)
    {
        for (var a = 0; a < _count; a++)
        {
            _least[a] = Critics.TargetValues(0, row)[a];
            for (var c = 1; c < Critics.Count; c++) _least[a] = MathF.Min(_least[a], Critics.TargetValues(c, row)[a]);
        }
        var logs = _choices.Logs(Row(_nextPass, row), mask);
        var sum = 0f;
        for (var a = 0; a < _count; a++)
        {
            var chance = MathF.Exp(logs[a]);
            if (chance > 0) sum += chance * (_least[a] - (temperature * logs[a]));
        }
        return sum;
    }

    // Down the mean of sum pi (alpha log pi - q), with the critics as they are after their step. A chance's own logarithm drops out of the
    // gradient, since the chances add up to 1: by logit j it is pi_j (alpha log pi_j - q_j - the sum).
    private void Improve(ReadOnlySpan<float> here, ReplayBatch batch, float temperature, double learningRate, LearningFigures figures)
    {
        var rows = batch.Size;
        _policy.Forward(_pass, here, rows);
        Critics.Forward(here, [], rows);
        var (loss, entropy, lack) = (0.0, 0.0, 0.0);
        for (var i = 0; i < rows; i++)
        {
            var mask = batch.Mask(i);
            var logs = _choices.Logs(Row(_pass, i), mask);
            var slopes = _pass.OutputGradient.Slice(i * _pass.OutputStride, _count);
            var (mean, surprise) = (0f, 0f);
            for (var a = 0; a < _count; a++)
            {
                var chance = MathF.Exp(logs[a]);
                slopes[a] = 0;
                if (chance == 0) continue;
                var value = Critics.Values(0, i)[a];
                for (var c = 1; c < Critics.Count; c++) value = MathF.Min(value, Critics.Values(c, i)[a]);
                slopes[a] = (temperature * logs[a]) - value;
                mean += chance * slopes[a];
                surprise += chance * logs[a];
            }
            for (var a = 0; a < _count; a++)
            {
                var chance = MathF.Exp(logs[a]);
                if (chance > 0) slopes[a] = chance * (slopes[a] - mean) / rows;
            }
            loss += mean / rows;
            entropy -= surprise / rows;
            var allowed = mask.IsEmpty ? _count : mask.Count(true);
            lack += ((_options.TargetEntropyShare * Math.Log(allowed)) + surprise) / rows;
        }
        _policy.Backward(_pass);
        _adam.Step(learningRate);
        figures.Add("policy_loss", loss);
        figures.Add("entropy", entropy);
        if (_options.Temperature is not null) return;
        // The mean of -(log alpha)(sum pi log pi + target), whose gradient by log alpha is what the entropy has too much.
        figures.Add("temperature_loss", -_logTemperature[0] * lack);
        _temperatureAdam.Step(_logTemperature, [(float)-lack], learningRate);
    }

    private ReadOnlySpan<float> Row(MlpWorkspace pass, int row) => pass.Output.Slice(row * pass.OutputStride, _count);
}
