package dev.refrain.engine.shared;

import dev.refrain.engine.spi.SharedTier;
import dev.refrain.engine.spi.SharedTierException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * A shared tier on the heap of one process, for tests: all machines share an {@link Engine}, and each has a {@code
 * HeapTier}. Machines can be cut off and connected again.
 *
 * <p>Long, since it has both the state that machines share and the view of each.
 */
public final class HeapTier implements SharedTier {
    /** Limit of the pieces that one read returns, in bytes; a single piece may be longer. */
    private static final int READ_BYTES = 64 << 10;

    /** State that the machines share. Thread-safe by its monitor, which is not held while a listener is called. */
    public static final class Engine {
        private final LongSupplier clock;
        private final int maxEntryBytes;
        private final int maxBarriers;
        private final Map<ByteBuffer, Value> values = new HashMap<>();
        private final Map<ByteBuffer, Held> leases = new HashMap<>();
        private final LinkedHashMap<ByteBuffer, Long> barriers = new LinkedHashMap<>();
        private final Set<HeapTier> connected = new HashSet<>();
        private long lastBarrier;
        private long lastToken;
        private long barriersSince;

        private static final class Value {
            /** Null if the entry was removed. */
            final byte[] entry;

            final long started;
            final long goneAt;

            Value(byte[] entry, long started, long goneAt) {
                this.entry = entry;
                this.started = started;
                this.goneAt = goneAt;
            }
        }

        private static final class Held {
            final HeapTier by;
            final long token;
            final Set<HeapTier> waiters = new HashSet<>();
            final List<byte[]> pieces = new ArrayList<>();
            /** The lease before this one; its stream can still be read. */
            Held previous;

            boolean released;
            long bytes;
            long until;

            Held(HeapTier by, long token) {
                this.by = by;
                this.token = token;
            }
        }

        /**
         * An empty tier.
         *
         * @param clock gives the time in microseconds
         * @param maxEntryBytes limit of an entry, and of a live stream, in bytes
         * @param maxBarriers number of barriers that are remembered
         */
        public Engine(LongSupplier clock, int maxEntryBytes, int maxBarriers) {
            this.clock = clock;
            this.maxEntryBytes = maxEntryBytes;
            this.maxBarriers = maxBarriers;
            this.barriersSince = clock.getAsLong();
        }

        /** Creates a machine that is connected. */
        public HeapTier machine() {
            HeapTier machine = new HeapTier(this);
            machine.join();
            return machine;
        }

        private synchronized Found get(ByteBuffer key) {
            Value value = current(key);
            return new Found(value == null || value.entry == null ? null : value.entry.clone(), clock.getAsLong());
        }

        private Value current(ByteBuffer key) {
            values.values().removeIf(value -> value.goneAt <= clock.getAsLong());
            return values.get(key);
        }

        private synchronized boolean put(ByteBuffer key, byte[] entry, long started, long life) {
            Value there = current(key);
            boolean tooLate =
                    there != null && (there.entry == null ? there.started >= started : there.started > started);
            if (entry.length > maxEntryBytes || tooLate) {
                return false;
            }
            values.put(key, new Value(entry.clone(), started, clock.getAsLong() + life * 1000));
            return true;
        }

        private synchronized long remove(ByteBuffer key, long remember) {
            long now = clock.getAsLong();
            values.put(key, new Value(null, now, now + remember * 1000));
            return now;
        }

        private CompletionStage<Raised> raise(ByteBuffer name) {
            List<CompletableFuture<Void>> heard = new ArrayList<>();
            long at;
            synchronized (this) {
                at = Math.max(clock.getAsLong(), lastBarrier + 1);
                lastBarrier = at;
                barriers.remove(name);
                barriers.put(name, at);
                if (barriers.size() > maxBarriers) {
                    var eldest = barriers.entrySet().iterator();
                    barriersSince = eldest.next().getValue();
                    eldest.remove();
                }
                for (HeapTier machine : connected) {
                    CompletableFuture<Void> one = new CompletableFuture<>();
                    heard.add(one);
                    machine.tell(listener -> listener.raised(copy(name), at), () -> one.complete(null));
                }
            }
            return CompletableFuture.allOf(heard.toArray(new CompletableFuture<?>[0]))
                    .thenApply(all -> new Raised(at, 0));
        }

