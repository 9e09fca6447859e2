using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>A random policy that is paid for its entropy, with critics of means or quantiles; gradients written out.</summary>
internal sealed class SacLearner : ContinuousLearner
{
    private readonly SacOptions _options;
    private readonly RandomStream _noise;
    private readonly FeatureEncoder? _encoder;
    private readonly SquashedPolicy _policy;
    private readonly VectorAdam _temperatureAdam = new(1);
    private readonly float[] _logTemperature = new float[1];
    private readonly double _targetEntropy;
    private readonly float[] _actions;
    private readonly float[] _nextActions;
    private readonly float[] _logProbs;
    private readonly float[] _nextLogProbs;
    private readonly float[] _gradient;
    private readonly float[] _goals;
    private readonly float[] _slope;

    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="actionSize">Values of an action.</param>
    /// <param name="copies">Copies that are acted in.</param>
    /// <param name="options">Settings.</param>
    /// <param name="initial">The stream of the weights.</param>
    /// <param name="noise">The stream of the policy's draws.</param>
    /// <param name="encoder">Reads observations first; null for none. The learner owns it.</param>
    public SacLearner(int observationSize, int actionSize, int copies, SacOptions options, RandomStream initial, RandomStream noise,
        FeatureEncoder? encoder = null)
    {
        (_options, _noise, _encoder) = (options, noise, encoder);
        if (encoder is not null) observationSize = encoder.Features;
        _policy = options.StateDependentNoise
            ? new StateDependentPolicy(observationSize, actionSize, copies, options, initial)
            : new GaussianPolicy(observationSize, actionSize, copies, options, initial);
        Critics = new CriticEnsemble(observationSize, actionSize, options, options.Critics, options.Quantiles, initial);
        _logTemperature[0] = (float)Math.Log(options.InitialTemperature);
        _targetEntropy = options.TargetEntropy ?? -actionSize;
        var batch = options.BatchSize;
        (_actions, _nextActions, _gradient) = (new float[batch * actionSize], new float[batch * actionSize], new float[batch * actionSize]);
        (_logProbs, _nextLogProbs) = (new float[batch], new float[batch]);
        (_goals, _slope) = (new float[options.Critics * options.Quantiles], new float[options.Quantiles]);
    }

    public CriticEnsemble Critics { get; }

    public double Temperature => _options.Temperature ?? Math.Exp(_logTemperature[0]);

    internal SquashedPolicy Policy => _policy;

    public override void Act(ReadOnlySpan<float> observations, int count, Span<float> actions, RandomStream? explore,
        Span<float> memory = default) =>
        _policy.Act(_encoder is null ? observations : _encoder.Act(observations, count, memory), count, actions, explore);

    public override void BeginCollecting(RandomStream random) => _policy.BeginCollecting(random);

    public override (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, LearningFigures figures,
        StretchBatch? stretches = null)
    {
        var rows = batch.Size;
        _encoder?.Encode(batch, stretches);
        var (here, after, judged) = _encoder is null ? (batch.Observations, batch.NextObservations, batch.NextObservations)
            : (_encoder.Here, _encoder.Next, _encoder.NextByTarget);
        _policy.Draw(here, rows, _noise, _actions, _logProbs, keep: true);
        var temperature = (float)Temperature;
        var entropy = 0.0;
        for (var i = 0; i < rows; i++) entropy -= _logProbs[i] / rows;
        // d -(log alpha)(log p + target) / d log alpha, at the temperature that the rest of the update uses.
        if (_options.Temperature is null) _temperatureAdam.Step(_logTemperature, [(float)(entropy - _targetEntropy)], learningRate);
        _policy.Draw(after, rows, _noise, _nextActions, _nextLogProbs, keep: false);
        Critics.ForwardTargets(judged, _nextActions, rows);
        Critics.Forward(here, batch.ActionValues, rows);
        var loss = 0.0;
        for (var i = 0; i < rows; i++)
        {
            var goals = Aim(i, batch.Returns[i], batch.Discounts[i], temperature * _nextLogProbs[i]);
            for (var c = 0; c < Critics.Count; c++) loss += Fit(c, i, goals, rows);
        }
        var norm = Critics.Step(learningRate, _encoder is null ? [] : _encoder.Slopes);
        if (_encoder is not null) norm = double.Hypot(norm, _encoder.Step(learningRate));
        Critics.Forward(here, _actions, rows);
        var value = Judge(rows);
        Critics.ActionGradient(Critics.Count, rows, _gradient);
        _policy.Improve(_gradient, rows, temperature, learningRate);
        Critics.FollowTargets(_options.TargetShare);
        _encoder?.Follow(_options.TargetShare);
        figures.Add("policy_loss", (-temperature * entropy) - value);
        figures.Add("entropy", entropy);
        figures.Add("temperature", temperature);
        return (loss, norm);
    }

