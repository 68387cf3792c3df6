package dev.refrain.http.config;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code refrain check}, which names all faults of a file, and {@code --print-config}. */
class CheckTest {
    private static final String SHA = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";

    @TempDir
    private Path folder;

    private final Map<String, String> environment = new HashMap<>();

    private Path file(String text) throws IOException {
        return Files.writeString(folder.resolve("refrain.yaml"), text);
    }

    private Startup.Exit exit(String... arguments) {
        return (Startup.Exit) Startup.parse(arguments, environment);
    }

    private List<String> faults(String text) throws IOException {
        Startup.Exit exit = exit("check", "--config", file(text).toString());
        assertThat(exit.status()).isEqualTo(1);
        assertThat(exit.text().lines()).allMatch(line -> line.startsWith("refrain: "));
        return exit.text()
                .lines()
                .map(line -> line.substring("refrain: ".length()))
                .toList();
    }

    @Test
    void aValidFileIsReportedAsValid() throws IOException {
        assertThat(exit("check", "--config", file("port: 1").toString()))
                .isEqualTo(new Startup.Exit(0, "The settings are in order."));
    }

    @Test
    void allFaultsAreNamedEachInALine() throws IOException {
        environment.put("REFRAIN_COLOUR", "red");
        List<String> faults = faults("""
                port: http
                polcies: []
                cache:
                  default: onn
                  ttl: 2m
                  max-ttl: 1m
                  tll: 5
                limits: 5
                timeouts:
                  idle: 0s
                labels:
                  - name: a
                    sha256: sk-secret
                  - name: b
                    sha256: %s
                  - sha256: %s
                teams:
                  - name: b
                    labels: [a]
                policies:
                  - match: {label: b}
                    ttl: 0s
                    mode: read
                    temprature: 1
                  - match: {label: nobody}
                presets:
                  - slug: one
                    cache_enable: true
                  - slug: one
                    cache_ttl_seconds: 0
                prices:
                  - model: m
                    prompt: -1
                """.formatted(SHA, SHA.replace('2', '3')));

        assertThat(faults)
                .anyMatch(fault -> fault.startsWith("REFRAIN_COLOUR: no such setting"))
                .anyMatch(fault -> fault.startsWith("port: 'http' (file "))
                .anyMatch(fault -> fault.startsWith("polcies: no such setting") && fault.contains("mean policies?"))
                .anyMatch(fault -> fault.startsWith("cache.default: 'onn'") && fault.contains("did you mean on?"))
                .anyMatch(fault -> fault.startsWith("cache.ttl: '2m'"))
                .anyMatch(fault -> fault.startsWith("cache.tll: no such setting") && fault.contains("mean ttl?"))
                .anyMatch(fault -> fault.startsWith("limits: '5'"))
                .anyMatch(fault -> fault.startsWith("timeouts.idle: '0s'"))
                .anyMatch(fault -> fault.startsWith("labels[0].sha256: '***'"))
                .anyMatch(fault -> fault.startsWith("labels[2].name: 'nothing'"))
                .anyMatch(fault -> fault.startsWith("teams[0].name: 'b'"))
                .anyMatch(fault -> fault.startsWith("policies[0].ttl: '0s'"))
                .anyMatch(fault -> fault.startsWith("policies[0].mode: 'read'"))
                .anyMatch(fault -> fault.startsWith("policies[0].temprature: no such setting"))
                .anyMatch(fault -> fault.startsWith("presets[0].cache_enable: no such setting"))
                .anyMatch(fault -> fault.startsWith("presets[1].slug: 'one'"))
                .anyMatch(fault -> fault.startsWith("presets[1].cache_ttl_seconds: '0'"))
                .anyMatch(fault -> fault.startsWith("prices[0].prompt: '-1'"))
                .anyMatch(fault -> fault.startsWith("prices[0].completion: 'nothing'"))
                // The third label's name is invalid, so labels in use are not checked against the list of labels.
                .hasSize(19)
                .doesNotHaveDuplicates();
        assertThat(faults.toString()).doesNotContain("sk-secret");
    }

    @Test
    void anUnknownLabelIsAFaultIfAllLabelsAreValid() throws IOException {
        assertThat(faults("port: x\npolicies: [{match: {label: nobody}}]"))
                .hasSize(2)
                .last()
                .asString()
                .startsWith("policies[0].match.label: 'nobody'");
    }