        private synchronized Lease lease(HeapTier machine, ByteBuffer key, long millis, long wantedMillis) {
            long now = clock.getAsLong();
            Value value = current(key);
            boolean stored = value != null && value.entry != null;
            Held held = held(key);
            if (held == null && millis == 0) {
                return new Lease(0, false, stored);
            }
            if (held == null) {
                Held last = leases.get(key);
                lastToken = Math.max(now, lastToken + 1);
                Held granted = new Held(machine, lastToken);
                granted.until = now + millis * 1000;
                granted.previous = last;
                if (last != null) {
                    last.previous = null;
                }
                leases.put(key, granted);
                return new Lease(granted.token, true, stored);
            }
            held.until = Math.min(held.until, now + wantedMillis * 1000);
            held.waiters.add(machine);
            held.by.tell(listener -> listener.wanted(copy(key)));
            return new Lease(held.token, false, stored);
        }

        private Held held(ByteBuffer key) {
            Held held = leases.get(key);
            return held == null || held.until <= clock.getAsLong() ? null : held;
        }

        private Held held(ByteBuffer key, long token) {
            Held held = held(key);
            return held == null || held.token != token ? null : held;
        }

        private synchronized boolean renew(HeapTier machine, ByteBuffer key, long token, long millis) {
            Held held = leases.computeIfAbsent(key, forgotten -> new Held(machine, token));
            if (held.token != token || held.released) {
                return false;
            }
            held.until = clock.getAsLong() + millis * 1000;
            return true;
        }

        private synchronized boolean release(ByteBuffer key, long token) {
            Held last = leases.get(key);
            if (last != null && last.token == token) {
                last.released = true;
            }
            Held held = held(key, token);
            if (held != null) {
                held.until = 0;
                held.waiters.forEach(waiter -> waiter.tell(listener -> listener.released(copy(key))));
            }
            return held != null;
        }

        private synchronized Appended append(HeapTier machine, ByteBuffer key, long token, int number, byte[] piece) {
            if (held(key) == null) {
                Held last = leases.get(key);
                if (last != null && last.token != token) {
                    last = null;
                }
                if (last != null && last.released) {
                    return Appended.REFUSED;
                }
                if (number > 0 && (last == null || last.pieces.isEmpty())) {
                    return Appended.LOST;
                }
                if (last == null) {
                    last = new Held(machine, token);
                    last.previous = leases.put(key, last);
                }
                last.until = clock.getAsLong() + 1_500_000;
            }
            Held held = held(key, token);
            if (held == null) {
                return Appended.REFUSED;
            }
            if (number == 0) {
                held.pieces.clear();
                held.bytes = 0;
            }
            if (held.pieces.size() != number) {
                return held.pieces.size() > number ? Appended.TAKEN : Appended.LOST;
            }
            if (held.bytes + piece.length > maxEntryBytes) {
                return Appended.REFUSED;
            }
            held.pieces.add(piece.clone());
            held.bytes += piece.length;
            held.waiters.forEach(waiter -> waiter.tell(listener -> listener.appended(copy(key))));
            return Appended.TAKEN;
        }

        private synchronized Pieces read(ByteBuffer key, long token, int from) {
            Held held = leases.get(key);
            if (held != null && held.token != token) {
                held = held.previous;
            }
            if (held == null || held.token != token) {
                return new Pieces(List.of(), false, 0);
            }
            List<byte[]> some = new ArrayList<>();
            int bytes = 0;
            for (int at = from; at < held.pieces.size() && bytes < READ_BYTES; at++) {
                some.add(held.pieces.get(at).clone());
                bytes += held.pieces.get(at).length;
            }
            return new Pieces(some, held(key, token) != null, held.pieces.size());
        }

        private synchronized void join(HeapTier machine) {
            connected.add(machine);
            Listener listener = machine.listener;
            if (listener == null) {
                return;
            }
            long since = machine.heardUntil;
            if (since < barriersSince) {
                machine.tell(told -> told.incomplete(barriersSince));
            }
            barriers.forEach((name, at) -> {
                if (at > since) {
                    machine.tell(told -> told.raised(copy(name), at));
                }
            });
            machine.caughtUp(Math.max(lastBarrier, clock.getAsLong()));
        }

        private synchronized void cut(HeapTier machine) {
            connected.remove(machine);
        }

        /** Loses everything, like an engine that was emptied. */
        public synchronized void flush() {
            values.clear();
            leases.clear();
            barriers.clear();
            barriersSince = Math.max(clock.getAsLong(), lastBarrier + 1);
        }
    }

