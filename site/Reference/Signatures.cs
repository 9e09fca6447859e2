using System.Text;
using Mono.Cecil;

namespace Cresset.Site.Reference;

/// <summary>Declarations as C# writes them, with links to the types that the site has.</summary>
/// <param name="link">The place of a type by its full name; null for one without a page.</param>
internal sealed class Signatures(Func<string, string?> link)
{
    private static readonly Dictionary<string, string> Keywords = new()
    {
        ["System.Void"] = "void",
        ["System.Object"] = "object",
        ["System.String"] = "string",
        ["System.Boolean"] = "bool",
        ["System.Char"] = "char",
        ["System.Byte"] = "byte",
        ["System.SByte"] = "sbyte",
        ["System.Int16"] = "short",
        ["System.UInt16"] = "ushort",
        ["System.Int32"] = "int",
        ["System.UInt32"] = "uint",
        ["System.Int64"] = "long",
        ["System.UInt64"] = "ulong",
        ["System.Single"] = "float",
        ["System.Double"] = "double",
        ["System.Decimal"] = "decimal",
        ["System.IntPtr"] = "nint",
        ["System.UIntPtr"] = "nuint",
    };

    /// <summary>The name of a type without its arity: <c>Flow</c>, <c>Outer.Inner</c>.</summary>
    public static string Plain(TypeReference type) =>
        (type.DeclaringType is { Name: not "torch" } outer && !type.IsGenericParameter ? Plain(outer) + "." : "") + type.Name.Split('`')[0];

    /// <summary>The name with its type parameters, as a heading shows it.</summary>
    public static string Title(TypeDefinition type)
    {
        var own = type.GenericParameters.Skip(type.DeclaringType?.GenericParameters.Count ?? 0).Select(p => p.Name).ToList();
        return Plain(type) + (own.Count > 0 ? $"<{string.Join(", ", own)}>" : "");
    }

    /// <summary>A type that is used somewhere, as HTML.</summary>
    /// <param name="type">The type.</param>
    /// <param name="nullable">True when a reference of this type may be null.</param>
    public string Html(TypeReference type, bool nullable = false)
    {
        if (type is ByReferenceType reference) return Html(reference.ElementType, nullable);
        if (type is IModifierType modifier) return Html(modifier.ElementType, nullable);
        if (type is PointerType pointer) return Html(pointer.ElementType) + "*";
        var mark = nullable && !type.IsValueType ? "?" : "";
        if (type is ArrayType array) return $"{Html(array.ElementType)}[{new string(',', array.Rank - 1)}]{mark}";
        if (type is GenericParameter) return HtmlEncode(type.Name) + mark;
        if (type is GenericInstanceType generic)
        {
            var name = generic.ElementType.FullName;
            if (name == "System.Nullable`1") return Html(generic.GenericArguments[0]) + "?";
            var inner = string.Join(", ", generic.GenericArguments.Select(a => Html(a)));
            return name.StartsWith("System.ValueTuple`", StringComparison.Ordinal) ? $"({inner})"
                : $"{Named(generic.ElementType)}&lt;{inner}&gt;{mark}";
        }
        return Named(type) + mark;
    }

    /// <summary>The declaration of a type.</summary>
    public string Declaration(TypeDefinition type)
    {
        var isRecord = IsRecord(type);
        var kind = type.IsEnum ? "enum" : type.IsInterface ? "interface" : IsDelegate(type) ? "delegate"
            : (isRecord ? "record " : "") + (type.IsValueType ? "struct" : "class");
        if (kind == "record class") kind = "record";
        var head = new StringBuilder("public ");
        if (type.IsClass && !type.IsValueType && kind != "delegate")
        {
            if (type.IsAbstract && type.IsSealed) head.Append("static ");
            else if (type.IsAbstract) head.Append("abstract ");
            else if (type.IsSealed) head.Append("sealed ");
        }
        if (type.IsValueType && !type.IsEnum && type.CustomAttributes.Any(a => a.AttributeType.Name == "IsReadOnlyAttribute"))
            head.Append("readonly ");
        if (kind == "delegate")
        {
            var invoke = type.Methods.First(m => m.Name == "Invoke");
            return $"{head}delegate {Html(invoke.ReturnType, Nullability.Of(invoke.MethodReturnType, invoke))} "
                + $"{HtmlEncode(Title(type))}({Parameters(invoke)})";
        }
        head.Append(kind).Append(' ').Append(HtmlEncode(Title(type)));
        var bases = new List<string>();
        if (type.BaseType is { FullName: not ("System.Object" or "System.ValueType" or "System.Enum") } parent) bases.Add(Html(parent));
        bases.AddRange(type.Interfaces.Where(i => !i.InterfaceType.FullName.StartsWith("System.IEquatable`1", StringComparison.Ordinal))
            .Select(i => Html(i.InterfaceType)));
        if (type.IsEnum) bases.Clear();
        return bases.Count > 0 ? $"{head} : {string.Join(", ", bases)}" : head.ToString();
    }

    /// <summary>The declaration of a method or constructor.</summary>
    public string Declaration(MethodDefinition method)
    {
        var name = method.IsConstructor ? method.DeclaringType.Name.Split('`')[0] : Operator(method.Name);
        var generics = method.HasGenericParameters
            ? $"&lt;{string.Join(", ", method.GenericParameters.Select(p => HtmlEncode(p.Name)))}&gt;" : "";
        var result = method.IsConstructor ? "" : Html(method.ReturnType, Nullability.Of(method.MethodReturnType, method)) + " ";
        var isExtension = method.CustomAttributes.Any(a => a.AttributeType.Name == "ExtensionAttribute");
        return $"{Modifiers(method)}{result}{HtmlEncode(name)}{generics}({(isExtension ? "this " : "")}{Parameters(method)})";
    }

