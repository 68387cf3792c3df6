package dev.refrain.jmh.eviction;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;

/**
 * A sequence of requests, each with a key, the length of its answer in bytes, and the cost of fetching the answer.
 *
 * <p>Most recorded traces have only keys. Then all answers have the same cost and the same length, such that together
 * they come to {@link #TOTAL_BYTES}. If a trace has lengths, a cost in tokens is made up: a quarter of the length, and
 * 50 to 5,000 for the prompt, which depend on the key alone.
 */
final class Trace {
    static final long TOTAL_BYTES = 160 << 20;
    private static final int MIN_LENGTH = 64;
    private static final int MAX_LENGTH = 30_000;

    private final String name;
    private final long[] keys;
    private final int[] lengths;
    private final int[] costs;

    private Trace(String name, long[] keys, int[] lengths, int[] costs) {
        this.name = name;
        this.keys = keys;
        this.lengths = lengths;
        this.costs = costs;
    }

    String name() {
        return name;
    }

    int requests() {
        return keys.length;
    }

    long key(int request) {
        return keys[request];
    }

    int length(int request) {
        return lengths[request];
    }

    int cost(int request) {
        return costs[request];
    }

    /**
     * The same requests with other costs.
     *
     * @param cost by key and length
     */
    private Trace costing(String kind, LongIntToIntFunction cost) {
        int[] others = new int[keys.length];
        for (int i = 0; i < keys.length; i++) {
            others[i] = cost.apply(keys[i], lengths[i]);
        }
        return new Trace(name + ", " + kind, keys, lengths, others);
    }

    private interface LongIntToIntFunction {
        int apply(long key, int length);
    }

    /**
     * The same requests with costs that do not depend on the length and are widely spread, as models' prices are. They
     * are log-normal by key: one key in six costs more than 4.5 times the median, and one in forty more than 20 times.
     */
    Trace atSpreadCosts() {
        return costing("spread", (key, length) -> (int) Math.max(
                1, Math.min(10_000_000, 1_000 * Math.exp(1.5 * new Random(key * 31 + 7).nextGaussian()))));
    }

    /** The same requests with costs equal to their lengths. */
    Trace atCostsByLength() {
        return costing("by length", (key, length) -> length);
    }

    boolean hasLengths() {
        return Arrays.stream(lengths).distinct().limit(2).count() > 1;
    }

    private static Trace ofKeys(String name, long[] keys) {
        long distinct = Math.max(1, Arrays.stream(keys).distinct().count());
        int[] lengths = new int[keys.length];
        Arrays.fill(lengths, (int) Math.max(1_024, Math.min(MAX_LENGTH, TOTAL_BYTES / distinct)));
        int[] costs = new int[keys.length];
        Arrays.fill(costs, 1_000);
        return new Trace(name, keys, lengths, costs);
    }

    private static Trace ofLengths(String name, long[] keys, int[] lengths) {
        int[] costs = new int[keys.length];
        for (int i = 0; i < keys.length; i++) {
            double prompt = 50 * Math.pow(100, new SplittableRandom(keys[i]).nextDouble());
            costs[i] = (int) prompt + lengths[i] / 4;
        }
        return new Trace(name, keys, lengths, costs);
    }

    /**
     * Requests by Zipf's law over 100,000 keys, with lengths typical of answers: half are below 2.5 KB, a few reach
     * some MB.
     */
    static Trace synthetic() {
        int distinct = 100_000;
        int count = 600_000;
        double[] upTo = new double[distinct];
        double sum = 0;
        for (int rank = 0; rank < distinct; rank++) {
            sum += Math.pow(rank + 1, -0.9);
            upTo[rank] = sum;
        }
        long[] keys = new long[count];
        int[] lengths = new int[count];
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < count; i++) {
            int at = Arrays.binarySearch(upTo, random.nextDouble() * sum);
            int rank = Math.min(distinct - 1, at < 0 ? -at - 1 : at);
            keys[i] = rank;
            double normal = new Random(rank).nextGaussian();
            lengths[i] = (int) Math.max(200, Math.min(4 << 20, 2_500 * Math.exp(1.3 * normal)));
        }
        return ofLengths("synthetic Zipf 0.9", keys, lengths);
    }

    /**
     * All traces in a folder. The content of a file tells its format: lines of one number, a key, where other lines are
     * skipped; lines of three numbers: time, key, length; or big-endian keys of four bytes, or of eight if the name
     * contains {@code .8.}.
     */
    static List<Trace> in(Path folder) throws IOException {
        Map<String, Path> files = new TreeMap<>();
        try (var all = Files.newDirectoryStream(folder, "*.{gz,xz,txt,bin}")) {
            all.forEach(file -> files.put(file.getFileName().toString(), file));
        }
        List<Trace> traces = new ArrayList<>();
        for (Map.Entry<String, Path> file : files.entrySet()) {
            traces.add(parse(file.getKey(), read(file.getValue())));
        }
        return traces;
    }

    private static byte[] read(Path file) throws IOException {
        String name = file.toString();
        if (name.endsWith(".gz")) {
            try (InputStream in = new GZIPInputStream(Files.newInputStream(file))) {
                return in.readAllBytes();
            }
        }
        if (name.endsWith(".xz")) {
            // The JDK cannot decompress xz, so the command does.
            Process xz = new ProcessBuilder("xz", "-dc", name)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            return xz.getInputStream().readAllBytes();
        }
        return Files.readAllBytes(file);
    }

    private static Trace parse(String fileName, byte[] content) throws IOException {
        String name = fileName.replaceAll("\\..*", "");
        boolean isText = true;
        for (int i = 0; i < Math.min(content.length, 1_000); i++) {
            isText &= content[i] >= ' ' || content[i] == '\n' || content[i] == '\r' || content[i] == '\t';
        }
        return isText
                ? parseLines(name, new String(content, StandardCharsets.US_ASCII))
                : ofKeys(name, parseBinary(content, fileName.contains(".8.")));
    }

    private static long[] parseBinary(byte[] content, boolean isLong) throws IOException {
        long[] keys = new long[content.length / (isLong ? 8 : 4)];
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(content))) {
            for (int i = 0; i < keys.length; i++) {
                keys[i] = isLong ? in.readLong() : in.readInt();
            }
        } catch (EOFException e) {
            throw new AssertionError("Counted before", e);
        }
        return keys;
    }

    private static Trace parseLines(String name, String text) {
        long[] keys = new long[(int) text.lines().count()];
        int[] lengths = new int[keys.length];
        boolean hasLengths = false;
        int count = 0;
        for (String line : (Iterable<String>) text.lines()::iterator) {
            String[] fields = line.strip().split("\\s+", -1);
            if (fields.length == 3 && fields[2].matches("\\d+")) {
                hasLengths = true;
                lengths[count] = Math.max(MIN_LENGTH, Integer.parseInt(fields[2]));
                // Requests for one key with different lengths count as different objects.
                keys[count++] = Long.parseLong(fields[1]) * 1_000_003 + lengths[count - 1];
            } else if (fields.length == 1 && fields[0].matches("\\d+")) {
                keys[count++] = Long.parseLong(fields[0]);
            }
        }
        long[] found = Arrays.copyOf(keys, count);
        return hasLengths ? ofLengths(name, found, Arrays.copyOf(lengths, count)) : ofKeys(name, found);
    }
}
