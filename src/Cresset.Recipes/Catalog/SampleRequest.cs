namespace Cresset.Recipes;

/// <summary>How samples are written.</summary>
public enum SampleFormat
{
    /// <summary>Pictures to look at, many samples in one.</summary>
    Png,

    /// <summary>An animation with a frame for each sample.</summary>
    Gif,

    /// <summary>A NumPy array of all samples.</summary>
    Npy,

    /// <summary>A table with a row for each sample.</summary>
    Csv,

    /// <summary>The tensor <c>samples</c>; what each was asked for is in the metadata.</summary>
    Safetensors,
}

/// <summary>What to draw.</summary>
/// <param name="Count">Number of samples (of each class or prompt, where there are any); 0 leaves it to the model.</param>
/// <param name="Seed">Seed of the draw.</param>
/// <param name="Conditions">Prompts or class names; empty for none.</param>
/// <param name="Temperature">Where the model has one; 1 is the model as trained.</param>
/// <param name="OutputFolder">Where files go; null for the folder "samples" of the run.</param>
public sealed record SampleRequest(int Count = 0, ulong Seed = 0, IReadOnlyList<string>? Conditions = null, double Temperature = 1,
    string? OutputFolder = null)
{
    /// <summary>How the samples are written.</summary>
    public SampleFormat Format { get; init; }

    /// <summary>Tokens to draw, where the model writes texts; 0 leaves it to the model.</summary>
    public int Length { get; init; }

    /// <summary>Only so many of the likeliest tokens, where the model writes texts; 0 for all.</summary>
    public int TopK { get; init; }

    /// <summary>Only the likeliest tokens that together have this probability, where the model writes texts.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>How closely samples follow their condition, where the model has guidance; null leaves it to the model.</summary>
    public double? Guidance { get; init; }

    /// <summary>Gets each piece of a text as it is drawn.</summary>
    public Action<string>? Written { get; init; }

    /// <summary>Refuses what only models of texts can follow.</summary>
    /// <exception cref="ArgumentException">A length or a choice among tokens was asked for.</exception>
    internal void RefuseTextOptions(string job)
    {
        if (Length != 0 || TopK != 0 || TopP != 1)
            throw new ArgumentException($"'{job}' writes no text, so that --length, --top-k and --top-p do not apply; leave them out.");
    }

    /// <summary>Refuses guidance.</summary>
    /// <exception cref="ArgumentException">It was asked for.</exception>
    internal void RefuseGuidance(string job)
    {
        if (Guidance is not null) throw new ArgumentException($"'{job}' draws without guidance; leave --guidance out.");
    }

    /// <summary>Refuses what a model cannot follow; nothing that was asked for is passed over in silence.</summary>
    /// <exception cref="ArgumentException">The request has a temperature or classes, and the model takes none.</exception>
    internal void RefuseWhatIsNotTaken(string job, bool takesTemperature, bool takesConditions)
    {
        if (!takesTemperature && Temperature != 1)
        {
            throw new ArgumentException(
                string.Create(System.Globalization.CultureInfo.InvariantCulture,
                    $"'{job}' has no temperature, and {Temperature} was asked for; leave it out."));
        }
        if (!takesConditions && Conditions is { Count: > 0 } asked)
        {
            throw new ArgumentException(
                $"'{job}' draws without classes or prompts, and {string.Join(", ", asked.Select(a => $"'{a}'"))} "
                    + $"{(asked.Count == 1 ? "was" : "were")} asked for; leave {(asked.Count == 1 ? "it" : "them")} out.");
        }
    }

    /// <summary>Refuses numbers where there are films alone, which are always GIF files.</summary>
    internal void RefuseNumbers(string job)
    {
        if (Format is not (SampleFormat.Png or SampleFormat.Gif))
            throw new ArgumentException($"'{job}' draws films of episodes, no numbers; use --format gif.");
    }
}
