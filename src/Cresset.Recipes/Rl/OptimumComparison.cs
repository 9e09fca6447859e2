using Cresset.Rl;

namespace Cresset.Recipes;

/// <summary>How far a learned policy is from the optimum of the known model.</summary>
internal static class OptimumComparison
{
    /// <summary>
    /// Share of states with an optimal action and the largest error of a value; nothing where there is no model or no optimum.
    /// </summary>
    public static IEnumerable<(string Name, double Value)> Of(RlSolveOptions options, SolvedPolicy policy)
    {
        var environment = options.Environment;
        if (environment.CreateTable()?.Model is not { } model || policy.Actions.Length != model.StateCount) yield break;
        PlanningResult optimum;
        try
        {
            optimum = ValueIteration.Solve(model, new() { Gamma = options.Gamma, MaxIterations = 20_000 });
        }
        catch (DivergenceException)
        {
            yield break;
        }
        if (!optimum.HasConverged) yield break;
        var best = Bellman.OptimalActions(model, optimum.Values, options.Gamma);
        var (states, agree, error) = (0, 0, 0.0);
        var blackjack = environment.Make() is Blackjack;
        for (var s = 0; s < model.StateCount; s++)
        {
            if (model.IsAbsorbing(s) || (blackjack && !IsDecision(s))) continue;
            states++;
            agree += best[s].Contains(policy.Actions[s]) ? 1 : 0;
            error = Math.Max(error, Math.Abs(policy.Values[s] - optimum.Values[s]));
        }
        if (states == 0) yield break;
        yield return ("optimal_actions", (double)agree / states);
        yield return ("largest_value_error", error);
    }

    // Below a sum of 12 the player cannot go bust: the book draws only the 200 states above.
    private static bool IsDecision(int state)
    {
        for (var dealer = 1; dealer <= 10; dealer++)
        {
            for (var sum = 12; sum <= 21; sum++)
            {
                if (BlackjackModel.State(sum, dealer, false) == state || BlackjackModel.State(sum, dealer, true) == state) return true;
            }
        }
        return false;
    }
}
