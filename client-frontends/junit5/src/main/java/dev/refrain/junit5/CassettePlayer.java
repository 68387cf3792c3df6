package dev.refrain.junit5;

import dev.refrain.cassettes.CassetteMode;
import dev.refrain.cassettes.RunningCassettes;
import dev.refrain.cassettes.Summary;
import dev.refrain.semantics.client.RefrainOptions;

/** What a test knows of the folder that it is recorded into, or played from. Thread-safe. */
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

    /** The key of {@code OPENAI_API_KEY}; where recordings are played, or there is none, a text that is no key. */
    public String apiKey() {
        return key("OPENAI_API_KEY");
    }

    /** What {@code ANTHROPIC_API_KEY} is to be, likewise. */
    public String anthropicApiKey() {
        return key("ANTHROPIC_API_KEY");
    }

    private String key(String variable) {
        String key = mode() == CassetteMode.REPLAY ? null : System.getenv(variable);
        return key == null || key.isEmpty() ? NO_KEY : key;
    }

    /**
     * Options for a client that is wrapped in this program ({@code RefrainOpenAi} and its like): its requests are
     * recorded, or answered from recordings, and need no proxy. The cache that it is wrapped with has no part in them.
     */
    public RefrainOptions.Builder options() {
        return RefrainOptions.builder().recorder(running.cassettes());
    }

    /** What has been played and recorded so far. */
    public Summary summary() {
        return running.cassettes().summary(null);
    }
}
