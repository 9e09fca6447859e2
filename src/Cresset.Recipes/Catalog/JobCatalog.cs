namespace Cresset.Recipes;

/// <summary>All jobs that recipes can name. A new one is added here and nowhere else.</summary>
public static class JobCatalog
{
    /// <summary>The jobs, in the order in which they are listed.</summary>
    public static IReadOnlyList<IJob> All { get; } =
    [
        new Sd3MiniatureJob(),
        new Sd3FineTuneJob(),
        new DigitsClassifierJob(),
        new PlaneFlowJob(),
        new DigitsFlowJob(),
        new MatchingJob(),
        new GenerativeComparisonJob(),
        new ActivationStudyJob(),
        new EspcnJob(),
        new SegmentationStudyJob(),
        new TokenizerJob(),
        new CodePriorJob(),
        new VqAnatomyJob(),
        new RlSolveJob(),
        new LearningCurvesJob(),
        new WalkSweepJob(),
        new BairdJob(),
        new DqnJob(),
        new PqnJob(),
        new ActorCriticJob(),
        new ReinforceJob(),
    ];
}
