using System.Globalization;
using Mono.Cecil;

namespace Cresset.Tests.EndToEnd.Conventions;

/// <summary>The public types of an assembly and what they add, a line each, in C#'s words.</summary>
internal static class SurfaceText
{
    private const string CompilerGenerated = "System.Runtime.CompilerServices.CompilerGeneratedAttribute";

    private static readonly Dictionary<string, string> Keywords = new(StringComparer.Ordinal)
    {
        ["System.Void"] = "void",
        ["System.Boolean"] = "bool",
        ["System.Byte"] = "byte",
        ["System.SByte"] = "sbyte",
        ["System.Int16"] = "short",
        ["System.UInt16"] = "ushort",
        ["System.Int32"] = "int",
        ["System.UInt32"] = "uint",
        ["System.Int64"] = "long",
        ["System.UInt64"] = "ulong",
        ["System.IntPtr"] = "nint",
        ["System.UIntPtr"] = "nuint",
        ["System.Single"] = "float",
        ["System.Double"] = "double",
        ["System.Decimal"] = "decimal",
        ["System.Char"] = "char",
        ["System.String"] = "string",
        ["System.Object"] = "object",
    };

    public static List<string> Of(ModuleDefinition module)
    {
        var lines = new List<string>();
        foreach (var type in module.GetTypes().Where(IsShown).OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            lines.Add(Head(type));
            lines.AddRange(Members(type).Order(StringComparer.Ordinal).Select(line => "  " + line));
        }
        return lines;
    }

    private static bool IsShown(TypeDefinition type)
        => type.Namespace != "Cresset.Generated" && !type.Name.StartsWith('<')
            && (type.IsPublic || (IsOpen(type) && IsShown(type.DeclaringType)));

    private static bool IsOpen(TypeDefinition type) => type.IsNestedPublic || type.IsNestedFamily || type.IsNestedFamilyOrAssembly;

    private static string Head(TypeDefinition type)
    {
        if (type.BaseType?.FullName == "System.MulticastDelegate")
            return $"delegate {Signature(type.Methods.Single(m => m.Name == "Invoke"), Name(type))}";
        var kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType
            ? (IsReadOnly(type) ? "readonly struct" : "struct") : Modifier(type) + (IsRecord(type) ? "record" : "class");
        var bases = new List<string>();
        if (type.BaseType is { } parent && parent.FullName is not ("System.Object" or "System.ValueType" or "System.Enum"))
            bases.Add(Name(parent));
        bases.AddRange(
            type.Interfaces.Where(
                i => !type.IsEnum && !i.InterfaceType.FullName.StartsWith("System.IEquatable`1<" + type.FullName, StringComparison.Ordinal))
                .Select(i => Name(i.InterfaceType)).Order(StringComparer.Ordinal));
        return $"{kind} {Name(type)}{(bases.Count > 0 ? " : " + string.Join(", ", bases) : "")}";
    }

    private static string Modifier(TypeDefinition type) =>
        type.IsAbstract && type.IsSealed ? "static " : type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "";

    private static bool IsRecord(TypeDefinition type) => type.Methods.Any(m => m.Name == "<Clone>$");

    private static bool IsReadOnly(TypeDefinition type) => type.CustomAttributes.Any(a => a.AttributeType.Name == "IsReadOnlyAttribute");

    private static IEnumerable<string> Members(TypeDefinition type)
    {
        if (type.BaseType?.FullName == "System.MulticastDelegate") yield break;
        foreach (var field in type.Fields.Where(f => (f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly) && !f.IsSpecialName))
        {
            var value = field.HasConstant ? " = " + Constant(field.Constant) : "";
            yield return type.IsEnum ? field.Name + value
                : $"{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : "")}"
                    + $"{Name(field.FieldType)} {field.Name}{value}";
        }
        foreach (var property in type.Properties)
        {
            var accessors = new[] { property.GetMethod, property.SetMethod }.OfType<MethodDefinition>().Where(IsNews).ToList();
            if (accessors.Count == 0) continue;
            var words = accessors.Select(
                a => (IsOpen(a) ? "protected " : "") + (a == property.GetMethod ? "get;" : IsInit(a) ? "init;" : "set;"));
            var index = property.Parameters.Count > 0 ? $"this[{Parameters(property.Parameters)}]" : property.Name;
            var required = property.CustomAttributes.Any(a => a.AttributeType.Name == "RequiredMemberAttribute") ? "required " : "";
            yield return $"{Modifier(accessors[0])}{required}{Name(property.PropertyType)} {index} {{ {string.Join(' ', words)} }}";
        }
        foreach (var happening in type.Events.Where(e => IsNews(e.AddMethod)))
            yield return $"{Modifier(happening.AddMethod)}event {Name(happening.EventType)} {happening.Name}";
        foreach (var method in type.Methods.Where(m => IsNews(m) && !m.IsGetter && !m.IsSetter && !m.IsAddOn && !m.IsRemoveOn))
        {
            var protectedWord = IsOpen(method) ? "protected " : "";
            yield return method.IsConstructor
                ? $"{protectedWord}{Plain(type.Name)}({Parameters(method.Parameters)})"
                : $"{protectedWord}{Modifier(method)}{Signature(method, method.Name)}";
        }
    }

