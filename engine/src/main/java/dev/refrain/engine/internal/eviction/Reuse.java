package dev.refrain.engine.internal.eviction;

/**
 * Learns how soon keys are requested again. Keys are classed by frequency and idle time. Each class has two
 * counts: keys that were requested again, and sampled keys that wait for a request. Their ratio is the request
 * rate of the class.
 *
 * <p>A key earns its expected hits per tick up to the future time at which that number is highest (the Gittins index).
 * In loads where recent keys return, the earnings fall with the idle time. In loops they rise, so the key that will be
 * requested last is evicted first.
 *
 * <p>Any thread may count, without locks; a lost count does not matter.
 */
final class Reuse {
    /** Number of classes of idle time: two per doubling, up to {@link Footprints#LONG_AGO}. */
    private static final int AGES = 30;

    /** Counts are halved after this many lessons. */
    private static final int LESSONS_PER_HALVING = 64;
    /** The guessed rate, used until something is learned, is this times frequency / age. */
    private static final double GUESS = 0.25;

    private static final double GUESS_AGE_OFFSET = 10;
    /** The guess weighs as much as this many observed keys. */
    private static final double GUESS_WEIGHT = 4;

    private final float[] again = new float[(Footprints.MAX_FREQUENCY + 1) * AGES];
    private final float[] waiting = new float[again.length];
    private final float[] earnings = new float[again.length];

    private final double[] blockHits = new double[AGES];
    private final double[] blockTicks = new double[AGES];
    private final double[] blockLeft = new double[AGES];

    Reuse() {
        learn(1);
    }

    private static int age(int idle) {
        int time = idle + 1;
        int octave = 31 - Integer.numberOfLeadingZeros(time);
        return 2 * octave + ((time << 1 >>> octave) & 1);
    }

    /** The idle time at which an age begins. */
    private static double begin(int age) {
        return (1L << (age >> 1)) * (age % 2 == 0 ? 1 : 1.5) - 1;
    }

    /** Counts a key that was requested again. */
    void again(int frequency, int idle) {
        again[frequency * AGES + age(idle)]++;
    }

    /** Counts a sampled key that is still waiting. */
    void waiting(int frequency, int idle) {
        waiting[frequency * AGES + age(idle)]++;
    }

    /** Expected hits for each tick that a key is kept. */
    double earns(int frequency, int idle) {
        return earnings[frequency * AGES + age(idle)];
    }

    /**
     * Computes the earnings of all classes from the counts, and lets the counts fade. Called at regular intervals, by
     * one thread at a time.
     *
     * @param ticks the average waiting time between two samples of the same key
     */
    void learn(double ticks) {
        float keep = (float) Math.pow(0.5, 1.0 / LESSONS_PER_HALVING);
        for (int frequency = 0; frequency <= Footprints.MAX_FREQUENCY; frequency++) {
            learn(frequency, ticks);
            for (int i = frequency * AGES; i < (frequency + 1) * AGES; i++) {
                again[i] *= keep;
                waiting[i] *= keep;
            }
        }
    }

    /**
     * Goes from the oldest class to the youngest. A class is merged with the next older ones while those earn
     * more, because it pays to keep a key until it reaches them. The merged rate is the best that a key of the
     * class can earn.
     */
    private void learn(int frequency, double ticks) {
        int blocks = 0;
        for (int age = AGES - 1; age >= 0; age--) {
            double width = begin(age + 1) - begin(age);
            double guessed = GUESS * frequency / (begin(age) + width / 2 + GUESS_AGE_OFFSET);
            int at = frequency * AGES + age;
            double rate = (again[at] + guessed * GUESS_WEIGHT * width) / (waiting[at] * ticks + GUESS_WEIGHT * width);
            double left = Math.exp(-rate * width);
            double hits = 1 - left;
            double kept = rate * width > 1e-9 ? hits / rate : width;
            while (blocks > 0 && blockHits[blocks - 1] * kept > hits * blockTicks[blocks - 1]) {
                blocks--;
                hits += left * blockHits[blocks];
                kept += left * blockTicks[blocks];
                left *= blockLeft[blocks];
            }
            blockHits[blocks] = hits;
            blockTicks[blocks] = kept;
            blockLeft[blocks++] = left;
            earnings[at] = (float) (hits / kept);
        }
    }
}
