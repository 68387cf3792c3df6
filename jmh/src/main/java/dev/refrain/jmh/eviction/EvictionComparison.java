package dev.refrain.jmh.eviction;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Prints how much of each trace the store answers, and how much other caches of the same size in bytes answer:
 * <pre>
 * java -cp jmh/target/benchmarks.jar dev.refrain.jmh.eviction.EvictionComparison [folder with traces] [MiB ...]
 * </pre>
 * Without a folder only the synthetic trace is replayed. Each trace is replayed again with widely spread costs and, if
 * its lengths differ, with costs equal to the lengths.
 */
public final class EvictionComparison {
    private interface Maker {
        Contender make(long capacityBytes) throws IOException;
    }

    private static final Map<String, Maker> CONTENDERS = new LinkedHashMap<>();

    static {
        CONTENDERS.put("Caffeine", Contender::caffeine);
        CONTENDERS.put("LRU", capacity -> new SampledCache(SampledCache.Policy.LRU, capacity));
        CONTENDERS.put("hyperbolic", capacity -> new SampledCache(SampledCache.Policy.HYPERBOLIC, capacity));
        CONTENDERS.put("+ TinyLFU", capacity -> new SampledCache(SampledCache.Policy.HYPERBOLIC_TINY_LFU, capacity));
        CONTENDERS.put("policy", Contender::model);
        CONTENDERS.put("store", Contender::store);
    }

    private EvictionComparison() {}

    /** Percentages of requests, of bytes and of cost that were hits. */
    private record Saved(double objects, double bytes, double cost) {
        @Override
        public String toString() {
            return String.format(Locale.ROOT, "%.1f / %.1f / %.1f", objects, bytes, cost);
        }
    }

    public static void main(String[] arguments) throws Exception {
        List<Trace> traces = new ArrayList<>();
        traces.add(Trace.synthetic());
        if (arguments.length > 0) {
            traces.addAll(Trace.in(Path.of(arguments[0])));
        }
        List<Integer> sizes = new ArrayList<>();
        for (int i = 1; i < arguments.length; i++) {
            sizes.add(Integer.valueOf(arguments[i]));
        }
        if (sizes.isEmpty()) {
            sizes.addAll(List.of(16, 32, 64));
        }
        System.out.println("| trace | MiB | " + String.join(" | ", CONTENDERS.keySet()) + " | store - Caffeine |");
        System.out.println("|---|---|" + "---|".repeat(CONTENDERS.size() + 1));
        for (Trace trace : traces) {
            for (int mebibytes : sizes) {
                System.out.println(row(trace, mebibytes));
            }
        }
        for (Trace trace : traces) {
            for (int mebibytes : sizes) {
                System.out.println(row(trace.atSpreadCosts(), mebibytes));
            }
            for (int mebibytes : trace.hasLengths() ? sizes : List.<Integer>of()) {
                System.out.println(row(trace.atCostsByLength(), mebibytes));
            }
        }
    }

    private static String row(Trace trace, int mebibytes) throws Exception {
        StringBuilder row = new StringBuilder("| " + trace.name() + " | " + mebibytes + " |");
        Saved caffeine = null;
        Saved last = null;
        for (Maker maker : CONTENDERS.values()) {
            try (Contender contender = maker.make((long) mebibytes << 20)) {
                last = replay(trace, contender);
            }
            caffeine = caffeine == null ? last : caffeine;
            row.append(' ').append(last).append(" |");
        }
        return row
                + String.format(
                        Locale.ROOT,
                        " %+.1f / %+.1f / %+.1f |",
                        last.objects - caffeine.objects,
                        last.bytes - caffeine.bytes,
                        last.cost - caffeine.cost);
    }

    private static Saved replay(Trace trace, Contender contender) {
        long hits = 0;
        double bytes = 0;
        double allBytes = 0;
        double cost = 0;
        double allCost = 0;
        for (int i = 0; i < trace.requests(); i++) {
            int length = trace.length(i);
            int one = trace.cost(i);
            if (contender.request(trace.key(i), length, one)) {
                hits++;
                bytes += length;
                cost += one;
            }
            allBytes += length;
            allCost += one;
        }
        return new Saved(100.0 * hits / trace.requests(), 100 * bytes / allBytes, 100 * cost / allCost);
    }
}
