using Cresset.Numerics;

namespace Cresset.Optim;

/// <summary>One optimizer of the catalog.</summary>
/// <param name="Name">Its short name, for recipes and the command line.</param>
/// <param name="OptionsType">The type of its options.</param>
/// <param name="Paper">Where it comes from.</param>
/// <param name="Defaults">Options with their defaults.</param>
/// <param name="Create">Makes it over groups; the options must have the type above.</param>
public sealed record OptimizerEntry(string Name, Type OptionsType, string Paper, OptimizerOptions Defaults, Func<IReadOnlyList<ParameterGroupSpec>, OptimizerOptions, Optimizer> Create);

/// <summary>All optimizers by name.</summary>
public static class OptimizerCatalog
{
    /// <summary>The entries.</summary>
    public static IReadOnlyList<OptimizerEntry> Entries { get; } =
    [
        Entry<SgdOptions>("sgd", "Robbins and Monro 1951; Sutskever et al. 2013", new(), (g, o) => new Sgd(g, o)),
        Entry<AsgdOptions>("asgd", "Polyak and Juditsky 1992", new(), (g, o) => new Asgd(g, o)),
        Entry<RpropOptions>("rprop", "Riedmiller and Braun 1993", new(), (g, o) => new Rprop(g, o)),
        Entry<AdagradOptions>("adagrad", "Duchi et al. 2011", new(), (g, o) => new Adagrad(g, o)),
        Entry<AdadeltaOptions>("adadelta", "Zeiler 2012", new(), (g, o) => new Adadelta(g, o)),
        Entry<RmsPropOptions>("rmsprop", "Tieleman and Hinton 2012", new(), (g, o) => new RmsProp(g, o)),
        Entry<AdamOptions>("adam", "Kingma and Ba 2015", new(), (g, o) => new Adam(g, o)),
        Entry<AdamaxOptions>("adamax", "Kingma and Ba 2015", new(), (g, o) => new Adamax(g, o)),
        Entry<NAdamOptions>("nadam", "Dozat 2016", new(), (g, o) => new NAdam(g, o)),
        Entry<RAdamOptions>("radam", "Liu et al. 2020", new(), (g, o) => new RAdam(g, o)),
        Entry<AdamWOptions>("adamw", "Loshchilov and Hutter 2019", new(), (g, o) => new AdamW(g, o)),
        Entry<AdamW8BitOptions>("adamw8bit", "Dettmers et al. 2022", new(), (g, o) => new AdamW8Bit(g, o)),
        Entry<LionOptions>("lion", "Chen et al. 2023", new(), (g, o) => new Lion(g, o)),
        Entry<AdafactorOptions>("adafactor", "Shazeer and Stern 2018", new(), (g, o) => new Adafactor(g, o)),
        Entry<LambOptions>("lamb", "You et al. 2020", new(), (g, o) => new Lamb(g, o)),
        Entry<MuonOptions>("muon", "Jordan et al. 2024", new(), (g, o) => new Muon(g, o)),
        Entry<SoapOptions>("soap", "Vyas et al. 2024", new(), (g, o) => new Soap(g, o)),
        Entry<ScheduleFreeSgdOptions>("schedulefree-sgd", "Defazio et al. 2024", new(), (g, o) => new ScheduleFreeSgd(g, o)),
        Entry<ScheduleFreeAdamWOptions>("schedulefree-adamw", "Defazio et al. 2024", new(), (g, o) => new ScheduleFreeAdamW(g, o)),
        Entry<ScheduleFreeRAdamOptions>("schedulefree-radam", "Defazio et al. 2024", new(), (g, o) => new ScheduleFreeRAdam(g, o)),
        Entry<LbfgsOptions>("lbfgs", "Nocedal 1980", new(), (g, o) => new Lbfgs(g, o)),
    ];

    /// <summary>The entry called <paramref name="name"/>, whatever its case.</summary>
    /// <exception cref="ArgumentException">There is none; the message names the nearest.</exception>
    public static OptimizerEntry Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Entries.FirstOrDefault(e => string.Equals(e.Name, name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no optimizer \"{name}\".{NearestName.Suggest(name, Entries.Select(e => e.Name))}", nameof(name));
    }

    private static OptimizerEntry Entry<TOptions>(string name, string paper, TOptions defaults, Func<IReadOnlyList<ParameterGroupSpec>, TOptions, Optimizer> create)
        where TOptions : OptimizerOptions
        => new(name, typeof(TOptions), paper, defaults, (groups, options) => options is TOptions own
            ? create(groups, own)
            : throw new ArgumentException($"Optimizer \"{name}\" takes {typeof(TOptions).Name}, not {options?.GetType().Name ?? "null"}.", nameof(options)));
}