    public override void Save(Snapshot state)
    {
        _encoder?.Save(state);
        _policy.Save(state);
        Critics.Save(state);
        state.Put("model/log_temperature", _logTemperature);
        _temperatureAdam.Save(state, "optimizer/temperature");
    }

    public override void Load(Snapshot state)
    {
        _encoder?.Load(state);
        _policy.Load(state);
        Critics.Load(state);
        state.Get("model/log_temperature", _logTemperature);
        _temperatureAdam.Load(state, "optimizer/temperature");
    }

    public override void SavePolicy(Snapshot state)
    {
        _encoder?.SavePolicy(state);
        _policy.SavePolicy(state);
    }

    public override void LoadPolicy(Snapshot state)
    {
        _encoder?.LoadPolicy(state);
        _policy.LoadPolicy(state);
    }

    public override void Dispose() => _encoder?.Dispose();

    // What a transition aims at: the smallest mean, or the quantiles of all critics without the largest.
    private ReadOnlySpan<float> Aim(int row, float sum, float discount, float surprise)
    {
        if (_options.Quantiles == 1)
        {
            var next = float.PositiveInfinity;
            for (var c = 0; c < Critics.Count; c++) next = MathF.Min(next, Critics.TargetValues(c, row)[0]);
            _goals[0] = sum + (discount * (next - surprise));
            return _goals.AsSpan(0, 1);
        }
        for (var c = 0; c < Critics.Count; c++) Critics.TargetValues(c, row).CopyTo(_goals.AsSpan(c * Critics.Outputs));
        return Truncate(_goals, _options.DroppedQuantiles * Critics.Count, sum, discount, surprise);
    }

    /// <summary>
    /// Goals from the pooled quantiles without the largest (Kuznetsov et al. 2020, equation 9); sorts <paramref name="quantiles"/> in
    /// place.
    /// </summary>
    internal static ReadOnlySpan<float> Truncate(float[] quantiles, int dropped, float sum, float discount, float surprise)
    {
        Array.Sort(quantiles);
        var kept = quantiles.AsSpan(0, quantiles.Length - dropped);
        foreach (ref var goal in kept) goal = sum + (discount * (goal - surprise));
        return kept;
    }

    private double Fit(int critic, int row, ReadOnlySpan<float> goals, int rows)
    {
        var values = Critics.Values(critic, row);
        var slopes = Critics.Slopes(critic, row);
        if (Critics.Outputs == 1)
        {
            var error = values[0] - goals[0];
            slopes[0] = error / rows;
            return 0.5 * error * error / rows;
        }
        // The mean over quantiles and critics, as TQC's reference has it.
        var share = 1f / (Critics.Outputs * Critics.Count * rows);
        var loss = RegressionLoss.Quantile(values, goals, 1f, _slope.AsSpan());
        for (var k = 0; k < _slope.Length; k++) slopes[k] = _slope[k] * share;
        return loss * share;
    }

    // The value of the policy's own actions, with the slopes of its negative.
    private double Judge(int rows)
    {
        var sum = 0.0;
        for (var i = 0; i < rows; i++)
        {
            if (Critics.Outputs > 1)
            {
                var share = 1f / (Critics.Outputs * Critics.Count);
                for (var c = 0; c < Critics.Count; c++)
                {
                    foreach (var value in Critics.Values(c, i)) sum += value * share / rows;
                    Critics.Slopes(c, i).Fill(-share / rows);
                }
                continue;
            }
            var least = 0;
            for (var c = 1; c < Critics.Count; c++) least = Critics.Values(c, i)[0] < Critics.Values(least, i)[0] ? c : least;
            for (var c = 0; c < Critics.Count; c++) Critics.Slopes(c, i)[0] = c == least ? -1f / rows : 0;
            sum += Critics.Values(least, i)[0] / rows;
        }
        return sum;
    }
}