    /// <summary>The declaration of a property.</summary>
    public string Declaration(PropertyDefinition property)
    {
        var any = property.GetMethod ?? property.SetMethod;
        var accessors = "";
        if (property.GetMethod is { } get && Seen(get)) accessors += "get; ";
        if (property.SetMethod is { } set && Seen(set))
            accessors += set.ReturnType is RequiredModifierType { ModifierType.Name: "IsExternalInit" } ? "init; " : "set; ";
        var name = property.HasParameters ? $"this[{Parameters(property.GetMethod ?? property.SetMethod!)}]" : HtmlEncode(property.Name);
        var required = property.CustomAttributes.Any(a => a.AttributeType.Name == "RequiredMemberAttribute") ? "required " : "";
        return $"{Modifiers(any)}{required}{Html(property.PropertyType, Nullability.Of(property, any))} {name} {{ {accessors}}}";
    }

    /// <summary>The declaration of a field.</summary>
    public string Declaration(FieldDefinition field)
    {
        var value = field.HasConstant && field.Constant is not null
            ? $" = {HtmlEncode(field.Constant is string s ? $"\"{s}\"" : Convert.ToString(field.Constant, CultureInfo.InvariantCulture)!)}"
            : "";
        var modifiers = field.HasConstant ? "const " : (field.IsStatic ? "static " : "") + (field.IsInitOnly ? "readonly " : "");
        return $"public {modifiers}{Html(field.FieldType)} {HtmlEncode(field.Name)}{value}";
    }

    /// <summary>The declaration of an event.</summary>
    public string Declaration(EventDefinition happening) => $"public event {Html(happening.EventType)} {HtmlEncode(happening.Name)}";

    /// <summary>True for what users of the library can call: public, and protected where it can be overridden.</summary>
    public static bool Seen(MethodDefinition method) =>
        method.IsPublic || ((method.IsFamily || method.IsFamilyOrAssembly) && !method.DeclaringType.IsSealed);

    /// <summary>True for a record.</summary>
    public static bool IsRecord(TypeDefinition type) =>
        type.Methods.Any(m => m.Name is "<Clone>$") || (type.IsValueType && type.Methods.Any(m => m.Name == "PrintMembers"));

    /// <summary>True for a delegate.</summary>
    public static bool IsDelegate(TypeDefinition type) => type.BaseType?.FullName == "System.MulticastDelegate";

    private string Parameters(MethodDefinition method) => string.Join(", ", method.Parameters
        .Take(method.IsSetter ? method.Parameters.Count - 1 : method.Parameters.Count).Select(p =>
        {
            var pass = p.ParameterType is ByReferenceType ? p.IsOut ? "out "
                : p.CustomAttributes.Any(a => a.AttributeType.Name == "IsReadOnlyAttribute") ? "in " : "ref " : "";
            if (p.CustomAttributes.Any(a => a.AttributeType.Name is "ParamArrayAttribute" or "ParamCollectionAttribute")) pass = "params ";
            return $"{pass}{Html(p.ParameterType, Nullability.Of(p, method))} {HtmlEncode(p.Name)}{Default(p)}";
        }));

    private static string Default(ParameterDefinition parameter)
    {
        if (!parameter.IsOptional) return "";
        return " = " + (parameter.HasConstant ? parameter.Constant : null) switch
        {
            null => "default",
            string text => HtmlEncode($"\"{text}\""),
            bool flag => flag ? "true" : "false",
            var number => HtmlEncode(Convert.ToString(number, CultureInfo.InvariantCulture)!),
        };
    }

    private static string Modifiers(MethodDefinition? method)
    {
        if (method is null || method.DeclaringType.IsInterface) return method is { IsStatic: true } ? "static " : "";
        var text = method.IsPublic ? "public " : "protected ";
        if (method.IsStatic) return text + "static ";
        if (method.IsAbstract) return text + "abstract ";
        if (!method.IsVirtual || method.IsFinal || (method.DeclaringType.IsSealed && method.IsNewSlot)) return text;
        return text + (method.IsNewSlot ? "virtual " : "override ");
    }

    private static string Operator(string name) => name switch
    {
        "op_Implicit" => "implicit operator",
        "op_Explicit" => "explicit operator",
        "op_Addition" => "operator +",
        "op_Subtraction" => "operator -",
        "op_Multiply" => "operator *",
        "op_Division" => "operator /",
        "op_UnaryNegation" => "operator -",
        "op_Equality" => "operator ==",
        "op_Inequality" => "operator !=",
        "op_LessThan" => "operator <",
        "op_GreaterThan" => "operator >",
        "op_LessThanOrEqual" => "operator <=",
        "op_GreaterThanOrEqual" => "operator >=",
        _ => name,
    };

    private string Named(TypeReference type)
    {
        if (Keywords.TryGetValue(type.FullName, out var word)) return word;
        var text = HtmlEncode(Plain(type));
        return link(type.FullName.Replace('/', '.')) is { } place ? $"<a href=\"{HtmlEncode(place)}\">{text}</a>" : text;
    }
}
