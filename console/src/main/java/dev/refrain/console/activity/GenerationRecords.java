package dev.refrain.console.activity;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.refrain.engine.CachePipeline;
import dev.refrain.engine.exchange.ResponseHead;
import dev.refrain.engine.exchange.ResponseSink;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.answer.ProxyException;
import dev.refrain.semantics.caller.Caller;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Answers what clients ask about generations by their ids (wire rules W60 and W85), each only to the caller who
 * received the id. May read from the disk, so do not call it on a thread that serves requests. No parameter is null.
 * Thread-safe.
 */
public final class GenerationRecords {
    /**
     * Keeps a cache in front, which knows nothing of API keys, from giving the record to other callers (RFC 9111, 3.5
     * and 5.2.2.5).
     */
    private static final Map<String, List<String>> PRIVATE = Map.of("Cache-Control", List.of("no-store"));

    private final ActivityLog log;
    private final CachePipeline cache;

    /**
     * For one proxy.
     *
     * @param log knows the ids
     * @param cache has the answers
     */
    public GenerationRecords(ActivityLog log, CachePipeline cache) {
        this.log = log;
        this.cache = cache;
    }

    /**
     * Answers, unless the request has to go on to the provider.
     *
     * @param method {@code DELETE} removes the stored answer that had this id; any other method asks for its record
     * @return whether the client has been answered
     */
    public boolean answer(String method, String id, Caller caller, ResponseSink client) {
        return method.equals("DELETE") ? takeBack(id, caller, client) : send(id, caller, client);
    }

    /** Sends the record of an answer that the cache gave. The provider has the records of all others. */
    private boolean send(String id, Caller caller, ResponseSink client) {
        Optional<Activity> record =
                log.find(id, caller).filter(found -> found.outcome().isCached());
        record.ifPresent(found -> send(GenerationRecord.of(found), client));
        return record.isPresent();
    }

    private boolean takeBack(String id, Caller caller, ResponseSink client) {
        try {
            return takeBackIfItMay(id, caller, client);
        } catch (MemoryBudget.Exhausted tooMuchToRemember) {
            client.fail(tooMuchToRemember);
            return true;
        }
    }

    private boolean takeBackIfItMay(String id, Caller caller, ResponseSink client) {
        // The cache knows recent ids by itself; the log knows a request only after it has ended.
        if (!cache.takeBack(caller.scope(), id)) {
            Optional<Activity> record = log.find(id, caller).filter(GenerationRecords::mayBeStored);
            if (record.isEmpty()) {
                return false;
            }
            Activity found = record.get();
            if (found.isOfItems()) {
                client.fail(ProxyException.badRequest("This answer has no entry of its own: each of its items has "
                        + "one. To replace them, send its request again with X-OpenRouter-Cache-Clear: true."));
                return true;
            }
            takeBack(found);
        }
        send(
                JsonNodeFactory.instance
                        .objectNode()
                        .put("id", id)
                        .put("object", "generation.deleted")
                        .put("deleted", true),
                client);
        return true;
    }

    /**
     * Removes a stored answer for the program that owns the log, and received all answers in it (wire rule W85).
     *
     * @param id generation id of a response that has ended
     * @return whether the log knows the id and its answer may have an entry; an answer assembled from items has none
     */
    public boolean takeBack(String id) {
        Optional<Activity> record =
                log.find(id).filter(GenerationRecords::mayBeStored).filter(found -> !found.isOfItems());
        record.ifPresent(this::takeBack);
        return record.isPresent();
    }

    private void takeBack(Activity found) {
        cache.takeBack(found.key(), found.outcome().isCached() ? found.sourceId() : found.id());
    }

    private static boolean mayBeStored(Activity found) {
        return found.key() != null && (found.outcome().isCached() || found.outcome() == Outcome.MISS);
    }

    private static void send(JsonNode document, ResponseSink client) {
        byte[] body = document.toString().getBytes(StandardCharsets.UTF_8);
        client.head(new ResponseHead(200, "application/json", null, body.length, null, null, PRIVATE));
        client.chunk(ByteBuffer.wrap(body));
        client.end();
    }
}
