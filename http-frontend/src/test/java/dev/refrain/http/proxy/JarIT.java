package dev.refrain.http.proxy;

import static dev.refrain.http.proxy.WireTest.CHAT;
import static dev.refrain.http.proxy.WireTest.CHAT_ANSWER;
import static dev.refrain.http.proxy.WireTest.CHAT_REQUEST;
import static dev.refrain.http.proxy.WireTest.CHAT_STREAM;
import static dev.refrain.http.proxy.WireTest.assertHit;
import static dev.refrain.http.proxy.WireTest.assertMiss;
import static dev.refrain.http.proxy.WireTest.header;
import static dev.refrain.testing.Await.until;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.refrain.testing.ScriptedProvider;
import dev.refrain.testing.SelfSigned;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The executable jar as an operator uses it: its start, its output, the files that it leaves, its end. Long, since all
 * of it is about one process.
 */
class JarIT {
    /** Exit status of a JVM that SIGTERM ended, after all shutdown hooks: 128 + 15. */
    private static final int TERMINATED = 143;

    private static final String RECOVERED = "was not closed cleanly";

    @TempDir
    Path folder;

    private ScriptedProvider provider;
    private final List<RunningJar> started = new ArrayList<>();

    @BeforeEach
    void startProvider() throws IOException {
        provider =
                new ScriptedProvider().does((exchange, request) -> ScriptedProvider.json(exchange, 200, CHAT_ANSWER));
    }

    @AfterEach
    void stop() {
        started.forEach(RunningJar::close);
        provider.close();
    }

    private RunningJar start(String... flags) throws IOException {
        return start(RunningJar.QUIET, flags);
    }

    private RunningJar start(List<String> jvmFlags, String... flags) throws IOException {
        RunningJar jar = RunningJar.start(jvmFlags, folder, provider.base(), flags);
        started.add(jar);
        return jar;
    }

    // ----------------------------------------------------------------------------------------------------------- start

    @Test
    void theScriptStartsWithTheClassesThatTheBuildHasLeft() throws Exception {
        List<String> classes = classesOfAStart(System.getProperty("refrain.jar"));
        assertThat(classes).anyMatch(line -> line.contains("dev.refrain.http.Main source: shared objects file"));
        // Classes of a library that is compiled for Java 5 cannot be archived.
        assertThat(classes)
                .filteredOn(line -> line.contains("source: file:") && !line.contains(" picocli."))
                .hasSizeLessThan(20);
    }

    @Test
    void theScriptStartsWithoutClassesThatDoNotFit() throws Exception {
        Path jar = Path.of(System.getProperty("refrain.jar"));
        Path other = folder.resolve("other.jar");
        Files.copy(jar, other);
        for (String kind : List.of(".jsa", ".aot")) {
            Path file = Path.of(jar.toString().replace(".jar", kind));
            if (Files.exists(file)) {
                Files.copy(file, folder.resolve("other" + kind));
            } else {
                Files.writeString(folder.resolve("other" + kind), "of another JVM");
            }
        }
        assertThat(classesOfAStart(other.toString()))
                .anyMatch(line -> line.contains("dev.refrain.http.Main source: file:"));
    }

    /**
     * Kubernetes sets these variables in every container of a namespace with a Service of this name. The script itself
     * documents the first one.
     */
    @Test
    void f31_f32_theScriptStartsWithItsOwnVariableAndThoseOfKubernetes() throws IOException {
        RunningJar jar = RunningJar.startScript(
                folder,
                provider.base(),
                Map.of(
                        "REFRAIN_JAR", System.getProperty("refrain.jar"),
                        "REFRAIN_PORT", "tcp://10.0.0.7:8080",
                        "REFRAIN_PORT_8080_TCP", "tcp://10.0.0.7:8080",
                        "REFRAIN_PORT_8080_TCP_ADDR", "10.0.0.7",
                        "REFRAIN_PORT_8080_TCP_PORT", "8080",
                        "REFRAIN_PORT_8080_TCP_PROTO", "tcp",
                        "REFRAIN_SERVICE_HOST", "10.0.0.7",
                        "REFRAIN_SERVICE_PORT", "8080",
                        "REFRAIN_SERVICE_PORT_HTTP", "8080"));
        started.add(jar);
        assertHitAfterMiss(jar);
        assertThat(jar.terminate().ended()).isEqualTo(new RunningJar.Ended(TERMINATED, "", ""));
    }