    @Test
    void referencedFilesAreCheckedToo() throws IOException {
        Path certificate = Files.writeString(folder.resolve("c.pem"), "none");
        assertThat(faults("""
                        tls:
                          certificate: %s
                          key: %s
                        upstream-tls:
                          ca-file: /nowhere/ca.pem
                        shared:
                          uri: redis://cache:6379
                          secret-file: /nowhere/secret
                        """.formatted(certificate, certificate)))
                .satisfiesExactly(
                        fault -> assertThat(fault).startsWith("tls: ").contains("c.pem"),
                        fault -> assertThat(fault).startsWith("upstream-tls: /nowhere/ca.pem"),
                        fault -> assertThat(fault).startsWith("shared.secret-file: /nowhere/secret"));
    }

    @Test
    void aFileThatIsNoYamlHasOneFault() throws IOException {
        assertThat(faults("a: [")).singleElement().asString().contains("refrain.yaml, line 1");
        assertThat(exit("check", "--config", "/nowhere.yaml").text()).contains("/nowhere.yaml does not exist");
    }

    @Test
    void aWrongCommandLineIsNoFaultOfTheFile() {
        assertThat(exit("check", "--confg", "x").status()).isEqualTo(2);
    }

    @Test
    void checkingEndsAtAFaultThatCannotBeIsolated() throws IOException {
        assertThat(faults("labels: [[], 5, {}]\npresets: {a: 1}\nadmin: {host: 0.0.0.0}\nprices: 7"))
                .hasSizeGreaterThan(3);
    }

    // ---- effective settings

    @Test
    void effectiveSettingsArePrintedWithTheirSources() throws IOException {
        Path file = file("""
                port: 1
                cache:
                  default: on
                key:
                  ignore: user, metadata.user_id
                presets:
                  - {slug: a, temperature: 0.2, system_prompt: 'x # y'}
                admin:
                  token: 0123456789abcdef
                """);
        environment.put("REFRAIN_STORE", "/tmp/a b");
        environment.put("https_proxy", "http://user:hidden@proxy:3128");
        environment.put("REFRAIN_ACCESS_KEYS", SHA);

        Startup.Exit printed = exit("--config", file.toString(), "--capacity=64MiB", "--print-config");

        assertThat(printed.status()).isZero();
        assertThat(printed.text().lines())
                .contains(
                        "host: 127.0.0.1  # default",
                        "port: 1  # file " + file,
                        "store: \"/tmp/a b\"  # variable REFRAIN_STORE",
                        "capacity: 64MiB  # flag --capacity",
                        "upstream:  # not set",
                        "proxy:",
                        "  https: '***'  # variable https_proxy",
                        "  default: true  # file " + file,
                        "  token: '***'  # file " + file,
                        "  keys: '***'  # variable REFRAIN_ACCESS_KEYS",
                        "  ignore: \"user, metadata.user_id\"  # file " + file);
        assertThat(printed.text()).doesNotContain("0123456789abcdef", "hidden", SHA);
        // The output is YAML, with the settings that it was made from.
        assertThat(new YAMLMapper()
                        .readTree(printed.text())
                        .at("/presets/0/system_prompt")
                        .asText())
                .isEqualTo("x # y");
    }

    @Test
    void thePrintedDefaultsLoadAsTheDefaults() throws IOException {
        Path file = file(exit("--print-config").text());
        assertThat(Startup.parse(new String[] {"--config", file.toString()}, environment))
                .isEqualTo(Startup.parse(new String[0], environment));
    }

    @Test
    void wrongSettingsAreNotPrinted() throws IOException {
        Startup.Exit exit =
                exit("--print-config", "--config", file("port: x\nhost: ''").toString());
        assertThat(exit.status()).isEqualTo(2);
        assertThat(exit.text().lines()).hasSize(2);
    }

    // ---- changes by a reload

    @Test
    void changesAreGroupedByWhetherAReloadAppliesThem() throws Exception {
        Settings before = Startup.read(new String[0], environment);
        Settings after =
                Startup.read(new String[] {"--config", file("""
                            port: 1
                            store.never: none
                            cache: {ttl: 1m}
                            access: {keys: %s}
                            admin: {content: on}
                            prices: [{model: m, prompt: 1, completion: 2}]
                            """.formatted(SHA)).toString()}, environment);
        assertThat(Changes.applied(before, after)).containsExactly("access.keys", "cache.ttl", "prices");
        assertThat(Changes.needRestart(before, after)).containsExactly("port", "store.never", "admin.content");
        assertThat(Changes.applied(after, after)).isEmpty();
        assertThat(Changes.needRestart(after, after)).isEmpty();
    }

    /** The example file says which settings a reload applies. */
    @Test
    void theExampleNamesWhatAReloadApplies() throws IOException {
        String live = String.join(
                ", ",
                Leaf.ALL.stream()
                        .filter(leaf -> leaf.about().live())
                        .map(Leaf::name)
                        .toList());
        String example =
                Files.readString(Path.of("../docs/refrain.example.yaml")).replaceAll("\n# ", " ");
        assertThat(example).contains("applies " + live + ".");
    }
}
