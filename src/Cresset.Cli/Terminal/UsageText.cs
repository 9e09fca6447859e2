using System.CommandLine;
using System.CommandLine.Parsing;
using Cresset.Numerics;

namespace Cresset.Cli.Terminal;

/// <summary>What is wrong with a command line, in one line: the option, the word that was given, what is allowed.</summary>
internal static class UsageText
{
    /// <summary>The parser's message; where it speaks of types or lists values line by line, one of our own.</summary>
    public static string Of(ParseError error)
    {
        if (error.SymbolResult is not { } symbol) return error.Message;
        var (name, type) = symbol switch
        {
            OptionResult option => (option.Option.Name, option.Option.ValueType),
            ArgumentResult argument => (NameOf(argument), argument.Argument.ValueType),
            _ => ("", typeof(string)),
        };
        var words = symbol.Tokens.Select(t => t.Value).ToArray();
        var lines = error.Message.Split('\n', StringSplitOptions.TrimEntries);
        // "Argument 'x' not recognized. Must be one of:" and one value per line.
        if (name.Length > 0 && lines.Length > 2 && lines[1..].All(IsQuoted))
        {
            string[] allowed = [.. lines[1..].Select(l => l.Trim('\''))];
            var word = words.FirstOrDefault(w => !allowed.Contains(w, StringComparer.Ordinal)) ?? "";
            return $"{name} is '{word}'; allowed: {string.Join(", ", allowed)}.{NearestName.Suggest(word, allowed)}";
        }
        // Only the parser's own message names a type of .NET.
        return name.Length > 0 && error.Message.Contains("'System.", StringComparison.Ordinal)
            ? Wrong(name, words.FirstOrDefault(w => error.Message.Contains($"'{w}'", StringComparison.Ordinal)) ?? string.Join(' ', words),
                type)
            : error.Message;
    }

    /// <summary>An option or argument has a word that is not a value of its type.</summary>
    public static string Wrong(string name, string word, Type type) => $"{name} is '{word}'; {Expected(type)} is expected.";

    private static bool IsQuoted(string line) => line.Length > 1 && line[0] == '\'' && line[^1] == '\'';

    private static string NameOf(ArgumentResult argument) =>
        argument.Parent is OptionResult option ? option.Option.Name : argument.Argument.Name;

    private static string Expected(Type type)
    {
        var element = type.IsArray ? type.GetElementType()! : type;
        element = Nullable.GetUnderlyingType(element) ?? element;
        return Type.GetTypeCode(element) switch
        {
            TypeCode.UInt64 or TypeCode.UInt32 or TypeCode.UInt16 or TypeCode.Byte => "a whole number from 0 up",
            TypeCode.Int32 => $"a whole number of at most {int.MaxValue}",
            TypeCode.Int64 or TypeCode.Int16 or TypeCode.SByte => "a whole number",
            TypeCode.Double or TypeCode.Single or TypeCode.Decimal => "a number (with a decimal point)",
            TypeCode.Boolean => "true or false",
            _ => $"a value of {element.Name}",
        };
    }
}
