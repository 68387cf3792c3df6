package dev.refrain.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Starts JVMs for tests, with exactly the flags that the documents tell embedders to use. */
public final class ChildJvm {
    /** The flags of docs/EMBEDDING.md; the build's {@code chronicle.flags} are the same. */
    public static final List<String> FLAGS = List.of(
            "--add-opens=java.base/java.lang=ALL-UNNAMED",
            "--add-opens=java.base/java.lang.reflect=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED");

    public static final List<String> FLAGS_FROM_24 =
            List.of("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED");

    /** Limit of the time that a JVM runs, in minutes: more than any of these JVMs needs. */
    private static final long MINUTES = 5;

    private ChildJvm() {}

    /** The flags that this JVM's version needs. */
    public static List<String> flags() {
        List<String> flags = new ArrayList<>(FLAGS);
        if (Runtime.version().feature() >= 24) {
            flags.addAll(FLAGS_FROM_24);
        }
        return flags;
    }

    /** A builder for a JVM with this JVM's class path. The caller may configure it further, and starts it. */
    public static ProcessBuilder builder(Class<?> main, Object... arguments) {
        return builder(flags(), main, arguments);
    }

    /** As {@link #builder(Class, Object...)}, with other flags. */
    public static ProcessBuilder builder(List<String> flags, Class<?> main, Object... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(flags);
        command.add("-Xmx256m");
        // These make the start quicker.
        command.add("-XX:TieredStopAtLevel=1");
        command.add("-XX:+UseSerialGC");
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(main.getName());
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        ProcessBuilder builder = new ProcessBuilder(command);
        // These variables would add flags, and a line on stderr.
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().remove("JDK_JAVA_OPTIONS");
        return builder;
    }

    /** Runs a JVM to its end, and kills it after a time limit. */
    public static Result run(ProcessBuilder builder) throws IOException, InterruptedException {
        Path out = Files.createTempFile("child", ".out");
        Path err = Files.createTempFile("child", ".err");
        try {
            Process process = builder.redirectOutput(out.toFile())
                    .redirectError(err.toFile())
                    .start();
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                process.destroyForcibly();
            }
            return new Result(process.waitFor(), Files.readString(out), Files.readString(err));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    /** The exit status and the output of a JVM. */
    public record Result(int exit, String out, String err) {}
}
