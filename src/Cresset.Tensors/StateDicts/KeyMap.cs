namespace Cresset.Tensors;

/// <summary>
/// Renames the keys of a foreign checkpoint, rule after rule, each seeing what the one before it made.
/// A rule that answers null drops the key.
/// </summary>
/// <example><code>var map = KeyMap.Identity.StripPrefix("model.").Rename("gamma", "weight").Drop("optimizer.");</code></example>
public sealed class KeyMap
{
    private readonly Func<string, string?>[] _rules;

    private KeyMap(Func<string, string?>[] rules) => _rules = rules;

    /// <summary>Keeps every key.</summary>
    public static KeyMap Identity { get; } = new([]);

    /// <summary>Removes a prefix where it is there.</summary>
    public KeyMap StripPrefix(string prefix) => Then(key => key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : key);

    /// <summary>Puts a prefix before every key.</summary>
    public KeyMap AddPrefix(string prefix) => Then(key => prefix + key);

    /// <summary>Keeps only keys with this prefix, without it.</summary>
    public KeyMap Only(string prefix) => Then(key => key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : null);

    /// <summary>Replaces a prefix by another.</summary>
    public KeyMap RenamePrefix(string from, string to) =>
        Then(key => key.StartsWith(from, StringComparison.Ordinal) ? to + key[from.Length..] : key);

    /// <summary>Replaces whole dot-separated parts: <c>Rename("gamma", "weight")</c> turns "norm.gamma" into "norm.weight".</summary>
    public KeyMap Rename(string from, string to) =>
        Then(key => ("." + key + ".").Replace($".{from}.", $".{to}.", StringComparison.Ordinal)[1..^1]);

    /// <summary>Drops keys with this prefix.</summary>
    public KeyMap Drop(string prefix) => Then(key => key.StartsWith(prefix, StringComparison.Ordinal) ? null : key);

    /// <summary>Adds any rule.</summary>
    public KeyMap Then(Func<string, string?> rule) => new([.. _rules, rule]);

    /// <summary>The new key, or null when a rule dropped it.</summary>
    public string? Apply(string key)
    {
        string? current = key;
        foreach (var rule in _rules)
        {
            current = rule(current);
            if (current is null) return null;
        }
        return current;
    }
}
