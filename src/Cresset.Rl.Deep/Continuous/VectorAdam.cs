using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>Adam over a few numbers that belong to no network.</summary>
internal sealed class VectorAdam(int length)
{
    private readonly float[] _first = new float[length];
    private readonly float[] _second = new float[length];
    private long _steps;

    public void Step(Span<float> values, ReadOnlySpan<float> gradients, double learningRate)
    {
        const double Beta1 = 0.9, Beta2 = 0.999, Epsilon = 1e-8;
        _steps++;
        var (correction1, correction2) = (1 - Math.Pow(Beta1, _steps), 1 - Math.Pow(Beta2, _steps));
        for (var i = 0; i < values.Length; i++)
        {
            _first[i] += (gradients[i] - _first[i]) * (float)(1 - Beta1);
            _second[i] += ((gradients[i] * gradients[i]) - _second[i]) * (float)(1 - Beta2);
            values[i] -= (float)(learningRate / correction1 * _first[i] / (Math.Sqrt(_second[i] / correction2) + Epsilon));
        }
    }

    public void Save(Snapshot state, string name)
    {
        state.Put($"{name}/first", _first);
        state.Put($"{name}/second", _second);
        state.Put($"{name}/steps", _steps);
    }

    public void Load(Snapshot state, string name)
    {
        state.Get($"{name}/first", _first);
        state.Get($"{name}/second", _second);
        _steps = state.Whole($"{name}/steps");
    }
}
