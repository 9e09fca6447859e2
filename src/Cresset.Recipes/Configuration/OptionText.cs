using System.Collections;
using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Reads single values from text, the same way in every locale.</summary>
internal static class OptionText
{
    /// <summary>The value, or null with the reason in <paramref name="problem"/>.</summary>
    public static object? Parse(string value, Type type, out string? problem)
    {
        problem = null;
        var invariant = CultureInfo.InvariantCulture;
        if (type == typeof(string)) return value;
        if (type == typeof(bool) && TryFlag(value, out var flag)) return flag;
        if (type == typeof(double) && double.TryParse(Ungrouped(value), NumberStyles.Float, invariant, out var real)) return real;
        if (type == typeof(float) && float.TryParse(Ungrouped(value), NumberStyles.Float, invariant, out var single)) return single;
        if (IsWhole(type) && TryWhole(value, out var whole))
        {
            if (type == typeof(Int128)) return whole;
            if (type == typeof(long) && whole >= long.MinValue && whole <= long.MaxValue) return (long)whole;
            if (type == typeof(int) && whole >= int.MinValue && whole <= int.MaxValue) return (int)whole;
            if (type == typeof(ulong) && whole >= 0 && whole <= ulong.MaxValue) return (ulong)whole;
            if (type == typeof(uint) && whole >= 0 && whole <= uint.MaxValue) return (uint)whole;
            if (type == typeof(byte) && whole >= 0 && whole <= byte.MaxValue) return (byte)whole;
        }
        if (type == typeof(StepSizeRule))
        {
            try
            {
                return StepSizeRule.Parse(value);
            }
            catch (FormatException e)
            {
                problem = e.Message;
                return null;
            }
        }
        if (type.IsEnum)
        {
            var names = Enum.GetNames(type);
            var match = names.FirstOrDefault(
                n => ConfigMap.Canonical(value).Equals(OptionNames.Key(n), StringComparison.OrdinalIgnoreCase)
                    || value.Equals(n, StringComparison.OrdinalIgnoreCase));
            if (match is not null) return Enum.Parse(type, match);
            var keys = names.Select(OptionNames.Key).ToList();
            problem = $"is '{value}'; allowed: {string.Join(", ", keys)}.{NearestName.Suggest(value, keys)}";
            return null;
        }
        problem = $"is '{value}'; expected {Describe(type)}.";
        return null;
    }

    /// <summary>The type of a list's items; null for what is not a list.</summary>
    public static Type? ElementType(Type type)
    {
        if (type == typeof(string)) return null;
        if (type.IsArray) return type.GetElementType();
        return type.IsGenericType && typeof(IEnumerable).IsAssignableFrom(type) ? type.GetGenericArguments()[0] : null;
    }

    /// <summary>What a value of this type looks like, in words.</summary>
    public static string Describe(Type type)
    {
        var inner = Nullable.GetUnderlyingType(type) ?? type;
        if (inner == typeof(bool)) return "true or false";
        if (inner == typeof(ulong) || inner == typeof(uint) || inner == typeof(byte)) return "a whole number from 0 up";
        if (IsWhole(inner)) return "a whole number";
        if (inner == typeof(double) || inner == typeof(float)) return "a number";
        if (inner.IsEnum) return string.Join(", ", Enum.GetNames(inner).Select(OptionNames.Key));
        if (ElementType(inner) is { } element) return $"a list of values, each {Describe(element)}";
        if (inner == typeof(StepSizeRule)) return "a step-size rule such as 0.1 or linear(1, 0.05, 10000)";
        if (OptionNames.PartKind(inner) is { } kind) return $"the name of a part of kind {kind}, or a map {{{ConfigMap.Kind}: name, ...}}";
        if (typeof(IOptionsRecord).IsAssignableFrom(inner)) return "a map of keys and values";
        if (inner == typeof(string)) return "a text";
        return typeof(System.Runtime.CompilerServices.ITuple).IsAssignableFrom(inner) && inner.IsGenericType
            ? $"a list of {inner.GetGenericArguments().Length} values"
            : OptionsWriter.FindPositionalParameters(inner) is { } parameters
            ? $"a map {{{string.Join(", ", parameters.Select(p => OptionNames.Key(p.Name!)))}}}"
            : "a value that only code can give";
    }

    private static bool IsWhole(Type type)
        => type == typeof(int) || type == typeof(long) || type == typeof(ulong) || type == typeof(uint) || type == typeof(byte)
            || type == typeof(Int128);

    // YAML 1.1's words for true and false are what people still type.
    private static bool TryFlag(string value, out bool flag)
    {
        flag = value.ToLowerInvariant() is "true" or "yes" or "on";
        return flag || value.ToLowerInvariant() is "false" or "no" or "off";
    }

    // A line that groups digits stands between two of them; anywhere else the text is not a number, and stays as it is.
    private static string Ungrouped(string value)
    {
        for (var i = value.IndexOf('_', StringComparison.Ordinal); i >= 0; i = value.IndexOf('_', i + 1))
        {
            if (i == 0 || i == value.Length - 1 || !char.IsAsciiDigit(value[i - 1]) || !char.IsAsciiDigit(value[i + 1])) return value;
        }
        return value.Replace("_", "", StringComparison.Ordinal);
    }

    // "1e4" and "20_000" are whole numbers to people.
    private static bool TryWhole(string value, out Int128 whole)
    {
        var text = Ungrouped(value);
        if (Int128.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out whole)) return true;
        if (!text.Contains('e', StringComparison.OrdinalIgnoreCase) && !text.EndsWith(".0", StringComparison.Ordinal)) return false;
        // The double tells that nothing stands behind the point (1e-30 is 0 as a decimal), the decimal has all digits of 1e18.
        var invariant = CultureInfo.InvariantCulture;
        if (!double.TryParse(text, NumberStyles.Float, invariant, out var real) || real != Math.Floor(real)) return false;
        if (!decimal.TryParse(text, NumberStyles.Float, invariant, out var exact) || exact != decimal.Floor(exact)) return false;
        whole = (Int128)exact;
        return true;
    }
}
