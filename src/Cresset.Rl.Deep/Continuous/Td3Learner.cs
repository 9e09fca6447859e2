using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>A deterministic policy with critics; gradients written out.</summary>
internal sealed class Td3Learner : ContinuousLearner
{
    private readonly Td3Options _options;
    private readonly int _actionSize;
    private readonly RandomStream _noise;
    private readonly FeatureEncoder? _encoder;
    private readonly MlpNetwork _policy;
    private readonly MlpNetwork _target;
    private readonly MlpAdam _adam;
    private readonly MlpWorkspace _pass;
    private readonly MlpWorkspace _targetPass;
    private readonly float[] _actions;
    private readonly float[] _gradient;
    private readonly float[] _exploration;
    private MlpWorkspace _acting;
    private long _updates;

    /// <param name="observationSize">Values of an observation.</param>
    /// <param name="actionSize">Values of an action.</param>
    /// <param name="copies">Copies that are acted in.</param>
    /// <param name="options">Settings.</param>
    /// <param name="initial">The stream of the weights.</param>
    /// <param name="noise">The stream of the noise on the targets' actions.</param>
    /// <param name="encoder">Reads observations first; null for none. The learner owns it.</param>
    public Td3Learner(int observationSize, int actionSize, int copies, Td3Options options, RandomStream initial, RandomStream noise,
        FeatureEncoder? encoder = null)
    {
        (_options, _actionSize, _noise, _encoder) = (options, actionSize, noise, encoder);
        if (encoder is not null) observationSize = encoder.Features;
        var shape = new MlpShape { Inputs = observationSize, Hidden = options.Hidden, Outputs = actionSize };
        _policy = new MlpNetwork(shape, initial);
        _target = new MlpNetwork(shape, initial);
        _target.Follow(_policy);
        _adam = new MlpAdam(_policy);
        _pass = _policy.CreateWorkspace(options.BatchSize);
        _targetPass = _policy.CreateWorkspace(options.BatchSize, withGradients: false);
        _acting = _policy.CreateWorkspace(copies, withGradients: false);
        Critics = new CriticEnsemble(observationSize, actionSize, options, options.Critics, 1, initial);
        (_actions, _gradient, _exploration) = (new float[options.BatchSize * actionSize], new float[options.BatchSize * actionSize],
            new float[copies * actionSize]);
    }

    public CriticEnsemble Critics { get; }

    internal MlpNetwork Policy => _policy;

    public override void Act(ReadOnlySpan<float> observations, int count, Span<float> actions, RandomStream? explore,
        Span<float> memory = default)
    {
        if (count > _acting.MaxRows) _acting = _policy.CreateWorkspace(count, withGradients: false);
        _policy.Forward(_acting, _encoder is null ? observations : _encoder.Act(observations, count, memory), count);
        Squash(_acting, count, actions);
        if (explore is null) return;
        Span<float> noise = stackalloc float[_actionSize];
        for (var i = 0; i < count; i++)
        {
            _options.Exploration.Draw(_exploration.AsSpan(i * _actionSize, _actionSize), explore, noise);
            for (var j = 0; j < _actionSize; j++)
                actions[(i * _actionSize) + j] = Math.Clamp(actions[(i * _actionSize) + j] + noise[j], -1, 1);
        }
    }

    public override void EndEpisode(int copy) => _exploration.AsSpan(copy * _actionSize, _actionSize).Clear();

