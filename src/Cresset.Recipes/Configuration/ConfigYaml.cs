using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.Serialization;
using YamlDotNet.Serialization.EventEmitters;

namespace Cresset.Recipes;

/// <summary>Writes the values of <see cref="OptionsWriter.Write"/> as YAML: numbers bare, texts quoted where they must be.</summary>
internal static class ConfigYaml
{
    private static readonly ISerializer Serializer = new SerializerBuilder().WithQuotingNecessaryStrings()
        .WithTypeConverter(new NumberConverter()).Build();

    private static readonly ISerializer Inline = new SerializerBuilder().WithQuotingNecessaryStrings()
        .WithTypeConverter(new NumberConverter()).WithEventEmitter(next => new InFlowStyle(next)).Build();

    public static string Write(IReadOnlyDictionary<string, object?> values) => Serializer.Serialize(values);

    /// <summary>A value in one line, as it can stand behind a key.</summary>
    public static string WriteInline(object? value)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        // As the one item of a list: a text that stands alone gets the marks of a document.
        Inline.Serialize(new Emitter(text, new EmitterSettings().WithBestWidth(int.MaxValue)), new List<object?> { Plain(value) });
        return text.ToString().Trim()[1..^1].Trim();
    }

    // Nothing is a word in a list; the serializer would write an empty text.
    private static object Plain(object? value) => value switch
    {
        null => new ConfigNumber("null"),
        IReadOnlyDictionary<string, object?> map => map.ToDictionary(m => m.Key, m => Plain(m.Value)),
        IEnumerable<object?> list => list.Select(Plain).ToList(),
        _ => value,
    };

    private sealed class InFlowStyle(IEventEmitter next) : ChainedEventEmitter(next)
    {
        public override void Emit(MappingStartEventInfo eventInfo, IEmitter emitter)
        {
            eventInfo.Style = MappingStyle.Flow;
            base.Emit(eventInfo, emitter);
        }

        public override void Emit(SequenceStartEventInfo eventInfo, IEmitter emitter)
        {
            eventInfo.Style = SequenceStyle.Flow;
            base.Emit(eventInfo, emitter);
        }
    }

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
