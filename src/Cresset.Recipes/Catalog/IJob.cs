using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>
/// Something a recipe can run: supervised training, an agent that drives itself, a study. It names its sections of options; the recipe and
/// the command line fill them. Jobs derive from <see cref="Job"/>, which begins, resumes and keeps.
/// </summary>
[PartKind("job")]
public interface IJob
{
    /// <summary>The name that a recipe's <c>job</c> key gives.</summary>
    string Name { get; }

    /// <summary>One sentence.</summary>
    string Summary { get; }

    /// <summary>Sections of the recipe with the records that hold their defaults.</summary>
    IReadOnlyList<OptionsSection> Sections { get; }

    /// <summary>What <see cref="Evaluate"/> gives, in one phrase.</summary>
    string Evaluates { get; }

    /// <summary>What <see cref="Sample"/> draws, in one phrase; null when there is nothing to draw.</summary>
    string? Samples { get; }

    /// <summary>Refuses options that are valid one by one and do not fit each other, before a run is begun.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    void Check(ResolvedRecipe recipe)
    {
    }

    /// <summary>Does the work, recording into the run; goes on where an earlier process was stopped or killed.</summary>
    JobOutcome Run(JobContext context);

    /// <summary>The figures of what the run brought.</summary>
    JobOutcome Evaluate(JobContext context);

    /// <summary>Draws from what the run brought.</summary>
    /// <exception cref="NotSupportedException">There is nothing to draw from this kind of model.</exception>
    JobOutcome Sample(JobContext context, SampleRequest request);
}

/// <summary>A section of a recipe.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Defaults">The record with its default values.</param>
public sealed record OptionsSection(string Name, IOptionsRecord Defaults);
