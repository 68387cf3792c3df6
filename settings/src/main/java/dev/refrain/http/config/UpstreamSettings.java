package dev.refrain.http.config;

import java.net.URI;

/**
 * Base URLs of the providers of single endpoints; each null unless it differs from {@link Settings#upstream}.
 *
 * @param chat provider of Chat Completions
 * @param responses provider of Responses
 * @param messages provider of Messages
 * @param embeddings provider of Embeddings
 */
public record UpstreamSettings(
        @Setting(allowed = Setting.URL) URI chat,
        @Setting(allowed = Setting.URL) URI responses,
        @Setting(allowed = Setting.URL) URI messages,
        @Setting(allowed = Setting.URL) URI embeddings) {

    /** Checks the URLs. */
    public UpstreamSettings {
        chat = Checks.baseUrl(chat, "chat");
        responses = Checks.baseUrl(responses, "responses");
        messages = Checks.baseUrl(messages, "messages");
        embeddings = Checks.baseUrl(embeddings, "embeddings");
    }
}
