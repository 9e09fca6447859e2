using System.Globalization;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>How successive halving goes.</summary>
public sealed record HalvingOptions : IOptionsRecord
{
    /// <summary>The setting that says how long a run takes; the recipe's own value is that of the last round.</summary>
    public string Resource { get; init; } = "trainer.steps";

    /// <summary>Of this many settings one goes on to the next round, where it gets so many times as long.</summary>
    public int Factor { get; init; } = 3;

    /// <summary>The figure that decides; empty for the first.</summary>
    public string Figure { get; init; } = "";

    /// <summary>Whether more of it is better.</summary>
    public bool HigherIsBetter { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(!string.IsNullOrWhiteSpace(Resource), Resource, "a setting such as trainer.steps", "", nameof(Resource))
        .Must(Factor is >= 2 and <= 100, Factor, "2 to 100", "", nameof(Factor));
}

/// <summary>
/// Successive halving (Jamieson and Talwalkar 2016): all settings run a short time, the best of them longer, and so on until one in
/// <see cref="HalvingOptions.Factor"/> to the power of rounds has run in full. Each round begins anew, since a schedule belongs to a
/// length, so that every run has the bits that it has alone.
/// </summary>
public sealed class Halving : ISweepRounds
{
    private readonly Recipe _recipe;
    private readonly IReadOnlyList<SweepAxis> _axes;
    private readonly IReadOnlyList<IReadOnlyList<string>> _settings;
    private readonly HalvingOptions _options;
    private readonly int _seeds;
    private readonly int _folds;
    private readonly long[] _amounts;

    /// <summary>Lays the rounds out.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="axes">Settings with their values.</param>
    /// <param name="seeds">Repetitions; 0 for the recipe's seed.</param>
    /// <param name="folds">Folds of a cross-validation; 0 for the recipe's own split.</param>
    /// <param name="budget">Settings of the first round, drawn at random; 0 for all.</param>
    /// <param name="options">How it goes.</param>
    /// <exception cref="ArgumentException">There is nothing to halve, or the recipe has no such resource.</exception>
    public Halving(Recipe recipe, IReadOnlyList<SweepAxis> axes, int seeds, int folds, int budget, HalvingOptions options)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(axes);
        (_recipe, _axes, _seeds, _folds, _options) = (recipe, axes, seeds, folds, options.ThrowIfInvalid());
        _settings = Sweep.Settings(axes, budget);
        if (_settings.Count < _options.Factor)
            throw new ArgumentException(
                $"There are {_settings.Count} settings, and halving keeps one of {_options.Factor}: name more values "
                    + $"(lr=log:1e-4..1e-2:9), or search the grid.");
        if (axes.Any(a => a.Key == _options.Resource && a.Values.Count > 1))
            throw new ArgumentException(
                $"'{_options.Resource}' is what halving shares out: give it one value, that of the last round, or name another "
                    + $"--resource.");
        var full = Full();
        var rounds = (int)Math.Floor(Math.Log(_settings.Count, _options.Factor) + 1e-9);
        _amounts =
            [.. Enumerable.Range(0, rounds + 1).Select(r => Math.Max(1, (long)Math.Round(full / Math.Pow(_options.Factor, rounds - r))))];
    }

    /// <summary>The setting that is shared out.</summary>
    public string Resource => _options.Resource;

    /// <inheritdoc/>
    public int Rounds => _amounts.Length;

    /// <summary>What each run of a round gets of the resource.</summary>
    public long Amount(int round) => _amounts[round];

    /// <inheritdoc/>
    public string Describe(int round) => string.Create(CultureInfo.InvariantCulture, $"{Amount(round)} each");

    /// <inheritdoc/>
    public IReadOnlyList<SweepRow> Gather(int round, IReadOnlyList<SweepRow> rows, IReadOnlyList<SweepRow> before)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(before);
        // How long they ran is one more setting.
        var reached = rows.Select(row => string.Join(' ', row.Overrides)).ToHashSet();
        var amount = string.Create(CultureInfo.InvariantCulture, $"{Resource}={Amount(round)}");
        return
        [
            .. rows.Select(row => row with { Overrides = [.. row.Overrides, amount] }),
            .. before.Where(row => !reached.Contains(string.Join(' ', row.Overrides.SkipLast(1)))),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<PlannedRun> Round(int round, IReadOnlyList<SweepRow>? before)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(round);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(round, Rounds);
        var settings = _settings;
        if (round > 0)
        {
            ArgumentNullException.ThrowIfNull(before);
            var count = Math.Max(1, (int)(_settings.Count / Math.Pow(_options.Factor, round)));
            // A setting that failed in a short run would fail in a longer one.
            var best = before.Where(row => row.Failures.Count == 0).OrderBy(Place).Take(count)
                .Select(row => string.Join(' ', row.Overrides)).ToHashSet();
            var varied = _axes.Where(a => a.Values.Count > 1).Select(a => a.Key).ToHashSet();
            settings = [.. _settings.Where(s => best.Contains(string.Join(' ', s.Where(o => varied.Contains(o.Split('=')[0])))))];
        }
        settings = [.. settings.Select(s => s.Where(o => o.Split('=')[0] != _options.Resource).ToArray())];
        return Sweep.Plan(_recipe, _axes, settings, _seeds, _folds,
            [string.Create(CultureInfo.InvariantCulture, $"{_options.Resource}={_amounts[round]}")]);
    }

    // Lower is earlier; what has no such number comes last.
    private double Place(SweepRow row)
    {
        var name = _options.Figure.Length > 0 ? _options.Figure : row.Figures.Keys.FirstOrDefault() ?? "";
        if (!row.Figures.TryGetValue(name, out var figure))
        {
            if (row.Figures.Count == 0) return double.PositiveInfinity;
            throw new ArgumentException(
                $"The runs have no figure '{name}'.{NearestName.Suggest(name, row.Figures.Keys)} They have: "
                    + $"{string.Join(", ", row.Figures.Keys)}.");
        }
        return double.IsNaN(figure.Mean) ? double.PositiveInfinity : _options.HigherIsBetter ? -figure.Mean : figure.Mean;
    }

    private double Full()
    {
        var resolved = _recipe.Resolve([.. _settings[0]]).Flatten();
        if (!resolved.TryGetValue(_options.Resource, out var text))
            throw new ArgumentException(
                $"The recipe has no setting '{_options.Resource}' that halving could share "
                    + $"out.{NearestName.Suggest(_options.Resource, resolved.Keys)} Name one with --resource.");
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var full) && full >= 1 && double.IsFinite(full)
            ? full
            : throw new ArgumentException($"'{_options.Resource}' is '{text}'; halving shares out a number of at least 1.");
    }
}
