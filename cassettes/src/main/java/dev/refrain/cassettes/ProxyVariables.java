package dev.refrain.cassettes;

import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** What a proxy of cassettes is started with, and what the programs are told that use it. Stateless. */
public final class ProxyVariables {
    private static final String OPENAI = "OPENAI_BASE_URL";
    private static final String ANTHROPIC = "ANTHROPIC_BASE_URL";
    /** SDKs refuse to start without a key, although a recording needs none. */
    private static final String NO_KEY = "refrain-plays-recordings";

    private ProxyVariables() {}

    /**
     * Settings of the proxy: a free port, no log, and the providers that the program would have called.
     *
     * @param environment of the program
     * @param upstream base URL of the provider, or null for those that the program knows
     */
    public static Map<String, String> ofProxy(
            Map<String, String> environment, Path folder, CassetteMode mode, String upstream) {
        Map<String, String> variables = new LinkedHashMap<>(environment);
        variables.put("REFRAIN_CASSETTES", folder.toString());
        variables.put("REFRAIN_CASSETTE_MODE", mode.id());
        variables.put("REFRAIN_HOST", "127.0.0.1");
        variables.put("REFRAIN_PORT", "0");
        variables.put("REFRAIN_CAPACITY", "16MiB");
        variables.put("REFRAIN_ADMIN_ENABLED", "false");
        variables.put("REFRAIN_ACTIVITY_MAX_SIZE", "0");
        if (mode == CassetteMode.REPLAY || "demo".equals(upstream)) {
            // The demo provider, which a replay does not ask.
            variables.keySet().removeIf(name -> name.startsWith("REFRAIN_UPSTREAM"));
        } else if (upstream != null) {
            variables.keySet().removeIf(name -> name.startsWith("REFRAIN_UPSTREAMS_"));
            variables.put("REFRAIN_UPSTREAM", upstream);
        } else if (!environment.containsKey("REFRAIN_UPSTREAM")) {
            variables.put("REFRAIN_UPSTREAM", environment.getOrDefault(OPENAI, "https://api.openai.com/v1"));
            variables.putIfAbsent(
                    "REFRAIN_UPSTREAMS_MESSAGES",
                    environment
                                    .getOrDefault(ANTHROPIC, "https://api.anthropic.com")
                                    .replaceAll("(/v1)?/*$", "") + "/v1");
        }
        return variables;
    }

    /**
     * What the SDKs of a program read: where the proxy is and, where recordings are played, a key if there is none.
     *
     * @param environment of the program as it is
     */
    public static Map<String, String> ofProgram(Map<String, String> environment, int port, CassetteMode mode) {
        URI root = URI.create("http://127.0.0.1:" + port);
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put(OPENAI, root + "/v1");
        // Of OpenAI's older SDKs, and of LangChain.
        variables.put("OPENAI_API_BASE", root + "/v1");
        variables.put(ANTHROPIC, root.toString());
        variables.put("AZURE_OPENAI_ENDPOINT", root.toString());
        variables.put("OPENROUTER_BASE_URL", root + "/api/v1");
        // Of Spring AI.
        variables.put("SPRING_AI_OPENAI_BASE_URL", root + "/v1");
        variables.put("SPRING_AI_ANTHROPIC_BASE_URL", root.toString());
        if (mode == CassetteMode.REPLAY) {
            for (String key : new String[] {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY"}) {
                if (environment.getOrDefault(key, "").isEmpty()) {
                    variables.put(key, NO_KEY);
                }
            }
        }
        return variables;
    }
}
