package dev.refrain.okhttp;

import dev.refrain.semantics.RequestFields;
import dev.refrain.semantics.client.ClientCache;
import dev.refrain.semantics.client.ClientRequest;
import dev.refrain.semantics.client.HeadDigest;
import dev.refrain.semantics.client.ProviderAnswer;
import dev.refrain.semantics.client.RequestUrl;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import okhttp3.Call;
import okhttp3.Headers;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.internal.connection.RealCall;
import okio.Buffer;
import okio.ForwardingSink;
import okio.Okio;

/** A request that has reached the interceptor. */
final class OkHttpRequest implements ClientRequest, RequestFields {
    private final Interceptor.Chain chain;
    private final RefrainInterceptor interceptor;
    private final Request request;
    /** The request's URL; null until it is needed. */
    private RequestUrl url;

    private final Headers headers;
    /** The content of a one-shot body that has been read; null for any other body. */
    private byte[] spent;

    /** The call to the provider; null until it begins. */
    private volatile Call call;

    OkHttpRequest(Interceptor.Chain chain, RefrainInterceptor interceptor) {
        this.chain = chain;
        this.interceptor = interceptor;
        this.request = chain.request();
        this.headers = request.headers();
    }

    @Override
    public boolean digest(HeadDigest head) {
        head.add(request.method()).add(request.url().toString());
        for (int i = 0; i < headers.size(); i++) {
            head.add(headers.name(i)).add(headers.value(i));
        }
        return true;
    }

    @Override
    public String method() {
        return request.method();
    }

    @Override
    public RequestUrl url() {
        if (url == null) {
            url = RequestUrl.of(request.url().toString());
        }
        return url;
    }

    @Override
    public RequestFields fields() {
        return this;
    }

    @Override
    public String first(String name) {
        for (int i = 0; i < headers.size(); i++) {
            if (headers.name(i).equalsIgnoreCase(name)) {
                return headers.value(i);
            }
        }
        return null;
    }

    @Override
    public List<String> all(String name) {
        List<String> lines = headers.values(name);
        return lines.isEmpty() ? null : lines;
    }

    @Override
    public void forEach(BiConsumer<String, List<String>> action) {
        TreeSet<String> names = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
        for (int i = 0; i < headers.size(); i++) {
            if (names.add(headers.name(i))) {
                action.accept(headers.name(i), headers.values(headers.name(i)));
            }
        }
    }

    @Override
    public byte[] body(int limit) throws IOException {
        RequestBody body = request.body();
        if (body == null) {
            return new byte[0];
        }
        boolean isLong = body.contentLength() > limit;
        if (isLong || body.isDuplex() || (body.isOneShot() && body.contentLength() < 0)) {
            return null;
        }
        Buffer written = new Buffer();
        if (body.contentLength() >= 0) {
            body.writeTo(written);
        } else {
            try (var sink = Okio.buffer(new Limited(written, limit))) {
                body.writeTo(sink);
            } catch (TooLong longer) {
                return null;
            }
        }
        byte[] bytes = written.readByteArray();
        spent = body.isOneShot() ? bytes : null;
        return bytes;
    }

    private static final class TooLong extends IOException {
        private static final long serialVersionUID = 1L;
    }

    /** A sink that fails when more bytes than its limit are written. */
    private static final class Limited extends ForwardingSink {
        private long left;

        Limited(Buffer into, long limit) {
            super(into);
            this.left = limit;
        }

        @Override
        public void write(Buffer source, long count) throws IOException {
            left -= count;
            if (left < 0) {
                source.skip(count);
                throw new TooLong();
            }
            super.write(source, count);
        }
    }

    @Override
    public boolean isCancelled() {
        return chain.call().isCanceled();
    }

    @Override
    public Duration timeout() {
        return Duration.ofNanos(chain.call().timeout().timeoutNanos());
    }

    @Override
    public Duration readTimeout() {
        return Duration.ofMillis(chain.readTimeoutMillis());
    }

    /** The request as it is sent if it bypasses the cache. */
    Request passingBy(String path) {
        boolean isPlain = path == null && spent == null;
        for (int i = 0; i < headers.size(); i++) {
            isPlain &= !ClientCache.isForTheCache(headers.name(i));
        }
        if (isPlain) {
            return request;
        }
        Request.Builder leaving = leaving(forTheProvider(), spent);
        return path == null
                ? leaving.build()
                : leaving.url(request.url().newBuilder().encodedPath(path).build())
                        .build();
    }

    /** @param bytes the body to send; null for the request's own body */
    private Request.Builder leaving(Headers.Builder fields, byte[] bytes) {
        Request.Builder leaving = request.newBuilder().headers(fields.build());
        if (bytes == null) {
            return leaving;
        }
        RequestBody body = request.body();
        return leaving.method(request.method(), RequestBody.create(bytes, body == null ? null : body.contentType()));
    }

    private Headers.Builder forTheProvider() {
        Headers.Builder left = new Headers.Builder();
        for (int i = 0; i < headers.size(); i++) {
            if (!ClientCache.isForTheCache(headers.name(i))) {
                left.addUnsafeNonAscii(headers.name(i), headers.value(i));
            }
        }
        return left;
    }

    @Override
    public ProviderAnswer send(byte[] changed) throws IOException {
        Request.Builder leaving =
                leaving(forTheProvider().set("Accept-Encoding", "identity"), changed == null ? spent : changed);
        Response response = call(leaving.build());
        Map<String, List<String>> fields = new LinkedHashMap<>();
        for (String name : response.headers().names()) {
            fields.put(name, response.headers().values(name));
        }
        return new ProviderAnswer(response.code(), fields, response.body().byteStream());
    }

    private Response call(Request outgoing) throws IOException {
        OkHttpClient client = belowTheCache();
        if (client == null) {
            return chain.proceed(outgoing);
        }
        call = client.newCall(outgoing);
        return call.execute();
    }

    /**
     * A copy of the program's client, with only the interceptors after this one. The provider is called through the
     * copy, so that the answer can be stored even if the program cancels its own call (wire rule W29). The client is
     * known only to {@code RealCall}, which is not in OkHttp's documented API, but exists since 4.0. Null if the call
     * is of another class, or the interceptor is not the client's: then the answer comes through the chain, and
     * cancelling the program's call ends the answer.
     */
    private OkHttpClient belowTheCache() {
        if (!(chain.call() instanceof RealCall real)) {
            return null;
        }
        OkHttpClient client = real.getClient();
        int at = client.interceptors().indexOf(interceptor);
        if (at < 0) {
            return null;
        }
        OkHttpClient.Builder below = client.newBuilder()
                .callTimeout(0, TimeUnit.MILLISECONDS)
                .connectTimeout(chain.connectTimeoutMillis(), TimeUnit.MILLISECONDS)
                .readTimeout(chain.readTimeoutMillis(), TimeUnit.MILLISECONDS)
                .writeTimeout(chain.writeTimeoutMillis(), TimeUnit.MILLISECONDS);
        below.interceptors().subList(0, at + 1).clear();
        return below.build();
    }

    @Override
    public void cancelCall() {
        Call running = call;
        if (running != null) {
            running.cancel();
        }
    }
}
