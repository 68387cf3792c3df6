package dev.refrain.semantics.items;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.KeyContext;
import dev.refrain.engine.ResponseCache;
import dev.refrain.engine.exchange.CacheOutcome;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.exchange.Upstream;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.decision.Decision;
import dev.refrain.semantics.policy.CacheRules;
import dev.refrain.semantics.policy.RequestedCaching;
import dev.refrain.semantics.preset.Presets;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.concurrent.Executor;
import java.util.function.BiConsumer;
import java.util.function.UnaryOperator;

/** A cache on the heap, and a provider of embeddings in this JVM that answers at once, or when it is told to. */
final class EmbeddingsHarness implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    final ResponseCache cache;
    /** The calls to the provider, each as its items in JSON. */
    final List<List<String>> calls = new ArrayList<>();

    /** Unanswered calls; filled only while {@link #isHeld}. */
    final Deque<Runnable> waiting = new ArrayDeque<>();

    boolean isHeld;
    /** Whether new clients read only when told to. */
    boolean isSlow;
    /** The thread on which new clients ask for more; null for the thread that gave them a piece. */
    Executor drains;

    boolean isPretty;
    boolean hasId;
    int status = 200;
    /** Changes an answer before it is sent. */
    UnaryOperator<String> spoiled = answer -> answer;
    /** Answers are sent in pieces of this size. An answer in a single piece announces its length. */
    int piece = Integer.MAX_VALUE;

    private int ids;

    EmbeddingsHarness(ResponseCache cache) {
        this.cache = cache;
    }

    static EmbeddingsHarness onHeap() {
        try {
            return new EmbeddingsHarness(ResponseCache.onHeap(64L << 20).open());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        cache.close();
    }

    /** A client, and what it has received so far. */
    static final class Client implements ResponseSink {
        ResponseHead head;
        private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        volatile boolean ended;
        Throwable failure;
        private Runnable gone;
        /** Whether the client reads only when told to. */
        private final boolean isSlow;

        private final Executor drains;
        /** Called when the client has read a piece; null if nobody waits for that. */
        Runnable drained;
        /** Runs once the client has its whole answer. */
        Runnable atEnd = () -> {};

        Client(boolean isSlow, Executor drains) {
            this.isSlow = isSlow;
            this.drains = drains;
        }

        @Override
        public void whenDrained(Runnable action) {
            if (isSlow) {
                drained = action;
            } else if (drains != null) {
                drains.execute(action);
            } else {
                action.run();
            }
        }

        void drain() {
            Runnable action = drained;
            drained = null;
            action.run();
        }

        @Override
        public void head(ResponseHead answer) {
            head = answer;
        }

        @Override
        public void chunk(ByteBuffer piece) {
            byte[] copy = new byte[piece.remaining()];
            piece.get(copy);
            bytes.writeBytes(copy);
        }

        @Override
        public void end() {
            ended = true;
            atEnd.run();
        }

        @Override
        public void fail(Throwable cause) {
            failure = cause;
        }

        @Override
        public void whenGone(Runnable action) {
            gone = action;
        }

        void leave() {
            gone.run();
        }

        String body() {
            return bytes.toString(StandardCharsets.UTF_8);
        }

        /** {@code HIT} or {@code MISS}; if items were looked up, followed by the numbers of known items and of all. */
        String outcome() {
            CacheOutcome outcome = head.cache();
            if (outcome instanceof CacheOutcome.Items items) {
                return name(items.answer()) + " " + items.known() + "/" + items.count();
            }
            return name(outcome);
        }

        private static String name(CacheOutcome outcome) {
            return outcome.getClass().getSimpleName().toUpperCase(Locale.ROOT);
        }
    }

    Client ask(String body, String... fields) {
        return ask(CacheRules.USUAL, body, fields);
    }

    Client ask(CacheRules rules, String body, String... fields) {
        return ask(rules, body, provider(bytes(body)), this::provider, fields);
    }

    /** Asks. Calls that fetch all items go to the given upstream, not to the usual provider. */
    Client ask(String body, Upstream all) {
        return ask(CacheRules.USUAL, body, all, this::provider);
    }

    /** Asks. Calls that fetch only some of the items go to the given upstreams, not to the usual provider. */
    Client askInParts(String body, ItemByItem.Part part) {
        return ask(CacheRules.USUAL, body, provider(bytes(body)), part);
    }

    private static byte[] bytes(String body) {
        return body.getBytes(StandardCharsets.UTF_8);
    }

    /** Asks as a front-end does. */
    private Client ask(CacheRules rules, String body, Upstream all, ItemByItem.Part part, String... fields) {
        Map<String, String> header = new HashMap<>(Map.of("x-openrouter-cache", "true"));
        for (int i = 0; i < fields.length; i += 2) {
            header.put(fields[i].toLowerCase(Locale.ROOT), fields[i + 1]);
        }
        RequestedCaching asked = RequestedCaching.of(new Fields(header), rules, Endpoint.EMBEDDINGS, List.of());
        KeyContext.Builder context =
                cache.pipeline().context(Endpoint.EMBEDDINGS, cache.pipeline().scope("key"));
        context.namespace(asked.partition().namespace());
        byte[] sent = bytes(body);
        KeyContext built = context.build();
        Decision decision = Decision.of(
                cache, cache::key, new Presets(List.of()), built, asked, ContentCoding.IDENTITY, sent, sent);
        Client client = new Client(isSlow, drains);
        ItemByItem items = ItemByItem.of(cache, rules, decision, built, asked, sent, true);
        if (items == null) {
            cache.pipeline().respond(decision.key(), decision.controls(), all, client);
        } else {
            items.respond(all, part, client);
        }
        return client;
    }

    Upstream provider(byte[] body) {
        return sink -> {
            List<String> items = items(body);
            calls.add(items);
            byte[] answer = spoiled.apply(answer(new String(body, StandardCharsets.UTF_8)))
                    .getBytes(StandardCharsets.UTF_8);
            String id = "gen-" + ids++;
            Runnable send = () -> {
                boolean isOne = answer.length <= piece;
                sink.head(new ResponseHead(
                        status, "application/json", null, isOne ? answer.length : -1, id, null, Map.of()));
                for (int at = 0; at < answer.length; at += Math.min(piece, answer.length - at)) {
                    sink.chunk(ByteBuffer.wrap(answer, at, Math.min(piece, answer.length - at)));
                }
                sink.end();
            };
            if (isHeld) {
                waiting.add(send);
            } else {
                send.run();
            }
            return Upstream.Call.UNSTOPPABLE;
        };
    }

    private static List<String> items(byte[] body) {
        try {
            JsonNode input = JSON.readTree(body).get("input");
            List<String> items = new ArrayList<>();
            if (input.isArray() && !input.path(0).isNumber()) {
                input.forEach(item -> items.add(item.toString()));
            } else {
                items.add(input.toString());
            }
            return items;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The provider's answer to a request; only its id changes. */
    String answer(String body) {
        try {
            ObjectNode fields = (ObjectNode) JSON.readTree(body);
            List<String> items = items(body.getBytes(StandardCharsets.UTF_8));
            String format = fields.path("encoding_format").asText("float");
            ObjectNode beside = fields.deepCopy();
            beside.remove("input");
            String settings = beside.toString();
            String space = isPretty ? "\n  " : "";
            StringJoiner data = new StringJoiner("," + space, "[" + space, (isPretty ? "\n" : "") + "]");
            int tokens = 0;
            for (int i = 0; i < items.size(); i++) {
                tokens += items.get(i).length();
                data.add("{\"object\":\"embedding\"," + space + "\"index\":" + i + ",\"embedding\":"
                        + vector(items.get(i) + settings, format) + "}");
            }
            String id = hasId ? "\"id\":\"emb-" + ids + "\"," : "";
            return "{" + id + "\"object\":\"list\",\"data\":" + data + space + ",\"model\":"
                    + fields.get("model") + ",\"usage\":{\"prompt_tokens\":" + tokens + ",\"total_tokens\":" + tokens
                    + "}}" + (isPretty ? "\n" : "");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String vector(String of, String format) {
        int hash = of.hashCode();
        ArrayNode numbers = JSON.createArrayNode();
        for (int i = 0; i < 3; i++) {
            numbers.add(((hash >>> (8 * i)) & 0xFF) / 256.0);
        }
        return format.equals("base64") ? "\"" + Integer.toHexString(hash) + "\\u003d/\"" : numbers.toString();
    }

    private record Fields(Map<String, String> lines) implements RequestFields {
        @Override
        public String first(String name) {
            return lines.get(name.toLowerCase(Locale.ROOT));
        }

        @Override
        public List<String> all(String name) {
            String line = first(name);
            return line == null ? null : List.of(line);
        }

        @Override
        public void forEach(BiConsumer<String, List<String>> action) {
            lines.forEach((name, line) -> action.accept(name, List.of(line)));
        }
    }
}
