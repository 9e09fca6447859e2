using System.Reflection;
using TorchSharp;
using Xunit;

namespace Cresset.Tests.Torch.Conventions;

/// <summary>The list of TorchSharp's broken functions must name real members, or the analyzer silently bans nothing.</summary>
public sealed class BannedSymbolsTests
{
    private static readonly string[] Lines = File.ReadAllLines(Path.Combine(Repository.Root, "src", "BannedSymbols.txt"))
        .Where(l => l.Length > 0).ToArray();

    [Fact]
    public void EveryBannedSymbolExists()
    {
        var known = typeof(torch).Assembly.GetTypes()
            .SelectMany(t => t.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Select(DocumentationId).ToHashSet();
        var unknown = Lines.Select(l => l.Split(';')[0]).Where(id => !known.Contains(id)).ToList();
        var nearest = unknown.SelectMany(u => known.Where(k => k.StartsWith(u.Split('(')[0] + "(", StringComparison.Ordinal)));
        Assert.True(unknown.Count == 0, "unknown: " + string.Join("\n", unknown) + "\nnearest:\n" + string.Join("\n", nearest));
    }

    [Theory]
    [InlineData("torch.erfinv(")]
    [InlineData("special.erfcx(")]
    [InlineData("hardtanh(")]
    [InlineData("Hardtanh(")]
    [InlineData("GroupNorm(")]
    [InlineData("trunc_normal_(")]
    [InlineData("xavier_normal_(")]
    [InlineData("RAdam(")]
    [InlineData("AdamW(")]
    [InlineData("kl_div(")]
    [InlineData("hinge_embedding_loss(")]
    [InlineData("gaussian_nll_loss(")]
    [InlineData("lgamma_(")]
    public void EachKnownDefectIsBanned(string member) => Assert.Contains(Lines, l => l.Contains(member, StringComparison.Ordinal));

    private static string DocumentationId(MethodInfo method)
    {
        var parameters = method.GetParameters();
        return $"M:{Name(method.DeclaringType!)}.{method.Name}" + (method.IsGenericMethod ? $"``{method.GetGenericArguments().Length}" : "")
            + (parameters.Length == 0 ? "" : $"({string.Join(",", parameters.Select(p => Name(p.ParameterType)))})");
    }

    private static string Name(Type type)
    {
        if (type.IsByRef) return Name(type.GetElementType()!) + "@";
        if (type.IsArray) return Name(type.GetElementType()!) + "[]";
        if (type.IsGenericParameter) return (type.DeclaringMethod is null ? "`" : "``") + type.GenericParameterPosition;
        var name = (type.DeclaringType is { } outer ? Name(outer) : type.Namespace) + "." + type.Name.Split('`')[0];
        return type.IsConstructedGenericType ? $"{name}{{{string.Join(",", type.GetGenericArguments().Select(Name))}}}" : name;
    }
}
