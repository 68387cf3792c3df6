package dev.refrain.cassettes;

import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.forward.CallRecorder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.ToLongBiFunction;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records calls into a folder, or answers them from it. A recording answers any identical request, whatever its API key
 * and provider. Identical requests of one run get the same answer, from one call to the provider. After a failure that
 * a retry may cure, however, the next identical request makes another call, which is recorded as well.
 *
 * <p>Thread-safe. No parameter and no result is null, unless its comment says so. Two threads of this object read and
 * write files, and send recorded answers. Long, since it has a request's whole path in each mode.
 */
public final class Cassettes implements CallRecorder, AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Cassettes.class);

    private static final int THREADS = 2;
    /** Limit of a body that is parsed on the caller's thread, in bytes. */
    private static final int LONG = 64 * 1024;

    /** Error message for a request that comes after the folder was closed. */
    static final String CLOSED = "The folder of recordings is closed; ask again.";

    private static final int PATIENCE_SECONDS = 60;

    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(5);

    /**
     * How long {@link #close} waits for the ends of calls. A client may have received its whole answer although the
     * call to the provider has not ended yet.
     */
    private static final long END_NANOS = TimeUnit.SECONDS.toNanos(5);
    /** At most this many recordings are compared with a request to find the nearest one. */
    private static final int MOST_COMPARED = 2000;

    /** Limit of the files of these recordings together, in bytes. */
    private static final long MOST_COMPARED_BYTES = 8 << 20;
    /**
     * For at most this many requests of a run, the nearest recording is searched. If every request misses, because the
     * model's name has changed for instance, more searches would take most of the run's time.
     */
    private static final int MOST_SOUGHT = 20;
    /** At most this many different requests of a run are recorded. Further ones go to the provider unrecorded. */
    private static final int MOST_REQUESTS = 100_000;

    /** Limit of a name in a message, in characters. */
    private static final int MOST_OF_A_NAME = 256;

    private static final int MOST_OF_A_DIFFERENCE = 2_000;

    private final Folder folder;
    private final Builder options;
    private final RequestReader reader;
    private final Counts counts;
    private final AtomicInteger sought = new AtomicInteger();
    private final ConcurrentHashMap<String, Track> tracks = new ConcurrentHashMap<>();
    /** Number of calls to the provider that have not ended, so that their answers may still have to be written. */
    private final AtomicInteger underWay = new AtomicInteger();

    private final ScheduledExecutorService threads;
    private final String version;

    private Cassettes(Builder options, Folder folder) {
        this.options = options;
        this.counts = new Counts(options.price, options.currency);
        this.folder = folder;
        this.reader = new RequestReader(
                options.keyHeaders,
                options.credentials,
                options.memory,
                RecordingFile.MOST_BYTES / 4,
                options.mostRequests);
        this.threads = Executors.newScheduledThreadPool(THREADS, task -> {
            Thread thread = new Thread(task, "refrain-cassettes");
            thread.setDaemon(true);
            return thread;
        });
        this.version = "refrain "
                + Optional.ofNullable(Cassettes.class.getPackage().getImplementationVersion())
                        .orElse("(development build)");
    }

    /**
     * Settings for a folder of recordings. A mode that records creates the folder; mode {@code replay} needs an
     * existing one.
     */
    public static Builder in(Path folder) {
        return new Builder(folder);
    }

    /** What happens to requests. */
    public CassetteMode mode() {
        return options.mode;
    }

    /**
     * The figures of the run so far.
     *
     * @param maxAge age beyond which the summary names a recording as too old; null for no limit
     */
    public Summary summary(Duration maxAge) {
        return counts.summary(options.mode, folder, options.clock.instant(), maxAge);
    }

    // ---- the way of a request

    @Override
    public Upstream over(Call call, Upstream provider) {
        if (call.endpoint() == null) {
            return options.mode == CassetteMode.REPLAY
                    ? refusal("Only chat completions, responses, messages and embeddings are played from recordings.")
                    : provider;
        }
        if (call.body() != null && call.body().length > LONG) {
            // Parsing would take too long on an I/O thread, which serves many clients.
            return sink -> {
                Postponed postponed = new Postponed();
                try {
                    threads.execute(() -> postponed.begin(() -> read(call, provider), sink));
                } catch (RejectedExecutionException closed) {
                    sink.fail(ProxyException.notRecorded(CLOSED));
                }
                return postponed;
            };
        }
        return read(call, provider);
    }

    private Upstream read(Call call, Upstream provider) {
        Secrets secrets = new Secrets();
        RecordedRequest request;
        try {
            request = reader.read(call, secrets);
        } catch (RequestReader.NotRecordableException e) {
            if (options.mode == CassetteMode.REPLAY) {
                return refusal("The request has no recording: " + e.getMessage() + ".");
            }
            counts.passed(call.endpoint().id() + ": " + e.getMessage());
            return provider;
        }
        String digest = folder.digest(request);
        return sink -> {
            Turn turn = new Turn(request, digest, secrets, provider, sink, options.memory.open());
            if (options.mode == CassetteMode.REPLAY) {
                later(turn, () -> play(turn));
                return turn;
            }
            if (tracks.size() >= options.mostRequests && !tracks.containsKey(digest)) {
                counts.passed("more than " + options.mostRequests + " different requests in one run");
                return provider.fetch(sink);
            }
            answer(turn, track(digest));
            return turn;
        };
    }

    /**
     * Runs a task on one of this object's threads. Returns false if the folder is closed, in which case the client gets
     * an error.
     */
    private boolean later(Turn turn, Runnable task) {
        try {
            threads.execute(task);
            return true;
        } catch (RejectedExecutionException closed) {
            counts.failed("a call ended after the folder was closed");
            turn.fail();
            return false;
        }
    }

    private Upstream refusal(String message) {
        return sink -> {
            counts.missing(message);
            sink.fail(ProxyException.notRecorded(message));
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    private Track track(String digest) {
        return tracks.computeIfAbsent(digest, key -> {
            Track track = new Track();
            if (options.mode == CassetteMode.RECORD_MISSING || options.mode == CassetteMode.REPLAY) {
                track.entries.addAll(folder.find(digest));
            }
            return track;
        });
    }

    /** Plays a recording, joins the call of an identical request, or calls the provider. */
    private void answer(Turn turn, Track track) {
        Folder.Entry entry;
        synchronized (track) {
            if (turn.isCancelled()) {
                return;
            }
            if (track.calling) {
                track.waiting.add(turn);
                return;
            }
            entry = next(track);
            track.calling = entry == null;
        }
        if (entry == null) {
            call(turn, track);
        } else {
            later(turn, () -> deliver(turn, entry));
        }
    }

    /** The recording to play next; null to call the provider. */
    private Folder.Entry next(Track track) {
        int size = track.entries.size();
        if (options.mode == CassetteMode.RECORD_MISSING && track.served < size) {
            return track.entries.get(track.served++);
        }
        Folder.Entry last = size == 0 ? null : track.entries.get(size - 1);
        return last != null && last.isFinal() ? last : null;
    }

    private void call(Turn turn, Track track) {
        boolean isHeldBack = options.mode == CassetteMode.REFRESH;
        Capture capture =
                new Capture(turn, isHeldBack, turn.secrets(), options.memory, System::nanoTime, new Capture.Listener() {
                    @Override
                    public void complete(Capture whole) {
                        if (!later(turn, () -> save(turn, track, whole))) {
                            whole.close();
                            release(track);
                        }
                        underWay.decrementAndGet();
                    }

                    @Override
                    public void incomplete(String why) {
                        underWay.decrementAndGet();
                        if (why != null) {
                            counts.passed(turn.request().endpoint().id() + ": " + why);
                            if (isHeldBack && !turn.isCancelled()) {
                                turn.client().fail(ProxyException.notRecorded("Not recorded: " + why + "."));
                            }
                        }
                        release(track);
                    }
                });
        underWay.incrementAndGet();
        try {
            turn.provider().fetch(capture);
        } catch (RuntimeException | Error e) {
            underWay.decrementAndGet();
            release(track);
            throw e;
        }
    }

    /** Answers the requests that waited for the call under way, which has ended. */
    private void release(Track track) {
        List<Turn> waiting;
        synchronized (track) {
            track.calling = false;
            waiting = new ArrayList<>(track.waiting);
            track.waiting.clear();
        }
        for (Turn turn : waiting) {
            answer(turn, track);
        }
    }

    private void save(Turn turn, Track track, Capture capture) {
        RecordedAnswer given = null;
        try (capture) {
            RecordedAnswer answer = capture.answer();
            given = answer;
            given = saved(turn, track, answer);
        } catch (IOException | RuntimeException e) {
            LOG.error(
                    "A recording could not be written into {}: {}. Check its disk and permissions",
                    folder.path(),
                    e.getMessage());
            counts.failed("a recording could not be written: " + e.getMessage());
        } finally {
            if (options.mode == CassetteMode.REFRESH) {
                give(turn, given, Pace.INSTANT);
            }
            release(track);
        }
    }

    /**
     * Writes the provider's answer to the folder. Returns the answer that the client gets: in mode {@code refresh}, the
     * recorded one if both are equivalent.
     */
    private RecordedAnswer saved(Turn turn, Track track, RecordedAnswer answer) throws IOException {
        int attempt;
        Folder.Entry before = null;
        synchronized (track) {
            attempt = track.entries.size() + 1;
            if (attempt > 1) {
                before = track.entries.get(attempt - 2);
            }
        }
        if (before != null && Likeness.isSame(folder.load(before.file()).answer(), answer)) {
            // The provider has failed again in the recorded way, so there is nothing to write.
            counts.used(before);
            return answer;
        }
        Instant now = options.clock.instant().truncatedTo(ChronoUnit.SECONDS);
        Recording made = new Recording(turn.request(), attempt, answer, now, null, version);
        Optional<Folder.Entry> old = folder.find(turn.digest()).stream()
                .filter(entry -> entry.attempt() == attempt)
                .findFirst();
        Recording kept = old.isPresent() ? loadForRefresh(old.get()) : null;
        boolean isSame = kept != null && Likeness.isSame(kept.answer(), answer);
        if (isSame) {
            made = new Recording(kept.request(), attempt, kept.answer(), kept.recorded(), now, kept.by());
        }
        Folder.Entry entry = folder.save(made);
        if (options.mode != CassetteMode.RECORD_MISSING && answer.isFinal()) {
            folder.removeBehind(turn.digest(), attempt);
        }
        if (isSame) {
            counts.unchanged(entry);
        } else {
            counts.recorded(entry, kept != null);
        }
        synchronized (track) {
            track.entries.add(entry);
            track.served = track.entries.size();
        }
        return made.answer();
    }

    /** The existing recording, in mode {@code refresh}; else null. */
    private Recording loadForRefresh(Folder.Entry entry) throws IOException {
        return options.mode == CassetteMode.REFRESH ? folder.load(entry.file()) : null;
    }

    private void give(Turn turn, RecordedAnswer answer, Pace pace) {
        if (turn.isCancelled()) {
            return;
        }
        if (answer != null
                && turn.holds(answer.body().length + 64L * answer.events().size())) {
            new Playback(answer, pace, threads, turn).start();
        } else if (!turn.isCancelled()) {
            String message = "There was no memory for a recorded answer; give the JVM a larger heap.";
            counts.failed(message);
            turn.client().fail(ProxyException.notRecorded(message));
        }
    }

    private void deliver(Turn turn, Folder.Entry entry) {
        try {
            Recording recording = folder.load(entry.file());
            counts.played(entry, recording);
            give(turn, recording.answer(), options.pace);
        } catch (IOException e) {
            counts.failed("a recording could not be played: " + e.getMessage());
            turn.client().fail(ProxyException.notRecorded("The recording cannot be played: " + e.getMessage()));
        }
    }

    /** Answers a request from the folder, or with an error. */
    private void play(Turn turn) {
        if (folder.find(turn.digest()).isEmpty()) {
            String message = missing(turn.request());
            counts.missing(message);
            turn.client().fail(ProxyException.notRecorded(message));
            return;
        }
        Track track = track(turn.digest());
        Folder.Entry entry;
        synchronized (track) {
            entry = track.entries.get(Math.min(track.served++, track.entries.size() - 1));
        }
        deliver(turn, entry);
    }

    // ---- what is missing

    private String missing(RecordedRequest request) {
        String what =
                "There is no recording of this request (" + request.endpoint().id()
                        + (request.model().isEmpty() ? "" : ", " + brief(request.model(), MOST_OF_A_NAME)) + ") in "
                        + folder.path() + ". ";
        String how = " Record it with refrain record-missing, or set the request right.";
        return what + nearest(request) + how;
    }

    private String nearest(RecordedRequest request) {
        if (sought.incrementAndGet() > MOST_SOUGHT) {
            return "The nearest is named for the first " + MOST_SOUGHT + " of a run.";
        }
        double best = -1;
        Recording nearest = null;
        Path file = null;
        long bytes = 0;
        List<Folder.Entry> candidates = folder.all().stream()
                .filter(entry -> entry.endpoint() == request.endpoint() && entry.attempt() == 1)
                .sorted(Comparator.comparing((Folder.Entry entry) -> !entry.isOf(request.model()))
                        .thenComparing(Folder.Entry::file))
                .limit(MOST_COMPARED)
                .toList();
        for (Folder.Entry entry : candidates) {
            try {
                bytes += Files.size(entry.file());
                if (bytes > MOST_COMPARED_BYTES && nearest != null) {
                    break;
                }
                Recording recording = folder.load(entry.file());
                double likeness = Difference.likeness(request, recording.request());
                if (likeness > best) {
                    best = likeness;
                    nearest = recording;
                    file = entry.file();
                }
            } catch (IOException | RuntimeException e) {
                LOG.debug("A recording could not be compared", e);
            }
        }
        if (nearest == null) {
            return "The folder has none of this endpoint.";
        }
        KeyRules rules = options.rules.getOrDefault(request.endpoint(), KeyRules.NONE);
        return "The nearest is " + file.getFileName() + "; they differ first at "
                + brief(Difference.first(request, nearest.request(), rules), MOST_OF_A_DIFFERENCE) + ".";
    }

    /**
     * Cuts a long text. Clients choose names of any length, and messages about missing recordings are kept until the
     * run ends.
     */
    private static String brief(String text, int most) {
        return text.length() > most ? text.substring(0, most) + "..." : text;
    }

    /** Waits, for a bounded time, until calls under way have ended and their recordings are written. */
    @Override
    public void close() {
        long deadline = System.nanoTime() + END_NANOS;
        while (underWay.get() > 0
                && System.nanoTime() < deadline
                && !Thread.currentThread().isInterrupted()) {
            LockSupport.parkNanos(POLL_NANOS);
        }
        threads.shutdown();
        try {
            if (!threads.awaitTermination(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                LOG.warn("Recordings were not written into {} in time, and are lost. Check its disk", folder.path());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Settings of a folder. Used by one thread; no parameter is null, unless its comment says so. */
    public static final class Builder {
        private final Path path;
        private CassetteMode mode = CassetteMode.REPLAY;
        private Pace pace = Pace.INSTANT;
        private Map<Endpoint, KeyRules> rules = Map.of();
        private FieldNames keyHeaders = FieldNames.parse("anthropic-beta, anthropic-version, openai-beta");
        private CredentialFields credentials = new CredentialFields(FieldNames.parse("none"), FieldNames.parse("none"));
        private MemoryBudget memory = MemoryBudget.ofHeap();
        private Clock clock = Clock.systemUTC();
        private ToLongBiFunction<String, AnswerFacts> price = (model, facts) -> facts.costNanos();
        private String currency = "of the provider's currency";
        private int mostRequests = MOST_REQUESTS;

        private Builder(Path path) {
            this.path = Objects.requireNonNull(path, "path");
        }

        /** What happens to requests; unless set, they are answered only from the folder. */
        public Builder mode(CassetteMode what) {
            mode = Objects.requireNonNull(what, "what");
            return this;
        }

        /** How fast streams are played; unless set, as fast as clients read. */
        public Builder pace(Pace speed) {
            pace = Objects.requireNonNull(speed, "speed");
            return this;
        }

        /** Members of requests that are ignored in comparisons (wire rule W84); none unless set. */
        public Builder rules(Map<Endpoint, KeyRules> byEndpoint) {
            rules = Map.copyOf(byEndpoint);
            return this;
        }

        /** Header fields on which providers' answers depend (wire rule W14). They are recorded and compared. */
        public Builder keyHeaders(FieldNames names) {
            keyHeaders = Objects.requireNonNull(names, "names");
            return this;
        }

        /** Which fields and parameters hold credentials (wire rule W15). They are neither recorded nor compared. */
        public Builder credentials(CredentialFields fields) {
            credentials = Objects.requireNonNull(fields, "fields");
            return this;
        }

        /** The memory budget for answers; unless set, one for the heap. */
        public Builder memory(MemoryBudget budget) {
            memory = Objects.requireNonNull(budget, "budget");
            return this;
        }

        /**
         * The price of answers, for the figures; unless set, an answer costs what its provider states.
         *
         * @param nanos returns the cost of a model's answer, in billionths of the currency; negative if the cost is not
         *     known. Called on any thread
         * @param name of the currency
         */
        public Builder price(ToLongBiFunction<String, AnswerFacts> nanos, String name) {
            price = Objects.requireNonNull(nanos, "nanos");
            currency = Objects.requireNonNull(name, "name");
            return this;
        }

        /** The clock for times and ages of recordings; the system's unless set. */
        public Builder clock(Clock time) {
            clock = Objects.requireNonNull(time, "time");
            return this;
        }

        /** For tests: sets the number of different requests of a run that are recorded at most. */
        Builder mostRequests(int most) {
            mostRequests = most;
            return this;
        }

        /**
         * Reads the folder.
         *
         * @throws DamagedRecordingException if a file in the folder is damaged; the message names file and line
         * @throws IOException if the folder cannot be read, or does not exist in mode {@code replay}
         */
        public Cassettes open() throws IOException {
            if (mode == CassetteMode.REPLAY && !Files.isDirectory(path)) {
                throw new IOException("There is no folder " + path + " of recordings to play. Record them first:"
                        + " refrain record --cassettes " + path + " -- COMMAND");
            }
            return new Cassettes(this, Folder.open(path, rules));
        }
    }
}
