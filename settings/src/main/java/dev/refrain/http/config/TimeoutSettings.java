package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import java.time.Duration;

/**
 * Limits of time.
 *
 * @param request for more of a client's request
 * @param connect for a connection to the upstream
 * @param response from the start of a call, connecting included, to the head of its answer
 * @param idle between two pieces of an answer
 * @param tunnelIdle between two pieces over a websocket, in either direction
 * @param write for a client to take more of its answer
 * @param keepAlive for the next request over a client's connection
 * @param upstreamKeepAlive for the next use of an idle connection to a provider, if the provider states no time
 * @param drain for further requests over open connections when the server stops, or null for the choice of
 *     {@link Settings#drain}
 * @param shutdown for requests in progress when the server stops
 * @param silentCall for a call whose clients have all gone: once its provider has been silent for this long, a new
 *     request does not join the call, but makes its own (wire rule W28b)
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record TimeoutSettings(
        @Setting(value = "30s", allowed = Setting.DURATION) Duration request,

        @Setting(value = "10s", allowed = Setting.DURATION) Duration connect,

        @Setting(value = "10m", allowed = Setting.DURATION) Duration response,

        @Setting(value = "5m", allowed = Setting.DURATION) Duration idle,

        // Longer than the pauses in a live conversation.
        @Setting(value = "15m", allowed = Setting.DURATION) Duration tunnelIdle,

        @Setting(value = "1m", allowed = Setting.DURATION) Duration write,

        // Longer than common clients keep idle connections, so that clients close them, not the server.
        @Setting(value = "2m", allowed = Setting.DURATION) Duration keepAlive,

        @Setting(value = "1m", allowed = Setting.DURATION) Duration upstreamKeepAlive,

        @Setting(allowed = Setting.DURATION_OR_NONE) Duration drain,

        @Setting(value = "30s", allowed = Setting.DURATION_OR_NONE)
        Duration shutdown,

        @Setting(value = "2s", allowed = Setting.DURATION_OR_NONE)
        Duration silentCall) {

    /** Checks the ranges. */
    public TimeoutSettings {
        Checks.positive(request, "request");
        Checks.positive(connect, "connect");
        Checks.positive(response, "response");
        Checks.positive(idle, "idle");
        Checks.positive(tunnelIdle, "tunnel-idle");
        Checks.positive(write, "write");
        Checks.positive(keepAlive, "keep-alive");
        Checks.positive(upstreamKeepAlive, "upstream-keep-alive");
    }
}
