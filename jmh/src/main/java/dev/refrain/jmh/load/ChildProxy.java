package dev.refrain.jmh.load;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The proxy in a process of its own, started as a user would start it, and figures of the process from outside. */
public final class ChildProxy implements AutoCloseable {
    private static final Pattern PORT = Pattern.compile("listens on http://[^:]+:(\\d+)/");
    private static final Pattern USED = Pattern.compile("used (\\d+)K");
    private static final Pattern STATUS = Pattern.compile("(?m)^(Threads|VmRSS|RssAnon):\\s+(\\d+)");
    /** Memory that {@code Unsafe} has allocated: all direct buffers, with those that Netty allocates by itself. */
    private static final Pattern DIRECT = Pattern.compile("\\bOther \\(reserved=\\d+KB, committed=(\\d+)KB");

    private final Process process;
    private final Path folder;
    private final int port;

    /**
     * Starts the proxy on a free port, with a store of its own, and waits until it listens.
     *
     * @param heap as for {@code -Xmx}
     * @param upstream the provider's base URL
     */
    public ChildProxy(Path jar, String heap, String upstream) throws IOException {
        this(jar, heap, upstream, Map.of());
    }

    /** A proxy with further settings, as environment variables. */
    ChildProxy(Path jar, String heap, String upstream, Map<String, String> variables) throws IOException {
        folder = Files.createTempDirectory("refrain-load");
        List<String> command =
                new ArrayList<>(List.of(java("java"), "-Xmx" + heap, "-XX:NativeMemoryTracking=summary"));
        if (Runtime.version().feature() >= 24) {
            command.add("--sun-misc-unsafe-memory-access=allow");
        }
        command.addAll(List.of("-jar", jar.toString(), "--port", "0", "--admin-port", "0", "--upstream", upstream));
        command.addAll(List.of("--store", folder.resolve("answers").toString()));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().putAll(variables);
        process = builder.start();
        // The proxy must not outlive this program, however that ends.
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly, "end-of-proxy"));
        BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        String line = out.readLine();
        Matcher started = PORT.matcher(line == null ? "" : line);
        if (!started.find()) {
            throw new IOException("The proxy did not start: " + line);
        }
        port = Integer.parseInt(started.group(1));
    }

    private static String java(String tool) {
        return Path.of(System.getProperty("java.home"), "bin", tool).toString();
    }

    /** The port on which it listens. */
    public int port() {
        return port;
    }

    /** Live data on the heap, in MiB, after a full collection. */
    long liveHeapMib() throws IOException {
        jcmd("GC.run");
        Matcher used = USED.matcher(jcmd("GC.heap_info"));
        if (!used.find()) {
            throw new IOException("jcmd does not say how much of the heap is used");
        }
        return Long.parseLong(used.group(1)) / 1024;
    }

    /** Memory of direct buffers, in MiB, as the JVM tracks it. */
    long directMib() throws IOException {
        Matcher direct = DIRECT.matcher(jcmd("VM.native_memory"));
        if (!direct.find()) {
            throw new IOException("jcmd does not say how much memory is outside the heap");
        }
        return Long.parseLong(direct.group(1)) / 1024;
    }

    private String jcmd(String command) throws IOException {
        Process jcmd = new ProcessBuilder(java("jcmd"), Long.toString(process.pid()), command)
                .redirectErrorStream(true)
                .start();
        return new String(jcmd.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    /**
     * A value from procfs: {@code Threads}; {@code VmRSS}, resident memory in KiB with mapped files; or
     * {@code RssAnon}, without mapped files. 0 without procfs.
     */
    long status(String name) throws IOException {
        Path file = Path.of("/proc/" + process.pid() + "/status");
        if (Files.exists(file)) {
            Matcher line = STATUS.matcher(Files.readString(file));
            while (line.find()) {
                if (line.group(1).equals(name)) {
                    return Long.parseLong(line.group(2));
                }
            }
        }
        return 0;
    }

    Duration processorTime() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO);
    }

    /** Processor time in nanoseconds by names of threads, of which Linux keeps 15 characters; empty without procfs. */
    Map<String, Long> threadNanos() throws IOException {
        Map<String, Long> nanos = new HashMap<>();
        File[] tasks = new File("/proc/" + process.pid() + "/task").listFiles();
        for (File task : tasks == null ? new File[0] : tasks) {
            try {
                String name = Files.readString(task.toPath().resolve("comm")).strip();
                String times = Files.readString(task.toPath().resolve("schedstat"));
                nanos.merge(name, Long.parseLong(times.substring(0, times.indexOf(' '))), Long::sum);
            } catch (NoSuchFileException ended) {
                // The thread has ended, and its time is lost with it.
            }
        }
        return nanos;
    }

    @Override
    public void close() throws IOException {
        process.destroy();
        try {
            process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        File[] left = folder.toFile().listFiles();
        for (File file : left == null ? new File[0] : left) {
            Files.delete(file.toPath());
        }
        Files.delete(folder);
    }
}
