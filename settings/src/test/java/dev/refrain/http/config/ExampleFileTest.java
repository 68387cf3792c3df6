package dev.refrain.http.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checks docs/refrain.example.yaml against the program. */
class ExampleFileTest {
    private static final Path EXAMPLE = Path.of("../docs/refrain.example.yaml");

    @Test
    void loadsAndChangesNothing() {
        assertThat(load(EXAMPLE)).isEqualTo(Startup.parse(new String[0], Map.of()));
    }

    @Test
    void holdsEverySettingWithItsDefault() throws Exception {
        JsonNode example = new YAMLMapper().readTree(EXAMPLE.toFile());
        assertThat(Leaf.ALL).allSatisfy(leaf -> {
            JsonNode value = (leaf.group() == null ? example : example.path(leaf.group())).path(leaf.key());
            assertThat(value.isMissingNode()).as(leaf.name() + " is missing").isFalse();
            // Some YAML parsers read on and off as booleans.
            boolean isSwitch = leaf.about().allowed().equals("off or on");
            String said = isSwitch && value.isBoolean() ? (value.asBoolean() ? "on" : "off") : value.asText();
            assertThat(value.isNull() ? "" : said)
                    .as(leaf.name())
                    .isEqualTo(leaf.about().value());
        });
        assertThat(names((ObjectNode) example))
                .isEqualTo(Leaf.ALL.stream().map(Leaf::name).collect(Collectors.toCollection(TreeSet::new)));
    }

    @Test
    void namesEachDefaultInItsComment() throws Exception {
        String text = Files.readString(EXAMPLE);
        assertThat(Leaf.ALL)
                .filteredOn(leaf -> !leaf.about().value().isEmpty())
                .allSatisfy(leaf -> assertThat(text)
                        .containsPattern("Default: "
                                + Pattern.quote(leaf.about().value()) + "\n *" + Pattern.quote(leaf.key()) + ": "));
    }

    @Test
    void showsAPresetThatLoads(@TempDir Path folder) throws Exception {
        String text = Files.readString(EXAMPLE);
        Path file = folder.resolve("presets.yaml");
        Files.writeString(file, text.substring(text.indexOf("# presets:")).replaceAll("(?m)^# ", ""));

        PresetSettings preset = ((Startup.Run) load(file)).settings().presets().get(0);

        assertThat(preset.slug()).isEqualTo("support");
        assertThat(preset.cacheTtlSeconds()).isEqualTo(3600);
        assertThat(preset.parameters()).containsOnlyKeys("temperature");
    }

    private static Startup load(Path file) {
        return Startup.parse(new String[] {"--config", file.toString()}, Map.of());
    }

    private static Set<String> names(ObjectNode node) {
        Set<String> names = new TreeSet<>();
        node.properties().forEach(field -> {
            if (field.getValue() instanceof ObjectNode group) {
                names(group).forEach(name -> names.add(field.getKey() + "." + name));
            } else {
                names.add(field.getKey());
            }
        });
        return names;
    }
}
