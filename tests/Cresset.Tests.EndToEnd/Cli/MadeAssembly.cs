using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Cresset.Tests.EndToEnd.Cli;

/// <summary>
/// Writes an assembly whose one class derives from a class of another assembly: what a user's project built against something else looks
/// like.
/// </summary>
internal static class MadeAssembly
{
    public static void Write(string path, string needs, Version version)
    {
        var metadata = new MetadataBuilder();
        metadata.AddModule(0, metadata.GetOrAddString(Path.GetFileName(path)),
            metadata.GetOrAddGuid(new Guid("6f2f7b6e-5f2b-4b3e-9d2a-8a4b7c1d0e21")), default, default);
        metadata.AddAssembly(metadata.GetOrAddString(Path.GetFileNameWithoutExtension(path)), new Version(1, 0, 0, 0), default, default,
            default, AssemblyHashAlgorithm.None);
        var other = metadata.AddAssemblyReference(metadata.GetOrAddString(needs), version, default, default, default, default);
        var parent = metadata.AddTypeReference(other, metadata.GetOrAddString(needs), metadata.GetOrAddString("Parent"));
        metadata.AddTypeDefinition(default, default, metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1),
            MetadataTokens.MethodDefinitionHandle(1));
        metadata.AddTypeDefinition(TypeAttributes.Public | TypeAttributes.Class, metadata.GetOrAddString("Made"),
            metadata.GetOrAddString("Child"), parent, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        var image = new BlobBuilder();
        new ManagedPEBuilder(PEHeaderBuilder.CreateLibraryHeader(), new MetadataRootBuilder(metadata), new BlobBuilder()).Serialize(image);
        File.WriteAllBytes(path, image.ToArray());
    }
}
