using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>The Q-learner over <see cref="MlpNetwork"/>: every loss with its gradient written out, nothing allocated per update.</summary>
internal sealed class NativeQLearner : QLearner
{
    private readonly DqnOptions _options;
    private readonly HeadLayout _head;
    private readonly RandomStream _noise;
    private readonly MlpNetwork _online;
    private readonly MlpNetwork _target;
    private readonly MlpAdam _adam;
    private readonly MlpWorkspace _onlinePass;
    private readonly MlpWorkspace _targetPass;
    private readonly MlpWorkspace _herePass;
    private readonly float[] _cells;
    private readonly float[] _nextCells;
    private readonly float[] _goals;
    private readonly float[] _gradient;
    private readonly float[] _means;
    private readonly float[] _atoms;
    private readonly float[] _errors;
    private MlpWorkspace _acting;

    public NativeQLearner(int observationSize, int actions, DqnOptions options, RandomStream initial, RandomStream noise)
    {
        _options = options;
        _noise = noise;
        _head = new HeadLayout(actions, options.Values == ValueKind.Mean ? 1 : options.Atoms, options.Dueling);
        var shape = new MlpShape
        {
            Inputs = observationSize,
            Hidden = options.Hidden,
            Outputs = _head.Raw,
            LayerNorm = options.LayerNorm,
            Noisy = options.Noisy,
            NoiseScale = options.NoiseScale,
        };
        _online = new MlpNetwork(shape, initial);
        _target = new MlpNetwork(shape, initial);
        _target.Follow(_online);
        _adam = new MlpAdam(_online, epsilon: options.AdamEpsilon);
        _onlinePass = _online.CreateWorkspace(options.BatchSize);
        _targetPass = _online.CreateWorkspace(options.BatchSize, withGradients: false);
        _herePass = options.Munchausen ? _online.CreateWorkspace(options.BatchSize, withGradients: false) : _targetPass;
        _acting = _online.CreateWorkspace(1, withGradients: false);
        _cells = new float[_head.Cells];
        _nextCells = new float[_head.Cells];
        _goals = new float[options.BatchSize * _head.Atoms];
        _gradient = new float[_head.Atoms];
        _means = new float[actions];
        _errors = new float[options.BatchSize];
        _atoms = new float[_head.Atoms];
        for (var i = 0; i < _atoms.Length && _atoms.Length > 1; i++)
            _atoms[i] = CategoricalDistribution.Atom(i, (float)options.MinimumValue, (float)options.MaximumValue, _atoms.Length);
    }

    public override void Values(ReadOnlySpan<float> observations, int count, Span<float> values, bool noise, Span<float> memory = default)
    {
        if (count > _acting.MaxRows) _acting = _online.CreateWorkspace(count, withGradients: false);
        _online.Forward(_acting, observations, count, noise);
        for (var i = 0; i < count; i++)
        {
            _head.Combine(Raw(_acting, i), _cells);
            Means(_cells, values.Slice(i * _head.Actions, _head.Actions));
        }
    }

    public override (double Loss, double Norm) Update(ReplayBatch batch, double learningRate, Span<float> errors,
        Stretches? stretches = null)
    {
        Aim(batch);
        return Fit(batch.Observations, batch.Actions, batch.Weights, batch.Size, learningRate, errors);
    }

    public override (double Loss, double Norm) Regress(float[] observations, int[] actions, float[] goals, double learningRate,
        Stretches? stretches = null)
    {
        goals.CopyTo(_goals, 0);
        return Fit(observations, actions, [], actions.Length, learningRate, _errors);
    }

    public override void DrawNoise()
    {
        _online.DrawNoise(_noise);
        _target.DrawNoise(_noise);
    }

    public override void FollowTarget(double share) => _target.Follow(_online, share);

    public override void Save(Snapshot state)
    {
        MlpStateDict.Save(_online, state, "model/");
        MlpStateDict.Save(_target, state, "target/");
        state.Put("optimizer/first", _adam.First);
        state.Put("optimizer/second", _adam.Second);
        state.Put("optimizer/steps", _adam.Steps);
        if (!_options.Noisy) return;
        for (var i = 0; i < _online.Layers.Length; i++)
        {
            state.Put($"noise/online/{i}", _online.NoiseOf(i));
            state.Put($"noise/target/{i}", _target.NoiseOf(i));
        }
    }

    public override void Load(Snapshot state)
    {
        state.Get("optimizer/first", _adam.First);
        state.Get("optimizer/second", _adam.Second);
        _adam.Steps = (long)state.Number("optimizer/steps");
        for (var i = 0; i < _online.Layers.Length && _options.Noisy; i++)
        {
            state.Get($"noise/online/{i}", _online.NoiseOf(i));
            state.Get($"noise/target/{i}", _target.NoiseOf(i));
        }
        MlpStateDict.Load(_online, state, "model/");
        MlpStateDict.Load(_target, state, "target/");
    }

    public override void SavePolicy(Snapshot state) => MlpStateDict.Save(_online, state);

