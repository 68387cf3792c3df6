package dev.refrain.http.config;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.KebabCaseStrategy;
import com.fasterxml.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;

/**
 * Reads {@link Settings} from flags, variables, a file and the defaults. All four are merged into one tree, in which
 * each setting comes from the first source that has it. The tree is bound as a whole, so a value is checked in the same
 * way wherever it comes from.
 */
final class SettingsReader {
    private static final YAMLMapper YAML = SettingsYaml.MAPPER;

    private static final SnakeCaseStrategy SNAKE_CASE = new SnakeCaseStrategy();
    private static final KebabCaseStrategy KEBAB_CASE = new KebabCaseStrategy();

    private final ObjectNode tree;
    /** The source of each setting, by name; settings that are missing here came from the file. */
    private final Map<String, String> sources = new HashMap<>();

    private final List<WrongSetting> faults;

    private final String fileSource;

    private SettingsReader(ObjectNode tree, String fileSource, List<WrongSetting> faults) {
        this.tree = tree;
        this.fileSource = fileSource;
        this.faults = faults;
    }

    /**
     * The result of reading.
     *
     * @param values of all settings, in their order
     */
    record Loaded(Settings settings, List<Value> values) {}

    /**
     * The value of a setting, and its source.
     *
     * @param value as it was given; missing if the setting is not set
     */
    record Value(Leaf leaf, JsonNode value, String source) {}

    /**
     * Reads the settings.
     *
     * @param flags values of the given flags, by the names of the flags
     * @param environment all environment variables; an empty one counts as not set
     * @throws WrongSettings with everything that is wrong
     */
    static Loaded read(Map<String, String> flags, Map<String, String> environment) throws WrongSettings {
        Map<String, String> names = new HashMap<>();
        environment = ours(environment, names);
        List<WrongSetting> faults = checkNames(environment);
        SettingsReader reader = open(flags.get("--config"), environment.getOrDefault("REFRAIN_CONFIG", ""), faults);
        for (Leaf leaf : Leaf.ALL) {
            String name = names.getOrDefault(leaf.variable(), leaf.variable());
            reader.fill(leaf, flags.get(leaf.flag()), name, environment.getOrDefault(leaf.variable(), ""));
        }
        List<Value> values = Leaf.ALL.stream().map(reader::value).toList();
        Settings settings = reader.bind();
        if (!faults.isEmpty()) {
            throw new WrongSettings(
                    faults.stream().map(WrongSetting::getMessage).distinct().toList());
        }
        return new Loaded(settings, values);
    }

    private Value value(Leaf leaf) {
        JsonNode value = (leaf.group() == null ? tree : tree.path(leaf.group())).path(leaf.key());
        return new Value(
                leaf,
                value.deepCopy(),
                value.isMissingNode() ? "not set" : sources.getOrDefault(leaf.name(), fileSource));
    }

    /** Variables that many programs read, and the settings that they stand for. The first one that is set counts. */
    private static final Map<List<String>, String> CONVENTIONAL = Map.of(
            List.of("http_proxy", "HTTP_PROXY"), "REFRAIN_PROXY_HTTP",
            List.of("https_proxy", "HTTPS_PROXY"), "REFRAIN_PROXY_HTTPS",
            List.of("no_proxy", "NO_PROXY"), "REFRAIN_PROXY_DIRECT");

    /**
     * The environment with conventional variables under our own names, and without variables that are no settings.
     *
     * @param names receives the name of each conventional variable that is used, by the name of our own variable
     */
    private static Map<String, String> ours(Map<String, String> environment, Map<String, String> names) {
        Map<String, String> ours = new HashMap<>(environment);
        CONVENTIONAL.forEach((conventional, setting) -> {
            for (String name : conventional) {
                String value = environment.getOrDefault(name, "");
                if (!value.isEmpty() && ours.getOrDefault(setting, "").isEmpty()) {
                    ours.put(setting, value);
                    names.put(setting, name);
                }
            }
        });
        ours.entrySet().removeIf(variable -> OthersVariables.has(variable.getKey(), variable.getValue()));
        return ours;
    }

    private static List<WrongSetting> checkNames(Map<String, String> environment) {
        TreeSet<String> known = new TreeSet<>();
        known.add("REFRAIN_CONFIG");
        Leaf.ALL.stream().filter(Leaf::scalar).map(Leaf::variable).forEach(known::add);
        List<WrongSetting> faults = new ArrayList<>();
        for (String variable : new TreeSet<>(environment.keySet())) {
            if (variable.startsWith(Leaf.VARIABLE_PREFIX) && !known.contains(variable)) {
                faults.add(WrongSetting.unknown(variable, "environment variable", known));
            }
        }
        return faults;
    }

