package dev.refrain.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.openjdk.jcstress.Main;

/**
 * Runs all jcstress tests ({@code *Stress}) of a module briefly, each in a JVM of its own; {@code
 * -Drefrain.jcstress="-m tough"} and the like take jcstress's own options instead.
 */
public final class Jcstress {
    private static final String BRIEFLY = "-f 1 -fsm 1 -iters 1 -time 200 -sc false -af NONE -c 2 -hs 128";

    private Jcstress() {}

    /**
     * Runs them, and fails if an outcome is seen that a test forbids, or if a test cannot be run.
     *
     * @param folder an empty one, for jcstress's reports
     */
    public static void run(Path folder) throws IOException, InterruptedException {
        List<String> flags = new ArrayList<>(ChildJvm.flags());
        flags.add("-Xmx512m");
        boolean hasBiasedLocks = Runtime.version().feature() < 18;
        if (hasBiasedLocks) {
            flags.add("-javaagent:" + agent(folder));
        }
        List<String> arguments = new ArrayList<>(List.of("-jvmArgs", String.join(" ", flags), "-r", "report"));
        arguments.addAll(List.of(System.getProperty("refrain.jcstress", BRIEFLY).split(" ")));
        ProcessBuilder jvm = ChildJvm.builder(Main.class, arguments.toArray()).directory(folder.toFile());
        // The tests' JVMs have the flags of this one, and without C2 there would be little that they reorder.
        jvm.command().removeIf(flag -> flag.startsWith("-XX:TieredStopAtLevel"));
        ChildJvm.Result run = ChildJvm.run(jvm);
        assertThat(run.out()).contains("Failed tests: No matches.").contains("Error tests: No matches.");
        // Tests that could not be run count among neither; nor would a selection that selects nothing have any.
        assertThat(run.out().lines().filter(line -> line.startsWith("(Results: ")))
                .last(InstanceOfAssertFactories.STRING)
                .containsPattern("(\\d+) planned; \\1 passed, 0 failed, 0 soft errs, 0 hard errs");
        assertThat(run.out()).containsPattern("All remaining tests: [1-9]").doesNotContain("TieredStopAtLevel");
        if (hasBiasedLocks) {
            assertThat(run.out())
                    .containsPattern("\\[N/A] .*-XX:\\+UseBiasedLocking")
                    .containsPattern("\\[OK] .*-XX:-UseBiasedLocking");
        }
        assertThat(run.exit()).isZero();
    }

    /**
     * Has jcstress leave out what would double its time: it runs each test once more with biased locks, as far as a JVM
     * starts with them. No JVM has used them by default since 15 (JEP 374), and there are none from 18 on.
     */
    public static final class WithoutBiasedLocks {
        private WithoutBiasedLocks() {}

        /** Ends the JVM if it has them. */
        public static void premain(String arguments) {
            if (ManagementFactory.getRuntimeMXBean().getInputArguments().contains("-XX:+UseBiasedLocking")) {
                Runtime.getRuntime().halt(1);
            }
        }
    }

    private static Path agent(Path folder) throws IOException {
        Path jar = folder.resolve("agent.jar");
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(new Attributes.Name("Premain-Class"), WithoutBiasedLocks.class.getName());
        try (JarOutputStream out = new JarOutputStream(Files.newOutputStream(jar), manifest)) {
            // All else is on the class path.
            out.putNextEntry(new JarEntry("empty"));
        }
        return jar;
    }
}
