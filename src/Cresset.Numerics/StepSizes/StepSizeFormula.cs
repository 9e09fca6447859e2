using System.Globalization;
using System.Text.RegularExpressions;

namespace Cresset.Numerics;

/// <summary>Reads and writes step-size formulas.</summary>
internal static class StepSizeFormula
{
    private const string Num = @"([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)";
    private static readonly Regex PowerForm = new($@"^{Num}/(?:k|\(k(?:\+{Num})?\))(?:\^{Num})?$", RegexOptions.CultureInvariant);
    private static readonly Regex SwappedForm = new($@"^{Num}/\({Num}\+k\)(?:\^{Num})?$", RegexOptions.CultureInvariant);
    private static readonly Regex RootForm = new($@"^{Num}/sqrt\(k(?:\+{Num})?\)$", RegexOptions.CultureInvariant);
    private static readonly Regex InverseTimeForm = new($@"^{Num}/\(1\+{Num}\*?k\)$", RegexOptions.CultureInvariant);
    private static readonly Regex ExponentialForm = new($@"^{Num}\*{Num}\^k$", RegexOptions.CultureInvariant);
    private static readonly Regex CallForm = new(@"^([a-z]+)\((.*)\)$", RegexOptions.CultureInvariant);

    public static string Number(double value) => value.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant();

    public static StepSizeRule Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var s = text.Replace(" ", "", StringComparison.Ordinal).ToLowerInvariant();
        try
        {
            return Read(s);
        }
        catch (InvalidOptionsException e)
        {
            throw new FormatException($"Step-size rule \"{text}\": {e.Message}", e);
        }
        catch (FormatException e)
        {
            throw new FormatException(
                $"\"{text}\" is not a step-size rule. Allowed: a number, a/k, a/sqrt(k), a/(k+A)^alpha, a/(1+b*k) (k from 0, the others "
                    + $"from 1), a*gamma^k, linear(start, end, steps), search(a, tau, power), logpower(a, alpha, q), max(rule, floor), "
                    + $"warmup(rule, steps).", e);
        }
    }

    private static StepSizeRule Read(string s)
    {
        if (double.TryParse(s, NumberStyles.Float, CultureInfo.InvariantCulture, out var constant)) return StepSizeRule.Constant(constant);
        if (PowerForm.Match(s) is { Success: true } p)
        {
            return StepSizeRule.Power(ToDouble(p.Groups[1].Value),
                p.Groups[3].Success ? ToDouble(p.Groups[3].Value) : 1,
                p.Groups[2].Success ? ToDouble(p.Groups[2].Value) : 0);
        }
        if (SwappedForm.Match(s) is { Success: true } swapped)
            return StepSizeRule.Power(ToDouble(swapped.Groups[1].Value), swapped.Groups[3].Success ? ToDouble(swapped.Groups[3].Value) : 1,
                ToDouble(swapped.Groups[2].Value));
        if (RootForm.Match(s) is { Success: true } root)
            return StepSizeRule.Power(ToDouble(root.Groups[1].Value), 0.5, root.Groups[2].Success ? ToDouble(root.Groups[2].Value) : 0);
        if (InverseTimeForm.Match(s) is { Success: true } time)
            return new SearchThenConvergeStepSize
            {
                A = ToDouble(time.Groups[1].Value),
                Tau = 1 / ToDouble(time.Groups[2].Value)
            }.ThrowIfInvalid();
        if (ExponentialForm.Match(s) is { Success: true } e)
            return StepSizeRule.Exponential(ToDouble(e.Groups[1].Value), ToDouble(e.Groups[2].Value));
        if (CallForm.Match(s) is not { Success: true } call) throw new FormatException("unknown form");
        var arguments = Split(call.Groups[2].Value);
        return (call.Groups[1].Value, arguments.Count) switch
        {
            ("linear", 3) => StepSizeRule.Linear(ToDouble(arguments[0]), ToDouble(arguments[1]), ToCount(arguments[2])),
            ("search", 2 or 3) =>
                new SearchThenConvergeStepSize
                {
                    A = ToDouble(arguments[0]),
                    Tau = ToDouble(arguments[1]),
                    DecayPower = arguments.Count > 2 ? ToDouble(arguments[2]) : 1
                }.ThrowIfInvalid(),
            ("logpower", 3) =>
                new LogPowerStepSize
                {
                    A = ToDouble(arguments[0]),
                    Alpha = ToDouble(arguments[1]),
                    LogPower = ToDouble(arguments[2])
                }.ThrowIfInvalid(),
            ("max", 2) => Read(arguments[0]).WithFloor(ToDouble(arguments[1])),
            ("warmup", 2) => Read(arguments[0]).WithWarmUp(ToCount(arguments[1])),
            _ => throw new FormatException("unknown form"),
        };
    }

    private static List<string> Split(string s)
    {
        var parts = new List<string>();
        var depth = 0;
        var start = 0;
        for (var i = 0; i < s.Length; i++)
        {
            if (s[i] == '(') depth++;
            else if (s[i] == ')') depth--;
            else if (s[i] == ',' && depth == 0)
            {
                parts.Add(s[start..i]);
                start = i + 1;
            }
        }
        parts.Add(s[start..]);
        return parts;
    }

    private static double ToDouble(string s) => double.Parse(s, NumberStyles.Float, CultureInfo.InvariantCulture);

    private static long ToCount(string s) => (long)Math.Clamp(Math.Round(ToDouble(s)), long.MinValue, 9e18);
}