    private static SettingsReader open(String flag, String variable, List<WrongSetting> faults) {
        if (flag == null && variable.isEmpty()) {
            return new SettingsReader(YAML.createObjectNode(), "no file", faults);
        }
        String file = flag == null ? variable : flag;
        String source = flag == null ? "variable REFRAIN_CONFIG" : "flag --config";
        ObjectNode tree = YAML.createObjectNode();
        try {
            JsonNode root = YAML.readTree(Files.readAllBytes(Path.of(file)));
            if (root instanceof ObjectNode object) {
                tree = object;
            } else if (!root.isMissingNode() && !root.isNull()) {
                faults.add(WrongSetting.file(file + " holds " + describe(root), source));
            }
        } catch (JsonMappingException e) {
            faults.add(WrongSetting.file(file + at(e.getLocation()) + ": more than one document", source));
        } catch (JsonProcessingException e) {
            faults.add(
                    WrongSetting.file(file + at(e.getLocation()) + ": " + firstLine(e.getOriginalMessage()), source));
        } catch (NoSuchFileException e) {
            faults.add(WrongSetting.file(file + " does not exist", source));
        } catch (IOException | IllegalArgumentException e) {
            faults.add(
                    WrongSetting.file(file + " cannot be read: " + e.getClass().getSimpleName(), source));
        }
        return new SettingsReader(tree, "file " + file, faults);
    }

    private void fill(Leaf leaf, String flag, String name, String variable) {
        ObjectNode parent = group(leaf);
        if (flag != null) {
            parent.put(leaf.key(), flag);
            sources.put(leaf.name(), "flag " + leaf.flag());
        } else if (leaf.scalar() && !variable.isEmpty()) {
            parent.put(leaf.key(), variable);
            sources.put(leaf.name(), "variable " + name);
        } else if (parent.path(leaf.key()).isNull()) {
            parent.remove(leaf.key());
        }
        if (!parent.has(leaf.key()) && !leaf.about().value().isEmpty()) {
            parent.put(leaf.key(), leaf.about().value());
            sources.put(leaf.name(), "default");
        }
    }

    private ObjectNode group(Leaf leaf) {
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
        faults.add(WrongSetting.value(
                leaf.group(), describe(group), fileSource, "a group of settings such as " + leaf.name()));
        return tree.putObject(leaf.group());
    }

    /**
     * Refuses members without a value. Otherwise, a policy with an empty {@code label:} would hold for every request.
     */
    private void checkGaps(String name, JsonNode node) throws Fault {
        if (node.isNull()) {
            throw new Fault(name, WrongSetting.value(name, describe(node), fileSource, allowed(name)));
        }
        for (Map.Entry<String, JsonNode> member : node.properties()) {
            checkGaps(name + "." + member.getKey(), member.getValue());
        }
    }

    /** A fault, and the name of the setting that has it. */
    private static final class Fault extends Exception {
        private static final long serialVersionUID = 1L;

        private final String name;
        private final transient WrongSetting setting;

        Fault(String name, WrongSetting setting) {
            super(name, null, false, false);
            this.name = name;
            this.setting = setting;
        }
    }

    /**
     * Binds the tree. After a fault, repairs it and binds again, so that all faults are found. Returns null if a fault
     * cannot be repaired.
     */
    private Settings bind() {
        Repair repair = new Repair(tree);
        while (true) {
            try {
                return bindOnce();
            } catch (Fault fault) {
                if (repair.isNews(fault.name)) {
                    faults.add(fault.setting);
                }
                if (!repair.repair(fault.name)) {
                    return null;
                }
            }
        }
    }

    private Settings bindOnce() throws Fault {
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
            throw new Fault(name(e), WrongSetting.unknown(name(e), fileSource, known));
        } catch (JsonMappingException e) {
            String name = name(e);
            if (e.getCause() instanceof MisspeltSetting misspelt) {
                name += "." + misspelt.name();
                throw new Fault(name, WrongSetting.misspelt(name, fileSource, misspelt.meant()));
            }
            if (e.getCause() instanceof InvalidSetting invalid) {
                name = name.isEmpty() ? invalid.name() : name + "." + invalid.name();
            }
            JsonNode value = tree.at("/" + name.replaceAll("[.\\[]", "/").replace("]", ""));
            String shown = isSecret(name) && !value.isMissingNode() ? "***" : describe(value);
            throw new Fault(
                    name, WrongSetting.value(name, shown, sources.getOrDefault(name, fileSource), allowed(name)));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree in memory cannot be malformed", e);
        }
    }

    /** Whether a setting's value must not be shown. Users may write an API key in place of its digest. */
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

    /** The lists of settings: the type of their elements, and a description of an element. */
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

    /** The allowed values of a field in a list's element, or, for an unknown field, the description of the element. */
    private static String allowedInList(String name) {
        Listed list = Listed.of(name);
        String allowed = allowed(list.type, name.replaceAll(".*\\.|(?<=[a-z0-9])\\[[0-9]+\\]$", ""));
        return allowed == null ? list.element : allowed;
    }

    /** The allowed values of a component; null if neither the record nor a record in it has this component. */
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

    /** A value for messages: a scalar as written, but never the content of a list or group, which may be a prompt. */
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

    /** The first line of a message; further lines quote the file. */
    private static String firstLine(String message) {
        return message.lines().findFirst().orElse("not YAML");
    }
}
