package dev.refrain.okhttp;

import dev.refrain.engine.ResponseCache;
import dev.refrain.semantics.client.ClientAnswer;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.RefrainOptions;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import okhttp3.Headers;
import okhttp3.Interceptor;
import okhttp3.MediaType;
import okhttp3.Protocol;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.Okio;

/**
 * Answers the LLM requests of a client from the cache, and stores what the provider answers.
 *
 * <pre>{@code
 * OkHttpClient client = new OkHttpClient.Builder().addInterceptor(RefrainInterceptor.of(cache)).build();
 * }</pre>
 *
 * <p>Add it as the last application interceptor: the credentials must be in the header when a request reaches it.
 * Interceptors after it see only the calls to the provider, on other threads. The provider is called in a call of its
 * own, with the client's connections and time limits. So if the program cancels its call or closes its response
 * half-way, other waiting requests still get the answer, and it is stored (wire rule W29). The client's call timeout
 * limits how long the program waits.
 *
 * <p>Requests for other paths than the four endpoints, and requests without caching, bypass the cache.
 */
public final class RefrainInterceptor implements Interceptor {
    private final ClientCache cache;
    /** The last parsed content type. Nearly all answers have the same one, and parsing takes regular expressions. */
    private volatile MediaType lastType;

    private RefrainInterceptor(ClientCache cache) {
        this.cache = cache;
    }

    /** Caches all LLM requests that do not say otherwise, for five minutes. */
    public static RefrainInterceptor of(ResponseCache cache) {
        return of(cache, RefrainOptions.DEFAULTS);
    }

    /** Caches as the options and the requests say. */
    public static RefrainInterceptor of(ResponseCache cache, RefrainOptions options) {
        return new RefrainInterceptor(ClientCache.of(cache, options));
    }

    @Override
    public Response intercept(Chain chain) throws IOException {
        OkHttpRequest request = new OkHttpRequest(chain, this);
        ClientAnswer answer = cache.execute(request);
        if (answer == null) {
            return chain.proceed(request.passingBy(cache.providersPath(request)));
        }
        try {
            return response(chain.request(), answer, mediaType(answer.field("Content-Type")));
        } catch (RuntimeException e) {
            answer.close();
            throw e;
        }
    }

    /** The parsed content type; null if it is missing or malformed. */
    private MediaType mediaType(String text) {
        MediaType last = lastType;
        if (text == null || (last != null && last.toString().equals(text))) {
            return text == null ? null : last;
        }
        MediaType type = MediaType.parse(text);
        if (type != null) {
            lastType = type;
        }
        return type;
    }

    private static Response response(Request request, ClientAnswer answer, MediaType type) {
        Headers.Builder headers = new Headers.Builder();
        for (Map.Entry<String, List<String>> field : answer.fields().entrySet()) {
            for (String line : field.getValue()) {
                headers.addUnsafeNonAscii(field.getKey(), line);
            }
        }
        byte[] whole = answer.whole();
        ResponseBody body = whole != null
                ? ResponseBody.create(whole, type)
                : ResponseBody.create(Okio.buffer(Okio.source(answer.body())), type, answer.contentLength());
        return new Response.Builder()
                .request(request)
                .protocol(Protocol.HTTP_1_1)
                .code(answer.status())
                .message(answer.status() == 200 ? "OK" : "")
                .headers(headers.build())
                .body(body)
                .build();
    }
}
