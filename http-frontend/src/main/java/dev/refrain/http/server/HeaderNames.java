package dev.refrain.http.server;

import dev.refrain.semantics.answer.CacheField;
import dev.refrain.semantics.answer.RequestId;
import io.undertow.util.HttpString;
import java.util.EnumMap;
import java.util.Map;

/** Undertow's form of those header fields of the wire contract for which it has no constants. */
public final class HeaderNames {
    public static final HttpString GENERATION_ID = new HttpString("X-Generation-Id");
    /** The SDKs of OpenAI and Anthropic read this field before they send a request again. */
    static final HttpString SHOULD_RETRY = new HttpString("x-should-retry");

    static final HttpString REQUEST_ID = new HttpString(RequestId.FIELD);
    static final HttpString OWN_REQUEST_ID = new HttpString(RequestId.OWN_FIELD);

    private static final Map<CacheField, HttpString> CACHE_FIELDS = new EnumMap<>(CacheField.class);

    static {
        for (CacheField field : CacheField.values()) {
            CACHE_FIELDS.put(field, new HttpString(field.field()));
        }
    }

    private HeaderNames() {}

    public static HttpString of(CacheField field) {
        return CACHE_FIELDS.get(field);
    }
}
