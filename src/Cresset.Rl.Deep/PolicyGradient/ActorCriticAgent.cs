using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// PPO and A2C: rollouts of many copies, advantages by GAE (the value of the last observation counts where an episode was cut), a few
/// passes over them (each after the first with V-trace where that is asked for), and forgotten. With a memory
/// (<see cref="ActorCriticOptions.Memory"/>) minibatches are whole stretches of copies, and gradients go back through a rollout.
/// </summary>
/// <typeparam name="TAction">int for choices, float for continuous actions (kept within their bounds when taken).</typeparam>
public sealed class ActorCriticAgent<TAction> : RolloutAgent<TAction>
    where TAction : unmanaged
{
    private readonly ActorCriticOptions _options;
    private readonly PolicyActions<TAction> _acting;
    private readonly ActorCritic _learner;
    private readonly ActorCriticBatch _rollout;
    private readonly ActorCriticBatch _part;
    private readonly int _copies;
    private readonly int _steps;
    private readonly float[] _rewards;
    private readonly float[] _nextValues;
    private readonly bool[] _terminated;
    private readonly bool[] _truncated;
    private readonly float[] _values;
    private readonly int[] _order;
    private readonly TAction[] _taken;
    private readonly int[] _copyOrder;
    private readonly float[] _policyMemory;
    private readonly float[] _valueMemory;
    private readonly bool[] _begins;
    private readonly float[] _ratios;
    private readonly float[] _judged;

    /// <summary>An agent at the start of its first episodes.</summary>
    /// <param name="environments">Copies to learn in, with <see cref="AutoresetMode.SameStep"/>; the agent resets and steps them.</param>
    /// <param name="options">Settings.</param>
    /// <param name="seed">Fixes environments, weights, exploration and order of learning.</param>
    /// <param name="encoder">Makes what reads observations [batch, size] into features [batch, n], instead of the built-in encoders
    /// (libtorch); called once for the policy and once for the values.</param>
    /// <exception cref="ArgumentException">A rollout (with a memory: its copies) does not divide into the minibatches, or the environments
    /// do not fit.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public ActorCriticAgent(VectorEnvironment<float, TAction> environments, ActorCriticOptions options, ulong seed,
        Func<nn.Module<Tensor, Tensor>>? encoder = null)
        : base(environments, seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.ThrowIfInvalid();
        _acting = new PolicyActions<TAction>(environments, options.InitialLogDeviation);
        (_copies, _steps) = (environments.Count, options.RolloutSteps);
        var total = _copies * _steps;
        if (total % options.Minibatches != 0)
            throw new ArgumentException(
                $"A rollout of {_copies} copies and {_steps} steps has {total} transitions, which {options.Minibatches} minibatches do not "
                    + $"divide.", nameof(options));
        if (options.Memory > 0 && _copies % options.Minibatches != 0)
            throw new ArgumentException(
                $"With a memory whole copies are learned from: {_copies} copies do not divide into {options.Minibatches} minibatches. "
                    + $"Change agent.minibatches or training.environments.", nameof(options));
        MemoryLimits.RefuseOwnEncoder(options.Memory, encoder);
        var size = _acting.Distribution.ActionSize;
        var stretch = options.Memory > 0 ? _steps : 0;
        ActorCriticBatch Rows(int rows) => new(rows, ObservationSize, size, _acting.MaskSize, stretch, options.Memory);
        (_rollout, _part) = (Rows(total), Rows(total / options.Minibatches));
        _learner = new ActorCritic(ObservationSize, _acting.Distribution, options, _part.Rows, Streams.Weights,
            PictureEncoder.Choose(environments.SingleObservationSpace, options.Encoder, encoder));
        (_rewards, _nextValues, _terminated, _truncated) = (new float[total], new float[total], new bool[total], new bool[total]);
        (_values, _order, _taken) = (new float[_copies], new int[total], new TAction[_copies * size]);
        (_copyOrder, _policyMemory, _valueMemory, _begins) = (new int[_copies], new float[_copies * options.Memory],
            new float[_copies * options.Memory], new bool[_copies]);
        Array.Fill(_begins, true);
        var judged = options.Advantage == AdvantageEstimator.VTrace ? total : 0;
        (_ratios, _judged) = (new float[judged], new float[judged]);
        environments.Reset(seed);
    }

    /// <inheritdoc/>
    public override string Algorithm => _options.ClipRange > 0 ? "ppo" : "a2c";

    /// <summary>One rollout and what is learned from it.</summary>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite.</exception>
    public override void Advance()
    {
        if (MemorySize > 0)
        {
            _policyMemory.CopyTo(_rollout.PolicyStretches!.Memory, 0);
            _valueMemory.CopyTo(_rollout.ValueStretches!.Memory, 0);
        }
        for (var t = 0; t < _steps; t++) Take(t);
        // A look ahead: what it remembers is taken in by the next rollout's first step.
        _learner.Values(Environments.Observations, _copies, _values, [.. _valueMemory]);
        for (var i = 0; i < _copies; i++)
        {
            var end = (i * _steps) + _steps - 1;
            if (!_terminated[end] && !_truncated[end]) _nextValues[end] = _values[i];
            var stretch = new Range(i * _steps, (i + 1) * _steps);
            GeneralizedAdvantage.Compute(
                _rewards.AsSpan()[stretch], _rollout.Values.AsSpan()[stretch], _nextValues.AsSpan()[stretch], _terminated.AsSpan()[stretch],
                _truncated.AsSpan()[stretch],
                _options.Gamma, _options.Lambda, _rollout.Advantages.AsSpan()[stretch], _rollout.Returns.AsSpan()[stretch]);
        }
        Learn();
    }

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks = default)
        => _acting.Greedy(_learner, observations, count, ObservationSize, actions, masks);

    /// <inheritdoc/>
    public override int MemorySize => _options.Memory;

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks,
        Span<float> memory)
    {
        Rollouts.CheckMemory(memory.Length, count, MemorySize);
        _acting.Greedy(_learner, observations, count, ObservationSize, actions, masks, memory);
    }

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> Identity
        => MemorySize > 0
            ? [.. base.Identity, ("gamma", _options.Gamma), ("rollout_steps", _steps), ("memory", MemorySize)]
            : [.. base.Identity, ("gamma", _options.Gamma), ("rollout_steps", _steps)];

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> PolicyIdentity => [("activation", (int)_options.Activation)];

    /// <inheritdoc/>
    public override void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.Save(state);
        if (MemorySize == 0) return;
        state.Put("agent/memory/policy", _policyMemory);
        state.Put("agent/memory/value", _valueMemory);
        state.Put("agent/memory/begins", writer =>
        {
            foreach (var begins in _begins) writer.Write(begins);
        });
    }

    /// <inheritdoc/>
    protected override void LoadAll(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        base.LoadAll(state);
        if (MemorySize == 0) return;
        state.Get("agent/memory/policy", _policyMemory);
        state.Get("agent/memory/value", _valueMemory);
        state.Get("agent/memory/begins", reader =>
        {
            for (var i = 0; i < _begins.Length; i++) _begins[i] = reader.ReadBoolean();
        });
        foreach (var copy in Environments.Lost) Forget(copy);
    }

    /// <inheritdoc/>
    public override void Report(Action<string, double> figure)
    {
        base.Report(figure);
        figure("learning_rate", _options.LearningRate.At(Step));
        foreach (var log in _acting.Distribution.Free) figure("log_deviation", log);
    }

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _learner.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>What is learned from.</summary>
    internal ActorCriticBatch Rollout => _rollout;

    private void Take(int t)
    {
        var size = _acting.Distribution.ActionSize;
        _learner.Values(Environments.Observations, _copies, _values, _valueMemory);
        var raw = _learner.Policy(Environments.Observations, _copies, out var stride, _policyMemory);
        for (var i = 0; i < _copies; i++)
        {
            // Rows lie copy after copy, so that each copy's stretch is one piece in time.
            var row = (i * _steps) + t;
            Environments.Observations.Slice(i * ObservationSize, ObservationSize)
                .CopyTo(_rollout.Observations.AsSpan(row * ObservationSize));
            _rollout.Values[row] = _values[i];
            // The value of this observation is the next value of the step before it.
            if (t > 0 && !_terminated[row - 1] && !_truncated[row - 1]) _nextValues[row - 1] = _values[i];
            var action = _rollout.Actions.AsSpan(row * size, size);
            var mask = Rollouts.Row(Environments.Masks, i, _acting.MaskSize);
            mask.CopyTo(_rollout.Masks.AsSpan(row * _acting.MaskSize));
            if (MemorySize > 0) _rollout.Begin(row, _begins[i]);
            _begins[i] = false;
            _rollout.LogProbs[row] = _acting.Distribution.Sample(raw[(i * stride)..], Streams.Exploration, action, mask);
            _acting.Take(action, _taken.AsSpan(i * size, size));
        }
        Environments.Step(_taken);
        for (var i = 0; i < _copies; i++)
        {
            var row = (i * _steps) + t;
            _rewards[row] = (float)Environments.Rewards[i];
            (_terminated[row], _truncated[row]) = (Environments.Terminated[i], Environments.Truncated[i]);
            if (_truncated[row] && !_terminated[row])
            {
                float[] remembered = [.. _valueMemory.AsSpan(i * MemorySize, MemorySize)];
                _learner.Values(Environments.FinalObservations.Slice(i * ObservationSize, ObservationSize), 1, _nextValues.AsSpan(row, 1),
                    remembered);
            }
            if (_terminated[row] || _truncated[row]) Forget(i);
            Step++;
            Episodes.Add(i, Step, Environments.RawRewards[i], _terminated[row] || _truncated[row]);
        }
    }

    private void Learn()
    {
        var rate = _options.LearningRate.At(Step);
        if (_part.Rows == _rollout.Rows)
        {
            for (var epoch = 0; epoch < _options.Epochs; epoch++)
            {
                if (epoch > 0) JudgeAgain();
                if (!Update(_rollout, rate)) return;
            }
            return;
        }
        if (MemorySize > 0)
        {
            LearnStretches(rate);
            return;
        }
        for (var i = 0; i < _order.Length; i++) _order[i] = i;
        for (var epoch = 0; epoch < _options.Epochs; epoch++)
        {
            if (epoch > 0) JudgeAgain();
            Streams.Reorder(_order);
            for (var start = 0; start < _order.Length; start += _part.Rows)
            {
                for (var k = 0; k < _part.Rows; k++) _part.CopyRow(k, _rollout, _order[start + k]);
                if (!Update(_part, rate)) return;
            }
        }
    }

    private void LearnStretches(double rate)
    {
        var each = _part.Rows / _steps;
        for (var i = 0; i < _copyOrder.Length; i++) _copyOrder[i] = i;
        for (var epoch = 0; epoch < _options.Epochs; epoch++)
        {
            if (epoch > 0) JudgeAgain();
            Streams.Reorder(_copyOrder);
            for (var start = 0; start < _copyOrder.Length; start += each)
            {
                for (var k = 0; k < each; k++) _part.CopyStretch(k, _rollout, _copyOrder[start + k]);
                if (!Update(_part, rate)) return;
            }
        }
    }

    // By now the rollout is another policy's. What lies beyond its end or a cut keeps the value that it had: its observation is gone.
    private void JudgeAgain()
    {
        if (_options.Advantage != AdvantageEstimator.VTrace) return;
        for (var start = 0; start < _rollout.Rows; start += _part.Rows)
        {
            if (_part.Rows != _rollout.Rows) CopyPart(start);
            _learner.Judge(_part.Rows == _rollout.Rows ? _rollout : _part, _ratios.AsSpan(start, _part.Rows),
                _judged.AsSpan(start, _part.Rows));
        }
        for (var row = 0; row < _ratios.Length; row++)
        {
            _ratios[row] = MathF.Exp(_ratios[row] - _rollout.LogProbs[row]);
            if (row % _steps > 0 && !_terminated[row - 1] && !_truncated[row - 1]) _nextValues[row - 1] = _judged[row];
        }
        for (var i = 0; i < _copies; i++)
        {
            var stretch = new Range(i * _steps, (i + 1) * _steps);
            OffPolicyReturns.VTrace(
                _ratios.AsSpan()[stretch], _rewards.AsSpan()[stretch], _judged.AsSpan()[stretch], _nextValues.AsSpan()[stretch],
                _terminated.AsSpan()[stretch], _truncated.AsSpan()[stretch], _options.Gamma, _options.Lambda, 1, 1,
                _rollout.Returns.AsSpan()[stretch], _rollout.Advantages.AsSpan()[stretch]);
        }
        for (var row = 0; row < _ratios.Length; row++)
        {
            // The paper's advantage is that of lambda 1; this one is GAE's where the policy has not moved.
            var isEnd = _terminated[row] || _truncated[row] || row % _steps == _steps - 1;
            var later = isEnd ? 0 : _rollout.Returns[row + 1] - _judged[row + 1];
            var error = _rewards[row] + (_terminated[row] ? 0 : _options.Gamma * _nextValues[row]) - _judged[row];
            var advantage = error + (_options.Gamma * _options.Lambda * later);
            // PPO's own ratio weighs its advantages; the plain gradient takes them weighed.
            _rollout.Advantages[row] = (float)(_options.ClipRange > 0 ? advantage : Math.Min(1, _ratios[row]) * advantage);
        }
    }

    private void CopyPart(int start)
    {
        if (MemorySize == 0)
        {
            for (var k = 0; k < _part.Rows; k++) _part.CopyRow(k, _rollout, start + k);
            return;
        }
        for (var k = 0; k < _part.Rows / _steps; k++) _part.CopyStretch(k, _rollout, (start / _steps) + k);
    }

    private void Forget(int copy)
    {
        _policyMemory.AsSpan(copy * MemorySize, MemorySize).Clear();
        _valueMemory.AsSpan(copy * MemorySize, MemorySize).Clear();
        _begins[copy] = true;
    }

    // False when the policy has moved far enough.
    private bool Update(ActorCriticBatch batch, double rate)
    {
        var figures = _learner.Evaluate(batch);
        var loss = figures.PolicyLoss + (_options.ValueCoefficient * figures.ValueLoss) - (_options.EntropyCoefficient * figures.Entropy);
        if (!double.IsFinite(loss) || !double.IsFinite(figures.Norm))
            throw new DivergenceException(Algorithm.ToUpperInvariant(), Step, double.IsFinite(loss) ? figures.Norm : loss);
        Figures.Add("loss", loss);
        Figures.Add("policy_loss", figures.PolicyLoss);
        Figures.Add("value_loss", figures.ValueLoss);
        Figures.Add("entropy", figures.Entropy);
        Figures.Add("kl", figures.Kl);
        Figures.Add("clipped", figures.Clipped);
        Figures.Add("gradient_norm", figures.Norm);
        if (_options.TargetKl > 0 && figures.Kl > 1.5 * _options.TargetKl) return false;
        _learner.Step(rate, figures.Norm);
        return true;
    }
}
