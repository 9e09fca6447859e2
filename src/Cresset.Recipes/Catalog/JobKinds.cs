namespace Cresset.Recipes;

/// <summary>A job whose samples are texts.</summary>
internal interface IWritesText;

/// <summary>A job that draws with a strength of guidance that may be asked for.</summary>
internal interface IDrawsGuided;

/// <summary>A job that is one of several, by the recipe.</summary>
internal interface IChoosesJob
{
    /// <summary>The job that does the work.</summary>
    IJob Chosen(ResolvedRecipe recipe);
}

/// <summary>A job that gives no answers to files itself, though something beside it does: its tokenizer, or the policy it solved.</summary>
internal interface IAnswersThroughAnother;