    /** The JVM's log of the classes that {@code --version} loads; the version must be the only output. */
    private List<String> classesOfAStart(String jar) throws Exception {
        Path script = Files.createSymbolicLink(
                folder.resolve("refrain"), Path.of("../bin/refrain").toRealPath());
        Path classes = folder.resolve("classes.log");
        ProcessBuilder builder = new ProcessBuilder(script.toString(), "--version").redirectErrorStream(true);
        builder.environment().put("REFRAIN_JAR", jar);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("JAVA_OPTS", "-Xlog:class+load:file=" + classes);
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        Process process = builder.start();
        String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        assertThat(printed.lines()).singleElement().asString().contains("0.1");
        return Files.readAllLines(classes);
    }

    @Test
    void aStartPrintsOneLineCompilesNothingAndLeavesTheHomeAlone() throws IOException {
        Path home = Files.createDirectory(folder.resolve("home"));
        Path classes = folder.resolve("classes.log");
        List<String> flags = new ArrayList<>(RunningJar.QUIET);
        flags.addAll(List.of("-Duser.home=" + home, "-Xlog:class+load:file=" + classes));
        RunningJar jar = start(flags);
        assertMiss(jar.cached(CHAT, CHAT_REQUEST));
        assertHit(jar.cached(CHAT, CHAT_REQUEST));
        assertThat(jar.terminate().ended()).isEqualTo(new RunningJar.Ended(TERMINATED, "", ""));

        assertThat(jar.startLine())
                .startsWith("Refrain listens on http://127.0.0.1:" + jar.port() + "/v1, upstream " + provider.base()
                        + ", store " + folder.resolve("answers.refrain") + " (32MiB; ")
                .containsPattern("GiB free on its disk\\), dashboard http://127\\.0\\.0\\.1:[0-9]+/admin/$");
        assertThat(home).isEmptyDirectory();
        // Chronicle always looks for the compiler. The classes that compile are loaded only if something is compiled.
        assertThat(Files.readString(classes).lines())
                .anyMatch(line -> line.contains(" net.openhft.chronicle.hash.VanillaGlobalMutableState$$Native "))
                .noneMatch(line -> line.contains(" com.sun.tools.javac.main.JavaCompiler "))
                // Since JDK 18 the JDK may make a method handle of a constructor that reflection calls. That takes a
                // tenth of the time of a start. A class for the constructor's many arguments would show it.
                .noneMatch(line -> line.contains("BoundMethodHandle$Species_LLLLLLLLLLLL"));
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_24)
    void withoutTheFlagThatManifestsCannotSetTheJvmOnlyWarnsOfUnsafe() throws IOException {
        RunningJar jar = start(List.of());
        assertHitAfterMiss(jar);
        RunningJar.Ended ended = jar.terminate().ended();
        assertThat(ended.out()).isEmpty();
        assertThat(ended.err().lines()).hasSize(4).allMatch(line -> line.startsWith("WARNING: "));
        assertThat(ended.err()).contains("WARNING: A terminally deprecated method in sun.misc.Unsafe has been called");
    }

