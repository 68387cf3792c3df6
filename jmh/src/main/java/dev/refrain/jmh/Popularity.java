package dev.refrain.jmh;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/**
 * The sequence of requested entries, by Zipf's law with exponent 0.99, as in YCSB (Cooper et al., SoCC 2010). It is
 * drawn beforehand, so that a benchmark only reads an array. Ranks are shuffled, so that popular entries are not
 * neighbours.
 */
@State(Scope.Benchmark)
public class Popularity {
    private static final double EXPONENT = 0.99;
    /**
     * Length of the sequence, a power of two. At some 300,000 hits a second, the sequence repeats after three seconds.
     */
    private static final int DRAWS = 1 << 20;

    @Param("100000")
    private int entries;

    private int[] drawn;

    public Popularity() {}

    /** For programs that do not use JMH. */
    Popularity(int entries) {
        this.entries = entries;
        draw();
    }

    @Setup(Level.Trial)
    public void draw() {
        SplittableRandom random = new SplittableRandom(1);
        double[] cumulated = new double[entries];
        double sum = 0;
        for (int rank = 0; rank < entries; rank++) {
            sum += Math.pow(rank + 1, -EXPONENT);
            cumulated[rank] = sum;
        }
        int[] entryOfRank = shuffled(entries, random);
        drawn = new int[DRAWS];
        for (int i = 0; i < DRAWS; i++) {
            int found = Arrays.binarySearch(cumulated, random.nextDouble() * sum);
            int rank = found >= 0 ? found : -found - 1;
            drawn[i] = entryOfRank[Math.min(rank, entries - 1)];
        }
    }

    private static int[] shuffled(int size, SplittableRandom random) {
        int[] numbers = new int[size];
        for (int i = 0; i < size; i++) {
            int j = random.nextInt(i + 1);
            numbers[i] = numbers[j];
            numbers[j] = i;
        }
        return numbers;
    }

    int entries() {
        return entries;
    }

    /** The entry of a step. After the last draw the sequence repeats. */
    int entry(int step) {
        return drawn[step & (DRAWS - 1)];
    }
}
