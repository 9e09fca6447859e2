using Cresset.Kernels;
using Cresset.Numerics;
using Cresset.Tensors;

namespace Cresset.Rl.Deep;

/// <summary>
/// A network with its Adam, whose loss hands in the gradient by its outputs: the policies and values of policy gradients.
/// </summary>
internal abstract class OutputNetwork : IDisposable
{
    /// <summary>Values that come out of a row.</summary>
    public abstract int Outputs { get; }

    /// <summary>Values that a row carries from one step to the next; 0 where nothing is remembered.</summary>
    public virtual int MemorySize => 0;

    /// <summary>Outputs without a way back; row i begins at i times the stride.</summary>
    /// <param name="observations">One row each.</param>
    /// <param name="count">Number of rows.</param>
    /// <param name="memory">What each row remembers, [count, MemorySize]; receives what it remembers after this step.</param>
    /// <param name="stride">Receives the distance of two rows.</param>
    public abstract ReadOnlySpan<float> Act(ReadOnlySpan<float> observations, int count, Span<float> memory, out int stride);

    /// <summary>A pass whose way back <see cref="Backward"/> goes.</summary>
    /// <param name="observations">One row each.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="stretches">How the rows follow each other in time; read where something is remembered.</param>
    public abstract void Forward(ReadOnlySpan<float> observations, int rows, Stretches? stretches = null);

    /// <summary>What the last <see cref="Forward"/> put out for a row.</summary>
    public abstract ReadOnlySpan<float> Output(int row);

    /// <summary>Where the loss writes its gradient by that output.</summary>
    public abstract Span<float> Slope(int row);

    /// <summary>Computes the gradients of the parameters; returns the sum of their squares.</summary>
    public abstract double Backward();

    /// <summary>Multiplies the gradients.</summary>
    public abstract void Scale(float factor);

    /// <summary>One step of Adam.</summary>
    public abstract void Step(double learningRate);

    public abstract void SaveNetwork(Snapshot state, string prefix);

    public abstract void LoadNetwork(Snapshot state, string prefix);

    public abstract void SaveOptimizer(Snapshot state, string name);

    public abstract void LoadOptimizer(Snapshot state, string name);

    public virtual void Dispose()
    {
    }
}

/// <summary>Fully connected layers in managed vector code.</summary>
internal sealed unsafe class NativeOutputNetwork : OutputNetwork
{
    private readonly MlpAdam _adam;
    private readonly MlpWorkspace _pass;
    private MlpWorkspace _acting;

    public NativeOutputNetwork(int observationSize, int outputs, ActorCriticOptions options, int maxRows, RandomStream initial,
        float outputScale)
    {
        Network =
            new MlpNetwork(
                new MlpShape { Inputs = observationSize, Hidden = options.Hidden, Activation = options.Activation, Outputs = outputs },
                initial);
        if (outputScale != 1)
        {
            foreach (ref var weight in Network.Parameters[Network.Layers[^1].Weight..]) weight *= outputScale;
            Network.ParametersChanged();
        }
        _adam = new MlpAdam(Network, options.Beta1, options.Beta2, options.AdamEpsilon);
        _pass = Network.CreateWorkspace(maxRows);
        _acting = Network.CreateWorkspace(1, withGradients: false);
    }

    public MlpNetwork Network { get; }

    public override int Outputs => Network.Shape.Outputs;

    public override ReadOnlySpan<float> Act(ReadOnlySpan<float> observations, int count, Span<float> memory, out int stride)
    {
        if (count > _acting.MaxRows) _acting = Network.CreateWorkspace(count, withGradients: false);
        Network.Forward(_acting, observations, count);
        stride = _acting.OutputStride;
        return _acting.Output;
    }

    public override void Forward(ReadOnlySpan<float> observations, int rows, Stretches? stretches = null) =>
        Network.Forward(_pass, observations, rows);

    public override ReadOnlySpan<float> Output(int row) => _pass.Output.Slice(row * _pass.OutputStride, Outputs);

    public override Span<float> Slope(int row) => _pass.OutputGradient.Slice(row * _pass.OutputStride, Outputs);

    public override double Backward()
    {
        Network.Backward(_pass);
        return DenseKernels.SquaredSum(Network.GradientPointer, Network.Length);
    }

    public override void Scale(float factor) => DenseKernels.Scale(Network.GradientPointer, factor, Network.Length);

    public override void Step(double learningRate) => _adam.Step(learningRate);

    public override void SaveNetwork(Snapshot state, string prefix) => MlpStateDict.Save(Network, state, prefix);

    public override void LoadNetwork(Snapshot state, string prefix) => MlpStateDict.Load(Network, state, prefix);

    public override void SaveOptimizer(Snapshot state, string name)
    {
        state.Put($"optimizer/{name}/first", _adam.First);
        state.Put($"optimizer/{name}/second", _adam.Second);
        // One count stands for both networks, which step together.
        state.Put("optimizer/steps", _adam.Steps);
    }

    public override void LoadOptimizer(Snapshot state, string name)
    {
        state.Get($"optimizer/{name}/first", _adam.First);
        state.Get($"optimizer/{name}/second", _adam.Second);
        _adam.Steps = state.Whole("optimizer/steps");
    }
}
