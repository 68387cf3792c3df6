package dev.refrain.jmh.tool;

import dev.refrain.engine.internal.store.ChronicleRuntime;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Processes that can open a store, on the class path of this one. */
final class Jvms {
    private Jvms() {}

    static ProcessBuilder of(Class<?> main, Object... arguments) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ChronicleRuntime.flags());
        // For a quick start, and little memory for each of many.
        command.addAll(List.of("-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        for (Object argument : arguments) {
            command.add(argument.toString());
        }
        ProcessBuilder builder = new ProcessBuilder(command);
        // They would add flags behind our back, and a line on stderr.
        builder.environment().remove("JAVA_TOOL_OPTIONS");
        builder.environment().remove("JDK_JAVA_OPTIONS");
        return builder;
    }
}