    @Test
    void aPrivateCertificateIsTrustedByAFlagOfTheJvm() throws Exception {
        Path keys = folder.resolve("keys.p12");
        SelfSigned.write(keys);
        List<String> flags = new ArrayList<>(RunningJar.QUIET);
        flags.add("-Djavax.net.ssl.trustStore=" + keys);
        flags.add("-Djavax.net.ssl.trustStorePassword=" + SelfSigned.PASSWORD);
        try (RawProvider secured = new RawProvider(
                call -> call.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                        + ScriptedProvider.COMPLETE.length() + "\r\nConnection: close\r\n\r\n"
                        + ScriptedProvider.COMPLETE),
                SelfSigned.context(keys))) {
            RunningJar jar = RunningJar.start(flags, folder, secured.base());
            started.add(jar);
            assertHitAfterMiss(jar);
            assertThat(secured.calls()).isEqualTo(1);
        }
    }

    @Test
    void aPortInUseIsOneLine() throws IOException {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String port = Integer.toString(taken.getLocalPort());
            assertThat(RunningJar.run(
                            folder,
                            "--port",
                            port,
                            "--store",
                            store(),
                            "--capacity",
                            "32MiB",
                            "--upstream",
                            upstream()))
                    .isEqualTo(new RunningJar.Ended(
                            1,
                            "",
                            "refrain: Cannot listen on 127.0.0.1:" + port
                                    + ": Address already in use. Choose another --host or --port.\n"));
        }
        assertThat(start().err())
                .as("the store was closed cleanly all the same")
                .isEmpty();
    }

    @Test
    void aStoreThatIsADirectoryIsOneLineAndNothingIsStored() throws IOException {
        assertServesWithoutStore(
                folder, "The store must be a file, but " + folder + " is a directory; name a file in it");
    }

    @Test
    void f23_aFileThatIsNotAStoreIsOneLineAndStaysUnchanged() throws IOException {
        Path precious = Files.writeString(folder.resolve("precious.yaml"), "model: gpt\n");
        assertThat(RunningJar.run(folder, "--port", "0", "--store", precious.toString(), "--upstream", upstream()))
                .isEqualTo(new RunningJar.Ended(
                        1,
                        "",
                        "refrain: " + precious
                                + " is not a store, so it is left as it is. Name another file for the store,"
                                + " or move this one away\n"));
        assertThat(precious).hasContent("model: gpt\n");
        try (var files = Files.list(folder)) {
            assertThat(files.filter(path -> path.getFileName().toString().startsWith("precious")))
                    .containsExactly(precious);
        }
    }

    @Test
    void f50_withoutATemporaryFolderLibrariesAreUnpackedBesideTheStore() throws IOException {
        assertLogsRequestsWith(folder.resolve("missing"), "is no folder");
    }

    @Test
    void f50_whereNothingCanBeRunLibrariesAreUnpackedBesideTheStore() throws IOException, InterruptedException {
        Path mount = Files.createDirectory(folder.resolve("noexec"));
        ProcessBuilder tmpfs =
                new ProcessBuilder("mount", "-t", "tmpfs", "-o", "noexec,size=32m", "refrain-test", mount.toString());
        boolean isMounted;
        try {
            isMounted = tmpfs.redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException noSuchCommand) {
            isMounted = false;
        }
        assumeTrue(isMounted, "skipped: mounting a tmpfs takes root on Linux");
        try {
            assertLogsRequestsWith(mount, "is mounted noexec");
        } finally {
            new ProcessBuilder("umount", "--lazy", mount.toString()).start().waitFor();
        }
    }

    private void assertLogsRequestsWith(Path tmpdir, String fault) throws IOException {
        List<String> flags = new ArrayList<>(RunningJar.QUIET);
        flags.add("-Djava.io.tmpdir=" + tmpdir);
        RunningJar jar = start(flags);
        assertMiss(jar.cached(CHAT, CHAT_REQUEST));
        assertHit(jar.cached(CHAT, CHAT_REQUEST));
        assertThat(jar.err())
                .contains("java.io.tmpdir is " + tmpdir + ", which " + fault + "; native libraries are unpacked into "
                        + store() + ".native instead")
                // A newer JDK adds a line of its own.
                .containsOnlyOnce("java.io.tmpdir is ")
                .doesNotContain("not logged");
        assertThat(Path.of(store() + ".activity")).exists();
        assertThat(Path.of(store() + ".native")).isDirectory();
    }

    @Test
    void aStoreThatCannotBeMadeIsOneLineAndNothingIsStored() throws IOException {
        // A file in place of a folder: root, who may run the tests, would ignore missing permissions.
        Path file = Files.createFile(folder.resolve("no-directory"));
        assertServesWithoutStore(file.resolve("x"), "The store " + file.resolve("x") + " cannot be opened: ");
    }

    private void assertServesWithoutStore(Path store, String error) throws IOException {
        RunningJar jar = start("--store", store.toString());
        for (int i = 0; i < 2; i++) {
            HttpResponse<String> response = jar.cached(CHAT, CHAT_REQUEST);
            assertThat(response.body()).isEqualTo(CHAT_ANSWER);
            assertMiss(response);
        }
        assertThat(jar.startLine()).contains(", no store, dashboard ");
        // The log of requests, beside the store, fails for the same reason and has its own line.
        assertThat(jar.terminate().ended().err().lines())
                .filteredOn(
                        line -> !line.contains("SEVERE dev.refrain.console.activity.Journal Requests are not logged: "))
                .singleElement()
                .satisfies(line -> assertThat(line).contains("SEVERE", "Nothing will be cached. " + error));
    }

    /** The jar has SQLite's libraries for some systems. On other systems, requests are answered but not logged. */
    @Test
    void aSystemWithoutSqliteIsOneLineAndThereIsNoLog() throws IOException {
        List<String> flags = new ArrayList<>(RunningJar.QUIET);
        flags.add("-Dorg.sqlite.osinfo.architecture=pdp11");
        RunningJar jar = start(flags);
        assertMiss(jar.cached(CHAT, CHAT_REQUEST));
        assertHit(jar.cached(CHAT, CHAT_REQUEST));
        assertThat(jar.terminate().ended().err().lines())
                .singleElement()
                .asString()
                .contains("SEVERE", "Requests are not logged: ", "No native library found", "pdp11");
    }

    @ParameterizedTest
    @CsvSource({"--prot,0,--prot: no such setting", "--port,99999,port: '99999'", "--capacity,1TB/s,capacity: '1TB/s'"})
    void aWrongFlagIsOneLine(String flag, String value, String message) throws IOException {
        RunningJar.Ended ended = RunningJar.run(folder, flag, value);
        assertThat(ended.status()).isEqualTo(2);
        assertThat(ended.out()).isEmpty();
        assertThat(ended.err().lines())
                .singleElement()
                .satisfies(line -> assertThat(line).startsWith("refrain: " + message));
    }

    // ------------------------------------------------------------------------------------------------------------- end

    @Test
    void sigtermWhileIdleEndsItAtOnceAndTheStoreIsClosedCleanly() throws IOException {
        RunningJar jar = start();
        assertHitAfterMiss(jar);
        long from = System.nanoTime();
        assertThat(jar.terminate().ended()).isEqualTo(new RunningJar.Ended(TERMINATED, "", ""));
        assertThat(Duration.ofNanos(System.nanoTime() - from))
                .as("no request is in flight, so the proxy does not wait the thirty seconds for such requests")
                .isLessThan(Duration.ofSeconds(20));

        RunningJar next = start();
        assertThat(next.err()).isEmpty();
        assertHit(next.cached(CHAT, CHAT_REQUEST));
    }

    @Test
    void sigtermLetsAStreamInFlightEndAndBeStored() throws Exception {
        String request = "{\"model\":\"acme/large\",\"stream\":true}";
        CountDownLatch stopping = new CountDownLatch(1);
        provider.does((exchange, received) -> {
            ScriptedProvider.stream(exchange, CHAT_STREAM[0], CHAT_STREAM[1]);
            if (stopping.await(30, TimeUnit.SECONDS)) {
                ScriptedProvider.write(exchange, CHAT_STREAM[2], CHAT_STREAM[3], CHAT_STREAM[4]);
            }
        });
        RunningJar jar = start();
        try (RawClient client = new RawClient(jar.port());
                RawClient bystander = new RawClient(jar.port())) {
            client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sk-test\r\n"
                    + "X-OpenRouter-Cache: true\r\nContent-Length: " + request.length() + "\r\n\r\n" + request);
            assertThat(client.readUntil("Hel\"}}]}\n\n")).contains("MISS");
            jar.terminate();
            awaitRefusal(bystander);
            stopping.countDown();
            assertThat(client.readUntil("0\r\n\r\n"))
                    .contains(
                            "\"lo\"",
                            "\"total_tokens\":21",
                            "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        }
        assertThat(jar.ended()).isEqualTo(new RunningJar.Ended(TERMINATED, "", ""));

        RunningJar next = start();
        assertThat(next.err()).isEmpty();
        HttpResponse<String> hit = next.cached(CHAT, request);
        assertHit(hit);
        assertThat(hit.body())
                .contains("Hel", "\"lo\"", "data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        assertThat(provider.calls()).isEqualTo(1);
    }

    /** Returns once the process refuses requests. */
    private static void awaitRefusal(RawClient client) throws IOException {
        String head;
        do {
            client.send("GET /no-such-path HTTP/1.1\r\nHost: x\r\n\r\n");
            head = client.readUntil("\r\n\r\n");
            if (head.startsWith("HTTP/1.1 404")) {
                client.readUntil("}}");
            }
        } while (head.startsWith("HTTP/1.1 404"));
        assertThat(head).startsWith("HTTP/1.1 503");
    }

    // --------------------------------------------------------------------------------------------------- two processes

    /** Another process has the store open. Only the running proxy knows which key a label stands for. */
    @Test
    void answersOfALabelLeaveAStoreInUseAndAreHitsElsewhere() throws IOException {
        String[] alice = {"Authorization", "Bearer sk-of-alice-0123456789"};
        Path settings = Files.writeString(folder.resolve("refrain.yaml"), """
                labels:
                  - name: alice
                    sha256: b8e96f90187fbf5e3f6dd61cbf178873fa44cbf5efe83211be4643ecaba75122
                """);
        RunningJar jar = start("--config", settings.toString());
        jar.cached(CHAT, CHAT_REQUEST, alice);
        jar.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-of-bob-0123456789");
        String archive = folder.resolve("archive").toString();
        String store = folder.resolve("answers.refrain").toString();
        RunningJar.Ended written = RunningJar.run(
                folder, "export", "--to", archive, "--label", "alice", "--admin", jar.admin() + "", "--store", store);
        assertThat(written.out()).as(written.err()).startsWith(archive + ": 1 answer, ");
        assertHit(jar.cached(CHAT, CHAT_REQUEST, alice));

        String other = folder.resolve("other.refrain").toString();
        RunningJar.Ended read = RunningJar.run(
                folder,
                "import",
                "--from",
                archive,
                "--secret",
                store + ".secret",
                "--store",
                other,
                "--capacity",
                "32MiB");
        assertThat(read.out()).as(read.err()).contains("1 answer stored");
        RunningJar elsewhere = start("--store", other);
        assertHit(elsewhere.cached(CHAT, CHAT_REQUEST, alice));
        assertMiss(elsewhere.cached(CHAT, CHAT_REQUEST, "Authorization", "Bearer sk-of-bob-0123456789"));
    }

    @Test
    void twoProcessesOnOneStoreSeeEachOthersAnswers() throws IOException {
        RunningJar one = start();
        RunningJar other = start();
        assertMiss(one.cached(CHAT, CHAT_REQUEST));
        HttpResponse<String> hit = other.cached(CHAT, CHAT_REQUEST);
        assertHit(hit);
        assertThat(header(hit, "X-OpenRouter-Cache-Source-Id")).isEqualTo("chatcmpl-123");
        assertMiss(other.cached(CHAT, "{\"model\":\"b\"}"));
        assertHit(one.cached(CHAT, "{\"model\":\"b\"}"));

        // Noticing that the log belongs to another process takes a while.
        until(() -> !other.err().isEmpty());
        assertThat(one.kill().ended().status()).isEqualTo(137);
        assertHit(other.cached(CHAT, CHAT_REQUEST));
        assertMiss(other.cached(CHAT, "{\"model\":\"c\"}"));
        RunningJar.Ended ended = other.terminate().ended();
        assertThat(ended.status()).isEqualTo(TERMINATED);
        // Each process needs a log of its own; everything else is shared.
        assertThat(ended.err().lines())
                .singleElement()
                .asString()
                .contains("Requests are logged to " + store() + ".activity-2, since another process uses ");

        RunningJar next = start();
        assertThat(next.err()).contains(RECOVERED);
        assertHit(next.cached(CHAT, "{\"model\":\"c\"}"));
    }

    private static void assertHitAfterMiss(RunningJar jar) {
        assertMiss(jar.cached(CHAT, CHAT_REQUEST));
        assertHit(jar.cached(CHAT, CHAT_REQUEST));
    }

    private String store() {
        return folder.resolve("answers.refrain").toString();
    }

    private String upstream() {
        return provider.base().toString();
    }
}