    // What a base type promises already, what the compiler writes for records and explicit implementations add nothing.
    private static bool IsNews(MethodDefinition method)
        => (method.IsPublic || IsOpen(method)) && !(method.IsVirtual && method.IsReuseSlot) && !(method.IsConstructor && method.IsStatic)
            && !method.Name.StartsWith('<')
            && !(method.CustomAttributes.Any(a => a.AttributeType.FullName == CompilerGenerated) && !method.IsGetter && !method.IsSetter);

    private static bool IsOpen(MethodDefinition method) => method.IsFamily || method.IsFamilyOrAssembly;

    private static bool IsInit(MethodDefinition setter) =>
        setter.ReturnType is RequiredModifierType { ModifierType.Name: "IsExternalInit" };

    private static string Modifier(MethodDefinition method)
        => method.IsStatic ? (method.IsAbstract ? "static abstract " : "static ") : method.DeclaringType.IsInterface ? ""
            : method.IsAbstract ? "abstract " : method.IsVirtual && !method.IsFinal ? "virtual " : "";

    private static string Signature(MethodDefinition method, string name)
        => $"{Name(method.ReturnType)} {name}{Generic(method.GenericParameters)}("
            + $"{(method.CustomAttributes.Any(a => a.AttributeType.Name == "ExtensionAttribute") ? "this " : "")}"
            + $"{Parameters(method.Parameters)})";

    private static string Parameters(IEnumerable<ParameterDefinition> parameters) => string.Join(", ", parameters.Select(p =>
        (p.CustomAttributes.Any(a => a.AttributeType.Name is "ParamArrayAttribute" or "ParamCollectionAttribute") ? "params " : "")
            + (p.ParameterType.IsByReference ? (p.IsOut ? "out " : p.IsIn ? "in " : "ref ") : "")
        + $"{Name(p.ParameterType)} {p.Name}{(p.HasDefault ? " = " + Constant(p.HasConstant ? p.Constant : null) : "")}"));

    private static string Name(TypeReference type) => type switch
    {
        GenericParameter parameter => parameter.Name,
        ArrayType array => $"{Name(array.ElementType)}[{new string(',', array.Rank - 1)}]",
        ByReferenceType reference => Name(reference.ElementType),
        PointerType pointer => Name(pointer.ElementType) + "*",
        IModifierType modified => Name(modified.ElementType),
        GenericInstanceType { ElementType.FullName: "System.Nullable`1" } nullable => Name(nullable.GenericArguments[0]) + "?",
        GenericInstanceType { ElementType: { Namespace: "System", Name: var n } } tuple
            when n.StartsWith("ValueTuple`", StringComparison.Ordinal) => $"({string.Join(", ", tuple.GenericArguments.Select(Name))})",
        GenericInstanceType generic => Path(generic.ElementType, generic.GenericArguments.Select(Name).ToList()),
        FunctionPointerType => "delegate*",
        _ when Keywords.TryGetValue(type.FullName, out var keyword) => keyword,
        _ => Path(type, type.GenericParameters.Select(p => p.Name).ToList()),
    };

    // Types of this repository and of System by their last names; a namespace in front of everything hides what matters.
    private static string Path(TypeReference type, List<string> arguments)
    {
        var own = type.Name.Contains('`', StringComparison.Ordinal)
            ? int.Parse(type.Name[(type.Name.IndexOf('`', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture) : 0;
        var outer = arguments.Count - own;
        var front = type.DeclaringType is { } declaring ? Path(declaring, arguments[..outer]) + "." : type is TypeDefinition
            ? type.Namespace + "." : "";
        return front + Plain(type.Name) + (own > 0 ? $"<{string.Join(", ", arguments[outer..])}>" : "");
    }

    private static string Generic(IEnumerable<GenericParameter> parameters) =>
        parameters.Any() ? $"<{string.Join(", ", parameters.Select(p => p.Name))}>" : "";

    private static string Plain(string name) => name.Split('`')[0];

    private static string Constant(object? value) => value switch
    {
        null => "default",
        string text => $"\"{text}\"",
        bool truth => truth ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };
}
