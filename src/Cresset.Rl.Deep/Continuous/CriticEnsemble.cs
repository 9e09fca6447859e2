using System.Globalization;
using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>
/// Several critics with their slowly following targets: of states and continuous actions, or, where an action has no values to be read, of
/// states alone, with an output for each choice.
/// </summary>
internal sealed class CriticEnsemble
{
    private readonly MlpNetwork[] _networks;
    private readonly MlpNetwork[] _targets;
    private readonly MlpAdam[] _adams;
    private readonly MlpWorkspace[] _passes;
    private readonly MlpWorkspace[] _targetPasses;
    private readonly int _observationSize;
    private readonly int _actionSize;
    private readonly float[] _input;

    public CriticEnsemble(int observationSize, int actionSize, OffPolicyOptions options, int count, int outputs, RandomStream initial)
    {
        (_observationSize, _actionSize, Count, Outputs) = (observationSize, actionSize, count, outputs);
        var shape = new MlpShape { Inputs = observationSize + actionSize, Hidden = options.Hidden, Outputs = outputs };
        _networks = [.. Enumerable.Range(0, count).Select(_ => new MlpNetwork(shape, initial))];
        _targets = [.. _networks.Select(_ => new MlpNetwork(shape, initial))];
        for (var i = 0; i < count; i++) _targets[i].Follow(_networks[i]);
        _adams = Array.ConvertAll(_networks, n => new MlpAdam(n));
        _passes = Array.ConvertAll(_networks, n => n.CreateWorkspace(options.BatchSize));
        _targetPasses = Array.ConvertAll(_networks, n => n.CreateWorkspace(options.BatchSize, withGradients: false));
        _input = new float[options.BatchSize * shape.Inputs];
    }

    public int Count { get; }

    /// <summary>Values that each critic puts out.</summary>
    public int Outputs { get; }

    internal IReadOnlyList<MlpNetwork> Networks => _networks;

    internal IReadOnlyList<MlpNetwork> Targets => _targets;

    public void Forward(ReadOnlySpan<float> observations, ReadOnlySpan<float> actions, int rows) =>
        Pass(_networks, _passes, observations, actions, rows);

    public void ForwardTargets(ReadOnlySpan<float> observations, ReadOnlySpan<float> actions, int rows) =>
        Pass(_targets, _targetPasses, observations, actions, rows);

    public ReadOnlySpan<float> Values(int critic, int row) => _passes[critic].Output.Slice(row * _passes[critic].OutputStride, Outputs);

    public ReadOnlySpan<float> TargetValues(int critic, int row) =>
        _targetPasses[critic].Output.Slice(row * _targetPasses[critic].OutputStride, Outputs);

    /// <summary>Where the gradient by a critic's output goes.</summary>
    public Span<float> Slopes(int critic, int row) => _passes[critic].OutputGradient.Slice(row * _passes[critic].OutputStride, Outputs);

    /// <summary>Moves the critics against the slopes; returns the root of the sum of squared gradient norms.</summary>
    /// <param name="learningRate">Step size.</param>
    /// <param name="observationGradient">The gradients by the observations are added to it, [rows, observation size]; empty where they are
    /// not wanted.</param>
    public double Step(double learningRate, Span<float> observationGradient = default)
    {
        var squares = 0.0;
        for (var i = 0; i < Count; i++)
        {
            _networks[i].Backward(_passes[i]);
            if (!observationGradient.IsEmpty) _networks[i].AddInputGradient(_passes[i], 0, _observationSize, observationGradient);
            var norm = _adams[i].Step(learningRate);
            squares += norm * norm;
        }
        return Math.Sqrt(squares);
    }

    /// <summary>
    /// The gradient by the actions that follows from the slopes of the first <paramref name="critics"/> critics; the critics stay as they
    /// are.
    /// </summary>
    /// <param name="critics">Critics whose slopes were written.</param>
    /// <param name="rows">Rows of the last pass.</param>
    /// <param name="gradient">Receives [rows, action size].</param>
    public void ActionGradient(int critics, int rows, Span<float> gradient)
    {
        gradient.Clear();
        for (var i = 0; i < critics; i++)
        {
            _networks[i].GoBack(_passes[i], parameters: false);
            _networks[i].AddInputGradient(_passes[i], _observationSize, _actionSize, gradient[..(rows * _actionSize)]);
        }
    }

    public void FollowTargets(double share)
    {
        for (var i = 0; i < Count; i++) _targets[i].Follow(_networks[i], share);
    }

    public void Save(Snapshot state)
    {
        for (var i = 0; i < Count; i++)
        {
            MlpStateDict.Save(_networks[i], state, Key("model/critic", i));
            MlpStateDict.Save(_targets[i], state, Key("target/critic", i));
            state.Put(Key("optimizer/critic", i) + "first", _adams[i].First);
            state.Put(Key("optimizer/critic", i) + "second", _adams[i].Second);
        }
        state.Put("optimizer/critic_steps", _adams[0].Steps);
    }

    public void Load(Snapshot state)
    {
        for (var i = 0; i < Count; i++)
        {
            MlpStateDict.Load(_networks[i], state, Key("model/critic", i));
            MlpStateDict.Load(_targets[i], state, Key("target/critic", i));
            state.Get(Key("optimizer/critic", i) + "first", _adams[i].First);
            state.Get(Key("optimizer/critic", i) + "second", _adams[i].Second);
            _adams[i].Steps = state.Whole("optimizer/critic_steps");
        }
    }

    private static string Key(string name, int index) => string.Create(CultureInfo.InvariantCulture, $"{name}{index}.");

    private void Pass(MlpNetwork[] networks, MlpWorkspace[] passes, ReadOnlySpan<float> observations, ReadOnlySpan<float> actions, int rows)
    {
        var width = _observationSize + _actionSize;
        for (var i = 0; i < rows; i++)
        {
            observations.Slice(i * _observationSize, _observationSize).CopyTo(_input.AsSpan(i * width));
            actions.Slice(i * _actionSize, _actionSize).CopyTo(_input.AsSpan((i * width) + _observationSize));
        }
        for (var i = 0; i < Count; i++) networks[i].Forward(passes[i], _input.AsSpan(0, rows * width), rows);
    }
}
