using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Calls any module with tensors: the <c>call</c> that takes as many, and results in tuples and lists taken apart.</summary>
internal static class ModuleCall
{
    public static Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> Of(nn.Module module, int inputs)
    {
        var methods = module.GetType().GetMethods(BindingFlags.Public | BindingFlags.Instance)
            .Where(m => m.Name is "call" or "forward" && !m.IsGenericMethodDefinition)
            .OrderBy(m => m.Name == "call" ? 0 : 1).ThenBy(m => m.GetParameters().Length).ToList();
        if (methods.Count == 0)
            throw new ArgumentException($"{module.GetType().Name} has no forward; export a function of tensors instead, which calls it.",
                nameof(module));
        var method = methods.FirstOrDefault(m => Takes(m, inputs))
            ?? throw new ArgumentException(
                $"{module.GetType().Name} has no forward of {inputs} {(inputs == 1 ? "tensor" : "tensors")}: it takes "
                    + $"{string.Join(" or ", methods.Select(Signature).Distinct())}. "
                + "Give as many example inputs, or export a function of tensors that calls it.",
                nameof(inputs));
        var parameters = method.GetParameters();
        return tensors =>
        {
            var arguments = parameters.Select((p, i) => i < tensors.Count ? tensors[i] : p.HasDefaultValue ? p.DefaultValue : null)
                .ToArray();
            try
            {
                return Flatten(method.Invoke(module, arguments), module.GetType().Name);
            }
            catch (TargetInvocationException e) when (e.InnerException is not null)
            {
                ExceptionDispatchInfo.Throw(e.InnerException);
                throw;
            }
        };
    }

    private static bool Takes(MethodInfo method, int inputs)
    {
        var parameters = method.GetParameters();
        return parameters.Length >= inputs && parameters.Take(inputs).All(p => p.ParameterType == typeof(Tensor))
            && parameters.Skip(inputs).All(Optional);
    }

    // What may be left out: it has a default, or is null where it is not given (states of recurrent layers, masks).
    private static bool Optional(ParameterInfo parameter)
        => parameter.HasDefaultValue || Nullable.GetUnderlyingType(parameter.ParameterType) is not null
            || (!parameter.ParameterType.IsValueType
                && new NullabilityInfoContext().Create(parameter).WriteState != NullabilityState.NotNull);

    private static string Signature(MethodInfo method) =>
        $"({string.Join(", ", method.GetParameters().Select(p => p.ParameterType.Name))})";

    private static List<Tensor> Flatten(object? result, string module) => result switch
    {
        Tensor tensor => [tensor],
        ITuple tuple => [.. Enumerable.Range(0, tuple.Length).SelectMany(i => Flatten(tuple[i], module))],
        IEnumerable list => [.. list.Cast<object?>().SelectMany(i => Flatten(i, module))],
        null => throw new ArgumentException($"{module} returned null; export a function that returns tensors.", nameof(result)),
        _ => throw new ArgumentException($"{module} returned a {result.GetType().Name}; export a function that takes its tensors out.",
            nameof(result)),
    };
}