    private final Engine engine;
    private final ExecutorService notices = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "heap-tier");
        thread.setDaemon(true);
        return thread;
    });
    private volatile Listener listener;
    private volatile long heardUntil;
    private volatile boolean available;
    private volatile boolean closed;

    private HeapTier(Engine engine) {
        this.engine = engine;
    }

    /** Cuts this machine off: its calls fail, and it is told nothing. */
    public void cut() {
        available = false;
        engine.cut(this);
        tell(Listener::lost);
    }

    /** Connects this machine again. */
    public void join() {
        available = true;
        engine.join(this);
    }

    private void tell(Consumer<Listener> notice) {
        tell(notice, () -> {});
    }

    private void tell(Consumer<Listener> notice, Runnable then) {
        Listener told = listener;
        if (closed) {
            then.run();
            return;
        }
        notices.execute(() -> {
            try {
                if (told != null) {
                    notice.accept(told);
                }
            } finally {
                then.run();
            }
        });
    }

    private void caughtUp(long micros) {
        tell(told -> {
            heardUntil = micros;
            told.caughtUp(micros);
        });
    }

    private <T> CompletionStage<T> ask(Supplier<T> question) {
        return available
                ? CompletableFuture.completedFuture(question.get())
                : CompletableFuture.failedFuture(new SharedTierException("this machine is cut off", null));
    }

    private static ByteBuffer key(byte[] key) {
        if (key.length != KEY_LENGTH) {
            throw new IllegalArgumentException("a key of " + key.length + " bytes");
        }
        return ByteBuffer.wrap(key.clone());
    }

    private static byte[] copy(ByteBuffer bytes) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return copy;
    }

    private static void positive(long millis) {
        if (millis <= 0) {
            throw new IllegalArgumentException(millis + " ms");
        }
    }

    @Override
    public CompletionStage<Found> get(byte[] key) {
        ByteBuffer of = key(key);
        return ask(() -> engine.get(of));
    }

    @Override
    public CompletionStage<Boolean> put(byte[] key, byte[] entry, long startedMicros, long lifeMillis) {
        ByteBuffer of = key(key);
        positive(lifeMillis);
        return ask(() -> engine.put(of, entry, startedMicros, lifeMillis));
    }

    @Override
    public CompletionStage<Long> remove(byte[] key, long rememberMillis) {
        ByteBuffer of = key(key);
        positive(rememberMillis);
        return ask(() -> engine.remove(of, rememberMillis));
    }

    @Override
    public CompletionStage<Raised> raise(byte[] barrier) {
        if (barrier.length == 0 || barrier.length > MAX_BARRIER_LENGTH) {
            throw new IllegalArgumentException("a name of " + barrier.length + " bytes");
        }
        return available
                ? engine.raise(ByteBuffer.wrap(barrier.clone()))
                : CompletableFuture.failedFuture(new SharedTierException("this machine is cut off", null));
    }

    @Override
    public CompletionStage<Lease> lease(byte[] key, long millis, long wantedMillis) {
        ByteBuffer of = key(key);
        positive(millis + 1);
        positive(wantedMillis);
        return ask(() -> engine.lease(this, of, millis, wantedMillis));
    }

    @Override
    public CompletionStage<Boolean> renew(byte[] key, long token, long millis) {
        ByteBuffer of = key(key);
        positive(millis);
        return ask(() -> engine.renew(this, of, token, millis));
    }

    @Override
    public CompletionStage<Boolean> release(byte[] key, long token) {
        ByteBuffer of = key(key);
        return ask(() -> engine.release(of, token));
    }

    @Override
    public CompletionStage<Appended> append(byte[] key, long token, int number, byte[] piece) {
        ByteBuffer of = key(key);
        return ask(() -> engine.append(this, of, token, number, piece));
    }

    @Override
    public CompletionStage<Pieces> read(byte[] key, long token, int from) {
        ByteBuffer of = key(key);
        return ask(() -> engine.read(of, token, from));
    }

    @Override
    public void listen(long sinceMicros, Listener told) {
        synchronized (engine) {
            if (listener != null) {
                throw new IllegalStateException("there is a listener already");
            }
            listener = told;
            heardUntil = sinceMicros;
            if (available) {
                engine.join(this);
            }
        }
    }

    @Override
    public boolean isAvailable() {
        return available;
    }

    @Override
    public Duration timeout() {
        return Duration.ofSeconds(30);
    }

    @Override
    public void close() {
        synchronized (engine) {
            available = false;
            closed = true;
            engine.cut(this);
        }
        notices.shutdown();
    }
}
