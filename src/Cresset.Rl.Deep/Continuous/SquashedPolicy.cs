using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>A policy whose actions are the tanh of something random, so that they lie in [-1, 1].</summary>
internal abstract class SquashedPolicy
{
    private readonly MlpAdam _adam;
    private MlpWorkspace _acting;

    protected SquashedPolicy(int observationSize, int actionSize, int outputs, int copies, SacOptions options, RandomStream initial)
    {
        ActionSize = actionSize;
        Network = new MlpNetwork(new MlpShape { Inputs = observationSize, Hidden = options.Hidden, Outputs = outputs }, initial);
        _adam = new MlpAdam(Network);
        Pass = Network.CreateWorkspace(options.BatchSize);
        NextPass = Network.CreateWorkspace(options.BatchSize, withGradients: false);
        _acting = Network.CreateWorkspace(copies, withGradients: false);
        (Before, Actions) = (new float[options.BatchSize * actionSize], new float[options.BatchSize * actionSize]);
    }

    public int ActionSize { get; }

    internal MlpNetwork Network { get; }

    /// <summary>The pass that the way back follows.</summary>
    protected MlpWorkspace Pass { get; }

    protected MlpWorkspace NextPass { get; }

    /// <summary>What the last draw with a way back put into tanh, [rows, action size].</summary>
    protected float[] Before { get; }

    /// <summary>What came out of it.</summary>
    protected float[] Actions { get; }

    /// <summary>The actions to take.</summary>
    public void Act(ReadOnlySpan<float> observations, int count, Span<float> actions, RandomStream? explore)
    {
        if (count > _acting.MaxRows) _acting = Network.CreateWorkspace(count, withGradients: false);
        Network.Forward(_acting, observations, count);
        for (var i = 0; i < count; i++) Explore(_acting, i, actions.Slice(i * ActionSize, ActionSize), explore);
        foreach (ref var action in actions[..(count * ActionSize)]) action = MathF.Tanh(action);
    }

    /// <summary>Draws an action for each observation with the logarithm of its density.</summary>
    /// <param name="observations">[rows, observation size].</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="noise">The stream.</param>
    /// <param name="actions">Receives [rows, action size].</param>
    /// <param name="logProbs">Receives [rows].</param>
    /// <param name="keep">Whether <see cref="Improve"/> will follow.</param>
    public void Draw(ReadOnlySpan<float> observations, int rows, RandomStream noise, Span<float> actions, Span<float> logProbs, bool keep)
    {
        var pass = keep ? Pass : NextPass;
        Network.Forward(pass, observations, rows);
        BeginDraw(noise, keep);
        Span<float> before = stackalloc float[ActionSize];
        for (var i = 0; i < rows; i++)
        {
            logProbs[i] = DrawRow(pass, i, noise, before, keep);
            for (var j = 0; j < ActionSize; j++)
            {
                var action = MathF.Tanh(before[j]);
                logProbs[i] -= SquashedGaussian.LogSlope(before[j]);
                actions[(i * ActionSize) + j] = action;
                if (keep) (Before[(i * ActionSize) + j], Actions[(i * ActionSize) + j]) = (before[j], action);
            }
        }
    }

    /// <summary>One step down the mean of temperature * log density + loss of the action, for the last draw that was kept.</summary>
    /// <param name="actionGradient">The loss's gradient by the actions, [rows, action size], divided by the rows already.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="temperature">Weight of the entropy.</param>
    /// <param name="learningRate">Step size.</param>
    public void Improve(ReadOnlySpan<float> actionGradient, int rows, float temperature, double learningRate)
    {
        ComputeGradients(actionGradient, rows, temperature);
        _adam.Step(learningRate);
        StepFree(learningRate);
    }

    /// <summary>The gradients of <see cref="Improve"/>, without the step.</summary>
    internal void ComputeGradients(ReadOnlySpan<float> actionGradient, int rows, float temperature)
    {
        Span<float> slopes = stackalloc float[ActionSize];
        BeginSlopes(rows);
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < ActionSize; j++)
            {
                var (at, action) = ((i * ActionSize) + j, Actions[(i * ActionSize) + j]);
                // d tanh(u) / du = 1 - a^2; d -log(1 - tanh(u)^2) / du = 2 a.
                slopes[j] = (actionGradient[at] * (1 - (action * action))) + (temperature / rows * 2 * action);
            }
            SlopeRow(i, slopes, temperature / rows);
        }
        EndSlopes();
    }

    /// <summary>Writes what goes into tanh for acting: the mean, with exploration when there is a stream.</summary>
    protected abstract void Explore(MlpWorkspace pass, int row, Span<float> before, RandomStream? explore);

    /// <summary>Prepares for the rows of a draw.</summary>
    protected virtual void BeginDraw(RandomStream noise, bool keep)
    {
    }

    /// <summary>Draws what goes into tanh for a row and returns the logarithm of its density.</summary>
    protected abstract float DrawRow(MlpWorkspace pass, int row, RandomStream noise, Span<float> before, bool keep);

    /// <summary>Prepares for the rows of a way back.</summary>
    protected virtual void BeginSlopes(int rows)
    {
    }

    /// <summary>
    /// Writes the output's gradient of a row from that by what went into tanh; <paramref name="share"/> weighs the density before tanh.
    /// </summary>
    protected abstract void SlopeRow(int row, ReadOnlySpan<float> slopes, float share);

    /// <summary>The way back through the network.</summary>
    protected virtual void EndSlopes() => Network.Backward(Pass);

    /// <summary>Moves parameters that belong to no network.</summary>
    protected virtual void StepFree(double learningRate)
    {
    }

    /// <summary>Collecting begins anew.</summary>
    public virtual void BeginCollecting(RandomStream random)
    {
    }

    public virtual void Save(Snapshot state)
    {
        MlpStateDict.Save(Network, state, "model/policy.");
        state.Put("optimizer/policy/first", _adam.First);
        state.Put("optimizer/policy/second", _adam.Second);
        state.Put("optimizer/policy_steps", _adam.Steps);
    }

    public virtual void Load(Snapshot state)
    {
        MlpStateDict.Load(Network, state, "model/policy.");
        state.Get("optimizer/policy/first", _adam.First);
        state.Get("optimizer/policy/second", _adam.Second);
        _adam.Steps = state.Whole("optimizer/policy_steps");
    }

    public void SavePolicy(Snapshot state) => MlpStateDict.Save(Network, state, "policy.");

    public void LoadPolicy(Snapshot state) => MlpStateDict.Load(Network, state, "policy.");
}
