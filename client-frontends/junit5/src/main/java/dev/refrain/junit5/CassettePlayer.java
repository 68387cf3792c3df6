package dev.refrain.junit5;

import dev.refrain.cassettes.CassetteMode;
import dev.refrain.cassettes.RunningCassettes;
import dev.refrain.cassettes.Summary;
import dev.refrain.semantics.client.RefrainOptions;

/** A test's view of the proxy that records its calls, or plays them. Thread-safe. */
public final class CassettePlayer {
    private static final String NO_KEY = "refrain-plays-recordings";

    private final RunningCassettes running;

    CassettePlayer(RunningCassettes running) {
        this.running = running;
    }

    /** What happens to requests. */
    public CassetteMode mode() {
        return running.cassettes().mode();
    }

    /** The base URL for clients of OpenAI's API; ends with {@code /v1}. */
    public String openAiUrl() {
        return anthropicUrl() + "/v1";
    }

    /** The base URL for clients of Anthropic's API, which add {@code /v1} by themselves. */
    public String anthropicUrl() {
        return "http://127.0.0.1:" + running.port();
    }

    /** The key of {@code OPENAI_API_KEY}; a placeholder if recordings are played, or the variable is not set. */
    public String apiKey() {
        return key("OPENAI_API_KEY");
    }

    /** The key of {@code ANTHROPIC_API_KEY}; a placeholder if recordings are played, or the variable is not set. */
    public String anthropicApiKey() {
        return key("ANTHROPIC_API_KEY");
    }

    private String key(String variable) {
        String key = mode() == CassetteMode.REPLAY ? null : System.getenv(variable);
        return key == null || key.isEmpty() ? NO_KEY : key;
    }

    /**
     * Options for a client that is wrapped in this program, by {@code RefrainOpenAi} and the like. Its requests are
     * recorded, or answered from recordings, without the proxy. They bypass the cache that wraps the client.
     */
    public RefrainOptions.Builder options() {
        return RefrainOptions.builder().recorder(running.cassettes());
    }

    /** What has been played and recorded so far. */
    public Summary summary() {
        return running.cassettes().summary(null);
    }
}
