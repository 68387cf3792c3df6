package dev.refrain.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.console.cli.Commands;
import dev.refrain.http.config.Settings;
import dev.refrain.http.config.Startup;
import dev.refrain.testing.OwnThread;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/**
 * The Debian package, unpacked and run. {@code packaging/try/debian} tries its installation by {@code dpkg}, in a
 * separate Debian.
 */
class DebianPackageIT {
    private static final Path DEB = Path.of("target/refrain.deb").toAbsolutePath();
    private static final Path HERE = Path.of("").toAbsolutePath();
    private static final Path UNIT = Path.of("systemd/refrain.service");
    private static final Pattern START = Pattern.compile("Refrain listens on (http://127\\.0\\.0\\.1:\\d+)/v1, .*");
    private static final Pattern EXPOSURE = Pattern.compile("Overall exposure level for refrain.service: ([0-9.]+)");

    @TempDir
    static Path root;

    @BeforeAll
    static void unpack() throws Exception {
        Tool.assume("dpkg-deb", "dpkg");
        Tool.Result unpacked = Tool.run(HERE, "dpkg-deb", "--raw-extract", DEB.toString(), root.toString());
        assertThat(unpacked.status()).as(unpacked.output()).isZero();
    }

    @Test
    void theInstalledProgramAnswers(@TempDir Path state) throws Exception {
        ProcessBuilder builder = new ProcessBuilder(
                root.resolve("usr/bin/refrain").toString(),
                "--config",
                root.resolve("etc/refrain/refrain.yaml").toString(),
                "--store",
                state.resolve("answers.refrain").toString(),
                "--port=0",
                "--admin-port=0",
                "--capacity=16MiB");
        builder.environment().keySet().removeIf(name -> name.startsWith("REFRAIN_") || name.endsWith("JAVA_OPTIONS"));
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        // The variables that the unit sets.
        builder.environment().put("JAVA_OPTS", "-Xmx256m -Djava.io.tmpdir=" + state);
        Process process = builder.directory(state.toFile())
                .redirectError(state.resolve("err").toFile())
                .start();
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
            String line = CompletableFuture.supplyAsync(
                            () -> out.lines().findFirst().orElse(""), OwnThread.EACH)
                    .get(60, TimeUnit.SECONDS);
            Matcher start = START.matcher(line);
            assertThat(start.matches())
                    .as(line + Files.readString(state.resolve("err")))
                    .isTrue();
            URI chat = URI.create(start.group(1) + "/v1/chat/completions");
            assertThat(ask(chat)).isEqualTo("MISS");
            assertThat(ask(chat)).isEqualTo("HIT");
            assertThat(Files.readString(state.resolve("err"))).isEmpty();
        } finally {
            process.destroyForcibly();
        }
    }

    private static String ask(URI chat) throws IOException, InterruptedException {
        HttpResponse<String> response = HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(chat)
                                .header("X-OpenRouter-Cache", "true")
                                .POST(HttpRequest.BodyPublishers.ofString("{\"model\":\"demo\",\"messages\":"
                                        + "[{\"role\":\"user\",\"content\":\"Say hello\"}]}"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString());
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.headers().firstValue("X-OpenRouter-Cache-Status").orElseThrow();
    }

    @Test
    void theSettingsAreThoseOfTheProgram() {
        Startup startup = Startup.parse(
                new String[] {
                    "--config", root.resolve("etc/refrain/refrain.yaml").toString()
                },
                Map.of());
        assertThat(startup).isInstanceOf(Startup.Run.class);
        Settings settings = ((Startup.Run) startup).settings();
        assertThat(settings.store()).isEqualTo(Path.of("/var/lib/refrain/answers.refrain"));
        // An installation must not open a port to other machines.
        assertThat(settings.host()).isEqualTo("127.0.0.1");
    }

    @Test
    void anOperatorsSettingsAreKeptAndUnreadableToOthers() throws Exception {
        assertThat(Files.readAllLines(root.resolve("DEBIAN/conffiles")))
                .containsExactlyInAnyOrder(
                        "/etc/default/refrain", "/etc/logrotate.d/refrain", "/etc/refrain/refrain.yaml");
        String files = Tool.run(HERE, "dpkg-deb", "--contents", DEB.toString()).output();
        assertThat(files)
                .containsPattern("-rw-r----- root/root .* \\./etc/refrain/refrain\\.yaml")
                .containsPattern("-rw-r----- root/root .* \\./etc/default/refrain")
                .containsPattern("-rwxr-xr-x root/root .* \\./usr/bin/refrain")
                .containsPattern("-rw-r--r-- root/root .* \\./usr/share/refrain/refrain\\.jar")
                .containsPattern("\\./usr/share/doc/refrain/refrain\\.example\\.yaml")
                .containsPattern("\\./usr/share/man/man1/refrain\\.1\\.gz");
    }

    @Test
    void theManualPageHasEachCommand() throws Exception {
        String page = Files.readString(Path.of("debian/refrain.1")).replace("\\-", "-");
        Set<String> commands =
                new TreeSet<>(new CommandLine(new Commands()).getSubcommands().keySet());
        commands.addAll(List.of("check", "record", "replay", "record-missing", "refresh"));
        assertThat(commands)
                .hasSizeGreaterThan(14)
                .allSatisfy(command -> assertThat(page).containsPattern("(?m)^(\\.B .*\\b)" + command + "\\b"));
    }

    @Test
    void theControlFileNamesSupportedJvms() throws Exception {
        assertThat(Files.readAllLines(root.resolve("DEBIAN/control")))
                .contains("Package: refrain", "Architecture: all")
                .anyMatch(line -> line.contains("default-jre-headless (>= 2:1.17) | java17-runtime-headless"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"DEBIAN/postinst", "DEBIAN/prerm", "DEBIAN/postrm", "usr/bin/refrain"})
    void itsScriptsAreValidShell(String script) throws Exception {
        Path file = root.resolve(script);
        assertThat(file).isExecutable();
        Tool.Result read = Tool.run(HERE, "sh", "-n", file.toString());
        assertThat(read.status()).as(read.output()).isZero();
    }

    /** All files that mention the access log name the same folder. */
    @Test
    void theAccessLogHasAPlace() throws Exception {
        assertThat(Files.readString(UNIT)).contains("\nLogsDirectory=refrain\n");
        assertThat(Files.readString(root.resolve("etc/logrotate.d/refrain")))
                .contains("/var/log/refrain/access.log {", "systemctl reload refrain.service");
        assertThat(Files.readString(root.resolve("DEBIAN/postrm"))).contains(" /var/log/refrain\n");
        assertThat(Files.readString(Path.of("../docs/OPERATING.md"))).contains("/var/log/refrain/access.log");
    }

    @Test
    void theRehearsalDoesNotDelayAnInstallation() throws Exception {
        assertThat(Files.readAllLines(root.resolve("DEBIAN/postinst")))
                .anyMatch(line -> line.contains("timeout -k 5 120 setpriv "))
                .filteredOn(line -> line.strip().startsWith("make_classes "))
                .containsExactly("  make_classes || true", "  make_classes || true");
    }

    @Test
    void theUnitIsHardened() throws Exception {
        Tool.assume("systemd-analyze", "systemd");
        assertThat(root.resolve("usr/lib/systemd/system/refrain.service")).hasSameTextualContentAs(UNIT);
        Tool.Result judged = Tool.run(HERE, "systemd-analyze", "security", "--offline=true", UNIT.toString());
        Matcher level = EXPOSURE.matcher(judged.output());
        assertThat(level.find()).as(judged.output()).isTrue();
        // The score is 1.3 with systemd 252; other versions check more.
        assertThat(Double.parseDouble(level.group(1))).isLessThan(2);
    }

    @Test
    void systemdFindsNoFaultInTheUnit() throws Exception {
        Tool.assume("systemd-analyze", "systemd");
        // The unit's program is not installed here.
        List<String> faults = Tool.run(HERE, "systemd-analyze", "verify", "--man=no", UNIT.toString())
                .output()
                .lines()
                .filter(line -> line.contains("refrain.service") && !line.contains("is not executable"))
                .toList();
        assertThat(faults).isEmpty();
    }
}
