package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.refrain.testing.ChildJvm;
import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The java flags in docs/EMBEDDING.md: the cache needs each of them, and no others. */
class EmbedderFlagsTest {
    @TempDir
    Path folder;

    /** A program that embeds the cache and logs nothing. */
    static final class Embedder {
        private Embedder() {}

        public static void main(String[] arguments) throws IOException {
            Path file = Path.of(arguments[0]);
            // The second opening finds an existing file, and moves its entries into a file of another size.
            for (long mebibytes : new long[] {16, 17}) {
                try (ResponseCache cache = ResponseCache.open(file, mebibytes << 20)) {
                    CacheKey key = cache.key(chat(CHAT_REQUEST)).orElseThrow();
                    CachedResponse answer = new CachedResponse();
                    if (mebibytes > 16 && !cache.lookup(key, answer)) {
                        throw new AssertionError("what had been stored was not found");
                    }
                    if (!cache.store(key, "application/json", utf8(CHAT_ANSWER), Duration.ofMinutes(5))
                            || !cache.lookup(key, answer)) {
                        throw new AssertionError("what was stored was not found");
                    }
                }
            }
        }
    }

    @Test
    void withAllOfThemTheCacheWorksInSilence() throws Exception {
        assertThat(run(ChildJvm.flags(), EmbedderFlagsTest::isNoLogging)).isEqualTo(new ChildJvm.Result(0, "", ""));
        assertThat(run(ChildJvm.flags(), entry -> true).err()).doesNotContain("WARNING");
    }

    @ParameterizedTest
    @MethodSource("required")
    void withoutARequiredOneOpeningFailsAndNamesIt(String flag) throws Exception {
        ChildJvm.Result result = run(without(flag), EmbedderFlagsTest::isNoLogging);
        assertThat(result.exit()).isEqualTo(1);
        assertThat(result.err().lines().findFirst())
                .hasValueSatisfying(line -> assertThat(line)
                        .contains("java.lang.IllegalStateException: ")
                        .endsWith("Start java with " + flag));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void inARuntimeWithoutACompilerOpeningFailsAndSaysSo() throws Exception {
        List<String> flags = new ArrayList<>(ChildJvm.flags());
        flags.add("--limit-modules=java.se,jdk.unsupported");
        ChildJvm.Result result = run(flags, EmbedderFlagsTest::isNoLogging);
        assertThat(result.exit()).isEqualTo(1);
        assertThat(result.err())
                .contains("java.lang.IllegalStateException: ", "lacks the module jdk.compiler. Use a JDK");
    }

    @Test
    void withoutTheExportedPackageChronicleWarns() throws Exception {
        assertMerelyWarned("--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED", "java.base/jdk.internal.ref");
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_24)
    void withoutNativeAccessTheJvmWarns() throws Exception {
        assertMerelyWarned("--enable-native-access=ALL-UNNAMED", "Use --enable-native-access=ALL-UNNAMED");
    }

    @Test
    @EnabledForJreRange(min = JRE.JAVA_24)
    void withoutUnsafeMemoryAccessTheJvmWarns() throws Exception {
        assertMerelyWarned("--sun-misc-unsafe-memory-access=allow", "sun.misc.Unsafe");
    }

    @Test
    void theBuildRunsWithTheSameFlags() {
        assertThat(ManagementFactory.getRuntimeMXBean().getInputArguments())
                .filteredOn(argument -> argument.matches("--(add|sun|enable)-.*"))
                .containsExactlyInAnyOrderElementsOf(ChildJvm.flags());
    }

    @Test
    void theDocsListThem() throws IOException {
        Path page = Path.of("..", "docs", "EMBEDDING.md");
        assumeThat(page).exists();
        assertThat(Files.readString(page)).contains(ChildJvm.FLAGS).contains(ChildJvm.FLAGS_FROM_24);
    }

    static List<String> required() {
        return ChildJvm.FLAGS.stream()
                .filter(flag -> flag.startsWith("--add-opens"))
                .toList();
    }

    private void assertMerelyWarned(String flag, String words) throws IOException, InterruptedException {
        ChildJvm.Result result = run(without(flag), entry -> true);
        assertThat(result.exit()).isZero();
        assertThat(result.err()).contains("WARNING").contains(words);
    }

    private static List<String> without(String flag) {
        List<String> flags = new ArrayList<>(ChildJvm.flags());
        assertThat(flags.remove(flag)).isTrue();
        return flags;
    }

    /** Leaves out the slf4j provider that this module has for its tests; an embedder need not have any. */
    private static boolean isNoLogging(String classPathEntry) {
        return !Path.of(classPathEntry).getFileName().toString().startsWith("slf4j-jdk14");
    }

    private ChildJvm.Result run(List<String> flags, Predicate<String> classPath)
            throws IOException, InterruptedException {
        ProcessBuilder jvm = ChildJvm.builder(flags, Embedder.class, folder.resolve("answers.refrain"));
        String ours = System.getProperty("java.class.path");
        String theirs =
                Stream.of(ours.split(File.pathSeparator)).filter(classPath).collect(joining(File.pathSeparator));
        jvm.command().replaceAll(argument -> argument.equals(ours) ? theirs : argument);
        return ChildJvm.run(jvm);
    }
}
