package dev.refrain.engine.internal.store;

import dev.refrain.testing.ChildJvm;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * Opens damaged copies of a store in JVMs of their own ({@link MutationWorker}). These must not die, hang, or find an
 * entry that was never stored.
 */
final class Mutations {
    /**
     * Time limit of one try. One opening takes at most 10 s (documented). A try has at most five openings, and uses the
     * store between them.
     */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final Path directory;
    private final long tries;
    private final AtomicLong next;
    private final long end;
    private final Map<String, LongAdder> outcomes = new ConcurrentSkipListMap<>();
    private final List<String> failures = new CopyOnWriteArrayList<>();

    Mutations(Path directory, long firstSeed, long tries) {
        this.directory = directory;
        this.tries = tries;
        this.next = new AtomicLong(firstSeed);
        this.end = firstSeed + tries;
    }

    /** Prints a row for each outcome, and the failures. */
    void print() {
        PrintStream out = System.out;
        outcomes.forEach((outcome, count) -> out.println(outcome + ": " + count));
        failures.forEach(out::println);
        out.println(tries + " tries, " + failures.size() + " failures");
    }

    /** The number of times that each kind of damage had each outcome. */
    Map<String, LongAdder> outcomes() {
        return outcomes;
    }

    /** Forbidden outcomes, each with the seed that reproduces it. */
    List<String> failures() {
        return failures;
    }

    void run(int jvms) throws Exception {
        Path originals = Files.createDirectories(directory.resolve("originals"));
        MutationWorker.fill(originals.resolve("answers"), 0);
        MutationWorker.fill(originals.resolve("others"), 1);
        ExecutorService threads = Executors.newCachedThreadPool();
        try {
            List<Future<?>> pools = new ArrayList<>();
            for (int i = 0; i < jvms; i++) {
                Path own = Files.createDirectories(directory.resolve("jvm-" + i));
                pools.add(threads.submit(() -> {
                    work(originals, own, threads);
                    return null;
                }));
            }
            for (Future<?> pool : pools) {
                pool.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private void work(Path originals, Path own, ExecutorService threads) throws Exception {
        boolean isDone = false;
        while (!isDone) {
            Process jvm = ChildJvm.builder(MutationWorker.class, originals, own)
                    .redirectError(ProcessBuilder.Redirect.appendTo(
                            directory.resolve("errors.log").toFile()))
                    .start();
            try {
                isDone = feed(jvm, threads);
            } finally {
                jvm.destroyForcibly().waitFor();
            }
        }
    }

    /** Returns false if the JVM cannot be used any more. */
    private boolean feed(Process jvm, ExecutorService threads) throws IOException, InterruptedException {
        PrintStream in = new PrintStream(jvm.getOutputStream(), true, StandardCharsets.UTF_8);
        BufferedReader out = jvm.inputReader(StandardCharsets.UTF_8);
        for (long seed = next.getAndIncrement(); seed < end; seed = next.getAndIncrement()) {
            in.println(seed);
            String answer = answer(out, threads);
            if (answer == null || !answer.startsWith(seed + " ")) {
                boolean isDead = jvm.waitFor(2, TimeUnit.SECONDS);
                failures.add(seed + (isDead ? " died with status " + jvm.exitValue() : " hung: " + answer));
                return false;
            }
            String[] words = answer.split(" ", 3);
            if (words[2].startsWith("THREW") || words[2].startsWith("WRONG") || words[2].equals("unhealed")) {
                failures.add(answer);
            }
            String outcome = words[2].startsWith("THREW") ? "threw" : words[2];
            outcomes.computeIfAbsent(words[1] + " " + outcome, name -> new LongAdder())
                    .increment();
        }
        return true;
    }

    private static String answer(BufferedReader out, ExecutorService threads) throws InterruptedException {
        Future<String> line = threads.submit(out::readLine);
        try {
            return line.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (TimeoutException e) {
            return "no answer within " + PATIENCE.toSeconds() + " s";
        } catch (java.util.concurrent.ExecutionException e) {
            return null;
        }
    }
}