    public override (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, LearningFigures figures,
        StretchBatch? stretches = null)
    {
        var rows = batch.Size;
        _encoder?.Encode(batch, stretches);
        var (here, after) = _encoder is null ? (batch.Observations, batch.NextObservations) : (_encoder.Here, _encoder.NextByTarget);
        _target.Forward(_targetPass, after, rows);
        Squash(_targetPass, rows, _actions);
        if (_options.TargetNoise > 0)
        {
            var clip = (float)_options.TargetNoiseClip;
            foreach (ref var action in _actions.AsSpan())
                action = Math.Clamp(action + Math.Clamp((float)(_options.TargetNoise * _noise.NextNormal()), -clip, clip), -1, 1);
        }
        Critics.ForwardTargets(after, _actions, rows);
        Critics.Forward(here, batch.ActionValues, rows);
        var loss = 0.0;
        for (var i = 0; i < rows; i++)
        {
            var next = float.PositiveInfinity;
            for (var c = 0; c < Critics.Count; c++) next = MathF.Min(next, Critics.TargetValues(c, i)[0]);
            var goal = batch.Returns[i] + (batch.Discounts[i] * next);
            for (var c = 0; c < Critics.Count; c++)
            {
                var error = Critics.Values(c, i)[0] - goal;
                loss += error * error / rows;
                Critics.Slopes(c, i)[0] = 2 * error / rows;
            }
        }
        var norm = Critics.Step(learningRate, _encoder is null ? [] : _encoder.Slopes);
        if (_encoder is not null) norm = double.Hypot(norm, _encoder.Step(learningRate));
        if (++_updates % _options.PolicyDelay != 0) return (loss, norm);
        figures.Add("policy_loss", Improve(here, rows, learningRate));
        _target.Follow(_policy, _options.TargetShare);
        Critics.FollowTargets(_options.TargetShare);
        _encoder?.Follow(_options.TargetShare);
        return (loss, norm);
    }

    public override void Save(Snapshot state)
    {
        _encoder?.Save(state);
        MlpStateDict.Save(_policy, state, "model/policy.");
        MlpStateDict.Save(_target, state, "target/policy.");
        state.Put("optimizer/policy/first", _adam.First);
        state.Put("optimizer/policy/second", _adam.Second);
        state.Put("optimizer/policy_steps", _adam.Steps);
        state.Put("learner/updates", _updates);
        state.Put("learner/exploration", _exploration);
        Critics.Save(state);
    }

    public override void Load(Snapshot state)
    {
        _encoder?.Load(state);
        MlpStateDict.Load(_policy, state, "model/policy.");
        MlpStateDict.Load(_target, state, "target/policy.");
        state.Get("optimizer/policy/first", _adam.First);
        state.Get("optimizer/policy/second", _adam.Second);
        _adam.Steps = state.Whole("optimizer/policy_steps");
        _updates = state.Whole("learner/updates");
        state.Get("learner/exploration", _exploration);
        Critics.Load(state);
    }

    public override void SavePolicy(Snapshot state)
    {
        _encoder?.SavePolicy(state);
        MlpStateDict.Save(_policy, state, "policy.");
    }

    public override void LoadPolicy(Snapshot state)
    {
        _encoder?.LoadPolicy(state);
        MlpStateDict.Load(_policy, state, "policy.");
    }

    public override void Dispose() => _encoder?.Dispose();

    // Up the first critic's value: d tanh(u) / du is 1 - a^2.
    private double Improve(float[] here, int rows, double learningRate)
    {
        _policy.Forward(_pass, here, rows);
        Squash(_pass, rows, _actions);
        Critics.Forward(here, _actions, rows);
        var loss = 0.0;
        for (var i = 0; i < rows; i++)
        {
            loss -= Critics.Values(0, i)[0] / rows;
            Critics.Slopes(0, i)[0] = -1f / rows;
        }
        Critics.ActionGradient(1, rows, _gradient);
        for (var i = 0; i < rows; i++)
        {
            var slopes = _pass.OutputGradient.Slice(i * _pass.OutputStride, _actionSize);
            for (var j = 0; j < _actionSize; j++)
            {
                var action = _actions[(i * _actionSize) + j];
                slopes[j] = _gradient[(i * _actionSize) + j] * (1 - (action * action));
            }
        }
        _policy.Backward(_pass);
        _adam.Step(learningRate);
        return loss;
    }

    private void Squash(MlpWorkspace pass, int rows, Span<float> actions)
    {
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < _actionSize; j++) actions[(i * _actionSize) + j] = MathF.Tanh(pass.Output[(i * pass.OutputStride) + j]);
        }
    }
}
