using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>
/// Noise that is a linear function of the last hidden layer (generalized state-dependent exploration, Raffin et al. 2021): with h the
/// hidden values, S the learned deviations and E fixed normal numbers, the noise of value j is sum_h h S_hj E_hj, of variance sum_h h^2
/// S_hj^2.
/// </summary>
internal sealed class StateDependentPolicy : SquashedPolicy
{
    private const float LargestMean = 2;
    private const float Smallest = 1e-6f;
    private static readonly float LogTwoPi = (float)Math.Log(2 * Math.PI);
    private readonly int _hidden;
    private readonly float[] _logs;
    private readonly float[] _logGradients;
    private readonly VectorAdam _logAdam;
    private readonly float[] _matrices;
    private readonly float[] _normals;
    private readonly float[] _scaled;
    private readonly float[] _squares;
    private readonly float[] _noises;
    private readonly float[] _variances;
    private readonly float[] _hiddenGradient;
    private readonly int _copies;

    public StateDependentPolicy(int observationSize, int actionSize, int copies, SacOptions options, RandomStream initial)
        : base(observationSize, actionSize, actionSize, copies, options, initial)
    {
        (_hidden, _copies) = (options.Hidden[^1], copies);
        var size = _hidden * actionSize;
        (_logs, _logGradients, _normals, _scaled, _squares) = (new float[size], new float[size], new float[size], new float[size],
            new float[size]);
        Array.Fill(_logs, (float)options.InitialLogDeviation);
        _logAdam = new VectorAdam(size);
        _matrices = new float[copies * size];
        (_noises, _variances) = (new float[options.BatchSize * actionSize], new float[options.BatchSize * actionSize]);
        _hiddenGradient = new float[options.BatchSize * Network.Layers[^2].Stride];
    }

    internal float[] LogDeviations => _logs;

    internal ReadOnlySpan<float> LogGradients => _logGradients;

    public override void BeginCollecting(RandomStream random)
    {
        for (var i = 0; i < _matrices.Length; i++) _matrices[i] = MathF.Exp(_logs[i % _logs.Length]) * (float)random.NextNormal();
    }

    public override void Save(Snapshot state)
    {
        base.Save(state);
        state.Put("model/log_std", _logs);
        state.Put("learner/exploration", _matrices);
        _logAdam.Save(state, "optimizer/log_std");
    }

    public override void Load(Snapshot state)
    {
        base.Load(state);
        state.Get("model/log_std", _logs);
        state.Get("learner/exploration", _matrices);
        _logAdam.Load(state, "optimizer/log_std");
    }

    protected override void Explore(MlpWorkspace pass, int row, Span<float> before, RandomStream? explore)
    {
        var hidden = Hidden(pass, row);
        for (var j = 0; j < ActionSize; j++)
        {
            before[j] = Mean(pass, row, j);
            if (explore is null) continue;
            var matrix = _matrices.AsSpan(row % _copies * _logs.Length, _logs.Length);
            for (var h = 0; h < _hidden; h++) before[j] += hidden[h] * matrix[(h * ActionSize) + j];
        }
    }

    // One matrix serves the observations and the next ones of an update.
    protected override void BeginDraw(RandomStream noise, bool keep)
    {
        if (!keep) return;
        for (var i = 0; i < _normals.Length; i++)
        {
            _normals[i] = (float)noise.NextNormal();
            var deviation = MathF.Exp(_logs[i]);
            (_scaled[i], _squares[i]) = (deviation * _normals[i], deviation * deviation);
        }
    }

    protected override float DrawRow(MlpWorkspace pass, int row, RandomStream noise, Span<float> before, bool keep)
    {
        var hidden = Hidden(pass, row);
        var log = 0f;
        for (var j = 0; j < ActionSize; j++)
        {
            var (sum, variance) = (0f, Smallest);
            for (var h = 0; h < _hidden; h++)
            {
                sum += hidden[h] * _scaled[(h * ActionSize) + j];
                variance += hidden[h] * hidden[h] * _squares[(h * ActionSize) + j];
            }
            before[j] = Mean(pass, row, j) + sum;
            log -= 0.5f * ((sum * sum / variance) + MathF.Log(variance) + LogTwoPi);
            if (keep) (_noises[(row * ActionSize) + j], _variances[(row * ActionSize) + j]) = (sum, variance);
        }
        return log;
    }

    protected override void BeginSlopes(int rows)
    {
        Array.Clear(_logGradients);
        Array.Clear(_hiddenGradient);
    }

    protected override void SlopeRow(int row, ReadOnlySpan<float> slopes, float share)
    {
        var hidden = Hidden(Pass, row);
        var gradient = Pass.OutputGradient.Slice(row * Pass.OutputStride, ActionSize);
        var toHidden = _hiddenGradient.AsSpan(row * Network.Layers[^2].Stride, _hidden);
        for (var j = 0; j < ActionSize; j++)
        {
            gradient[j] = MathF.Abs(Pass.Output[(row * Pass.OutputStride) + j]) <= LargestMean ? slopes[j] : 0;
            var (noise, variance) = (_noises[(row * ActionSize) + j], _variances[(row * ActionSize) + j]);
            var byNoise = slopes[j] - (share * noise / variance);
            var byVariance = share * 0.5f * ((noise * noise / variance) - 1) / variance;
            for (var h = 0; h < _hidden; h++)
            {
                var at = (h * ActionSize) + j;
                var value = hidden[h];
                toHidden[h] += (byNoise * _scaled[at]) + (byVariance * 2 * value * _squares[at]);
                // By the logarithm: dS = S dlogS.
                _logGradients[at] += (byNoise * value * _scaled[at]) + (byVariance * 2 * value * value * _squares[at]);
            }
        }
    }

    protected override void EndSlopes() => Network.GoBack(Pass, hiddenGradient: _hiddenGradient);

    protected override void StepFree(double learningRate) => _logAdam.Step(_logs, _logGradients, learningRate);

    private static float Mean(MlpWorkspace pass, int row, int j) =>
        Math.Clamp(pass.Output[(row * pass.OutputStride) + j], -LargestMean, LargestMean);

    private ReadOnlySpan<float> Hidden(MlpWorkspace pass, int row) => pass.Outputs[^2].Span.Slice(row * Network.Layers[^2].Stride, _hidden);
}
