using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;

namespace Cresset.Recipes;

/// <summary>Writes the values of <see cref="OptionsWriter.Write"/> as YAML: numbers bare, texts quoted where they must be.</summary>
internal static class ConfigYaml
{
    private static readonly ISerializer Serializer = new SerializerBuilder().WithQuotingNecessaryStrings()
        .WithTypeConverter(new NumberConverter()).Build();

    public static string Write(IReadOnlyDictionary<string, object?> values) => Serializer.Serialize(values);

    private sealed class NumberConverter : IYamlTypeConverter
    {
        public bool Accepts(Type type) => type == typeof(ConfigNumber);

        public object? ReadYaml(IParser parser, Type type, ObjectDeserializer rootDeserializer) =>
            throw new NotSupportedException("Recipes are read by ConfigNode.");

        public void WriteYaml(IEmitter emitter, object? value, Type type, ObjectSerializer serializer) =>
            emitter.Emit(new Scalar(((ConfigNumber)value!).Text));
    }
}

/// <summary>A number as it shall be written, exact in both directions.</summary>
internal sealed record ConfigNumber(string Text)
{
    public override string ToString() => Text;
}
