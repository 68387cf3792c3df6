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
 * <p>It is an application interceptor, and the last one to be added: the credentials have to be in the header when the
 * request comes here, and those that are added after it see only the calls to the provider, on other threads. A call to
 * the provider is one of its own, with the client's connections and time limits. So a program that cancels its call or
 * closes its response half-way does not break off what others wait for, and the answer is stored (wire rule W29). The
 * client's call timeout limits how long the program waits.
 *
 * <p>Requests that are not for one of the four endpoints, or are not to be cached, pass by.
 */
public final class RefrainInterceptor implements Interceptor {
    private final ClientCache cache;
    /** The last one that was read: nearly all answers have the same, and to read it takes regular expressions. */
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

    /** Null if it is none, or there is none. */
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
