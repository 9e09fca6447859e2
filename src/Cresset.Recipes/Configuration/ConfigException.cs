namespace Cresset.Recipes;

/// <summary>A recipe or an override says something that is not allowed. The message names file, line, key and the likely fix.</summary>
public sealed class ConfigException : Exception
{
    /// <summary>Makes the exception for a place.</summary>
    public ConfigException(ConfigSource source, string message)
        : base($"{source}: {message}") => Source = source;

    /// <summary>Makes the exception for several places.</summary>
    public ConfigException(IReadOnlyList<(ConfigSource Source, string Message)> problems)
        : base(string.Join(Environment.NewLine, problems.Select(p => $"{p.Source}: {p.Message}"))) => Source = problems[0].Source;

    /// <summary>Where the first problem stands.</summary>
    public new ConfigSource Source { get; }
}

/// <summary>Where a value was written.</summary>
/// <param name="File">The file; "command line" for an override.</param>
/// <param name="Line">From 1; 0 where lines mean nothing.</param>
public sealed record ConfigSource(string File, int Line)
{
    /// <summary>The source of values that stand in no file.</summary>
    public static ConfigSource CommandLine { get; } = new("command line", 0);

    /// <inheritdoc/>
    public override string ToString() => Line > 0 ? $"{File}, line {Line}" : File;
}