    public override void LoadPolicy(Snapshot state) => MlpStateDict.Load(_online, state);

    public override void Dispose()
    {
    }

    // What each transition aims at: a value, a projected distribution, or samples of one.
    private void Aim(ReplayBatch batch)
    {
        if (_options.Double) _online.Forward(_onlinePass, batch.NextObservations, batch.Size);
        if (_options.Munchausen) _target.Forward(_herePass, batch.Observations, batch.Size);
        _target.Forward(_targetPass, batch.NextObservations, batch.Size);
        for (var i = 0; i < batch.Size; i++)
        {
            var goal = _goals.AsSpan(i * _head.Atoms, _head.Atoms);
            var (sum, discount) = (batch.Returns[i], batch.Discounts[i]);
            _head.Combine(Raw(_targetPass, i), _nextCells);
            if (_options.Munchausen)
            {
                _head.Combine(Raw(_herePass, i), _cells);
                goal[0] = QTargets.Munchausen<float>(sum, discount, _cells, batch.Actions[i], _nextCells, (float)_options.MunchausenAlpha,
                    (float)_options.MunchausenTau, (float)_options.MunchausenClip,
                    batch.Mask(i), batch.NextMask(i));
                continue;
            }
            var chooser = _nextCells;
            if (_options.Double)
            {
                _head.Combine(Raw(_onlinePass, i), _cells);
                chooser = _cells;
            }
            Means(chooser, _means);
            var next = _nextCells.AsSpan(QTargets.ArgMax<float>(_means, batch.NextMask(i)) * _head.Atoms, _head.Atoms);
            if (_options.Values == ValueKind.Categorical)
            {
                // Double leaves the target's logits as they are; without it Means has not touched them either.
                CategoricalDistribution.Softmax(next);
                CategoricalDistribution.Project<float>(sum, discount, next, (float)_options.MinimumValue, (float)_options.MaximumValue,
                    goal);
                continue;
            }
            for (var k = 0; k < goal.Length; k++) goal[k] = sum + (discount * next[k]);
        }
    }

    private (double Loss, double Norm) Fit(ReadOnlySpan<float> observations, ReadOnlySpan<int> actions, ReadOnlySpan<float> weights,
        int count, double learningRate, Span<float> errors)
    {
        _online.Forward(_onlinePass, observations, count);
        var loss = 0.0;
        for (var i = 0; i < count; i++)
        {
            _head.Combine(Raw(_onlinePass, i), _cells);
            var predicted = _cells.AsSpan(actions[i] * _head.Atoms, _head.Atoms);
            var weight = weights.IsEmpty ? 1 : weights[i];
            loss += weight * Loss(predicted, _goals.AsSpan(i * _head.Atoms, _head.Atoms), out errors[i]);
            foreach (ref var slope in _gradient.AsSpan()) slope *= weight / count;
            _head.Spread(actions[i], _gradient, _onlinePass.OutputGradient.Slice(i * _onlinePass.OutputStride, _head.Raw));
        }
        _online.Backward(_onlinePass);
        return (loss / count, _adam.Step(learningRate, _options.ClipNorm));
    }

    private double Loss(ReadOnlySpan<float> predicted, ReadOnlySpan<float> goal, out float error)
    {
        switch (_options.Values)
        {
            case ValueKind.Categorical:
                var entropy = CategoricalDistribution.CrossEntropy(predicted, goal, _gradient);
                error = entropy;
                return entropy;
            case ValueKind.Quantile:
                var quantile = RegressionLoss.Quantile(predicted, goal, (float)_options.Kappa, _gradient);
                error = quantile;
                return quantile;
            default:
                error = predicted[0] - goal[0];
                (var loss, _gradient[0]) = _options.Loss == ValueLoss.Huber ? RegressionLoss.Huber(error, 1f)
                    : RegressionLoss.Squared(error);
                return loss;
        }
    }

    private void Means(ReadOnlySpan<float> cells, Span<float> means)
    {
        for (var a = 0; a < _head.Actions; a++)
        {
            var row = cells.Slice(a * _head.Atoms, _head.Atoms);
            switch (_options.Values)
            {
                case ValueKind.Categorical:
                    means[a] = SoftmaxMean(row);
                    break;
                case ValueKind.Quantile:
                    var sum = 0f;
                    foreach (var value in row) sum += value;
                    means[a] = sum / row.Length;
                    break;
                default:
                    means[a] = row[0];
                    break;
            }
        }
    }

    private float SoftmaxMean(ReadOnlySpan<float> logits)
    {
        var best = logits[0];
        foreach (var logit in logits) best = MathF.Max(best, logit);
        var (mass, sum) = (0f, 0f);
        for (var i = 0; i < logits.Length; i++)
        {
            var weight = MathF.Exp(logits[i] - best);
            mass += weight;
            sum += weight * _atoms[i];
        }
        return sum / mass;
    }

    private ReadOnlySpan<float> Raw(MlpWorkspace pass, int row) => pass.Output.Slice(row * pass.OutputStride, _head.Raw);
}
