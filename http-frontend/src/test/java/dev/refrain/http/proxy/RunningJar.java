package dev.refrain.http.proxy;

import dev.refrain.testing.OwnThread;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** {@code java -jar refrain.jar} in its own process, as a user starts it: its manifest sets most flags of the JVM. */
final class RunningJar extends ProxyUnderTest {
    private static final int PATIENCE_SECONDS = 60;
    private static final Pattern START_LINE =
            Pattern.compile("Refrain listens on https?://127\\.0\\.0\\.1:(\\d+)/v1, .+");
    private static final Pattern ADMIN = Pattern.compile("(http://\\S+/)admin/");

    /** The flag that no manifest can set, and without which this JVM prints a warning. */
    static final List<String> QUIET =
            Runtime.version().feature() >= 24 ? List.of("--sun-misc-unsafe-memory-access=allow") : List.of();

    /** The exit status of a process, and its output. */
    record Ended(int status, String out, String err) {}

    private final Process process;
    private final BufferedReader out;
    private final Path err;
    private final String startLine;
    private final int port;

    private RunningJar(Process process, Path err) throws IOException {
        this.process = process;
        this.err = err;
        this.out = process.inputReader(StandardCharsets.UTF_8);
        this.startLine = patiently(this::nextLine);
        Matcher line = START_LINE.matcher(startLine == null ? "" : startLine);
        if (!line.matches()) {
            close();
            throw new IllegalStateException("Not a start: " + startLine + "\n" + err());
        }
        this.port = Integer.parseInt(line.group(1));
    }

    /** Starts the jar on a free port with its store in the given folder, and waits until it listens. */
    static RunningJar start(Path folder, URI upstream, String... flags) throws IOException {
        return start(QUIET, folder, upstream, flags);
    }

