package dev.refrain.http.config;

import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.annotation.JsonNaming;
import dev.refrain.engine.KeyRules;
import dev.refrain.engine.exchange.Endpoint;
import dev.refrain.semantics.caller.CredentialFields;
import dev.refrain.semantics.caller.FieldNames;
import dev.refrain.semantics.key.KeyContexts;
import dev.refrain.semantics.key.KeyPlaces;
import java.util.Map;

/**
 * Which header fields and which members of the body go into a key.
 *
 * @param headers fields on which a provider's answer depends (wire rule W14)
 * @param credentialsAdd fields that hold a credential although their names do not say so (W15)
 * @param credentialsRemove fields that hold no credential although their names say so
 * @param ignore members of bodies that do not go into the key (W84), separated by commas, or {@code none}; a prefix
 *     such as {@code chat:} restricts a member to one endpoint
 * @param normalization of bodies (W40)
 */
@JsonNaming(PropertyNamingStrategies.KebabCaseStrategy.class)
public record KeySettings(
        @Setting(value = KeyContexts.USUAL_HEADERS, allowed = Setting.FIELD_NAMES)
        FieldNames headers,

        @Setting(value = "none", allowed = Setting.FIELD_PATTERNS)
        FieldNames credentialsAdd,

        @Setting(value = "none", allowed = Setting.FIELD_PATTERNS + ", and none that key.credentials-add has")
        FieldNames credentialsRemove,

        @Setting(
                value = "none",
                allowed = "none, or places of members separated by commas, such as user, metadata.user_id or"
                        + " chat:prompt_cache_key, 64 at most, and none in model, messages, input or stream")
        String ignore,

        @Setting(value = "whitespace", allowed = "whitespace or canonical")
        KeyPlaces.Normalization normalization) {
    /** Checks what the components' types do not. */
    public KeySettings {
        try {
            KeyPlaces.parse(Checks.items(ignore), normalization);
        } catch (IllegalArgumentException notAPlace) {
            InvalidSetting.unless(false, "ignore");
        }
        InvalidSetting.unless(!headers.hasPatterns(), "headers");
        InvalidSetting.unless(
                credentialsRemove.names().stream().noneMatch(credentialsAdd.names()::contains), "credentials-remove");
    }

    /** Which members of bodies go into the key, by endpoint. */
    public Map<Endpoint, KeyRules> rules() {
        return KeyPlaces.parse(Checks.items(ignore), normalization);
    }

    /** Which fields hold credentials. */
    public CredentialFields credentialFields() {
        return new CredentialFields(credentialsAdd, credentialsRemove);
    }
}
