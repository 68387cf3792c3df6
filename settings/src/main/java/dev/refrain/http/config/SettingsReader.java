package dev.refrain.http.config;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.KebabCaseStrategy;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.type.LogicalType;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import dev.refrain.cassettes.CassetteMode;
import dev.refrain.cassettes.Pace;
import dev.refrain.console.admin.AdminOptions;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.ByteSize;
import dev.refrain.semantics.answer.HitIds;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.key.KeyPlaces;
import dev.refrain.semantics.policy.Policy;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Turns flags, variables, a file and the defaults into {@link Settings}. All four
 * meet as one tree, each setting taken from the first source that has it, and the
 * tree is bound once; so a value is checked in the same way wherever it comes from.
 */
final class SettingsReader {
    private static final YAMLMapper YAML = YAMLMapper.builder(YAMLFactory.builder()
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
            // In YAML an unquoted off, on, yes or no is a boolean: a slug that reads so would silently become another.
            .withCoercionConfig(
                    LogicalType.Textual, c -> c.setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
            .addModule(new SimpleModule()
                    .addDeserializer(ByteSize.class, new Scalar<>(ByteSize.class, ByteSize::parse))
                    .addDeserializer(FieldNames.class, new Scalar<>(FieldNames.class, FieldNames::parse))
                    .addDeserializer(KeyPlaces.Normalization.class, words(KeyPlaces.Normalization.class))
                    .addDeserializer(CassetteMode.class, words(CassetteMode.class))
                    .addDeserializer(Pace.class, words(Pace.class))
                    .addDeserializer(HitIds.class, words(HitIds.class))
                    .addDeserializer(Policy.Caching.class, words(Policy.Caching.class))
                    .addDeserializer(Policy.Mode.class, words(Policy.Mode.class))
                    .addDeserializer(AdminOptions.Content.class, words(AdminOptions.Content.class))
                    .addDeserializer(Endpoint.class, words(Endpoint.class))
                    .addDeserializer(Duration.class, new Scalar<>(Duration.class, SettingsReader::duration))
                    .addDeserializer(Path.class, new Scalar<>(Path.class, Path::of))
                    .addDeserializer(URI.class, new Scalar<>(URI.class, URI::create)))
            .build();

    private static final SnakeCaseStrategy SNAKE_CASE = new SnakeCaseStrategy();
    private static final KebabCaseStrategy KEBAB_CASE = new KebabCaseStrategy();

    private static final Pattern DURATION = Pattern.compile("([0-9]{1,9})(ms|s|m|h|d)");

    private final ObjectNode tree;
    /** Where each setting that did not come from the file came from, by name. */
    private final Map<String, String> sources = new HashMap<>();

    private final String fileSource;

    private SettingsReader(ObjectNode tree, String fileSource) {
        this.tree = tree;
        this.fileSource = fileSource;
    }

    /**
     * Reads the settings.
     *
     * @param flags values of the flags that were given, by the flag
     * @param environment all environment variables; an empty one counts as not set
     */
    static Settings read(Map<String, String> flags, Map<String, String> environment) throws WrongSetting {
        environment = ours(environment);
        checkNames(environment);
        SettingsReader reader = open(flags.get("--config"), environment.getOrDefault("REFRAIN_CONFIG", ""));
        for (Leaf leaf : Leaf.ALL) {
            reader.fill(leaf, flags.get(leaf.flag()), environment.getOrDefault(leaf.variable(), ""));
        }
        return reader.bind();
    }

    /** Variables that other programs read, too, and the settings that they stand for; whichever comes first counts. */
    private static final Map<List<String>, String> CONVENTIONAL = Map.of(
            List.of("http_proxy", "HTTP_PROXY"), "REFRAIN_PROXY_HTTP",
            List.of("https_proxy", "HTTPS_PROXY"), "REFRAIN_PROXY_HTTPS",
            List.of("no_proxy", "NO_PROXY"), "REFRAIN_PROXY_DIRECT");

    private static Map<String, String> ours(Map<String, String> environment) {
        Map<String, String> ours = new HashMap<>(environment);
        CONVENTIONAL.forEach((names, setting) -> {
            for (String name : names) {
                String value = environment.getOrDefault(name, "");
                if (!value.isEmpty()) {
                    ours.merge(setting, value, (before, other) -> before.isEmpty() ? other : before);
                }
            }
        });
        ours.entrySet().removeIf(variable -> OthersVariables.has(variable.getKey(), variable.getValue()));
        return ours;
    }

    private static void checkNames(Map<String, String> environment) throws WrongSetting {
        TreeSet<String> known = new TreeSet<>();
        known.add("REFRAIN_CONFIG");
        Leaf.ALL.stream().filter(Leaf::scalar).map(Leaf::variable).forEach(known::add);
        for (String variable : new TreeSet<>(environment.keySet())) {
            if (variable.startsWith(Leaf.VARIABLE_PREFIX) && !known.contains(variable)) {
                throw WrongSetting.unknown(variable, "environment variable", known);
            }
        }
    }

    private static SettingsReader open(String flag, String variable) throws WrongSetting {
        if (flag == null && variable.isEmpty()) {
            return new SettingsReader(YAML.createObjectNode(), "no file");
        }
        String file = flag == null ? variable : flag;
        String source = flag == null ? "variable REFRAIN_CONFIG" : "flag --config";
        try {
            JsonNode root = YAML.readTree(Files.readAllBytes(Path.of(file)));
            if (root.isMissingNode() || root.isNull()) {
                root = YAML.createObjectNode();
            }
            if (root instanceof ObjectNode object) {
                return new SettingsReader(object, "file " + file);
            }
            throw WrongSetting.file(file + " holds " + describe(root), source);
        } catch (JsonMappingException e) {
            throw WrongSetting.file(file + at(e.getLocation()) + ": more than one document", source);
        } catch (JsonProcessingException e) {
            throw WrongSetting.file(file + at(e.getLocation()) + ": " + firstLine(e.getOriginalMessage()), source);
        } catch (NoSuchFileException e) {
            throw WrongSetting.file(file + " does not exist", source);
        } catch (IOException | IllegalArgumentException e) {
            throw WrongSetting.file(file + " cannot be read: " + e.getClass().getSimpleName(), source);
        }
    }

    private void fill(Leaf leaf, String flag, String variable) throws WrongSetting {
        ObjectNode parent = group(leaf);
        if (flag != null) {
            parent.put(leaf.key(), flag);
            sources.put(leaf.name(), "flag " + leaf.flag());
        } else if (leaf.scalar() && !variable.isEmpty()) {
            parent.put(leaf.key(), variable);
            sources.put(leaf.name(), "variable " + leaf.variable());
        } else if (parent.path(leaf.key()).isNull()) {
            parent.remove(leaf.key());
        }
        if (!parent.has(leaf.key()) && !leaf.about().value().isEmpty()) {
            parent.put(leaf.key(), leaf.about().value());
        }
    }

    private ObjectNode group(Leaf leaf) throws WrongSetting {
        if (leaf.group() == null) {
            return tree;
        }
        JsonNode group = tree.path(leaf.group());
        if (group.isMissingNode() || group.isNull()) {
            return tree.putObject(leaf.group());
        }
        if (group instanceof ObjectNode object) {
            return object;
        }
        throw WrongSetting.value(
                leaf.group(), describe(group), fileSource, "a group of settings such as " + leaf.name());
    }

    /** A policy whose {@code label:} has lost its value would hold for every request. */
    private void checkGaps(String name, JsonNode node) throws WrongSetting {
        if (node.isNull()) {
            throw WrongSetting.value(name, describe(node), fileSource, allowed(name));
        }
        for (Map.Entry<String, JsonNode> member : node.properties()) {
            checkGaps(name + "." + member.getKey(), member.getValue());
        }
    }

    private Settings bind() throws WrongSetting {
        for (String list : List.of("labels", "policies", "teams")) {
            for (int i = 0; i < tree.path(list).size(); i++) {
                checkGaps(list + "[" + i + "]", tree.path(list).path(i));
            }
        }
        try {
            return YAML.treeToValue(tree, Settings.class);
        } catch (UnrecognizedPropertyException e) {
            TreeSet<String> known = new TreeSet<>();
            e.getKnownPropertyIds().forEach(id -> known.add(id.toString()));
            throw WrongSetting.unknown(name(e), fileSource, known);
        } catch (JsonMappingException e) {
            String name = name(e);
            if (e.getCause() instanceof MisspeltSetting misspelt) {
                throw WrongSetting.misspelt(name + "." + misspelt.name(), fileSource, misspelt.meant());
            }
            if (e.getCause() instanceof InvalidSetting invalid) {
                name = name.isEmpty() ? invalid.name() : name + "." + invalid.name();
            }
            JsonNode value = tree.at("/" + name.replaceAll("[.\\[]", "/").replace("]", ""));
            String shown = isSecret(name) && !value.isMissingNode() ? "***" : describe(value);
            throw WrongSetting.value(name, shown, sources.getOrDefault(name, fileSource), allowed(name));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree in memory cannot be malformed", e);
        }
    }

    /** Somebody may have written an API key where its digest belongs. */
    private static boolean isSecret(String name) {
        return name.matches(".*\\.sha256(\\[[0-9]+\\])?")
                || Leaf.ALL.stream()
                        .anyMatch(
                                leaf -> leaf.name().equals(name) && leaf.about().secret());
    }

    private static String allowed(String name) {
        return Leaf.ALL.stream()
                .filter(leaf -> leaf.name().equals(name))
                .findFirst()
                .map(leaf -> leaf.about().allowed())
                .orElseGet(() -> allowedInList(name));
    }

    /** The lists: their elements, and what an element is. */
    private enum Listed {
        LABELS(LabelSettings.class, "a label: a group of settings with a name and a sha256"),
        PRICES(PriceSettings.class, "a price: a group of settings with a model, prompt and completion"),
        TEAMS(TeamSettings.class, "a team: a group of settings with a name, and labels or sha256"),
        POLICIES(PolicySettings.class, "a policy: a group of settings such as match and cache"),
        PRESETS(PresetSettings.class, "a preset: a group of settings with a slug");

        private final Class<?> type;
        private final String element;

        Listed(Class<?> type, String element) {
            this.type = type;
            this.element = element;
        }

        static Listed of(String setting) {
            return valueOf(setting.replaceAll("\\[.*", "").toUpperCase(Locale.ROOT));
        }
    }

    /** What a user may write for a field of a list's element, or else for the element. */
    private static String allowedInList(String name) {
        Listed list = Listed.of(name);
        String allowed = allowed(list.type, name.replaceAll(".*\\.|(?<=[a-z0-9])\\[[0-9]+\\]$", ""));
        return allowed == null ? list.element : allowed;
    }

    /** Null if a record and those in it have no such component. */
    private static String allowed(Class<?> type, String field) {
        for (RecordComponent component : type.getRecordComponents()) {
            Setting about = component.getAnnotation(Setting.class);
            String name = component.getName();
            if (about != null
                    && (SNAKE_CASE.translate(name).equals(field)
                            || KEBAB_CASE.translate(name).equals(field))) {
                return about.allowed();
            }
            String inside = component.getType().isRecord() ? allowed(component.getType(), field) : null;
            if (inside != null) {
                return inside;
            }
        }
        return null;
    }

    private static String name(JsonMappingException e) {
        StringBuilder name = new StringBuilder();
        for (JsonMappingException.Reference reference : e.getPath()) {
            if (reference.getFieldName() == null) {
                name.append('[').append(reference.getIndex()).append(']');
            } else {
                name.append(name.isEmpty() ? "" : ".").append(reference.getFieldName());
            }
        }
        return name.toString();
    }

    /** Scalars as written; never the content of a list or group, because it may be a prompt. */
    private static String describe(JsonNode node) {
        return switch (node.getNodeType()) {
            case OBJECT -> "a group of settings";
            case ARRAY -> "a list";
            case MISSING -> "nothing";
            default -> node.asText();
        };
    }

    private static String at(JsonLocation location) {
        return location == null ? "" : ", line " + location.getLineNr() + ", column " + location.getColumnNr();
    }

    /** What follows the first line quotes the file. */
    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("not YAML");
    }

    /** Reads an enum's constants, with {@code -} for {@code _}; YAML takes {@code on} and {@code off} for booleans. */
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

    /** A value that a user writes as one scalar, whatever type YAML takes that for. */
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
                // Reported below, in the same way as a value that is no scalar.
            }
            throw JsonMappingException.from(parser, "not a " + handledType().getSimpleName());
        }
    }
}
