using Cresset.Tests.EndToEnd.Cli;
using Mono.Cecil;
using Xunit;

namespace Cresset.Tests.EndToEnd.Conventions;

/// <summary>
/// Whoever has only the command reaches what the command's own types and the parts lead to, from type to type. What they do not lead to
/// must be reached by a sample, or be listed here with the reason why it is for programs alone; a new class that nobody can reach fails.
/// </summary>
public sealed class ReachTests
{
    private static readonly (string Reason, string[] Types)[] ForPrograms =
    [
        ("layers and nets for people who write a module", [
            "Nn.AlphaDropout", "Nn.ChannelShuffle", "Nn.FcnHead", "Nn.FcnStride", "Nn.GridSampling", "Nn.IndexedPooling", "Nn.MaxUnpool",
            "Nn.MaxUnpool1d", "Nn.MaxUnpool2d",
            "Nn.MaxUnpool3d", "Nn.MultiHeadAttention", "Nn.MultiHeadAttentionOptions", "Nn.SegNet", "Nn.SegNetOptions", "Nn.SirenLayer",
            "Nn.UpsamplingBilinear2d",
            "Nn.UpsamplingNearest2d", "Nn.Perceptron", "Nn.PerceptronOptions", "Nn.PerceptronReport", "Diffusion.EncoderDropout",
            "Diffusion.TinyDecoder",
            "Quantization.SkipGatedLayer"]),
        ("pieces of flows for people who write one", [
            "Flows.AffinePreprocessing", "Flows.ConditionalNormal", "Flows.DiscreteMatching", "Flows.GaussianMixtureBase",
            "Flows.ImageCoupling",
            "Flows.PolynomialSpline", "Flows.PolynomialSplineOptions", "Flows.RealNvpConditioner", "Flows.RealNvpImage",
            "Flows.RealNvpImageOptions", "Flows.RealNvpScale",
            "Flows.ScheduleChange", "Flows.UniformBase", "Flows.VariationalDequantization", "Flows.WeightNormConvolution"]),
        ("take a function, or the loop, of the caller's own", [
            "Optim.LambdaSchedule", "Optim.MultiplicativeSchedule", "Optim.PlateauOptions", "Optim.PlateauScheduler", "Optim.Lookahead",
            "Optim.SharpnessAware",
            "Optim.AdaptiveGradientClipping", "Numerics.CustomStepSize", "Numerics.KieferWolfowitz", "Numerics.KieferWolfowitzConditions",
            "Numerics.Spsa",
            "Numerics.SpsaPerturbation", "Numerics.SecondOrderSpsa", "Numerics.SecondOrderSpsaOptions", "Numerics.SymmetricEigen",
            "Numerics.BinaryCurves", "Numerics.Venter"]),
        ("files of PyTorch's optimizers and other packages', which go on in a program", [
            "Optim.PyTorchGroupOptions", "Optim.PyTorchLbfgsState", "Optim.PyTorchOptimizerFile", "Optim.PyTorchOptimizerState",
            "Optim.OptimizerOrigin", "Optim.PackageMethod", "Optim.PackageOption", "Optim.PackageReading", "Optim.PackageRefusal",
            "Optim.PackageSlot", "Optim.PackageStateReader", "Optim.PackageStateWriter", "Optim.PackageStates", "Optim.PackageStep",
            "Optim.PackageWriting", "Optim.PyTorchOptimizerStates", "Optim.PyTorchOptimizerTree", "Optim.SlotForm", "Optim.TimmStates",
            "Tensors.TorchWriter"]),
        ("scores within a program or a test project",
            ["Detection.DetectionAssert", "Detection.DetectionAssertException", "Detection.DetectionMetric", "Recipes.DetectionTensors"]),
        ("wrappers with functions of the caller's own", [
            "Rl.Autoreset`2", "Rl.FilterObservation`2", "Rl.ObservationTransform`2", "Rl.TextSpace",
            "Rl.TransformAction`3", "Rl.TransformObservation`3", "Rl.CartPoleBatch", "Rl.CartPoleVectorEnvironment"]),
        ("algorithms of the textbooks over features of the caller's own", [
            "Rl.AggregationFeatures", "Rl.BanditLearner", "Rl.BanditOptions", "Rl.BanditRule", "Rl.BatchEvaluation", "Rl.DifferentialSarsa",
            "Rl.EmphaticTd", "Rl.FeatureMap",
            "Rl.FeatureTransition", "Rl.FourierFeatures", "Rl.KArmedBandit", "Rl.LeastSquaresPolicyIteration", "Rl.LeastSquaresTd",
            "Rl.LinearControl", "Rl.LinearFixedPoint",
            "Rl.OffPolicyMonteCarlo", "Rl.OffPolicyMonteCarloControl", "Rl.OrthonormalFeatures", "Rl.PolynomialFeatures",
            "Rl.RadialBasisFeatures", "Rl.SoftmaxPolicyGradient", "Rl.TdZero"]),
    ];

