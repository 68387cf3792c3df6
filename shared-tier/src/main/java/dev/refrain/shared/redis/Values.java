package dev.refrain.shared.redis;

import dev.refrain.engine.spi.SharedTier.Found;
import io.lettuce.core.SetArgs;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Stores entries as values. A long entry is kept in parts, which are written before the manifest that names them. Parts
 * without a manifest expire by their TTL. Thread-safe.
 */
final class Values {
    private static final int TIME_LENGTH = 16;
    private static final int HEAD_LENGTH = 1 + TIME_LENGTH;
    private static final int SALT_BYTES = 16;
    private static final SecureRandom RANDOM = new SecureRandom();

    /** The text of a manifest: length of the entry, length of each part except the last, salt in the parts' names. */
    private static final Pattern MANIFEST = Pattern.compile("([0-9]{1,9}) ([0-9]{1,9}) ([A-Za-z0-9_-]{22})");

    private static final int MAX_MANIFEST = 64;
    private static final int MIN_PART = 64 << 10;

    private final Names names;
    private final Commands commands;
    private final Commands stores;
    private final RedisTierSettings settings;
    private final TierClock clock;

    /**
     * @param commands for reads, which requests wait for
     * @param stores for writes, which run in the background
     * @param clock the clock of a cluster; null with a single server, whose own clock counts
     */
    Values(Names names, Commands commands, Commands stores, RedisTierSettings settings, TierClock clock) {
        this.names = names;
        this.commands = commands;
        this.stores = stores;
        this.settings = settings;
        this.clock = clock;
    }

    /** A time in microseconds, in the form that the scripts use. */
    static String time(long micros) {
        return String.format("%016d", micros);
    }

    // ---- reading

    CompletionStage<Found> get(byte[] key) {
        long asked = System.nanoTime();
        long passed = clock == null ? 0 : clock.micros();
        byte[] longest = Names.bytes(Integer.toString(HEAD_LENGTH + Math.max(settings.partBytes(), MAX_MANIFEST)));
        return commands.run(Script.GET, new byte[][] {names.entry(key)}, longest)
                .thenCompose(answer -> {
                    long now = clock == null ? Notices.number(answer.get(0)) : passed;
                    byte[] value = answer.size() > 1 ? (byte[]) answer.get(1) : new byte[0];
                    char kind = value.length < HEAD_LENGTH ? 'T' : (char) value[0];
                    byte[] entry = kind == 'E' ? Arrays.copyOfRange(value, HEAD_LENGTH, value.length) : null;
                    return kind == 'M'
                            ? parts(key, value, now, asked)
                            : CompletableFuture.completedStage(new Found(entry, now));
                });
    }

    private CompletionStage<Found> parts(byte[] key, byte[] value, long now, long asked) {
        Matcher manifest = MANIFEST.matcher(new String(
                value, HEAD_LENGTH, Math.min(MAX_MANIFEST, value.length - HEAD_LENGTH), StandardCharsets.ISO_8859_1));
        if (!manifest.matches()) {
            return CompletableFuture.completedStage(new Found(null, now));
        }
        int length = Integer.parseInt(manifest.group(1));
        int partLength = Integer.parseInt(manifest.group(2));
        if (partLength < MIN_PART || length > settings.maxEntryBytes() || length <= partLength) {
            return CompletableFuture.completedStage(new Found(null, now));
        }
        String salt = manifest.group(3);
        List<CompletableFuture<byte[]>> parts = new ArrayList<>();
        for (int number = 0; number * (long) partLength < length; number++) {
            byte[] name = names.part(key, salt, number);
            // This asks for one byte more than a part has, so that a longer part is noticed.
            parts.add(commands.send(partLength, sent -> sent.getrange(name, 0, partLength))
                    .toCompletableFuture());
        }
        CompletableFuture<Found> found = CompletableFuture.allOf(parts.toArray(new CompletableFuture<?>[0]))
                .thenApply(all -> new Found(joined(parts, length, partLength), now));
        // One timeout covers the whole lookup, whatever the number of commands.
        long left = settings.timeout().toNanos() - (System.nanoTime() - asked);
        return found.orTimeout(Math.max(1, left), TimeUnit.NANOSECONDS)
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(Causes.of(failure)));
    }

    /** The whole entry; null if a part has a wrong length. */
    private static byte[] joined(List<CompletableFuture<byte[]>> parts, int length, int partLength) {
        byte[] entry = new byte[length];
        int at = 0;
        for (CompletableFuture<byte[]> one : parts) {
            byte[] part = one.join();
            if (part == null || part.length != Math.min(partLength, length - at)) {
                return null;
            }
            System.arraycopy(part, 0, entry, at, part.length);
            at += part.length;
        }
        return entry;
    }

    // ---- writing

    CompletionStage<Boolean> put(byte[] key, byte[] entry, long started, long life) {
        if (entry.length > settings.maxEntryBytes()) {
            return CompletableFuture.completedStage(false);
        }
        if (entry.length <= settings.partBytes()) {
            return putValue(key, 'E', entry, started, life);
        }
        byte[] random = new byte[SALT_BYTES];
        RANDOM.nextBytes(random);
        String salt = Names.text(random);
        int partLength = settings.partBytes();
        List<CompletableFuture<String>> parts = new ArrayList<>();
        for (int number = 0; number * (long) partLength < entry.length; number++) {
            byte[] name = names.part(key, salt, number);
            int from = number * partLength;
            byte[] part = Arrays.copyOfRange(entry, from, Math.min(entry.length, from + partLength));
            parts.add(stores.send(part.length, sent -> sent.set(name, part, SetArgs.Builder.px(life)))
                    .toCompletableFuture());
        }
        byte[] manifest = Names.bytes(entry.length + " " + partLength + " " + salt);
        return CompletableFuture.allOf(parts.toArray(new CompletableFuture<?>[0]))
                .thenCompose(all -> putValue(key, 'M', manifest, started, life));
    }

    private CompletionStage<Boolean> putValue(byte[] key, char kind, byte[] content, long started, long life) {
        byte[] value = new byte[HEAD_LENGTH + content.length];
        byte[] time = Names.bytes(time(started));
        value[0] = (byte) kind;
        System.arraycopy(time, 0, value, 1, TIME_LENGTH);
        System.arraycopy(content, 0, value, HEAD_LENGTH, content.length);
        return stores.run(Script.PUT, new byte[][] {names.entry(key)}, time, value, Names.bytes(Long.toString(life)))
                .thenApply(answer -> Notices.number(answer.get(0)) == 1);
    }
}
