package dev.refrain.console.activity;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.refrain.engine.exchange.Endpoint;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.List;

/**
 * The record of a generation in the format of OpenRouter's API (wire rule W60). Fields that are not known here are
 * null. Stateless.
 */
final class GenerationRecord {
    /** Fields that clients' data models require, and that are not known here. */
    private static final List<String> NOT_KNOWN_HERE = List.of(
            "upstream_id",
            "app_id",
            "provider_name",
            "provider_responses",
            "cache_discount",
            "upstream_inference_cost",
            "moderation_latency",
            "native_tokens_reasoning",
            "native_tokens_cached",
            "native_tokens_completion_images",
            "num_media_prompt",
            "num_media_completion",
            "num_input_audio_prompt",
            "num_search_results",
            "num_fetches",
            "web_search_engine",
            "external_user",
            "user_agent",
            "http_referer",
            "router",
            "request_id",
            "session_id",
            "workspace_id",
            "preset_id",
            "service_tier");

    private GenerationRecord() {}

    /** A record as a document. */
    static ObjectNode of(Activity record) {
        return JsonNodeFactory.instance.objectNode().set("data", data(record));
    }

    private static ObjectNode data(Activity record) {
        // Clients' data models do not allow null here.
        BigDecimal cost = record.cost() == null ? BigDecimal.ZERO : record.cost();
        ObjectNode data = JsonNodeFactory.instance.objectNode();
        data.put("id", record.id());
        data.put("model", record.model() == null ? "" : record.model());
        data.put("created_at", Instant.ofEpochMilli(record.createdAtMillis()).toString());
        data.put("streamed", record.streamed());
        data.put("cancelled", record.cut());
        data.put("api_type", record.endpoint() == Endpoint.EMBEDDINGS ? "embeddings" : "completions");
        data.put("latency", record.latencyMicros() / 1000.0);
        data.put("generation_time", record.durationMicros() / 1000.0);
        data.put("tokens_prompt", known(record.promptTokens()));
        data.put("tokens_completion", known(record.completionTokens()));
        data.put("native_tokens_prompt", known(record.promptTokens()));
        data.put("native_tokens_completion", known(record.completionTokens()));
        data.put("usage", cost);
        data.put("total_cost", cost);
        data.put("finish_reason", record.finishReason());
        data.put("native_finish_reason", record.finishReason());
        data.put("response_cache_source_id", record.sourceId());
        data.put("is_byok", false);
        data.put("origin", "");
        data.put("data_region", "global");
        for (String name : NOT_KNOWN_HERE) {
            data.putNull(name);
        }
        return data;
    }

    private static Long known(long count) {
        return count == Activity.UNKNOWN ? null : count;
    }
}
