package dev.refrain.engine.internal.eviction;

/**
 * How soon keys are asked for again, as experience tells: by how often they have been asked for and how long ago that was. Knows two things
 * of each such class: how many keys were asked for again out of it, and how many wait in it. That says at what rate a key is asked for, now
 * and later, if it is not before.
 *
 * <p>What a key's place in the cache earns is the best that can be made of it: the most hits a tick that can be expected until some time to
 * come, whichever that is (the Gittins index). It falls with the idle time where what was asked for lately is asked for again, and
 * rises where keys come round in a loop, so that the one that will be asked for last is the first to go.
 *
 * <p>Counts are written by any thread without locks; a lost one does not matter.
 */
final class Reuse {
    /** Two to each doubling of the idle time, up to {@link Footprints#LONG_AGO}. */
    private static final int AGES = 30;

    /** Counts are halved when they have been made anew as often. */
    private static final int LESSONS_PER_HALVING = 64;
    /** Before there is experience, a key is expected at this rate: proportional to frequency / age. */
    private static final double GUESS = 0.25;

    private static final double GUESS_AGE_OFFSET = 10;
    /** The guess counts as much as this many keys that have gone through a class. */
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

    /** A key was asked for again. */
    void again(int frequency, int idle) {
        again[frequency * AGES + age(idle)]++;
    }

    /** A key, one chosen by chance, has not been asked for again yet. */
    void waiting(int frequency, int idle) {
        waiting[frequency * AGES + age(idle)]++;
    }

    /** The hits to be expected for each tick that a key is kept. */
    double earns(int frequency, int idle) {
        return earnings[frequency * AGES + age(idle)];
    }

    /**
     * To be called at regular intervals, by one thread at a time.
     *
     * @param ticks the time for which a waiting key stands: waiting that long, it is counted once on average
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
     * From the oldest age down, each takes the next older ones in for as long as they earn more than itself: waiting for them pays. What
     * they come to together is the most that can be had from there.
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
