using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Whether a loss fits a recipe.</summary>
internal static class LossChecks
{
    /// <summary>The share of the target that classifiers give to the other classes unless told otherwise.</summary>
    public const double UsualSmoothing = 0.05;

    /// <summary>A loss over classes beside a smoothing of labels, which cross-entropy alone does, in one place.</summary>
    public static OptionChecks Smoothed(this OptionChecks checks, LossRule? loss, double labelSmoothing) => checks
        .Within(labelSmoothing, 0, 1, includeMax: false, field: "LabelSmoothing")
        .Must(labelSmoothing == UsualSmoothing || loss is CrossEntropyLossRule { LabelSmoothing: 0 }, labelSmoothing,
            $"{UsualSmoothing} beside a loss of its own",
            "Only cross-entropy smooths labels, and it has a label_smoothing too: say it in one place.", "LabelSmoothing")
        .Loss(loss, LossTarget.Classes);

    /// <summary>The loss with the smoothing of the options it stands in.</summary>
    public static LossRule WithSmoothing(this LossRule loss, double labelSmoothing)
        => loss is CrossEntropyLossRule { LabelSmoothing: 0 } plain ? plain with { LabelSmoothing = labelSmoothing } : loss;

    /// <summary>The loss must compare what the job learns and give one number.</summary>
    public static OptionChecks Loss(this OptionChecks checks, LossRule? loss, LossTarget target)
    {
        var name = loss is null ? null : PartCatalog.NameOf(loss.GetType()) ?? loss.GetType().Name;
        return checks
            .Must(loss is not null && loss.Takes == target, name, $"a loss over {target.ToString().ToLowerInvariant()}",
                "'cresset list loss' shows what each compares.", "Loss")
            .Must(loss?.Reduction != LossReduction.None, loss?.Reduction, "mean, sum or batch-mean: training needs one number",
                field: "Loss.Reduction")
            .Nested(loss, "Loss");
    }
}
