using System.Text.RegularExpressions;
using Cresset.Tests.EndToEnd.Cli;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Xunit;

namespace Cresset.Tests.EndToEnd.Conventions;

/// <summary>
/// The rooms of a library, its first folders, depend on one another in one direction: a reader who follows the arrows downwards comes to an
/// end. A shelf inside a room (Activations/Fused) belongs to the room.
/// </summary>
public sealed partial class FolderArrowsTests
{
    public static TheoryData<string> Libraries => SurfaceTests.Libraries;

    [Theory]
    [MemberData(nameof(Libraries))]
    public void NoRoomsLieInACircle(string library)
    {
        var rooms = Rooms(Path.Combine(Repository.Root, "src", library));
        var folder = Path.GetDirectoryName(CressetProcess.Built("Cresset.Cli", "cresset"))!;
        var path = Path.Combine(folder, library == "Cresset.Cli" ? "cresset.dll" : library + ".dll");
        using var module = ModuleDefinition.ReadModule(path);
        var arrows = new Dictionary<(string From, string To), string>();
        foreach (var type in module.GetTypes())
        {
            if (RoomOf(type, rooms) is not { } from) continue;
            foreach (var used in Used(type))
            {
                if (used.Scope == module && RoomOf(used, rooms) is { } to && from != to)
                    arrows.TryAdd((from, to), $"{Outermost(type).Name} uses {Outermost(used).Name}");
            }
        }
        Assert.True(rooms.Count > 0, $"no types of {library} were found in its sources.");
        var circle = Circle([.. arrows.Keys]);
        Assert.True(circle.Count == 0,
            $"{library}: the rooms {string.Join(", ", circle)} lie in a circle; move a type to the room below it:\n"
                + string.Join('\n', arrows.Where(a => circle.Contains(a.Key.From) && circle.Contains(a.Key.To))
                    .Select(a => $"{a.Key.From} -> {a.Key.To}: {a.Value}")));
    }

    [Fact]
    public void ACircleIsSeen()
    {
        Assert.Empty(Circle([("a", "b"), ("b", "c"), ("a", "c")]));
        Assert.Equal(["b", "c", "d"], Circle([("a", "b"), ("b", "c"), ("c", "d"), ("d", "b"), ("d", "e")]).Order(StringComparer.Ordinal));
    }

    // Takes away rooms from which no arrow leads to one that is left, and those to which none leads; what stays lies in circles or between
    // them.
    private static HashSet<string> Circle((string From, string To)[] arrows)
    {
        var left = arrows.SelectMany(a => new[] { a.From, a.To }).ToHashSet(StringComparer.Ordinal);
        while (true)
        {
            var ends = left.Where(room => !arrows.Any(a => a.From == room && left.Contains(a.To))
                || !arrows.Any(a => a.To == room && left.Contains(a.From))).ToList();
            if (ends.Count == 0) return left;
            left.ExceptWith(ends);
        }
    }

    private static Dictionary<string, string> Rooms(string project)
    {
        var rooms = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var file in Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var parts = Path.GetRelativePath(project, file).Split(Path.DirectorySeparatorChar);
            if (parts[0] is "obj" or "bin") continue;
            var room = parts.Length > 1 ? parts[0] : "the project's own folder";
            foreach (Match match in Declaration().Matches(File.ReadAllText(file))) rooms.TryAdd(match.Groups[1].Value, room);
        }
        return rooms;
    }

    private static string? RoomOf(TypeReference type, Dictionary<string, string> rooms)
    {
        var name = Outermost(type).Name;
        return rooms.GetValueOrDefault(name.Split('`')[0]);
    }

    private static TypeReference Outermost(TypeReference type)
    {
        while (type.DeclaringType is { } outer) type = outer;
        return type;
    }

    private static IEnumerable<TypeReference> Used(TypeDefinition type)
    {
        var direct = new List<TypeReference?> { type.BaseType };
        direct.AddRange(type.Interfaces.Select(i => i.InterfaceType));
        direct.AddRange(type.Fields.Select(f => f.FieldType));
        foreach (var method in type.Methods)
        {
            direct.Add(method.ReturnType);
            direct.AddRange(method.Parameters.Select(p => p.ParameterType));
            if (!method.HasBody) continue;
            foreach (var instruction in method.Body.Instructions)
            {
                switch (instruction.Operand)
                {
                    case TypeReference named: direct.Add(named); break;
                    case FieldReference field: direct.Add(field.DeclaringType); break;
                    case MethodReference called:
                        direct.Add(called.DeclaringType);
                        if (called is GenericInstanceMethod generic) direct.AddRange(generic.GenericArguments);
                        break;
                }
            }
        }
        return direct.OfType<TypeReference>().SelectMany(Parts);
    }

    // The types that a written type is made of: List<Box[]> is List and Box.
    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Prepend(generic.ElementType),
        FunctionPointerType pointer => pointer.Parameters.Select(p => p.ParameterType).Append(pointer.ReturnType).SelectMany(Parts),
        TypeSpecification made => Parts(made.ElementType),
        GenericParameter => [],
        _ => [type],
    };

    [GeneratedRegex(
        @"^(?:(?:public|internal|file|sealed|abstract|static|partial|readonly|ref|unsafe)\s+)*"
            + @"(?:class|record\s+struct|record|struct|interface|enum|delegate\s+\S+)\s+(\w+)",
        RegexOptions.Multiline)]
    private static partial Regex Declaration();
}
