package dev.refrain.console.admin;

import dev.refrain.console.activity.Activity;
import dev.refrain.semantics.answer.Unreachable;
import java.util.Arrays;
import java.util.Map;

/** Says in a sentence why a request failed, for which the log has only a token. Stateless. */
final class Causes {
    private static final int GONE = 499;
    private static final int CLIENT_ERROR = 400;
    private static final int LIMITED = 429;
    private static final int SERVER_ERROR = 500;

    private static final Map<String, String> SENTENCES = Map.ofEntries(
            Map.entry("upstream-unreachable", "The provider could not be reached, or broke off before it answered."),
            Map.entry("upstream-timeout", "The provider did not answer, or did not go on, within its time limit."),
            Map.entry("upstream-malformed", "The provider's answer was no well-formed HTTP."),
            Map.entry("upstream-cancelled", "The call to the provider was broken off here."),
            Map.entry("too-many-upstream-calls", "As many calls to providers were under way as the settings allow."),
            Map.entry("memory-budget", "Requests and answers under way took all the memory that there is for them."),
            Map.entry("payload-too-large", "The request's body was longer than the settings allow."),
            Map.entry("request-timeout", "The client did not go on with its request's body within the time limit."),
            Map.entry("bad-request", "The request was malformed or contradicted itself."),
            Map.entry("shutting-down", "Refrain was being stopped."),
            Map.entry("upgrade-required", "The client wanted a websocket where there is none."),
            Map.entry("only-if-cached", "The client wanted a stored answer or none, and there was none."));

    private Causes() {}

    /** The sentence; null if the request did not fail. */
    static String of(Activity activity) {
        if (!activity.isError()) {
            return null;
        }
        String known = activity.reason() == null ? null : SENTENCES.get(activity.reason());
        if (known != null) {
            return known;
        }
        String unreachable = Arrays.stream(Unreachable.values())
                .filter(why -> why.token().equals(activity.reason()))
                .map(why -> "The provider could not be reached: " + why.advice() + ".")
                .findFirst()
                .orElse(null);
        if (unreachable != null) {
            return unreachable;
        } else if (activity.status() == GONE) {
            return "The client went away before there was a response.";
        } else if (activity.status() < CLIENT_ERROR) {
            return activity.reason() == null
                    ? "The response broke off: the provider or the client ended its connection too early."
                    : "The response broke off: " + activity.reason() + ".";
        } else if (activity.status() == LIMITED) {
            return "The provider answered 429: too many requests or tokens for this API key.";
        } else if (activity.status() >= SERVER_ERROR) {
            return "The provider answered " + activity.status() + ", an error of its own.";
        }
        return "The provider refused the request with " + activity.status() + ".";
    }
}