    [Fact]
    public void EveryTypeIsReachedByTheCommandOrASampleOrListedWithItsReason()
    {
        var command = Path.GetDirectoryName(CressetProcess.Built("Cresset.Cli", "cresset"))!;
        var samples = Path.GetDirectoryName(CressetProcess.Built("Cresset.Samples", "Cresset.Samples"))!;
        using var resolver = new DefaultAssemblyResolver();
        resolver.AddSearchDirectory(command);
        resolver.AddSearchDirectory(samples);
        var types = new Dictionary<string, TypeDefinition>(StringComparer.Ordinal);
        var roots = new List<string>();
        foreach (var path in Directory.GetFiles(command, "Cresset*.dll").Append(Path.Combine(command, "cresset.dll"))
            .Concat(Directory.GetFiles(samples, "*amples*.dll")).Where(File.Exists).Distinct())
        {
            var module = ModuleDefinition.ReadModule(path, new ReaderParameters { AssemblyResolver = resolver });
            var isProgram = module.Assembly.Name.Name is "cresset" || path.StartsWith(samples, StringComparison.Ordinal);
            foreach (var type in module.Types.Where(type => !type.Name.StartsWith('<') && type.Namespace != "Cresset.Generated"))
            {
                if (!types.TryAdd(type.FullName, type)) continue;
                // The runtime looks for a StartupHook by its name; the catalog of parts finds them by their attribute.
                if (isProgram || type.Name == "StartupHook" || type.CustomAttributes.Any(a => a.AttributeType.Name == "PartAttribute"))
                    roots.Add(type.FullName);
            }
        }
        Assert.True(types.Count > 2000, $"{types.Count} types were found");
        var reached = roots.ToHashSet(StringComparer.Ordinal);
        for (var waiting = new Queue<string>(reached); waiting.TryDequeue(out var name);)
        {
            foreach (var used in UsedBy(types[name]).Where(types.ContainsKey))
            {
                if (reached.Add(used)) waiting.Enqueue(used);
            }
        }
        var listed = ForPrograms.SelectMany(group => group.Types).Select(name => "Cresset." + name).ToHashSet(StringComparer.Ordinal);
        var unreached = types.Keys.Where(name => !reached.Contains(name)).ToHashSet(StringComparer.Ordinal);
        Assert.Empty(unreached.Except(listed).Order());
        // What has found a door, or is gone, leaves the list.
        Assert.Empty(listed.Except(unreached).Order());
    }

    private static IEnumerable<string> UsedBy(TypeDefinition type)
    {
        var found = new List<TypeReference?> { type.BaseType };
        found.AddRange(type.Interfaces.Select(i => i.InterfaceType));
        found.AddRange(type.Fields.Select(f => f.FieldType));
        found.AddRange(type.CustomAttributes.Select(a => a.AttributeType));
        foreach (var method in type.Methods)
        {
            found.Add(method.ReturnType);
            found.AddRange(method.Parameters.Select(p => p.ParameterType));
            found.AddRange(method.CustomAttributes.Select(a => a.AttributeType));
            if (!method.HasBody) continue;
            found.AddRange(method.Body.Variables.Select(v => v.VariableType));
            found.AddRange(method.Body.ExceptionHandlers.Select(h => h.CatchType));
            foreach (var instruction in method.Body.Instructions)
            {
                if (instruction.Operand is TypeReference named) found.Add(named);
                if (instruction.Operand is MemberReference member) found.Add(member.DeclaringType);
                if (instruction.Operand is GenericInstanceMethod generic) found.AddRange(generic.GenericArguments);
            }
        }
        return found.SelectMany(Outermost).Concat(type.NestedTypes.SelectMany(UsedBy));
    }

    private static IEnumerable<string> Outermost(TypeReference? type)
    {
        if (type is null or GenericParameter) return [];
        if (type is GenericInstanceType generic)
            return generic.GenericArguments.SelectMany(Outermost).Concat(Outermost(generic.ElementType));
        if (type is TypeSpecification specification) return Outermost(specification.ElementType);
        while (type.DeclaringType is not null) type = type.DeclaringType;
        return [type.FullName];
    }
}
