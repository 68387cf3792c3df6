package dev.refrain.engine;

import static dev.refrain.engine.SampleAnswers.CHAT_ANSWER;
import static dev.refrain.engine.SampleAnswers.CHAT_REQUEST;
import static dev.refrain.engine.SampleAnswers.chat;
import static dev.refrain.engine.SampleAnswers.utf8;
import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import dev.refrain.testing.ChildJvm;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Effects of a cache on its host's JVM: no system property changes, and a cache on the heap needs neither flags nor
 * Chronicle Map.
 */
class HostJvmTest {
    @TempDir
    Path folder;

    /** Opens, uses and closes a cache, and prints what that did to the JVM's properties. */
    static final class Host {
        private Host() {}

        public static void main(String[] arguments) throws IOException {
            // The JDK itself sets user.timezone at its first use, so that happens before the comparison.
            java.util.TimeZone.getDefault();
            Properties before = (Properties) System.getProperties().clone();
            ResponseCache cache = arguments[0].equals("heap")
                    ? ResponseCache.onHeap(1 << 20).open()
                    : ResponseCache.open(Path.of(arguments[0]), 16 << 20);
            report("open", before);
            CacheKey key = cache.key(chat(CHAT_REQUEST)).orElseThrow();
            if (!cache.store(key, "application/json", utf8(CHAT_ANSWER), Duration.ofMinutes(5))
                    || !cache.lookup(key, new CachedResponse())
                    || cache.admin().clear() != 1) {
                throw new AssertionError("what was stored was not found");
            }
            report("use", before);
            cache.close();
            report("close", before);
        }

        private static void report(String when, Properties before) {
            Properties now = (Properties) System.getProperties().clone();
            before.forEach((name, value) -> {
                if (!value.equals(now.remove(name))) {
                    System.out.println(when + " changed " + name);
                }
            });
            now.keySet().forEach(name -> System.out.println(when + " set " + name));
        }
    }

    @Test
    void noPropertyOfTheJvmChanges() throws Exception {
        assertThat(run(ChildJvm.flags(), folder.resolve("answers.refrain").toString(), "slf4j-jdk14"))
                .isEqualTo(new ChildJvm.Result(0, "", ""));
    }

    @Test
    void onTheHeapNoFlagAndNoChronicleIsNeeded() throws Exception {
        ChildJvm.Result result = run(List.of(), "heap", "slf4j-jdk14", "chronicle", "affinity", "posix", "compiler");
        // JDK 24 and newer warn of LZ4's native library; nothing else is said.
        String warnings = "(?m)^WARNING: .*\\R";
        boolean warns = Runtime.version().feature() >= 24;
        String said = warns ? result.err().replaceAll(warnings, "").strip() : result.err();
        assertThat(new ChildJvm.Result(result.exit(), result.out(), said)).isEqualTo(new ChildJvm.Result(0, "", ""));
        assertThat(folder).isEmptyDirectory();
    }

    private static ChildJvm.Result run(List<String> flags, String argument, String... without)
            throws IOException, InterruptedException {
        ProcessBuilder jvm = ChildJvm.builder(flags, Host.class, argument);
        String ours = System.getProperty("java.class.path");
        String theirs = Stream.of(ours.split(File.pathSeparator))
                .filter(entry -> Stream.of(without)
                        .noneMatch(Path.of(entry).getFileName().toString()::startsWith))
                .collect(joining(File.pathSeparator));
        jvm.command().replaceAll(each -> each.equals(ours) ? theirs : each);
        return ChildJvm.run(jvm);
    }
}
