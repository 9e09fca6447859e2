using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Looks, or reaches in, at fixed points of training. All calls come on the training thread; what a hook draws at random must not come from
/// the run's streams.
/// </summary>
public interface ITrainingHook
{
    /// <summary>The gradients of a step are complete (before clipping); the weights have not changed yet.</summary>
    void BeforeUpdate(StepContext step, nn.Module module)
    {
    }

    /// <summary>A step was done.</summary>
    /// <param name="step">The step.</param>
    /// <param name="loss">Its loss.</param>
    void AfterStep(StepContext step, double loss)
    {
    }

    /// <summary>An evaluation was done.</summary>
    void AfterEvaluation(EvaluationReport evaluation)
    {
    }

    /// <summary>A checkpoint is on disk.</summary>
    void AfterSave(Checkpoint checkpoint)
    {
    }
}
