package dev.refrain.telemetry;

import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.RequestTrace;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.RequestFields;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Makes spans for requests. A request's span follows the HTTP conventions for servers. The span of a call to a provider
 * is a client's, by the conventions for generative AI. Thread-safe.
 */
public final class Traces implements RequestTrace.Source {
    /** Name of the instrumentation in spans. */
    private static final String NAME = "dev.refrain";

    private final Tracer tracer;
    private final TextMapPropagator propagator;

    private Traces(Tracer tracer, TextMapPropagator propagator) {
        this.tracer = tracer;
        this.propagator = propagator;
    }

    /**
     * The source that makes spans by the agent or SDK with which this process was started; empty if there is none. Must
     * be called once, at the start: an SDK that is set later is not noticed.
     */
    public static Optional<RequestTrace.Source> ofThisProcess() {
        return of(GlobalOpenTelemetry.get());
    }

    /** The source that makes spans by an OpenTelemetry instance; empty if that records nothing at all. */
    static Optional<RequestTrace.Source> of(OpenTelemetry telemetry) {
        Tracer tracer = telemetry.getTracer(NAME);
        // A probe span shows whether spans are recorded. The instance's type does not, since an agent may be behind any
        // type. The probe never ends, so it is never exported.
        Span probe = tracer.spanBuilder(NAME).setNoParent().startSpan();
        return probe.getSpanContext().isValid()
                ? Optional.of(new Traces(tracer, telemetry.getPropagators().getTextMapPropagator()))
                : Optional.empty();
    }

    @Override
    public RequestTrace.Head head(RequestFields fields, String scheme, String method, String path) {
        Context sender = propagator.extract(Context.root(), fields, Names.INSTANCE);
        return new Head(this, sender, scheme, method, Attribute.cut(path));
    }

    /** @param sender the trace context that the client has sent */
    private record Head(Traces traces, Context sender, String scheme, String method, String path)
            implements RequestTrace.Head {
        @Override
        public RequestTrace begin(Account request) {
            Context current = Context.current();
            // A current span is that of an agent that instruments the server.
            boolean isWithin = Span.fromContext(current).getSpanContext().isValid();
            Context parent = isWithin ? current : sender;
            Span span = traces.tracer
                    .spanBuilder(method + " " + route(request.endpoint()))
                    .setParent(parent)
                    .setSpanKind(isWithin ? SpanKind.INTERNAL : SpanKind.SERVER)
                    .setStartTimestamp(epochNanos(request.startNanos()), TimeUnit.NANOSECONDS)
                    .setAttribute(Attribute.METHOD, method)
                    .setAttribute(Attribute.SCHEME, scheme)
                    .setAttribute(Attribute.PATH, path)
                    .setAttribute(Attribute.ROUTE, route(request.endpoint()))
                    .setAttribute(Attribute.OPERATION, CallSpan.operation(request.endpoint()))
                    .startSpan();
            return new RequestSpan(traces, this, parent.with(span), span);
        }

        /** The endpoint's path without the prefix that the client used. */
        private static String route(Endpoint endpoint) {
            return endpoint == Endpoint.CHAT ? "/chat/completions" : "/" + endpoint.id();
        }

        private static long epochNanos(long nanoTime) {
            Instant now = Instant.now();
            return TimeUnit.SECONDS.toNanos(now.getEpochSecond()) + now.getNano() - (System.nanoTime() - nanoTime);
        }
    }

    Tracer tracer() {
        return tracer;
    }

    /** The fields of a request to a provider, with the given trace context in place of the client's. */
    RequestFields with(RequestFields fields, Context context) {
        Map<String, String> sent = new HashMap<>();
        propagator.inject(context, sent, Map::put);
        RequestFields all = fields;
        for (String name : propagator.fields()) {
            all = all.with(name, sent.get(name));
        }
        return all;
    }

    /** Reads trace context from a client's fields. */
    private enum Names implements TextMapGetter<RequestFields> {
        INSTANCE;

        @Override
        public String get(RequestFields fields, String name) {
            return fields == null ? null : fields.first(name);
        }
    }
}
