package dev.refrain.cassettes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.KeyRules;
import dev.refrain.engine.memory.MemoryBudget;
import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.coding.ContentCoding;
import dev.refrain.semantics.forward.CallRecorder;
import dev.refrain.semantics.policy.Partition;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Splits a request into the parts that are recorded and compared, and secrets. Thread-safe. */
final class RequestReader {
    private final FieldNames keyHeaders;
    private final CredentialFields credentials;
    private final MemoryBudget memory;
    private final int limit;
    private final int mostRequests;
    /** How often each request asked for one of several samples, by the digest of the request without its sample. */
    private final ConcurrentHashMap<String, AtomicInteger> samples = new ConcurrentHashMap<>();

    /**
     * A reader of requests.
     *
     * @param limit limit of a body that is recorded, in bytes
     * @param mostRequests limit of the requests whose samples are counted
     */
    RequestReader(
            FieldNames keyHeaders, CredentialFields credentials, MemoryBudget memory, int limit, int mostRequests) {
        this.keyHeaders = keyHeaders;
        this.credentials = credentials;
        this.memory = memory;
        this.limit = limit;
        this.mostRequests = mostRequests;
    }

    /** A request that is not recorded. Its message says why. */
    static final class NotRecordableException extends Exception {
        private static final long serialVersionUID = 1L;

        NotRecordableException(String why) {
            super(why, null, false, false);
        }
    }

    /**
     * The recorded parts of a request.
     *
     * @param secrets receives the credentials, which must not be recorded
     */
    RecordedRequest read(CallRecorder.Call call, Secrets secrets) throws NotRecordableException {
        if (call.body() == null) {
            throw new NotRecordableException(
                    "its body is longer than limits.cacheable-request, or in an unknown coding");
        }
        call.fields().forEach((name, lines) -> {
            if (credentials.contains(name)) {
                lines.forEach(secrets::add);
            }
        });
        ObjectNode body = body(call);
        secrets.removeFrom(body, false);
        RecordedRequest request = new RecordedRequest(
                call.endpoint(),
                body.path("model").asText(""),
                call.deployment() == null ? "" : call.deployment(),
                query(call.query(), secrets),
                keyFields(call.fields()),
                RecordedRequest.NO_SAMPLE,
                body);
        return request.withSample(sample(call.fields(), request));
    }

    private ObjectNode body(CallRecorder.Call call) throws NotRecordableException {
        try (MemoryBudget.Reservation held = memory.open()) {
            byte[] json = ContentCoding.of(call.fields()).decode(call.body(), limit, held);
            if (json.length > limit) {
                throw new NotRecordableException("its body is over " + limit + " bytes");
            }
            JsonNode node = RecordedRequest.JSON.readTree(json);
            if (node instanceof ObjectNode object) {
                return object;
            }
        } catch (IOException e) {
            // Malformed JSON is refused below, like JSON that is no object.
        }
        throw new NotRecordableException("its body is not a JSON object");
    }

    private List<String> keyFields(RequestFields fields) {
        List<String> lines = new ArrayList<>();
        for (String name : keyHeaders.names().stream().sorted().toList()) {
            List<String> values = fields.all(name);
            if (values != null && !credentials.contains(name)) {
                values.forEach(value -> lines.add(name + ": " + value.strip()));
            }
        }
        return lines;
    }

    /** The query without parameters that hold a credential, which are added to the secrets. */
    private String query(String query, Secrets secrets) {
        List<String> kept = new ArrayList<>();
        for (String parameter : query.split("&", -1)) {
            int equals = parameter.indexOf('=');
            String name = decoded(equals < 0 ? parameter : parameter.substring(0, equals));
            if (parameter.isEmpty()) {
                continue;
            }
            String lower = name.toLowerCase(Locale.ROOT);
            if (credentials.contains(lower) || lower.contains("sig") || lower.equals("code")) {
                String value = equals < 0 ? "" : parameter.substring(equals + 1);
                secrets.add(value);
                secrets.add(decoded(value));
            } else {
                kept.add(parameter);
            }
        }
        return String.join("&", kept);
    }

    private static String decoded(String text) {
        try {
            return URLDecoder.decode(text, StandardCharsets.UTF_8);
        } catch (IllegalArgumentException notEncoded) {
            return text;
        }
    }

    /**
     * The number of the wanted sample. If the request allows several, they take turns, because a random choice would
     * differ from run to run.
     */
    private int sample(RequestFields fields, RecordedRequest request) {
        int one = number(fields.first(Partition.SAMPLE));
        if (one >= 0) {
            return one;
        }
        int several = number(fields.first(Partition.SAMPLES));
        if (several < 1 || several > Partition.MOST_SAMPLES) {
            return RecordedRequest.NO_SAMPLE;
        }
        if (samples.size() >= mostRequests) {
            return 0;
        }
        return samples.computeIfAbsent(request.digest(KeyRules.NONE), key -> new AtomicInteger())
                        .getAndIncrement()
                % several;
    }

    /** The number in a field; negative if there is none. */
    private static int number(String field) {
        return field != null && field.strip().matches("[0-9]{1,4}") ? Integer.parseInt(field.strip()) : -1;
    }
}
