package dev.refrain.http.shortcut;

import dev.refrain.console.activity.ActivityLog;
import dev.refrain.console.activity.ModelNames;
import dev.refrain.engine.CacheKey;
import dev.refrain.engine.CacheRequest;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.http.server.ClientLimits;
import dev.refrain.semantics.head.HeadRoom;
import dev.refrain.semantics.ruleset.Ruleset;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Predicate;
import org.xnio.StreamConnection;
import org.xnio.XnioIoThread;

/** Makes the {@link Shortcut}s of a server's connections, and knows what they share. Thread-safe. */
public final class Shortcuts {
    private final ResponseCache cache;
    private final Function<CacheRequest, Optional<CacheKey>> keys;
    private final ActivityLog activity;
    private final ModelNames models;
    private final int maxBody;
    private final ClientLimits limits;
    private final Duration idle;
    private final Predicate<String> credentials;
    private final MemoryBudget partialHeads;
    private final BooleanSupplier displace;
    private final Map<XnioIoThread, PerThread> threads = new ConcurrentHashMap<>();
    private final AtomicInteger unfinished = new AtomicInteger();

    /** Under which heads are known, or null while there are no shortcuts. */
    private volatile Ruleset ruleset;

    private boolean closed;

    private record PerThread(HitWriter hits, IdleSweep idle, HeadRoom heads) {}

    /**
     * @param keys {@link ResponseCache#key}
     * @param maxBody the longest body of a request that the cache may answer
     * @param idle how long a connection lasts over which nothing comes
     * @param credentials tells by a field's name whether it holds a credential
     * @param displace makes room in favour of a newer request; returns whether there will be some
     */
    public Shortcuts(
            ResponseCache cache,
            Function<CacheRequest, Optional<CacheKey>> keys,
            ActivityLog activity,
            ModelNames models,
            int maxBody,
            ClientLimits limits,
            Duration idle,
            Predicate<String> credentials,
            BooleanSupplier displace) {
        this.cache = cache;
        this.keys = keys;
        this.activity = activity;
        this.models = models;
        this.maxBody = maxBody;
        this.limits = limits;
        this.idle = idle;
        this.credentials = credentials;
        this.partialHeads = HeadRoom.share(limits.memory());
        this.displace = displace;
    }

    /** Gives a new connection its shortcut, before Undertow gets to see it. On the connection's I/O thread. */
    public Shortcut install(StreamConnection connection) {
        PerThread own = threads.computeIfAbsent(
                connection.getIoThread(),
                thread -> new PerThread(
                        new HitWriter(cache, keys, activity, models),
                        new IdleSweep(thread, idle),
                        new HeadRoom(limits.memory(), partialHeads, displace)));
        Shortcut shortcut = new Shortcut(connection, this, own.hits(), own.heads());
        connection.getSourceChannel().setConduit(shortcut);
        own.idle().add(shortcut);
        return shortcut;
    }

    /** Whether a request may use the shortcut now. If so, {@link #left} follows. */
    boolean enter() {
        // In this order, because closing takes them in the opposite one.
        unfinished.incrementAndGet();
        if (ruleset != null) {
            return true;
        }
        left();
        return false;
    }

    /** Its answer is written, or there is none. */
    void left() {
        unfinished.decrementAndGet();
    }

    /** From here on requests go the long way. */
    public synchronized void close() {
        closed = true;
        ruleset = null;
    }

    /**
     * Heads are known under these rules from now on, and none that was known before.
     *
     * @param rules null if more than heads and the store decide about hits, so that there are no shortcuts
     */
    public synchronized void open(Ruleset rules) {
        ruleset = closed ? null : rules;
    }

    Ruleset ruleset() {
        return ruleset;
    }

    /** Answers that are not written yet. */
    public int unfinished() {
        return unfinished.get();
    }

    /** Tells by a field's name whether it holds a credential. */
    Predicate<String> credentials() {
        return credentials;
    }

    int maxBody() {
        return maxBody;
    }

    ClientLimits limits() {
        return limits;
    }
}
