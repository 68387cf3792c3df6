package dev.refrain.testing;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/** The answer of a front-end that is made of OkHttp. */
public final class OkHttpReply implements FrontEnd.Reply {
    private static final MediaType JSON = MediaType.get("application/json");

    private final Response response;

    private OkHttpReply(Response response) {
        this.response = response;
    }

    /** Sends a POST of JSON, as {@link FrontEnd#send} specifies. */
    public static FrontEnd.Reply send(OkHttpClient client, String url, String body, String... headers)
            throws IOException {
        Request.Builder request =
                new Request.Builder().url(url).post(RequestBody.create(body.getBytes(StandardCharsets.UTF_8), JSON));
        for (int i = 0; i < headers.length; i += 2) {
            request.header(headers[i], headers[i + 1]);
        }
        return new OkHttpReply(client.newCall(request.build()).execute());
    }

    @Override
    public int status() {
        return response.code();
    }

    @Override
    public List<String> header(String name) {
        return response.headers(name);
    }

    @Override
    public InputStream body() {
        return response.body().byteStream();
    }

    @Override
    public void close() {
        response.close();
    }
}
