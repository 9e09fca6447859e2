using Cresset.Optim;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Optim;

/// <summary>States that the version of commit 68eed06 wrote are loaded, and the run goes on as it did then.</summary>
[LeakFree]
public sealed class EarlierStateTests
{
    private static readonly ReferenceTensors Reference = new("optim/old_states.safetensors");

    public static TheoryData<string> Names
    {
        get
        {
            var data = new TheoryData<string>();
            foreach (var name in Reference.Names.Select(n => n.Split('/')[0]).Distinct())
            {
                if (OptimizerCatalog.Entries.Any(e => e.Name == name.Split('+')[0])) data.Add(name);
            }
            return data;
        }
    }

    private static OptimizerRule Rule(string name) => name switch
    {
        "shampoo" => new ShampooRule { MaxDimension = 64 },
        "sgd+momentum" => new SgdRule { Momentum = 0.9, Nesterov = true, WeightDecay = 0.1 },
        "adam+amsgrad" => new AdamRule { AmsGrad = true, WeightDecay = 0.1 },
        "rmsprop+all" => new RmsPropRule { Momentum = 0.8, Centered = true },
        "lbfgs+wolfe" => new LbfgsRule { StrongWolfe = true, MaxIterations = 2 },
        "adamw8bit+all" => new AdamW8BitRule { MinimumSize = 0 },
        _ => OptimizerCatalog.Create(name),
    };

    [Theory]
    [MemberData(nameof(Names))]
    public void GoesOnAsBefore(string name)
    {
        using var scope = NewDisposeScope();
        using var problem = new Quadratic(ScalarType.Float32);
        Place(problem, name + "/before");
        var rule = Rule(name);
        // L-BFGS has one rate now; the state brings the old ones, of which it used the first.
        ParameterGroupSpec[] groups = [new("first", [problem.Named[0], problem.Named[2]]),
            new("second", [problem.Named[1]], rule.LearningRate / 2)];
        using var optimizer = new Optimizer(groups, rule);
        var prefix = name + "/state/";
        var tensors = Reference.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(n => n[prefix.Length..], Tensor);
        var metadata = Reference.Metadata.Where(m => m.Key.StartsWith(name + "/", StringComparison.Ordinal))
            .ToDictionary(m => m.Key[(name.Length + 1)..], m => m.Value);
        optimizer.LoadStateDict(OptimizerState.FromMetadata(tensors, metadata));
        if (rule.NeedsClosure) optimizer.Groups[1].LearningRate = optimizer.Groups[0].LearningRate;
        for (var t = 0; t < 3; t++)
        {
            if (rule.NeedsClosure)
            {
                optimizer.Step(() =>
                {
                    problem.SetGradients();
                    return problem.Loss() / 2;
                });
                continue;
            }
            problem.SetGradients();
            optimizer.Step();
        }
        // Shampoo's covariances of so few gradients are singular: along their null directions the roots are of float32 rounding, whose
        // order is the processor's (2e-3 apart between two of them). A state that was not loaded is 0.04 and more away.
        var tolerance = name == "shampoo" ? 1e-2 : 2e-6;
        for (var i = 0; i < 3; i++)
        {
            var (expected, got) = (Reference[$"{name}/after/p{i}"], problem.Values(i));
            for (var k = 0; k < got.Length; k++) Assert.Equal(expected[k], got[k], tolerance * Math.Max(1, Math.Abs(got[k])));
        }
    }

    private static void Place(Quadratic problem, string from)
    {
        using var quiet = no_grad();
        for (var i = 0; i < 3; i++) problem.Parameters[i].copy_(tensor(Reference[$"{from}/p{i}"]).reshape(problem.Parameters[i].shape));
    }

    private static Tensor Tensor(string name)
    {
        var values = tensor(Reference[name]).reshape(Reference.Shape(name));
        return name.EndsWith("_codes", StringComparison.Ordinal) || name.Contains("_codes/", StringComparison.Ordinal)
            ? values.to(ScalarType.Byte) : values;
    }
}
