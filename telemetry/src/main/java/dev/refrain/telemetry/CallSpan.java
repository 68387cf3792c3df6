package dev.refrain.telemetry;

import dev.refrain.console.activity.Account;
import dev.refrain.console.activity.RequestTrace;
import dev.refrain.engine.exchange.AnswerFacts;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.answer.ProxyException;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The span of a call to a provider, by the conventions for clients of generative AI. */
final class CallSpan implements RequestTrace.Call {
    /** The conventions' names for providers that have a host name of their own. */
    private static final Map<String, String> PROVIDERS = Map.of(
            "api.openai.com", "openai",
            "api.anthropic.com", "anthropic",
            "generativelanguage.googleapis.com", "gcp.gemini",
            "api.deepseek.com", "deepseek",
            "api.groq.com", "groq",
            "api.mistral.ai", "mistral_ai",
            "api.perplexity.ai", "perplexity",
            "api.x.ai", "x_ai");

    private static final String AZURE = ".openai.azure.com";

    private final Context context;
    private final Span span;

    private CallSpan(Context context, Span span) {
        this.context = context;
        this.span = span;
    }

    static CallSpan begin(Traces traces, Context parent, Account request, URI provider) {
        String operation = operation(request.endpoint());
        String model = request.model() == null ? null : Attribute.cut(request.model());
        SpanBuilder builder = traces.tracer()
                .spanBuilder(model == null ? operation : operation + " " + model)
                .setParent(parent)
                .setSpanKind(SpanKind.CLIENT)
                .setAttribute(Attribute.OPERATION, operation)
                .setAttribute(Attribute.PROVIDER, provider(request.endpoint(), provider));
        if (model != null) {
            builder.setAttribute(Attribute.MODEL, model);
        }
        if (provider != null && provider.getHost() != null) {
            int usual = "https".equals(provider.getScheme()) ? 443 : 80;
            builder.setAttribute(Attribute.SERVER, provider.getHost())
                    .setAttribute(Attribute.PORT, (long) (provider.getPort() < 0 ? usual : provider.getPort()));
        }
        Span span = builder.startSpan();
        return new CallSpan(parent.with(span), span);
    }

    /** The conventions' name for the operation of an endpoint. */
    static String operation(Endpoint endpoint) {
        return endpoint == Endpoint.EMBEDDINGS ? "embeddings" : "chat";
    }

    /** The provider's name if its host name is known; else the vendor whose format it uses. */
    static String provider(Endpoint endpoint, URI provider) {
        String host = provider == null || provider.getHost() == null ? "" : provider.getHost();
        String form = endpoint == Endpoint.MESSAGES ? "anthropic" : "openai";
        return host.endsWith(AZURE) ? "azure.ai.openai" : PROVIDERS.getOrDefault(host, form);
    }

    @Override
    public <T> T start(Supplier<T> action) {
        Scope scope = context.makeCurrent();
        try {
            return action.get();
        } finally {
            scope.close();
        }
    }

    @Override
    public void answered(int status) {
        span.setAttribute(Attribute.STATUS, (long) status);
        if (status >= 400) {
            failed(Integer.toString(status));
        }
    }

    @Override
    public void failed(Throwable cause) {
        // Without the exception's message, which may quote the provider.
        failed(
                cause instanceof ProxyException refusal
                        ? refusal.detail()
                        : cause.getClass().getName());
    }

    private void failed(String type) {
        span.setStatus(StatusCode.ERROR).setAttribute(Attribute.ERROR, type);
    }

    @Override
    public void ended(AnswerFacts answer) {
        set(Attribute.INPUT_TOKENS, answer.promptTokens());
        set(Attribute.OUTPUT_TOKENS, answer.completionTokens());
        if (answer.id() != null) {
            span.setAttribute(Attribute.ANSWER, Attribute.cut(answer.id()));
        }
        if (answer.finishReason() != null) {
            span.setAttribute(Attribute.FINISH_REASONS, List.of(Attribute.cut(answer.finishReason())));
        }
        span.end();
    }

    private void set(AttributeKey<Long> key, long count) {
        if (count != AnswerFacts.UNKNOWN) {
            span.setAttribute(key, count);
        }
    }
}
