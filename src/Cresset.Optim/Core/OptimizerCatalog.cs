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
        Entry<AdaBeliefOptions>("adabelief", "Zhuang et al. 2020", new(), (g, o) => new AdaBelief(g, o)),
        Entry<AdaBoundOptions>("adabound", "Luo et al. 2019", new(), (g, o) => new AdaBound(g, o)),
        Entry<AdaModOptions>("adamod", "Ding et al. 2019", new(), (g, o) => new AdaMod(g, o)),
        Entry<AdamPOptions>("adamp", "Heo et al. 2021", new(), (g, o) => new AdamP(g, o)),
        Entry<SgdPOptions>("sgdp", "Heo et al. 2021", new(), (g, o) => new SgdP(g, o)),
        Entry<AdanOptions>("adan", "Xie et al. 2022", new(), (g, o) => new Adan(g, o)),
        Entry<AdEmaMixOptions>("ademamix", "Pagliardini et al. 2024", new(), (g, o) => new AdEmaMix(g, o)),
        Entry<SimplifiedAdEmaMixOptions>("simplified-ademamix", "Morwani et al. 2025", new(), (g, o) => new SimplifiedAdEmaMix(g, o)),
        Entry<AdoptOptions>("adopt", "Taniguchi et al. 2024", new(), (g, o) => new Adopt(g, o)),
        Entry<AdaiOptions>("adai", "Xie et al. 2022", new(), (g, o) => new Adai(g, o)),
        Entry<AdamGOptions>("adamg", "Pan et al. 2024", new(), (g, o) => new AdamG(g, o)),
        Entry<AdaPnmOptions>("adapnm", "Xie et al. 2021", new(), (g, o) => new AdaPnm(g, o)),
        Entry<FAdamOptions>("fadam", "Hwang 2024", new(), (g, o) => new FAdam(g, o)),
        Entry<GrokFastAdamWOptions>("grokfast-adamw", "Lee et al. 2024", new(), (g, o) => new GrokFastAdamW(g, o)),
        Entry<LaPropOptions>("laprop", "Ziyin et al. 2020", new(), (g, o) => new LaProp(g, o)),
        Entry<MarsOptions>("mars", "Yuan et al. 2024", new(), (g, o) => new Mars(g, o)),
        Entry<NAdamWOptions>("nadamw", "Dahl et al. 2023", new(), (g, o) => new NAdamW(g, o)),
        Entry<PAdamOptions>("padam", "Chen et al. 2018", new(), (g, o) => new PAdam(g, o)),
        Entry<StableAdamWOptions>("stable-adamw", "Wortsman et al. 2023", new(), (g, o) => new StableAdamW(g, o)),
        Entry<SwatsOptions>("swats", "Keskar and Socher 2017", new(), (g, o) => new Swats(g, o)),
        Entry<TigerOptions>("tiger", "Su 2023", new(), (g, o) => new Tiger(g, o)),
        Entry<YogiOptions>("yogi", "Zaheer et al. 2018", new(), (g, o) => new Yogi(g, o)),
        Entry<RmsPropTfOptions>("rmsprop-tf", "Tieleman and Hinton 2012", new(), (g, o) => new RmsPropTf(g, o)),
        Entry<AggMoOptions>("aggmo", "Lucas et al. 2019", new(), (g, o) => new AggMo(g, o)),
        Entry<QhmOptions>("qhm", "Ma and Yarats 2019", new(), (g, o) => new Qhm(g, o)),
        Entry<PnmOptions>("pnm", "Xie et al. 2021", new(), (g, o) => new Pnm(g, o)),
        Entry<SgdSaiOptions>("sgd-sai", "Xu et al. 2024", new(), (g, o) => new SgdSai(g, o)),
        Entry<SignSgdOptions>("signsgd", "Bernstein et al. 2018", new(), (g, o) => new SignSgd(g, o)),
        Entry<LarsOptions>("lars", "You et al. 2017", new(), (g, o) => new Lars(g, o)),
        Entry<FromageOptions>("fromage", "Bernstein et al. 2020", new(), (g, o) => new Fromage(g, o)),
        Entry<NovoGradOptions>("novograd", "Ginsburg et al. 2019", new(), (g, o) => new NovoGrad(g, o)),
        Entry<AmosOptions>("amos", "Tian and Parikh 2022", new(), (g, o) => new Amos(g, o)),
        Entry<MadgradOptions>("madgrad", "Defazio and Jelassi 2021", new(), (g, o) => new Madgrad(g, o)),
        Entry<CameOptions>("came", "Luo et al. 2023", new(), (g, o) => new Came(g, o)),
        Entry<Sm3Options>("sm3", "Anil et al. 2019", new(), (g, o) => new Sm3(g, o)),
        Entry<AdafactorBigVisionOptions>("adafactor-bv", "Zhai et al. 2022", new(), (g, o) => new AdafactorBigVision(g, o)),
        Entry<AdafactorT5Options>("adafactor-t5", "Shazeer and Stern 2018", new(), (g, o) => new AdafactorT5(g, o)),
        Entry<ShampooOptions>("shampoo", "Gupta et al. 2018", new(), (g, o) => new Shampoo(g, o)),
        Entry<ScionOptions>("scion", "Pethick et al. 2025", new(), (g, o) => new Scion(g, o)),
        Entry<ProdigyOptions>("prodigy", "Mishchenko and Defazio 2023", new(), (g, o) => new Prodigy(g, o)),
        Entry<DAdaptSgdOptions>("dadapt-sgd", "Defazio and Mishchenko 2023", new(), (g, o) => new DAdaptSgd(g, o)),
        Entry<DAdaptAdamOptions>("dadapt-adam", "Defazio and Mishchenko 2023", new(), (g, o) => new DAdaptAdam(g, o)),
        Entry<DAdaptLionOptions>("dadapt-lion", "Defazio and Mishchenko 2023", new(), (g, o) => new DAdaptLion(g, o)),
        Entry<DAdaptAdagradOptions>("dadapt-adagrad", "Defazio and Mishchenko 2023", new(), (g, o) => new DAdaptAdagrad(g, o)),
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
