package dev.refrain.cassettes;

import java.net.URI;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Environment variables of a proxy that records or plays, and of the programs that use it. Stateless. */
public final class ProxyVariables {
    private static final String UPSTREAM = "REFRAIN_UPSTREAM";
    private static final String OPENAI = "OPENAI_BASE_URL";
    /** The variable of OpenAI's older SDKs, and of LangChain. */
    private static final String OPENAI_BEFORE = "OPENAI_API_BASE";

    private static final String ANTHROPIC = "ANTHROPIC_BASE_URL";
    /** SDKs refuse to start without a key, although a recording needs none. */
    private static final String NO_KEY = "refrain-plays-recordings";

    private ProxyVariables() {}

    /**
     * Settings of the proxy: a free port, no log, and the providers that the program would have called.
     *
     * @param environment of the program
     * @param upstream base URL of the provider, or null for the providers that the environment names
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
            // Without these variables the proxy calls the demo provider. A replay calls no provider at all.
            variables.keySet().removeIf(name -> name.startsWith(UPSTREAM));
        } else if (upstream != null) {
            variables.keySet().removeIf(name -> name.startsWith("REFRAIN_UPSTREAMS_"));
            variables.put(UPSTREAM, upstream);
        } else if (!environment.containsKey(UPSTREAM)) {
            variables.put(UPSTREAM, openAi(environment));
            variables.putIfAbsent(
                    "REFRAIN_UPSTREAMS_MESSAGES", anthropic(environment).replaceAll("(/v1)?/*$", "") + "/v1");
        }
        return variables;
    }

    private static String openAi(Map<String, String> environment) {
        return environment.getOrDefault(OPENAI, environment.getOrDefault(OPENAI_BEFORE, "https://api.openai.com/v1"));
    }

    private static String anthropic(Map<String, String> environment) {
        return environment.getOrDefault(ANTHROPIC, "https://api.anthropic.com");
    }

    /**
     * Variables for the SDKs of a program: the proxy's URL and, when recordings are played, a placeholder for a missing
     * key. A variable that names a provider that the proxy does not call stays as it is, because its key would go to
     * another provider.
     *
     * @param environment of the program, unchanged
     * @param upstream base URL of the provider, or null for the providers that the environment names
     */
    public static Map<String, String> ofProgram(
            Map<String, String> environment, int port, CassetteMode mode, String upstream) {
        URI root = URI.create("http://127.0.0.1:" + port);
        Map<String, String> variables = new LinkedHashMap<>();
        variables.put(OPENAI, root + "/v1");
        variables.put(OPENAI_BEFORE, root + "/v1");
        variables.put(ANTHROPIC, root.toString());
        variables.put("AZURE_OPENAI_ENDPOINT", root.toString());
        variables.put("OPENROUTER_BASE_URL", root + "/api/v1");
        // For Spring AI.
        variables.put("SPRING_AI_OPENAI_BASE_URL", root + "/v1");
        variables.put("SPRING_AI_ANTHROPIC_BASE_URL", root.toString());
        boolean isNamed = mode == CassetteMode.REPLAY || upstream != null || environment.containsKey(UPSTREAM);
        if (!isNamed) {
            variables.keySet().removeIf(name -> !isProxied(name, environment));
        }
        if (mode == CassetteMode.REPLAY) {
            for (String key : new String[] {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY"}) {
                if (environment.getOrDefault(key, "").isEmpty()) {
                    variables.put(key, NO_KEY);
                }
            }
        }
        return variables;
    }

    /** Whether a variable names a provider that the proxy calls. */
    private static boolean isProxied(String name, Map<String, String> environment) {
        if (name.equals(OPENAI) || name.equals(ANTHROPIC)) {
            return true;
        }
        String said = environment.get(name);
        if (said == null) {
            // A configuration file of the program may name the provider, and the variable would override that.
            return name.equals(OPENAI_BEFORE);
        }
        String called = name.contains("ANTHROPIC") ? anthropic(environment) : openAi(environment);
        return host(said).equals(host(called));
    }

    private static String host(String url) {
        return url.replaceAll("^[a-zA-Z]+://([^/?#]*).*", "$1").toLowerCase(Locale.ROOT);
    }

    /** Names of the variables in an environment that name a provider and that {@link #ofProgram} leaves as they are. */
    static List<String> leftAlone(Map<String, String> environment, int port, CassetteMode mode, String upstream) {
        Set<String> all = new TreeSet<>(
                ofProgram(environment, port, CassetteMode.REPLAY, upstream).keySet());
        all.removeAll(ofProgram(environment, port, mode, upstream).keySet());
        all.removeIf(name ->
                name.endsWith("_KEY") || environment.getOrDefault(name, "").isEmpty());
        return List.copyOf(all);
    }
}
