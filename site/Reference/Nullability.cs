using Mono.Cecil;

namespace Cresset.Site.Reference;

/// <summary>Whether a reference may be null, from the attributes that the compiler leaves (the outermost type alone).</summary>
internal static class Nullability
{
    /// <summary>True when the thing with these attributes may be null.</summary>
    public static bool Of(ICustomAttributeProvider thing, MethodDefinition? method)
    {
        if (Flag(thing, "NullableAttribute") is { } own) return own == 2;
        if (method is null) return false;
        if (Flag(method, "NullableContextAttribute") is { } context) return context == 2;
        for (var type = method.DeclaringType; type is not null; type = type.DeclaringType)
        {
            if (Flag(type, "NullableContextAttribute") is { } around) return around == 2;
        }
        return false;
    }

    private static byte? Flag(ICustomAttributeProvider thing, string name)
    {
        var attribute = thing.CustomAttributes.FirstOrDefault(a => a.AttributeType.Name == name);
        return attribute?.ConstructorArguments.FirstOrDefault().Value switch
        {
            byte flag => flag,
            CustomAttributeArgument[] { Length: > 0 } flags => (byte)flags[0].Value,
            _ => null,
        };
    }
}
