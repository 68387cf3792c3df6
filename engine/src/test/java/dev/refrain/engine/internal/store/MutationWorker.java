package dev.refrain.engine.internal.store;

import dev.refrain.engine.spi.EntryBuffer;
import dev.refrain.engine.spi.EntryHead;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Damages copies of a store, uses all their functions, and reports the outcome. Its arguments are {@code originals
 * directory}. It reads seeds, one a line, and answers each with one line.
 */
final class MutationWorker {
    static final int ENTRIES = 1_000;
    static final long CAPACITY = 16L << 20;
    /** Number of openings of a store, the first one included. */
    private static final int OPENINGS = 4;
    /**
     * Number of openings from the one that notices damage to a clean one: the opening between them repairs the damage,
     * and reading then finds the rest.
     */
    private static final int CLEAN_AFTER = 2;

    private static final Clock CLOCK = Clock.fixed(Instant.ofEpochMilli(50_000), ZoneOffset.UTC);

    private final Path originals;
    private final Path directory;
    private final EntryBuffer found = new EntryBuffer(16);
    private final byte[] head = new byte[EntryHead.LENGTH];
    private int wrong;
    /** Number of wrong entries and of failures since the latest opening. */
    private long damaged;
    /** Number of the first opening that noticed damage, or 0. */
    private int noticedAt;

    private boolean isHealed;

    private MutationWorker(Path originals, Path directory) {
        this.originals = originals;
        this.directory = directory;
    }

    public static void main(String[] args) throws IOException {
        MutationWorker worker = new MutationWorker(Path.of(args[0]), Path.of(args[1]));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(worker.run(Long.parseLong(line)));
        }
    }

    /** Creates a store as the workers expect it. */
    static void fill(Path file, int generation) throws IOException {
        try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK)) {
            for (int i = 0; i < ENTRIES; i++) {
                long expiresAt = i % 10 == 0 ? CLOCK.millis() : TestEntries.NEVER;
                store.put(
                        TestEntries.key(i),
                        TestEntries.entry(i, generation, i % 50 == 0 ? 100_000 : 200 + 4 * i, 1_000, expiresAt));
            }
        }
    }

    private String run(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed);
        Mutation[] all = Mutation.values();
        Mutation mutation = all[(int) Math.floorMod(seed, (long) all.length)];
        boolean isLive = mutation.isPossibleWhileOpen() && random.nextInt(3) == 0;
        Path file = copy();
        wrong = 0;
        damaged = 0;
        noticedAt = 0;
        isHealed = true;
        String outcome;
        try {
            outcome = isLive ? damageWhileOpen(file, mutation, random) : damageClosed(file, mutation, random);
            outcome = wrong > 0 ? "WRONG" : isHealed ? outcome : "unhealed";
        } catch (IOException e) {
            outcome = e.getMessage() == null ? "THREW IOException without a message" : "refused";
        } catch (RuntimeException | Error e) {
            outcome = "THREW " + e + " at "
                    + List.of(e.getStackTrace()).stream().limit(8).toList();
        }
        return seed + " " + mutation + (isLive ? "_WHILE_OPEN" : "") + " " + outcome.replace('\n', ' ');
    }

    private Path copy() throws IOException {
        try (var old = Files.list(directory)) {
            for (Path path : old.toList()) {
                Files.delete(path);
            }
        }
        Path file = directory.resolve("answers");
        for (String suffix : List.of("", ".lock", ".secret")) {
            Files.copy(
                    Mutation.beside(originals.resolve("answers"), suffix),
                    Mutation.beside(file, suffix),
                    StandardCopyOption.REPLACE_EXISTING);
        }
        return file;
    }

    private Path other() {
        return originals.resolve("others");
    }

    private String damageClosed(Path file, Mutation mutation, SplittableRandom random) throws IOException {
        mutation.apply(file, other(), false, random);
        boolean isAside;
        try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK, false, true)) {
            isAside = store.stats().entries() == 0;
            use(store, random);
            closing(1, store);
        }
        reopen(file, random);
        return isAside ? "afresh" : "opened";
    }

    private String damageWhileOpen(Path file, Mutation mutation, SplittableRandom random) throws IOException {
        try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK, false, true)) {
            for (int round = 0; round < 3; round++) {
                mutation.apply(file, other(), true, random);
                use(store, random);
            }
            closing(1, store);
        }
        reopen(file, random);
        return "opened";
    }

    /**
     * A store heals: damage that was noticed is repaired at the next opening. Some damage is noticed only when its
     * place is used: damage to a free list, when chunks are allocated from it.
     */
    private void reopen(Path file, SplittableRandom random) throws IOException {
        for (int opening = 2; opening <= OPENINGS; opening++) {
            try (ChronicleStore store = ChronicleStore.open(file, CAPACITY, CLOCK, false, true)) {
                use(store, random);
                closing(opening, store);
            }
        }
    }

    private void closing(int opening, ChronicleStore store) {
        damaged += store.stats().failures();
        if (damaged > 0 && noticedAt == 0) {
            noticedAt = opening;
        }
        isHealed &= damaged == 0 || opening < noticedAt + CLEAN_AFTER;
        damaged = 0;
    }

    private void read(ChronicleStore store) {
        for (int i = 0; i < ENTRIES; i++) {
            store.head(TestEntries.key(i), head);
            // Like the engine, removes a damaged entry.
            if (store.get(TestEntries.key(i), found)) {
                if (!TestEntries.isIntact(i, found)) {
                    damaged++;
                    store.removeDamaged(TestEntries.key(i));
                } else if (!TestEntries.isGenuine(i, found) && !isCrafted(i)) {
                    wrong++;
                }
            }
        }
    }

    /**
     * Whether this entry may be the work of {@link Mutation#CRAFTED_HEAD}: other numbers in its head under a correct
     * checksum, so that the entry looks like a stored one. Its content is unchanged, or its version is another.
     */
    private boolean isCrafted(int key) {
        long generation = TestEntries.generation(found);
        EntryBuffer expected = TestEntries.entry(key, generation, found.length());
        return Arrays.equals(
                        found.bytes(),
                        EntryHead.LENGTH,
                        found.length(),
                        expected.bytes(),
                        EntryHead.LENGTH,
                        expected.length())
                || found.bytes()[4] != expected.bytes()[4];
    }

    private void use(ChronicleStore store, SplittableRandom random) {
        read(store);
        store.stats();
        store.sweep(CLOCK.millis());
        int generation = random.nextInt(1_000);
        for (int i = 0; i < 300; i++) {
            int key = random.nextInt(ENTRIES);
            int length = random.nextInt(20) == 0 ? random.nextInt(32_000, 400_000) : random.nextInt(200, 8_000);
            store.put(TestEntries.key(key), TestEntries.entry(key, generation, length));
        }
        for (int i = 0; i < 100; i++) {
            store.remove(TestEntries.key(random.nextInt(ENTRIES)));
        }
        store.find(key -> key[0] == 0);
        store.removeIf(entryHead -> entryHead[0] == 0);
        for (int i = 0; i < store.slices(); i++) {
            store.sweep(CLOCK.millis(), i);
        }
        read(store);
        store.stats();
    }
}
