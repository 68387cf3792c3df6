package dev.refrain.telemetry;

import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.RequestTrace;
import dev.refrain.semantics.RequestFields;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import java.net.URI;

/** The span of a request. It says what the cache did; the span of the call says what the answer cost. */
final class RequestSpan implements RequestTrace {
    private final Traces traces;
    private final Head head;
    /** The context that contains the span. */
    private final Context context;

    private final Span span;

    RequestSpan(Traces traces, Head head, Context context, Span span) {
        this.traces = traces;
        this.head = head;
        this.context = context;
        this.span = span;
    }

    @Override
    public Head head() {
        return head;
    }

    @Override
    public Call calling(Account request, URI provider) {
        return CallSpan.begin(traces, context, request, provider);
    }

    @Override
    public RequestFields forProvider(RequestFields fields) {
        return traces.with(fields, Context.current());
    }

    @Override
    public void served(Account request) {
        span.setAttribute(Attribute.STATUS, (long) request.status());
        set(Attribute.MODEL, request.model());
        set(Attribute.ANSWER, request.id());
        set(Attribute.CACHE, request.outcome().label());
        set(Attribute.REASON, request.reason());
        set(Attribute.KEY, request.key() == null ? null : request.key().shortDigest());
        set(Attribute.REQUEST_ID, request.requestId());
        if (request.cut() || request.status() >= 500) {
            // In a server's span, a status that blames the client (4xx) is no error.
            String token = request.reason() == null ? "cut" : request.reason();
            span.setStatus(StatusCode.ERROR)
                    .setAttribute(
                            Attribute.ERROR, request.status() >= 500 ? Integer.toString(request.status()) : token);
        }
        span.end();
    }

    private void set(AttributeKey<String> key, String value) {
        if (value != null) {
            span.setAttribute(key, Attribute.cut(value));
        }
    }
}
