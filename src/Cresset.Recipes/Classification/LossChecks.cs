using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Whether a loss fits a recipe.</summary>
internal static class LossChecks
{
    /// <summary>The loss must compare what the job learns and give one number.</summary>
    public static OptionChecks Loss(this OptionChecks checks, LossRule? loss, LossTarget target)
    {
        var name = loss is null ? null : PartCatalog.NameOf(loss.GetType()) ?? loss.GetType().Name;
        return checks
            .Must(loss is not null && loss.Takes == target, name, $"a loss over {target.ToString().ToLowerInvariant()}", "'cresset list loss' shows what each compares.", "Loss")
            .Must(loss?.Reduction != LossReduction.None, loss?.Reduction, "mean, sum or batch-mean: training needs one number", field: "Loss.Reduction")
            .Nested(loss, "Loss");
    }
}