    /** The same with other flags for the JVM. */
    static RunningJar start(List<String> jvmFlags, Path folder, URI upstream, String... flags) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("--admin-port", "0", "--capacity", "32MiB"));
        if (!List.of(flags).contains("--port")) {
            arguments.addAll(List.of("--port", "0"));
        }
        if (!List.of(flags).contains("--store")) {
            arguments.addAll(
                    List.of("--store", folder.resolve("answers.refrain").toString()));
        }
        arguments.addAll(List.of("--upstream", upstream.toString()));
        arguments.addAll(List.of(flags));
        Path err = Files.createTempFile(folder, "jar", ".err");
        return new RunningJar(
                command(jvmFlags, folder, arguments).redirectError(err.toFile()).start(), err);
    }

    /** Starts the jar with the script that users have, with additional environment variables. */
    static RunningJar startScript(Path folder, URI upstream, Map<String, String> variables) throws IOException {
        Path script = Path.of("../bin/refrain").toRealPath();
        ProcessBuilder builder = command(QUIET, folder, List.of());
        builder.command(List.of(
                script.toString(),
                "--port",
                "0",
                "--admin-port",
                "0",
                "--capacity",
                "32MiB",
                "--store",
                folder.resolve("answers.refrain").toString(),
                "--upstream",
                upstream.toString()));
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("JAVA_OPTS", "-Xmx256m -XX:TieredStopAtLevel=1 -Djava.io.tmpdir=" + folder);
        builder.environment().putAll(variables);
        Path err = Files.createTempFile(folder, "jar", ".err");
        return new RunningJar(builder.redirectError(err.toFile()).start(), err);
    }

    /** Runs the jar to its end, for starts that should fail. */
    static Ended run(Path folder, String... arguments) throws IOException {
        Path err = Files.createTempFile(folder, "jar", ".err");
        Process process = command(QUIET, folder, List.of(arguments))
                .redirectError(err.toFile())
                .start();
        try {
            return ended(process, process.inputReader(StandardCharsets.UTF_8), err);
        } finally {
            process.destroyForcibly();
        }
    }

    private static ProcessBuilder command(List<String> jvmFlags, Path folder, List<String> arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        // Many short runs: a quick start matters more than peak speed. Native libraries are unpacked into tmpdir, where
        // a killed process leaves them.
        command.addAll(List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-Djava.io.tmpdir=" + folder));
        // The caller's flags come last, so that they override those above.
        command.addAll(jvmFlags);
        command.addAll(List.of("-jar", System.getProperty("refrain.jar", "target/refrain.jar")));
        command.addAll(arguments);
        ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().keySet().removeIf(name -> name.startsWith("REFRAIN_") || name.endsWith("JAVA_OPTIONS"));
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        return builder;
    }

    @Override
    int port() {
        return port;
    }

    String startLine() {
        return startLine;
    }

    /** Writes all live objects of the process's heap to a file. */
    void dumpHeap(Path to) throws IOException, InterruptedException {
        String said = jcmd("GC.heap_dump", to.toAbsolutePath().toString());
        if (!Files.exists(to)) {
            throw new IOException(said);
        }
    }

    /** The number of live objects of a class on the heap of the process. */
    int instances(String className) throws IOException, InterruptedException {
        Matcher line = Pattern.compile("(?m)^ *\\d+: +(\\d+) +\\d+ +" + Pattern.quote(className) + "(?: .*)?$")
                .matcher(jcmd("GC.class_histogram"));
        return line.find() ? Integer.parseInt(line.group(1)) : 0;
    }

    private String jcmd(String... command) throws IOException, InterruptedException {
        List<String> whole = new ArrayList<>();
        whole.add(Path.of(System.getProperty("java.home"), "bin", "jcmd").toString());
        whole.add(Long.toString(process.pid()));
        whole.addAll(List.of(command));
        Process jcmd = new ProcessBuilder(whole).redirectErrorStream(true).start();
        String said = new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (jcmd.waitFor() != 0) {
            throw new IOException(said);
        }
        return said;
    }

    /** The root of the admin listener. */
    URI admin() {
        Matcher line = ADMIN.matcher(startLine);
        if (!line.find()) {
            throw new IllegalStateException("No admin listener: " + startLine);
        }
        return URI.create(line.group(1));
    }

    /** Whether the process still runs. */
    boolean isAlive() {
        return process.isAlive();
    }

    /** The process's output to stderr so far. */
    String err() {
        try {
            return Files.readString(err);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Sends SIGTERM through the process's handle, because {@link Process#destroy} would also close the pipes and lose
     * their content.
     */
    RunningJar terminate() {
        process.toHandle().destroy();
        return this;
    }

    /** Sends SIGHUP. */
    void hangUp() throws IOException {
        hangUp(process.toHandle());
    }

    /** Sends SIGHUP to a process that may not have printed its address yet. */
    static void hangUp(ProcessHandle process) throws IOException {
        new ProcessBuilder("kill", "-HUP", Long.toString(process.pid()))
                .start()
                .onExit()
                .join();
    }

    /** Sends SIGKILL: no hook runs, and nothing is closed. */
    RunningJar kill() {
        process.toHandle().destroyForcibly();
        return this;
    }

    /** Waits for the end; {@code out} is the output after the start line. */
    Ended ended() {
        return ended(process, out, err);
    }

    private static Ended ended(Process process, BufferedReader out, Path err) {
        String printed = patiently(() -> out.lines().collect(Collectors.joining("\n")));
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                throw new IllegalStateException("It does not end");
            }
            return new Ended(process.exitValue(), printed, Files.readString(err));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private interface Reading {
        String read() throws IOException;
    }

    /** Reads with a time limit, which pipes do not have. */
    private static String patiently(Reading reading) {
        return CompletableFuture.supplyAsync(
                        () -> {
                            try {
                                return reading.read();
                            } catch (IOException e) {
                                throw new UncheckedIOException(e);
                            }
                        },
                        OwnThread.EACH)
                .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
                .join();
    }

    private String nextLine() throws IOException {
        return out.readLine();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
