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
 * Runs all jcstress tests ({@code *Stress}) of a module briefly, each in a JVM of its own. A property such as {@code
 * -Drefrain.jcstress="-m tough"} passes other options to jcstress.
 */
public final class Jcstress {
    private static final String BRIEFLY = "-f 1 -fsm 1 -iters 1 -time 200 -sc false -af NONE -c 2 -hs 128";

    private Jcstress() {}

    /**
     * Runs the tests. Fails if a forbidden outcome is observed, or if a test cannot be run.
     *
     * @param folder an empty folder for jcstress's reports
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
        // The tests' JVMs inherit the flags of this one, and without C2 they would reorder little.
        jvm.command().removeIf(flag -> flag.startsWith("-XX:TieredStopAtLevel"));
        ChildJvm.Result run = ChildJvm.run(jvm);
        assertThat(run.out()).contains("Failed tests: No matches.").contains("Error tests: No matches.");
        // Neither line counts tests that could not be run, and both hold for an empty selection.
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
     * An agent that halves jcstress's time: jcstress runs each test again with biased locks if a JVM starts with
     * {@code -XX:+UseBiasedLocking}, and this agent ends such a JVM. Since JDK 15 biased locks are off by default (JEP
     * 374), and JDK 18 removed them.
     */
    public static final class WithoutBiasedLocks {
        private WithoutBiasedLocks() {}

        /** Ends the JVM if it has biased locks. */
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
            // The agent's class is on the class path, so the jar need not contain it.
            out.putNextEntry(new JarEntry("empty"));
        }
        return jar;
    }
}
