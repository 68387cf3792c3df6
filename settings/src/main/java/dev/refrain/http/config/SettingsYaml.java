package dev.refrain.http.config;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.type.LogicalType;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.refrain.cassettes.CassetteMode;
import dev.refrain.cassettes.Pace;
import dev.refrain.console.admin.AdminOptions;
import dev.refrain.console.log.Logs;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.ByteSize;
import dev.refrain.semantics.answer.HitIds;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.key.KeyPlaces;
import dev.refrain.semantics.policy.Policy;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Binds YAML to settings. A value is parsed from its text as the user wrote it, whatever type YAML gives it. */
final class SettingsYaml {
    static final YAMLMapper MAPPER = YAMLMapper.builder(YAMLFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .enable(YAMLParser.Feature.EMPTY_STRING_AS_NULL)
                    .build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
            .withCoercionConfig(
                    LogicalType.Boolean, c -> c.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail))
            // In YAML an unquoted off, on, yes or no is a boolean. As a slug, it would silently turn into another word.
            .withCoercionConfig(
                    LogicalType.Textual, c -> c.setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .addModule(new SimpleModule()
                    .addDeserializer(ByteSize.class, new Scalar<>(ByteSize.class, ByteSize::parse))
                    .addDeserializer(FieldNames.class, new Scalar<>(FieldNames.class, FieldNames::parse))
                    .addDeserializer(KeyPlaces.Normalization.class, words(KeyPlaces.Normalization.class))
                    .addDeserializer(CassetteMode.class, words(CassetteMode.class))
                    .addDeserializer(Pace.class, words(Pace.class))
                    .addDeserializer(HitIds.class, words(HitIds.class))
                    .addDeserializer(Logs.Format.class, words(Logs.Format.class))
                    .addDeserializer(Logs.Threshold.class, words(Logs.Threshold.class))
                    .addDeserializer(Policy.Caching.class, words(Policy.Caching.class))
                    .addDeserializer(Policy.Mode.class, words(Policy.Mode.class))
                    .addDeserializer(AdminOptions.Content.class, words(AdminOptions.Content.class))
                    .addDeserializer(Endpoint.class, words(Endpoint.class))
                    .addDeserializer(Duration.class, new Scalar<>(Duration.class, SettingsYaml::duration))
                    .addDeserializer(Path.class, new Scalar<>(Path.class, Path::of))
                    .addDeserializer(URI.class, new Scalar<>(URI.class, URI::create)))
            .build();

    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h|d)");

    private SettingsYaml() {}

    /**
     * Reads an enum's constants, written with {@code -} for {@code _}. Accepts booleans, since YAML makes them of
     * {@code on} and {@code off}.
     */
    private static <E extends Enum<E>> Scalar<E> words(Class<E> type) {
        return new Scalar<>(type, text -> {
            String word = text.equals("true") ? "on" : text.equals("false") ? "off" : text;
            return Arrays.stream(type.getEnumConstants())
                    .filter(constant -> constant.name()
                            .toLowerCase(Locale.ROOT)
                            .replace('_', '-')
                            .equals(word))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("not one of the words: " + text));
        });
    }

    private static Duration duration(String text) {
        Matcher matcher = DURATION.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("not a duration: " + text);
        }
        long count = Long.parseLong(matcher.group(1));
        return switch (matcher.group(2)) {
            case "ms" -> Duration.ofMillis(count);
            case "s" -> Duration.ofSeconds(count);
            case "m" -> Duration.ofMinutes(count);
            case "h" -> Duration.ofHours(count);
            default -> Duration.ofDays(count);
        };
    }

    /** Parses the text of one scalar, whatever type YAML gives it. */
    private static final class Scalar<T> extends StdScalarDeserializer<T> {
        private static final long serialVersionUID = 1L;

        private final transient Function<String, T> parse;

        Scalar(Class<T> type, Function<String, T> parse) {
            super(type);
            this.parse = parse;
        }

        @Override
        public T deserialize(JsonParser parser, DeserializationContext context) throws IOException {
            String text = parser.getValueAsString();
            try {
                if (text != null) {
                    return parse.apply(text);
                }
            } catch (IllegalArgumentException | ArithmeticException e) {
                // A text of a wrong form is reported below, like a value that is no scalar.
            }
            throw JsonMappingException.from(parser, "not a " + handledType().getSimpleName());
        }
    }
}
