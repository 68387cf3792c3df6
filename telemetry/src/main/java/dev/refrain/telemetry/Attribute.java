package dev.refrain.telemetry;

import static io.opentelemetry.api.common.AttributeKey.longKey;
import static io.opentelemetry.api.common.AttributeKey.stringArrayKey;
import static io.opentelemetry.api.common.AttributeKey.stringKey;

import io.opentelemetry.api.common.AttributeKey;
import java.util.List;

/**
 * Names of attributes. Those of HTTP come from OpenTelemetry's semantic conventions 1.23 and later. Those that begin
 * with {@code gen_ai} come from its conventions for generative AI 1.37 and later. Those that begin with {@code refrain}
 * are Refrain's own.
 */
final class Attribute {
    static final AttributeKey<String> METHOD = stringKey("http.request.method");
    static final AttributeKey<String> SCHEME = stringKey("url.scheme");
    static final AttributeKey<String> PATH = stringKey("url.path");
    static final AttributeKey<String> ROUTE = stringKey("http.route");
    static final AttributeKey<Long> STATUS = longKey("http.response.status_code");
    static final AttributeKey<String> ERROR = stringKey("error.type");
    static final AttributeKey<String> SERVER = stringKey("server.address");
    static final AttributeKey<Long> PORT = longKey("server.port");

    static final AttributeKey<String> OPERATION = stringKey("gen_ai.operation.name");
    static final AttributeKey<String> PROVIDER = stringKey("gen_ai.provider.name");
    static final AttributeKey<String> MODEL = stringKey("gen_ai.request.model");
    static final AttributeKey<String> ANSWER = stringKey("gen_ai.response.id");
    static final AttributeKey<List<String>> FINISH_REASONS = stringArrayKey("gen_ai.response.finish_reasons");
    static final AttributeKey<Long> INPUT_TOKENS = longKey("gen_ai.usage.input_tokens");
    static final AttributeKey<Long> OUTPUT_TOKENS = longKey("gen_ai.usage.output_tokens");

    static final AttributeKey<String> CACHE = stringKey("refrain.cache");
    static final AttributeKey<String> REASON = stringKey("refrain.reason");
    static final AttributeKey<String> KEY = stringKey("refrain.key");
    static final AttributeKey<String> REQUEST_ID = stringKey("refrain.request_id");

    /** Limit of a value, in characters, because a span may wait in memory for long until it is exported. */
    private static final int LONGEST = 300;

    private Attribute() {}

    /** A text that a client or a provider has sent, truncated if it is long. */
    static String cut(String text) {
        return text.length() <= LONGEST ? text : text.substring(0, LONGEST - 1) + "…";
    }
}
