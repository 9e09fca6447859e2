using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Cresset.Cli.Terminal;

/// <summary>
/// Numbers of the command line have a decimal point and no group separators: the parser itself would take "0,7" for 7.
/// </summary>
internal static class PlainNumbers
{
    /// <summary>Has every option and argument of a verb and the verbs below it refuse other notations.</summary>
    public static void Require(Command command)
    {
        foreach (var option in command.Options.Where(o => IsReal(o.ValueType)))
            option.Validators.Add(r => Check(r, option.Name, option.ValueType));
        foreach (var argument in command.Arguments.Where(a => IsReal(a.ValueType)))
            argument.Validators.Add(r => Check(r, argument.Name, argument.ValueType));
        foreach (var verb in command.Subcommands) Require(verb);
    }

    private static bool IsReal(Type type)
    {
        var element = type.IsArray ? type.GetElementType()! : type;
        return (Nullable.GetUnderlyingType(element) ?? element) is var number
            && (number == typeof(double) || number == typeof(float) || number == typeof(decimal));
    }

    private static void Check(SymbolResult result, string name, Type type)
    {
        foreach (var token in result.Tokens)
        {
            if (!double.TryParse(token.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out _))
                result.AddError(UsageText.Wrong(name, token.Value, type));
        }
    }
}
