using System.Collections.Frozen;
using System.Globalization;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Every activation by name. Names ignore case, '-' and '_', and the names of Hugging Face's ACT2FN, timm, Keras and JAX are accepted;
/// numbers follow in parentheses: <c>"leaky_relu(0.2)"</c>, <c>"softplus(beta=2, threshold=10)"</c>.
/// </summary>
public static class ActivationCatalog
{
    private static readonly ActivationInfo[] Rows = [.. ElementwiseRows.All, .. ThresholdRows.All, .. TrainableRows.All,
        .. NormalizingRows.All, .. GatedRows.All];

    private static readonly FrozenDictionary<string, ActivationInfo> ByName =
        Rows.SelectMany(r => r.Names.Select(n => (Key: Key(n), Row: r))).DistinctBy(p => p.Key).ToFrozenDictionary(p => p.Key, p => p.Row);

    // Numbers under the names that PyTorch gives them.
    private static readonly FrozenDictionary<string, string> Theirs = new Dictionary<string, string>
    {
        ["negativeslope"] = "slope",
        ["minval"] = "min",
        ["maxval"] = "max",
        ["lambd"] = "lambda",
    }.ToFrozenDictionary();

    /// <summary>All activations in the order of the table.</summary>
    public static IReadOnlyList<ActivationInfo> All => Rows;

    /// <summary>The row for a name (numbers in parentheses are allowed and ignored).</summary>
    /// <exception cref="ArgumentException">No activation has this name; the message suggests the nearest.</exception>
    public static ActivationInfo Get(string name) => Parse(name).Info;

    /// <summary>The row for a name, or null.</summary>
    public static ActivationInfo? Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return ByName.GetValueOrDefault(Key(Head(name)));
    }

    /// <summary>
    /// Makes the module for a name, [...] to [...] of the same shape (gated kinds: [..., 2H] to [..., H]).
    /// Trainable kinds get one shared parameter set; use their own classes for one per channel.
    /// </summary>
    /// <exception cref="ArgumentException">Unknown name, unknown or malformed number.</exception>
    public static nn.Module<Tensor, Tensor> Create(string name)
    {
        var (info, values) = Parse(name);
        return info.Module is { } make ? make(values) : new Activation(info, values);
    }

    /// <summary>Makes the plain function for a name.</summary>
    /// <exception cref="ArgumentException">Unknown name or number, or an activation that has parameters to train and needs
    /// <see cref="Create"/>.</exception>
    public static Func<Tensor, Tensor> Function(string name)
    {
        var (info, values) = Parse(name);
        if (info.Function is not { } function)
            throw new ArgumentException($"'{info.Name}' has parameters to train: make it with ActivationCatalog.Create.", nameof(name));
        return x => function(x, values);
    }

    internal static string Unknown(string name) =>
        $"No activation is called '{Head(name)}'.{NearestName.Suggest(Head(name), Rows.SelectMany(r => r.Names))} 'cresset activations' "
            + $"lists all {Rows.Length}.";

    /// <summary>A name with the numbers that differ from its defaults.</summary>
    internal static string Text(ActivationInfo info, double[] values)
    {
        var given = values.Zip(info.Parameters).Where(p => p.First != p.Second.Default)
            .Select(p => $"{p.Second.Name}={p.First.ToString("R", CultureInfo.InvariantCulture)}").ToList();
        return given.Count == 0 ? info.Name : $"{info.Name}({string.Join(", ", given)})";
    }

    internal static (ActivationInfo Info, double[] Values) Parse(string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var info = Find(name) ?? throw new ArgumentException(Unknown(name), nameof(name));
        var values = info.Defaults();
        var open = name.IndexOf('(', StringComparison.Ordinal);
        if (open < 0) return (info, values);
        if (!name.TrimEnd().EndsWith(')')) throw new ArgumentException($"'{name}': the closing parenthesis is missing.", nameof(name));
        var parts = name[(open + 1)..name.LastIndexOf(')')].Split(',',
            StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        // Two of PyTorch's arguments are not numbers: the form of gelu, and inplace, which changes no value.
        if (info.Name == "gelu" && parts is [{ } only]
            && Key(only.Replace("'", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal)) is "approximate=tanh"
                or "approximate=none") return Parse(only.Contains("tanh", StringComparison.OrdinalIgnoreCase) ? "gelu_tanh" : "gelu");
        parts = [.. parts.Where(p => Key(p.Replace(" ", "", StringComparison.Ordinal)) is not ("inplace=true" or "inplace=false"))];
        for (var i = 0; i < parts.Length; i++)
        {
            var equals = parts[i].IndexOf('=', StringComparison.Ordinal);
            var index = equals < 0 ? i : IndexOf(info, parts[i][..equals].Trim());
            if (index < 0 || index >= values.Length)
            {
                var known = info.Parameters.Select(p => $"{p.Name}={p.Default.ToString(CultureInfo.InvariantCulture)}");
                throw new ArgumentException(
                    $"'{name}': '{parts[i]}' is not a parameter of {info.Name}; it takes "
                        + $"{string.Join(", ", known.DefaultIfEmpty("none"))}.",
                    nameof(name));
            }
            if (!double.TryParse(parts[i][(equals + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out values[index]))
                throw new ArgumentException($"'{name}': '{parts[i]}' is not a number.", nameof(name));
        }
        return (info, values);
    }

    private static int IndexOf(ActivationInfo info, string parameter)
    {
        var key = Key(parameter);
        for (var i = 0; i < info.Parameters.Count; i++)
        {
            if (Key(info.Parameters[i].Name) is var own && (own == key || own == Theirs.GetValueOrDefault(key))) return i;
        }
        return -1;
    }

    private static string Head(string name) =>
        name.IndexOf('(', StringComparison.Ordinal) is var open && open < 0 ? name.Trim() : name[..open].Trim();

    private static string Key(string name) =>
        name.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal).ToLowerInvariant();
}
